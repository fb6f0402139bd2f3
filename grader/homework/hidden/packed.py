"""All scenarios of a rule as a few long arrays, to be asked and to be compared at once.

What a right submission answers to them has the form that was asked for, so its answers lie in one order: scenario by scenario, of
each track next_w, the state arrays in `STATE`'s order and dw, each with all its steps. That is what is compared here; whatever
does not fit is asked for once more, record by record, and told by `traces`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from ...grading.expect import Array
from ...sandbox.forms import ArrayOf, Form, Keys, ListOf, Text
from . import corpus
from .reference_rules import COUNTED, STATE

_TYPES: Final = ("float64", "float32")


@dataclass(frozen=True, slots=True)
class Questions:
    """Scenarios for `rule_driver`.

    Attributes:
        plan: JSON, for each scenario [layout, rates, tracks], for each track [shape, type, config]; null stands for an array.
        arrays: by type all arrays one after the other: of each track w, those of its config, and dw of each step.
    """

    plan: str
    arrays: dict[str, Array]


@cache
def questions(rule: str) -> Questions:
    """All scenarios of `rule`."""
    parts: dict[str, list[Array]] = {name: [] for name in _TYPES}
    plan = []
    for scenario in corpus.scenarios(rule):
        tracks = []
        for track in scenario.tracks:
            config = track.config
            if config is not None:
                kept = [value for value in config.values() if isinstance(value, np.ndarray)]
                config = {key: None if isinstance(value, np.ndarray) else value for key, value in config.items()}
            else:
                kept = []
            parts[str(track.w.dtype)] += [array.ravel() for array in (track.w, *kept, *track.grads)]
            tracks.append([track.w.shape, str(track.w.dtype), config])
        plan.append([scenario.layout, scenario.rates, tracks])
    return Questions(json.dumps(plan), {name: _joined(arrays, name) for name, arrays in parts.items()})


@dataclass(frozen=True, slots=True)
class Right:
    """What is right in some scenarios, under the usual reading.

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
        counted = isinstance(counts, np.ndarray) and counts.dtype == np.int64 and np.array_equal(counts, self.counts)
        return counted and isinstance(texts, list) and texts == self.texts


@cache
def right(rule: str, *, beyond: bool) -> Right:
    """What is right in the scenarios that the handout promises, or in those `beyond`."""
    values: dict[str, list[Array]] = {name: [] for name in _TYPES}
    slacks: dict[str, list[Array]] = {name: [] for name in _TYPES}
    counts: list[int | None] = []
    texts: list[str] = []
    for number, scenario in enumerate(corpus.scenarios(rule)):
        if scenario.beyond is not beyond:
            continue
        for track, walk in zip(scenario.tracks, corpus.walks(rule, 0, number), strict=True):
            exact = (walk.grads, np.zeros(walk.grads.shape))
            for value, slack in (*(walk.near[name] for name in ("next_w", *STATE[rule])), exact):
                values[str(track.w.dtype)].append(value.ravel())
                slacks[str(track.w.dtype)].append(slack.ravel())
            counts += walk.counts if rule in COUNTED else []
            texts += [text for text in (track.config or {}).values() if isinstance(text, str) for _ in scenario.rates]
    near = {name: (_joined(values[name], "float64"), _joined(slacks[name], "float64")) for name in _TYPES}
    return Right(near, np.array(counts, np.int64), texts)


def form(rule: str) -> Form:
    """How the driver's packed answer is read: of the scenarios that are promised, and of those beyond; None where it cannot be."""
    return Keys({"within": right(rule, beyond=False).form, "beyond": right(rule, beyond=True).form}, most=0)


def explained(rule: str, found: Any) -> tuple[bool, bool]:
    """Whether the usual reading explains all that is promised, and all that lies beyond."""
    parts = found if isinstance(found, dict) else {}
    return right(rule, beyond=False).explains(parts.get("within")), right(rule, beyond=True).explains(parts.get("beyond"))


def _joined(arrays: Sequence[Array], dtype: str) -> Array:
    return np.concatenate([np.empty(0), *arrays]).astype(dtype)
