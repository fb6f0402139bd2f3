"""What came back from a scenario, held against what is right: form first, then values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ...grading import expect
from ...grading.expect import Array
from ...grading.findings import Mismatch
from ...sandbox.forms import Unfit
from ..blanks import nothing_returned
from ..misconceptions import SAME_SINGLE, same
from ..published import Track as Start
from .error_bounds import Near
from .reference_rules import COUNTED, STATE, Right
from .scenarios import UNKNOWN, Scenario

Column = Array | list[Any] | Unfit  # of a track: an array with a step a row, or a list with a scalar a step


@dataclass(frozen=True, slots=True)
class Track:
    """All answers to one parameter of a scenario that have the same form: what came back step by step, and dw afterwards."""

    next_w: Array | Unfit
    kept: Mapping[str, Column]
    dw: Array
    steps: int


@dataclass(frozen=True)
class Record:
    """The answers of one scenario: by track where all have one form, else step by step; and whether it ended by raising."""

    tracks: Sequence[Track] | None
    single: Sequence[list[tuple[Any, Any]]] = ()
    raised: bool = False

    @cached_property
    def steps(self) -> Sequence[list[tuple[Any, Any]]]:
        """For each step and track (answer, dw afterwards)."""
        if self.tracks is None:
            return self.single
        count = self.tracks[0].steps if self.tracks else 0
        return [[_step(track, number) for track in self.tracks] for number in range(count)]


def _step(track: Track, number: int) -> tuple[Any, Any]:
    kept = {key: _row(column, number) for key, column in track.kept.items()}
    return (_row(track.next_w, number), kept), track.dw[number, ...]


def _row(column: Column, number: int) -> Any:
    if isinstance(column, np.ndarray):
        return column[number, ...]
    return column[number] if isinstance(column, list) else column


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a scenario goes wrong first.

    Attributes:
        step, track: counted from 0.
        subject: what is wrong: "next_w", "config['m']", "dw"; empty if the rule raised.
        problem: a sentence for the student where the form of the answer is wrong; empty where its values are.
        found: the wrong value where its form is right.
        wanted: what was right there, for staff.
        raised: the rule raised.
        none: next_w is None.
    """

    step: int
    track: int
    subject: str
    problem: str = ""
    found: Any = None
    wanted: Near | None = None
    raised: bool = False
    none: bool = False

    @property
    def hardly(self) -> bool:
        """Whether what is there is off in its last digits only."""
        return self.wanted is not None and same(self.found, self.wanted.value, SAME_SINGLE)


@dataclass(frozen=True, slots=True)
class Walk:
    """What is right for one track under one reading, all steps together; the first axis is the step.

    Attributes:
        near: for "next_w" and each key of the state: value and slack.
        counts: t after each step, where the rule keeps one.
        grads: dw as it was given.
    """

    near: Mapping[str, tuple[Array, Array]]
    counts: Sequence[int | None]
    grads: Array


def walk(start: Start, rights: Sequence[Right]) -> Walk:
    """The steps of a track put together."""
    names = ("next_w", *rights[0].state)
    near = {}
    for name in names:
        steps = [right.next_w if name == "next_w" else right.state[name] for right in rights]
        shape = start.w.shape
        near[name] = (
            np.stack([np.broadcast_to(step.value, shape) for step in steps]),
            np.stack([np.broadcast_to(step.slack, shape) for step in steps]),
        )
    return Walk(near, [right.t for right in rights], np.stack(start.grads))


def explained(rule: str, scenario: Scenario, record: Record, walks: Sequence[Walk]) -> bool:
    """Whether these walks explain every answer; False also where that takes a closer look (`fault_in`)."""
    if record.tracks is None or len(record.tracks) != len(walks):
        return False
    return all(_fits(rule, *one) for one in zip(scenario.tracks, record.tracks, walks, strict=True))


def _fits(rule: str, start: Start, track: Track, right: Walk) -> bool:
    columns = {"next_w": track.next_w, **{key: track.kept.get(key) for key in STATE[rule]}}
    for name, column in columns.items():
        value, slack = right.near[name]
        if not isinstance(column, np.ndarray) or column.shape != value.shape or column.dtype != start.w.dtype:
            return False
        if not (np.abs(column - value) <= slack).all():
            return False
    if rule in COUNTED:
        counted = track.kept.get("t")
        if not isinstance(counted, list) or any(type(t) is not int for t in counted) or counted != right.counts:
            return False
    if start.config is not None and UNKNOWN in start.config:
        noted = track.kept.get(UNKNOWN)
        if not isinstance(noted, list) or not all(_still(value, start.config[UNKNOWN]) for value in noted):
            return False
    return track.dw.dtype == right.grads.dtype and np.array_equal(track.dw, right.grads)


