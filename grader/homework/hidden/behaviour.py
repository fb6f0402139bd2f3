"""Behaviour of the update rules: one accepted reading has to explain every answer of every scenario.

A rule is asked all its scenarios in one message. If no reading explains the answers, Hypothesis looks for the smallest input that
still goes wrong; that is what the student reads, without the value that would have been right, and with the name of the slip
if the answers match one of the catalogue.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from ...grading.context import WHOLE, Context
from ...grading.student import TimeUsedUp
from ...sandbox.child import garbled
from ...sandbox.errors import SessionEnded
from ...sandbox.forms import IGNORED, Form, Row, Unfit
from ...sandbox.session import Remote, Session
from .. import answers as forms
from .. import cells, published
from ..blanks import is_blank, told_as_blank
from ..files import OPTIM
from ..misconceptions import Misconception, tell
from ..optim import diagnose_rules
from ..published import Track
from ..registry import check
from . import corpus, fault_messages, packed
from .diagnosis import Diagnosis, diagnosed
from .reference_rules import COUNTED, READINGS, STATE
from .scenarios import Scenario
from .showcases import showcases
from .slip_search import explaining
from .traces import Fault, Record, explained, fault_in, turns_wrong
from .traces import Track as Answers

_SHRINK_TRIES = 300
DRIVER = "rule_driver.py"


@check("optim.sgd_momentum.behaviour")
@told_as_blank(OPTIM, "sgd_momentum")
def sgd_momentum_behaviour(context: Context) -> None:
    """SGD with momentum: right over many steps, whatever the inputs and settings."""
    _behaviour(context, "sgd_momentum")


@check("optim.rmsprop.behaviour")
@told_as_blank(OPTIM, "rmsprop")
def rmsprop_behaviour(context: Context) -> None:
    """RMSProp (optional): right over many steps, whatever the inputs and settings."""
    _behaviour(context, "rmsprop")


@check("optim.adam.behaviour")
@told_as_blank(OPTIM, "adam")
def adam_behaviour(context: Context) -> None:
    """Adam: right over many steps, whatever the inputs and settings."""
    _behaviour(context, "adam")


def _behaviour(context: Context, rule: str) -> None:
    records: Sequence[Record] | None = context.student.memory.get(_records_of(rule))
    failed = None if records is None else _first_fault(rule, records)
    with _opened(context, alone=failed is not None) as (session, optim):
        if records is None or failed is None:
            walk = _walk(session, rule, optim.attr(rule))
            (found,) = session.fetch(_asked(rule, walk, "packed").like(packed.form(rule)))
            right = packed.explained(rule, found)
            if not right["within"]:
                context.student.require_fresh()
                records = _records(session, rule, walk)
                failed = _first_fault(rule, records)
            if records is None or failed is None:
                if not right["beyond"]:
                    _note_what_lies_beyond(context, session, rule, walk)
                context.passed.add(WHOLE)
                return
        if is_blank(context, OPTIM, rule):  # told by the decorator, without a search for the smallest input
            return
        found = _explained(context, rule, session, optim, records)
        reading = 0 if found.reading is None else found.reading
        number, fault = (_fault_under(rule, reading, records) if found.reading is not None else None) or failed
        small = None
        if not fault.none:
            small = _shown(session, optim.attr(rule), rule, found, records)
            small = small or _smallest(session, optim.attr(rule), rule)
    scenarios = corpus.scenarios(rule)
    scenario = small or scenarios[number].until(fault.step + 1)
    alone, again, turns = _replayed(context, rule, scenario, reading)
    if alone is None and small is not None:  # it goes wrong only after other calls: tell where it did
        scenario = scenarios[number].until(fault.step + 1)
    fault = alone or fault
    if again is not None:
        context.note(fault_messages.introduction(rule, shrunk=scenario is small), code=_cell(rule, scenario, fault))
        raise again
    if not fault.none:
        context.note(fault_messages.introduction(rule, shrunk=scenario is small), code=_cell(rule, scenario, fault))
    context.note(*fault_messages.of_fault(rule, scenario, fault, alone=alone is not None, turns=turns))
    faults = [(one.name, _fault_under(rule, number, records)) for number, one in enumerate(READINGS[rule])]
    context.note(staff="" if fault.none else fault_messages.of_readings(faults, len(scenarios)))
    tell(context, () if fault.none else found.slips)


@diagnose_rules
def slips_of(context: Context, rule: str) -> Sequence[Misconception]:
    """The slips that explain what a rule answers to all that is asked; none where it does not come to an answer."""
    if is_blank(context, OPTIM, rule):
        return ()
    try:
        with _opened(context) as (session, optim):
            records = _records(session, rule, _walk(session, rule, optim.attr(rule)))
            context.student.memory[_records_of(rule)] = records
            return _explained(context, rule, session, optim, records).slips
    except (SessionEnded, TimeUsedUp):
        return ()


def _records_of(rule: str) -> str:
    """Under which name a submission's answers to all scenarios are remembered, from a process that answered nothing else."""
    return f"records of {rule}"


