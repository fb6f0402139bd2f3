"""What is right in all scenarios of a rule, as a few long arrays to compare with at once; kept in a file a rule.

What a right submission answers to them has the form that was asked for, so its answers lie in one order: scenario by scenario, of
each track next_w, the state arrays in `STATE`'s order and dw, each with all its steps. That is what is compared here, with what is
right under each accepted reading. The file is there because a container grades one submission, and working that out takes longer
than asking it everything. Whatever does not fit is asked for once more, record by record, and judged by what is worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...errors import ConfigurationError
from ...grading.expect import Array
from ...sandbox.forms import ArrayOf, Form, Keys, ListOf, Text
from ...sandbox.inside import wire
from . import corpus
from .reference_rules import COUNTED, READINGS, STATE
from .scenarios import GROUPS, Group, Scenario
from .traces import Walk

_KEPT: Final[tuple[Group, ...]] = ("within", "beyond")  # what is right for large arrays is worked out sooner than read


@dataclass(frozen=True, slots=True)
class Right:
    """What is right in some scenarios, under one reading.

    Attributes:
        near: by type of the arrays all values and how far each may be off.
        counts: t after each step of each track, where the rule keeps one.
        texts: every text of a config, as often as there are steps.
    """

    near: dict[str, tuple[Array, Array]]
    counts: Array
    texts: list[str]

    @property
    def form(self) -> Form:
        """How an answer to compare with is read."""
        arrays: dict[str, Form] = {name: ArrayOf(value.size) for name, (value, _) in self.near.items()}
        return Keys({**arrays, "counts": ArrayOf(self.counts.size), "texts": ListOf(Text(), len(self.texts))}, most=0)

    def explains(self, found: Any) -> bool:
        """Whether all that came back is right; False also where that takes a closer look."""
        if not isinstance(found, dict):
            return False
        for name, (value, slack) in self.near.items():
            array = found.get(name)
            if not isinstance(array, np.ndarray) or array.shape != value.shape or array.dtype != name:
                return False
            if not (np.abs(array - value) <= slack).all():
                return False
        counts, texts = found.get("counts"), found.get("texts")
        if not isinstance(counts, np.ndarray) or counts.dtype != np.int64 or not np.array_equal(counts, self.counts):
            return False
        return isinstance(texts, list) and all(isinstance(text, str) for text in texts) and texts == self.texts


def explained(rule: str, found: Any) -> dict[Group, bool]:
    """Whether one reading explains all that is promised, and one all that lies beyond."""
    parts = found if isinstance(found, dict) else {}

    def one_explains(*groups: Group) -> bool:
        readings = range(len(READINGS[rule]))
        return any(all(right(rule, group, reading).explains(parts.get(group)) for group in groups) for reading in readings)

    return {"within": one_explains("within", "large"), "beyond": one_explains("beyond")}


@cache
def form(rule: str) -> Form:
    """How the driver's packed answer is read: None in place of a group that has another form."""
    return Keys({group: right(rule, group, 0).form for group in GROUPS}, most=0)


@cache
def right(rule: str, group: Group, reading: int) -> Right:
    """What is right in these scenarios.

    Raises:
        ConfigurationError: the file is missing or damaged.
    """
    if group not in _KEPT:
        large = [scenario for scenario in corpus.scenarios(rule) if scenario.group == group]
        return _of(rule, [(one, corpus.put_together(one, corpus.answers(rule, reading, one))) for one in large])
    usual, others = _kept(rule)[group]
    if reading == 0:
        return usual
    near = {}
    for name, (value, slack) in usual.near.items():
        where, other_value, other_slack = others[reading - 1][name]
        near[name] = value.copy(), slack.copy()
        near[name][0][where], near[name][1][where] = other_value, other_slack
    return Right(near, usual.counts, usual.texts)


@cache
def _kept(rule: str) -> dict[Group, tuple[Right, list[dict[str, tuple[Array, Array, Array]]]]]:
    """By group what is right under the usual reading, and where it is something else under each of the others."""
    path = file(rule)
    try:
        groups = wire.decode(path.read_bytes()[wire.HEADER.size :])
        return {group: (Right(*groups[group][0]), groups[group][1]) for group in _KEPT}
    except (OSError, wire.WireError, ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(f"{path.name} cannot be read ({error}); restore it from the repository") from error


def file(rule: str) -> Path:
    """Where that is kept."""
    return corpus.file(rule).with_suffix(".right.bin")


def worked_out(rule: str) -> bytes:
    """The content that file should have, up to rounding."""
    groups = {}
    for group in _KEPT:
        usual, *others = (_right(rule, group, reading) for reading in range(len(READINGS[rule])))
        groups[group] = (usual.near, usual.counts, usual.texts), [_departing(usual, other) for other in others]
    return wire.frame(groups)


def _right(rule: str, group: Group, reading: int) -> Right:
    numbers = [number for number, scenario in enumerate(corpus.scenarios(rule)) if scenario.group == group]
    return _of(rule, [(corpus.scenarios(rule)[number], corpus.walks(rule, reading, number)) for number in numbers])


def _of(rule: str, walked: Sequence[tuple[Scenario, Sequence[Walk]]]) -> Right:
    values: dict[str, list[Array]] = {name: [] for name in corpus.TYPES}
    slacks: dict[str, list[Array]] = {name: [] for name in corpus.TYPES}
    counts: list[int | None] = []
    texts: list[str] = []
    for scenario, walks in walked:
        for track, walk in zip(scenario.tracks, walks, strict=True):
            untouched = (walk.grads, np.zeros(walk.grads.shape))
            for value, slack in (*(walk.near[name] for name in ("next_w", *STATE[rule])), untouched):
                values[str(track.w.dtype)].append(value.ravel())
                slacks[str(track.w.dtype)].append(slack.ravel())
            counts += walk.counts if rule in COUNTED else []
            texts += [text for text in (track.config or {}).values() if isinstance(text, str) for _ in scenario.rates]
    near = {name: (corpus.joined(values[name], "float64"), corpus.joined(slacks[name], "float64")) for name in corpus.TYPES}
    return Right(near, np.array(counts, np.int64), texts)


def _departing(usual: Right, other: Right) -> dict[str, tuple[Array, Array, Array]]:
    """Where another reading has other values or slacks, and which."""
    found = {}
    for name, (value, slack) in other.near.items():
        where = np.flatnonzero((value != usual.near[name][0]) | (slack != usual.near[name][1]))
        found[name] = where, value[where], slack[where]
    return found