def _still(value: Any, wanted: str) -> bool:
    """Whether an entry is the text it was; an array in its place compares with nothing."""
    return isinstance(value, str) and value == wanted


def fault_in(rule: str, scenario: Scenario, record: Record, right: Sequence[Sequence[Right]]) -> Fault | None:
    """The first fault of `record`, if what is `right` (for each track, its steps) does not explain all of it."""
    for step in range(len(scenario.rates)):
        for track, start in enumerate(scenario.tracks):
            if step >= len(record.steps) or track >= len(record.steps[step]):
                return Fault(step, track, "", raised=True)
            answer, dw = record.steps[step][track]
            try:
                _judge(rule, answer, start.w, right[track][step], start.config)
                _untouched(dw, start.grads[step])
            except _Wrong as wrong:
                return wrong.fault(step, track)
    return None


def turns_wrong(record: Record, right: Sequence[Sequence[Right]]) -> int | None:
    """The first step, counted from 0, after which next_w is not what is `right`; None if it is right as long as it goes."""
    for step, answers in enumerate(record.steps):
        for track, (answer, _) in enumerate(answers):
            next_w = answer[0] if isinstance(answer, tuple | list) and len(answer) == 2 else None
            wanted = right[track][step].next_w
            if not (isinstance(next_w, np.ndarray) and next_w.shape == wanted.value.shape and wanted.explains(next_w)):
                return step
    return None


class _Wrong(Exception):
    def __init__(self, subject: str, problem: str = "", found: Any = None, wanted: Near | None = None, none: bool = False) -> None:
        super().__init__(subject)
        self._rest = (subject, problem, found, wanted, False, none)

    def fault(self, step: int, track: int) -> Fault:
        return Fault(step, track, *self._rest)


def _judge(rule: str, answer: Any, w: Array, right: Right, config: Mapping[str, Any] | None) -> None:
    try:
        next_w, kept = expect.pair(answer, ("next_w", "config"), f"{rule}(w, dw, config)")
    except Mismatch as mismatch:
        raise _Wrong("the answer", mismatch.student) from None
    if next_w is None:
        raise _Wrong("next_w", nothing_returned(rule), none=True)
    _values(next_w, "next_w", w, right.next_w)
    for key in STATE[rule]:
        _values(_item(kept, key), f"config['{key}']", w, right.state[key])
    if rule in COUNTED:
        _count(_item(kept, "t"), right.t)
    if config is not None and UNKNOWN in config and not (isinstance(kept, Mapping) and _still(kept.get(UNKNOWN), config[UNKNOWN])):
        raise _Wrong("the config", f"config was given with a further entry '{UNKNOWN}', which is gone or changed afterwards.")


def _item(config: Any, key: str) -> Any:
    try:
        return expect.item(config, key, "the returned config")
    except Mismatch as mismatch:
        raise _Wrong(f"config['{key}']", mismatch.student) from None


def _values(value: Any, name: str, w: Array, right: Near) -> None:
    try:
        found = expect.array(value, name, shape=w.shape, dtype=np.float64 if w.dtype == np.float64 else None)
        if found.dtype.itemsize < w.dtype.itemsize:
            raise Mismatch(f"{name} has dtype {found.dtype}, which is less precise than that of w, {w.dtype}.")
    except Mismatch as mismatch:
        raise _Wrong(name, mismatch.student) from None
    if not right.explains(found):
        raise _Wrong(name, found=found, wanted=right)


def _count(value: Any, wanted: int | None) -> None:
    try:
        found = expect.number(value, "config['t']")
    except Mismatch as mismatch:
        raise _Wrong("config['t']", mismatch.student) from None
    if found != wanted:
        raise _Wrong("config['t']", f"config['t'] is {found:g}: it should have counted every step, each once.")


def _untouched(dw: Any, given: Array) -> None:
    if not (isinstance(dw, np.ndarray) and dw.dtype == given.dtype and np.array_equal(dw, given)):
        raise _Wrong("dw", "The array dw was changed by the call; a rule may only read it.")