def _explained(context: Context, rule: str, session: Session, optim: Remote, records: Sequence[Record]) -> Diagnosis:
    """What explains these answers and the golden step together; found once a submission and rule."""
    known: Diagnosis | None = context.student.memory.get(f"slips of {rule}")
    if known is None:
        golden = Scenario((_golden_track(rule),), (None,))
        (answer,) = _ask(session, rule, optim.attr(rule), [golden])
        known = diagnosed(rule, [*zip(corpus.scenarios(rule), records, strict=True), (golden, answer)])
        context.student.memory[f"slips of {rule}"] = known
    return known


def _golden_track(rule: str) -> Track:
    w, dw, config = published.golden_inputs(rule)
    return Track(w, dict(config), (dw,))


def _cell(rule: str, scenario: Scenario, fault: Fault) -> str:
    return cells.steps(
        rule,
        scenario.tracks,
        scenario.rates,
        layout=scenario.layout,
        with_dw=fault.subject == "dw",
        printed_from=fault.step,
    )


def _opened(context: Context, *, alone: bool = True, shown: bool = False) -> Any:
    return context.student.module(OPTIM, {DRIVER: context.student.source(DRIVER)}, alone=alone, shown=shown)


def _walk(session: Session, rule: str, function: Remote) -> Remote:
    """The rule's way through all scenarios of the corpus, which stays in there: see `rule_driver.Walk`."""
    asked = corpus.questions(rule)
    walk = session.module("rule_driver").attr("Walk")
    return walk.call_as(f"{rule}(w, dw, config)", function, list(STATE[rule]), rule in COUNTED, asked.plan, asked.arrays)


def _asked(rule: str, walk: Remote, what: str) -> Remote:
    return walk.attr(what).call_as(f"{rule}(w, dw, config)")


def _records(session: Session, rule: str, walk: Remote) -> list[Record]:
    """All that was answered on that way, record by record; raises as `_ask`."""
    (found,) = session.fetch(_asked(rule, walk, "records").like(_frozen_form(rule)))
    return _read(found, corpus.scenarios(rule))


def _ask(session: Session, rule: str, function: Remote, scenarios: Sequence[Scenario]) -> list[Record]:
    """Walk the rule through scenarios; what comes back is read in the form that each of them gives.

    Raises:
        SessionEnded: the process did not come to an end, or forged its answer.
    """
    questions = [scenario.as_data() for scenario in scenarios]
    run = session.module("rule_driver").attr("run").call_as(f"{rule}(w, dw, config)", function, questions)
    (found,) = session.fetch(run.like(_form(rule, scenarios)))
    return _read(found, scenarios)


def _read(found: Any, scenarios: Sequence[Scenario]) -> list[Record]:
    if not isinstance(found, list):
        raise garbled("not every scenario was answered")
    return [_record(one, len(scenario.rates)) for one, scenario in zip(found, scenarios, strict=True)]


def _form(rule: str, scenarios: Sequence[Scenario]) -> Form:
    return Row([forms.steps(rule, [track.w for track in scenario.tracks], len(scenario.rates)) for scenario in scenarios])


@cache
def _frozen_form(rule: str) -> Form:
    return _form(rule, corpus.scenarios(rule))


def _record(found: Any, steps: int) -> Record:
    match found:
        case {"columns": list(columns), **rest} if columns and not rest:
            return Record([_track(column, steps) for column in columns])
        case {"steps": list(taken), "raised": bool(raised)} if all(
            isinstance(step, list) and all(isinstance(entry, tuple) for entry in step) for step in taken
        ):
            return Record(None, taken, raised)
    raise garbled("a scenario is answered in the wrong form")


