"""Slips that students really make, by name: what the answers look like then, and what to reread.

A slip is recognised by its answers, never by the source: `grader/hidden/slips.py` holds the wrong rules themselves,
`fixtures/slips.json` what each gives on the handout's golden inputs, `misconceptions.toml` the words.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from .. import fixtures
from ..expect import Array


@dataclass(frozen=True, slots=True)
class Misconception:
    """One known slip.

    Attributes:
        id: "topic.slip", stable: staff count them over a class.
        name: for staff, a few words; empty in a student's copy.
        looks_like: for the student, a clause that completes "It looks as if …".
        reread: where to look.
    """

    id: str
    name: str
    looks_like: str
    reread: str

    @property
    def hint(self) -> str:
        """The sentences a student reads."""
        return f"It looks as if {self.looks_like}. Reread {self.reread}."


_SAME: Final = 1e-9  # relative; rounding in float64 is far below, and two slips differ by far more
SAME_SINGLE: Final = 1e-5  # the same where float32 is at work


@cache
def catalogue() -> dict[str, Misconception]:
    """All slips by id, as `misconceptions.toml` lists them."""
    topics = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
    entries = [
        Misconception(f"{topic}.{slip}", **{"name": "", **texts})
        for topic, slips in topics.items()
        for slip, texts in slips.items()
    ]
    return {entry.id: entry for entry in entries}


def about(topic: str) -> list[Misconception]:
    """The slips of one topic ("adam", "init", "grad_norm" …), the most common first."""
    return [entry for entry in catalogue().values() if entry.id.partition(".")[0] == topic]


def same(found: Any, wanted: Any, limit: float = _SAME) -> bool:
    """Whether an answer is a slip's answer to rounding; NaN and infinities at the same places agree."""
    if wanted is None or found is None:
        return wanted is None and found is None
    try:
        a, b = np.asarray(found), np.asarray(wanted, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    if a.dtype.kind not in "fiu" or a.shape != b.shape:
        return False
    if getattr(found, "dtype", None) == np.float32:
        limit = max(limit, SAME_SINGLE)
    scale = float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b)))
    return bool(np.allclose(a, b, rtol=limit, atol=limit * 1e-3 * scale, equal_nan=True))


def golden_slip(rule: str, next_w: Any, config: Any, keys: Iterable[str]) -> Misconception | None:
    """The most common slip that explains one golden step entirely: the new parameters and every key of the state."""
    if not isinstance(config, Mapping):
        return None
    for name, wanted in fixtures.golden_slips()[rule].items():
        if same(next_w, wanted["next_w"]) and all(same(config.get(key), wanted.get(key)) for key in keys):
            return catalogue()[name]
    return None


def nearest_by_value(topic: str, found: Array, answers: Mapping[str, Array], limit: float) -> Misconception | None:
    """The most common slip of `topic` among `answers` (slip id -> what it would give) that explains `found` within `limit`."""
    return next((entry for entry in about(topic) if entry.id in answers and same(found, answers[entry.id], limit)), None)
