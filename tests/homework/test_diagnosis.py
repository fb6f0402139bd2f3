"""Slips by their names: in programs as students write them, alone and in pairs, and never one that is not there."""

from __future__ import annotations

from itertools import islice
from typing import Final

import pytest

from grader.grading.results import Outcome
from grader.homework.hidden.rule_formulas import SLIPS as KNOWN
from grader.homework.misconceptions import catalogue
from tests.conftest import FC_NET, OPTIM, SOLVER, Grader, Maker
from tests.homework import diagnosis_rate
from tests.homework.conftest import AtHome
from tests.homework.diagnosis_rate import TOPICS, Tally, measured, written
from tests.homework.programs import FORMS, RULES, SLIPS, program, programs
from tests.homework.verdicts import COMMON, EQUAL, EXACT, RIGHT, UNNAMED, UNNOTICED, WRONG

_QUICK = {"sgd_momentum": 50, "rmsprop": 25, "adam": 15, "init": 40, "grad_norm": 60}
_LONG = {
    "sgd_momentum": 1500,
    "rmsprop": 1800,
    "adam": 2200,
    "init": 2500,
    "grad_norm": 2500,
}  # programs with slips, and as many correct ones


def test_the_catalogue_the_search_and_the_programs_know_the_same_slips() -> None:
    for rule in RULES:
        listed = [slip.partition(".")[2] for slip in catalogue() if slip.startswith(f"{rule}.")]
        assert [slip for slip in listed if slip in KNOWN[rule]] == list(KNOWN[rule]), "the more common one first in both"
        assert SLIPS[rule].keys() <= set(listed)


@pytest.mark.parametrize("rule", TOPICS)
def test_a_program_is_the_same_for_the_same_seed(rule: str) -> None:
    first, second, other = ([one.source for one in islice(written(rule, 2, seed), 30)] for seed in (1, 1, 2))
    assert first == second != other


@pytest.mark.parametrize("rule", RULES)
def test_correct_programs_in_every_form_and_many_styles_are_right(rule: str) -> None:
    tried = list(islice(programs(rule, 0), 40))
    assert {one.form for one in tried} == set(FORMS[rule])
    assert len({one.source for one in tried}) > 30
    assert {diagnosis_rate.judged(one).how for one in tried} == {RIGHT}


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic not in RULES])
def test_correct_programs_in_many_styles_are_right(topic: str) -> None:
    tried = list(islice(written(topic, 0), 40))
    assert len({one.source for one in tried}) > 30
    assert {diagnosis_rate.judged(one).how for one in tried} == {RIGHT}


@pytest.mark.parametrize("rule", TOPICS)
@pytest.mark.parametrize("slips", [1, 2])
def test_slips_are_named_and_none_that_is_not_there(rule: str, slips: int) -> None:
    _assert_named(measured(rule, slips, _QUICK[rule]), exactly=0.8)


@pytest.mark.long
@pytest.mark.parametrize("rule", TOPICS)
def test_slips_are_named_in_thousands_of_programs(rule: str) -> None:
    count = _LONG[rule]
    right, single, double = measured(rule, 0, count), measured(rule, 1, count // 4), measured(rule, 2, count - count // 4)
    print("\n" + "\n".join(diagnosis_rate.lines({(rule, 0): right, (rule, 1): single, (rule, 2): double})))
    assert right.verdicts == {RIGHT: count}
    _assert_named(single, exactly=0.95)
    _assert_named(double, exactly=0.9)


def _assert_named(tally: Tally, *, exactly: float) -> None:
    assert tally.verdicts[WRONG] == tally.verdicts[UNNOTICED] == 0, tally.confusions
    assert tally.share() >= exactly, tally.confusions
    assert not tally.contradicted
    assert tally.verdicts.keys() <= {EXACT, EQUAL, COMMON, UNNAMED, RIGHT}


_IN_SANDBOX = 12  # submissions with a program of each rule, a pair of slips in every one


@pytest.mark.parametrize("number", range(_IN_SANDBOX))
def test_both_items_name_the_same_pair(number: int, make: Maker, graded: Grader) -> None:
    written = [next(islice(programs(rule, 2, seed=5), number, None)) for rule in RULES]
    named = [diagnosis_rate.judged(one) for one in written]
    source = "import numpy as np\n\n\n" + "\n\n".join(one.source for one in written)
    report = graded(make((OPTIM, None, source)), *(f"optim.{rule}.{kind}" for rule in RULES for kind in ("golden", "behaviour")))
    for one, verdict in zip(written, named, strict=True):
        items = [item for item in report.items if item.id.startswith(f"optim.{one.rule}.") and item.outcome is not Outcome.PASSED]
        told = [{finding.slip for finding in item.findings if finding.slip} for item in items]
        assert f"optim.{one.rule}.behaviour" in {item.id for item in items} or verdict.how == RIGHT
        assert all(slips == {f"{one.rule}.{slip}" for slip in verdict.named} for slips in told), (one, told)


_FILES: Final = {"init": FC_NET, "grad_norm": SOLVER}


@pytest.mark.parametrize("topic", _FILES)
@pytest.mark.parametrize("number", range(6))
def test_the_item_names_the_pair_to_staff_and_none_other_at_home(
    topic: str, number: int, make: Maker, graded: Grader, at_home: AtHome
) -> None:
    one = next(islice(written(topic, 2, seed=6), number, None))
    verdict = diagnosis_rate.judged(one)
    item = f"fc_net.init.{one.form}" if topic == "init" else "solver.grad_norm"
    path = make((_FILES[topic], None, one.source))
    told = {finding.slip for finding in graded(path, item).items[0].findings if finding.slip}
    assert told == {f"{topic}.{slip}" for slip in verdict.named}
    assert {finding.slip for finding in at_home(path, item).findings if finding.slip} <= told


def test_what_raises_somewhere_does_not_hide_a_slip() -> None:
    one = program("adam", ["root_missing"], 0)
    source = one.source.replace("config=None):\n", "config=None):\n    config['beta1'] = config.get('beta1', 0.9)\n", 1)
    assert diagnosis_rate.judged(type(one)(one.rule, one.form, one.slips, source)).named == ("root_missing",)


def test_no_name_where_nothing_fits() -> None:
    one = program("rmsprop", [], 3)
    for changed in (
        one.source.replace("return next_w", "return 1.01 * next_w"),
        one.source.replace("return next_w", "return [next_w]"),
    ):
        verdict = diagnosis_rate.judged(type(one)(one.rule, one.form, ("another",), changed))
        assert (verdict.how, verdict.named) == (UNNAMED, ())