def _track(column: Any, steps: int) -> Answers:
    match column:
        case {"next_w": np.ndarray() | Unfit() as next_w, "dw": np.ndarray() as dw, "kept": dict(kept)}:
            if all(isinstance(values, np.ndarray | list | Unfit) for values in kept.values()):
                return Answers(next_w, kept, dw, steps)
    raise garbled("a track is answered in the wrong form")


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


def _fault_alone(rule: str, scenario: Scenario, record: Record, preferred: int) -> Fault | None:
    """The fault of a scenario for itself, under the preferred reading: None as soon as any reading explains it."""
    told = fault_in(rule, scenario, record, corpus.answers(rule, preferred, scenario))
    for reading in range(len(READINGS[rule])):
        if told is None or fault_in(rule, scenario, record, corpus.answers(rule, reading, scenario)) is None:
            return None
    return told


def _shown(session: Session, function: Remote, rule: str, found: Diagnosis, records: Sequence[Record]) -> Scenario | None:
    """A small scenario that goes wrong and shows the slips that are known, ended where that is seen; None if none does.

    No other slip explains what is answered to it. If next_w is right after the first step whatever is asked, it goes wrong later.
    """
    if found.reading is None:
        return None
    late = _late(rule, found.reading, records)
    elsewhere = found.single == {()}  # the formula is right: what goes wrong is nothing that a slip in it could explain as well
    cases = [*showcases(rule)]
    try:
        answers = _ask(session, rule, function, cases)
    except SessionEnded:
        return None
    for scenario, record in zip(cases, answers, strict=True):
        turns = turns_wrong(record, corpus.answers(rule, found.reading, scenario))
        if (turns or not late) and (elsewhere or found.single.issuperset(explaining(rule, [(scenario, record)], most=1))):
            fault = _fault_alone(rule, scenario, record, found.reading)
            if fault is not None and not fault.hardly:
                return scenario.until(max(fault.step, turns or 0) + 1)
    return None


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
            (record,) = _ask(session, rule, function, [scenario])
        except SessionEnded:
            return False
        return _fault_alone(rule, scenario, record, 0) is not None

    return strategies.smallest(rule, fails, _SHRINK_TRIES)


def _late(rule: str, reading: int, records: Sequence[Record]) -> bool:
    """Whether next_w is right after the first step of every plain scenario, and wrong later in some."""
    turns = [
        turns_wrong(record, corpus.right(rule, reading, number))
        for number, (scenario, record) in enumerate(zip(corpus.scenarios(rule), records, strict=True))
        if scenario.plain
    ]
    return any(turns) and 0 not in turns


def _replayed(
    context: Context, rule: str, scenario: Scenario, reading: int
) -> tuple[Fault | None, SessionEnded | None, int | None]:
    """What the scenario does in a fresh process, if the rule raises there that ending with the student's lines, and the step after
    which next_w turns wrong."""
    with _opened(context, shown=True) as (session, optim):
        try:
            (record,) = _ask(session, rule, optim.attr(rule), [scenario])
        except SessionEnded as error:
            return None, error, None
        fault = _fault_alone(rule, scenario, record, reading)
    if fault is None or not fault.raised:
        return fault, None, turns_wrong(record, corpus.answers(rule, reading, scenario))
    with _opened(context, shown=True) as (session, optim):
        try:
            played = session.module("rule_driver").attr("play")
            again = played.call_as(f"{rule}(w, dw, config)", optim.attr(rule), scenario.as_data())
            session.fetch(again.like(IGNORED))
        except SessionEnded as error:
            return fault, error, None
    return fault, None, None


def _note_what_lies_beyond(context: Context, session: Session, rule: str, walk: Remote) -> None:
    """Scalars of shape () cost nothing; staff read that they failed."""
    numbers = [number for number, scenario in enumerate(corpus.scenarios(rule)) if scenario.beyond]
    scenarios = [corpus.scenarios(rule)[number] for number in numbers]
    (found,) = session.fetch(_asked(rule, walk, "beyond").like(_form(rule, scenarios)))
    for number, scenario, record in zip(numbers, scenarios, _read(found, scenarios), strict=True):
        rights = (corpus.right(rule, reading, number) for reading in range(len(READINGS[rule])))  # worked out as they are needed
        if all(fault_in(rule, scenario, record, right) is not None for right in rights):
            context.note(staff=f"{rule} fails on arrays of shape (), which the handout does not promise: no points taken")
            return
