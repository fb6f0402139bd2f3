"""Behaviour of the update rules: one accepted reading has to explain every answer of every scenario.

A rule is asked all its scenarios in one message. If no reading explains the answers, Hypothesis looks for the smallest input that
still goes wrong; that is what the student reads, without the value that would have been right, and with the name of the slip
if the answers match one of the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..exam import Exam, check
from ..sandbox.child import garbled
from ..sandbox.ending import SessionEnded
from ..sandbox.session import Remote, Session
from ..student import OPTIM, AskAgain, staff_source
from . import corpus, diagnosis, telling
from .record import Fault, Record, Track, explained, fault_in
from .rules import READINGS
from .scenarios import Scenario

_SHRINK_TRIES = 300


@check("optim.sgd_momentum.behaviour")
def sgd_momentum_behaviour(exam: Exam) -> None:
    """SGD with momentum: right over many steps, whatever the inputs and settings."""
    _behaviour(exam, "sgd_momentum")


@check("optim.rmsprop.behaviour")
def rmsprop_behaviour(exam: Exam) -> None:
    """RMSProp (optional): right over many steps, whatever the inputs and settings."""
    _behaviour(exam, "rmsprop")


@check("optim.adam.behaviour")
def adam_behaviour(exam: Exam) -> None:
    """Adam: right over many steps, whatever the inputs and settings."""
    _behaviour(exam, "adam")


def _behaviour(exam: Exam, rule: str) -> None:
    scenarios = corpus.scenarios(rule)
    with _opened(exam, alone=False) as (session, optim):
        records = _ask(session, optim.attr(rule), corpus.questions(rule), len(scenarios))
        failed = _first_fault(rule, records)
        if failed is None:
            with exam.part():
                _note_what_lies_beyond(exam, rule, records)
            return
        if exam.student.reused:  # what is told in full comes from a process that answered nothing else
            raise AskAgain
        number, fault = failed
        small = None if fault.blank else _smallest(session, optim.attr(rule), rule)
    slip = None if fault.blank else diagnosis.slip_of(rule, records)
    scenario = small or scenarios[number].until(fault.step + 1)
    alone, again = _replayed(exam, rule, scenario)
    if alone is None and small is not None:  # it goes wrong only after other calls: tell where it did
        scenario = scenarios[number].until(fault.step + 1)
    fault = alone or fault
    if again is not None:
        exam.note(telling.input_of(rule, scenario, shrunk=scenario is small))
        raise again
    exam.note(*telling.of_fault(rule, scenario, fault, shrunk=scenario is small, alone=alone is not None))
    exam.diagnose(slip)


def _opened(exam: Exam, *, alone: bool = True) -> Any:
    return exam.student.module(OPTIM, {"driver.py": staff_source("driver.py")}, alone=alone)


def _ask(session: Session, function: Remote, questions: Any, count: int) -> list[Record]:
    """Walk the rule through scenarios and check the form of what comes back.

    Raises:
        SessionEnded: the process did not come to an end, or forged its answer.
    """
    (answers,) = session.fetch(session.module("driver").attr("run")(function, questions))
    if not isinstance(answers, list) or len(answers) != count:
        raise garbled("not every scenario was answered")
    return [_record(answer) for answer in answers]


def _record(answer: Any) -> Record:
    match answer:
        case {"columns": list(columns), **rest} if columns and not rest:
            return Record([_track(column) for column in columns])
        case {"steps": list(steps), "raised": bool(raised)} if all(
            isinstance(step, list) and all(isinstance(entry, tuple) and len(entry) == 2 for entry in step) for step in steps
        ):
            return Record(None, steps, raised)
    raise garbled("a scenario is answered in the wrong form")


def _track(column: Any) -> Track:
    match column:
        case {"next_w": np.ndarray() as next_w, "dw": np.ndarray() as dw, "kept": dict(kept)} if next_w.ndim and len(next_w):
            if all(_holds(values, len(next_w)) for values in (dw, *kept.values())):
                return Track(next_w, kept, dw)
    raise garbled("a track is answered in the wrong form")


def _holds(values: Any, steps: int) -> bool:
    """Whether it is a column with an entry a step."""
    return (isinstance(values, list) or (isinstance(values, np.ndarray) and values.ndim > 0)) and len(values) == steps


def _first_fault(rule: str, records: Sequence[Record]) -> tuple[int, Fault] | None:
    """None if one reading explains all records; else where the reading that got furthest fails first."""
    furthest: tuple[int, Fault] | None = None
    for reading in range(len(READINGS[rule])):
        failed = _fault_under(rule, reading, records)
        if failed is None:
            return None
        if furthest is None or failed[0] > furthest[0]:
            furthest = failed
    return furthest


def _fault_under(rule: str, reading: int, records: Sequence[Record]) -> tuple[int, Fault] | None:
    for number, (scenario, record) in enumerate(zip(corpus.scenarios(rule), records, strict=True)):
        if scenario.beyond or explained(rule, scenario, record, corpus.walks(rule, reading, number)):
            continue
        fault = fault_in(rule, scenario, record, corpus.right(rule, reading, number))
        if fault is not None:
            return number, fault
    return None


def _fault_alone(rule: str, scenario: Scenario, record: Record) -> Fault | None:
    """The fault of a scenario for itself: None as soon as any reading explains it."""
    fault = None
    for reading in range(len(READINGS[rule])):
        found = fault_in(rule, scenario, record, corpus.answers(rule, reading, scenario))
        if found is None:
            return None
        fault = fault or found
    return fault


def _smallest(session: Session, function: Remote, rule: str) -> Scenario | None:
    """The smallest scenario that goes wrong in this process; None if none turns up."""
    try:
        from . import strategies
    except ModuleNotFoundError:  # no Hypothesis here: the student reads the input that was asked, unshrunk
        return None

    def fails(scenario: Scenario) -> bool:
        if scenario.beyond:
            return False
        try:
            (record,) = _ask(session, function, [scenario.as_data()], 1)
        except SessionEnded:
            return False
        return _fault_alone(rule, scenario, record) is not None

    return strategies.smallest(rule, fails, _SHRINK_TRIES)


def _replayed(exam: Exam, rule: str, scenario: Scenario) -> tuple[Fault | None, SessionEnded | None]:
    """What the scenario does in a fresh process, and, if the rule raises there, that ending with the student's lines."""
    with _opened(exam) as (session, optim):
        try:
            (record,) = _ask(session, optim.attr(rule), [scenario.as_data()], 1)
        except SessionEnded as error:
            return None, error
        fault = _fault_alone(rule, scenario, record)
    if fault is None or not fault.raised:
        return fault, None
    with _opened(exam) as (session, optim):
        try:
            session.fetch(session.module("driver").attr("play")(optim.attr(rule), scenario.as_data()))
        except SessionEnded as error:
            return fault, error
    return fault, None


def _note_what_lies_beyond(exam: Exam, rule: str, records: Sequence[Record]) -> None:
    """Scalars of shape () cost nothing; staff read that they failed."""
    for number, (scenario, record) in enumerate(zip(corpus.scenarios(rule), records, strict=True)):
        if not scenario.beyond:
            continue
        rights = (corpus.right(rule, reading, number) for reading in range(len(READINGS[rule])))  # worked out as they are needed
        if all(fault_in(rule, scenario, record, right) is not None for right in rights):
            exam.note(staff=f"{rule} fails on arrays of shape (), which the handout does not promise: no points taken")
            return
