"""Slips that students really make, by name: what the answers look like then, and what to reread.

A slip is recognised by its answers, never by the source: `hidden/slips.py` holds the wrong rules themselves,
`fixtures/slips.json` what each gives on the handout's golden inputs, `misconceptions.toml` the words.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..errors import ConfigurationError
from ..grading import expect, toml
from ..grading.context import Context
from ..grading.findings import Finding
from . import published


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


_TEXTS: Final = Path(__file__).with_suffix(".toml")
_HEAD: Final = re.compile(r"^\[(\w+\.\w+)\]", re.MULTILINE)
_SAME: Final = 1e-9  # relative; rounding in float64 is far below, and two slips differ by far more
_SAME_BUT_EPSILON: Final = 1e-6
SAME_SINGLE: Final = 1e-5  # the same where float32 is at work


@cache
def catalogue() -> dict[str, Misconception]:
    """All slips by id, as `misconceptions.toml` lists them.

    Raises:
        ConfigurationError: the file is missing or is no TOML.
    """
    try:
        topics = tomllib.loads(_TEXTS.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{_TEXTS.name} cannot be read: {error}") from error
    found = [
        Misconception(f"{topic}.{slip}", **{"name": "", **texts})
        for topic, slips in topics.items()
        for slip, texts in slips.items()
    ]
    return {entry.id: entry for entry in found}


@cache
def entries() -> dict[str, str]:
    """What `catalogue` knows, by id, each entry's text as it stands there: to understand TOML takes twenty times as long.

    Raises:
        ConfigurationError: the file is missing.
    """
    try:
        text = _TEXTS.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{_TEXTS.name} cannot be read: {error}") from error
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {head[1]: text[head.end() : end] for head, end in zip(heads, ends, strict=True)}


def public_catalogue() -> str:
    """The catalogue as students get it, in TOML: the slips that the public checks can tell, with a student's words alone."""
    lines = ["# Slips that students really make: what the answers look like then, and what to reread."]
    golden, steps = published.golden_slips(), published.steps()
    for slip in catalogue().values():
        topic = slip.id.partition(".")[0]
        if topic not in golden or slip.id in golden[topic] or (topic in steps and slip.id in steps[topic].slips):
            texts = {"looks_like": slip.looks_like, "reread": slip.reread}
            lines += ["", f"[{slip.id}]", *(f"{key} = {toml.value(text)}" for key, text in texts.items())]
    return "\n".join(lines) + "\n"


def about(topic: str) -> list[str]:
    """The ids of the slips of one topic ("adam", "init", "grad_norm" …), the most common first."""
    return [slip for slip in entries() if slip.partition(".")[0] == topic]


def same(found: Any, wanted: Any, limit: float = _SAME) -> bool:
    """Whether an answer is a slip's answer to rounding; NaN and infinities at the same places agree."""
    if wanted is None or found is None:
        return wanted is None and found is None
    a, b = expect.real(found), expect.real(wanted)
    if a is None or b is None or a.shape != b.shape:
        return False
    if np.array_equal(a, b):  # which most are that are the same, and takes a tenth of the time
        return True
    b = b.astype(np.float64, copy=False)
    if getattr(found, "dtype", None) == np.float32:
        limit = max(limit, SAME_SINGLE)
    scale = float(np.max(np.abs(b), initial=0.0, where=np.isfinite(b)))
    return bool(np.allclose(a, b, rtol=limit, atol=limit * 1e-3 * scale, equal_nan=True))


def golden_slip(rule: str, next_w: Any, config: Any, keys: Iterable[str]) -> Misconception | None:
    """The slip that explains one golden step entirely: the new parameters and every key of the state.

    Where several do, none is told. What is on record was worked out with ε in one place; another moves the digits at its size.
    """
    if not isinstance(config, Mapping):
        return None
    found = {"next_w": next_w, **{key: config.get(key) for key in keys}}
    for limit in (_SAME, _SAME_BUT_EPSILON):
        names = [
            name
            for name, wanted in published.golden_slips()[rule].items()
            if all(same(value, wanted.get(key), limit) for key, value in found.items())
        ]
        if names:
            return catalogue()[names[0]] if len(names) == 1 else None
    return None


def tell(context: Context, slips: Sequence[Misconception]) -> None:
    """Name the slips that together explain what was answered; the student reads of all of them in one paragraph."""
    looks = ", and as if ".join(slip.looks_like for slip in slips)
    places = dict.fromkeys(slip.reread for slip in slips)
    reread = "; ".join(place for place in places if not any(other.startswith(f"{place}:") for other in places))
    for number, slip in enumerate(slips):
        text = f"It looks as if {looks}. Reread {reread}." if number == 0 else ""
        context.findings.append(Finding(text, f"slip: {slip.id} ({slip.name})", slip=slip.id))


def agreed(explaining: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Of combinations of slips that explain the same answers, what is told: the one of fewest slips.

    Of several single ones the first, more common one is told; of several pairs what they have in common.
    """
    fewest = min(map(len, explaining), default=0)
    simplest = [slips for slips in explaining if len(slips) == fewest]
    if fewest <= 1:
        return simplest[0] if simplest else ()
    return tuple(slip for slip in simplest[0] if all(slip in slips for slips in simplest))
