"""The behaviour items: deaf to style, and a failure is told by its smallest input without the right answer."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from grader.grading.results import Outcome
from grader.homework.hidden import corpus, packed
from grader.homework.hidden.reference_rules import READINGS
from grader.homework.hidden.scenarios import GROUPS
from tests.conftest import OPTIM, SAMPLES, Grader, Maker, item
from tests.homework.conftest import AtHome
from tests.homework.mutants import BLANKS, files, mutants
from tests.homework.styles import COUNT, STYLES, style

_RULES = tuple(READINGS)
_BEHAVIOUR = tuple(f"optim.{rule}.behaviour" for rule in _RULES)
_CODE = (*_BEHAVIOUR, *(f"optim.{rule}.golden" for rule in _RULES), "fc_net.init.he", "fc_net.init.zero", "solver.grad_norm")


@pytest.mark.parametrize("number", range(COUNT))
def test_a_correct_style_passes_everything(number: int, make: Maker, graded: Grader) -> None:
    path = make(*((file, None, data) for file, data in files(**style(number)).items()))
    report = graded(path, *_CODE)
    assert [(i.id, i.findings) for i in report.items if i.outcome is not Outcome.PASSED] == []


def test_the_styles_cover_every_way_to_write_each_blank() -> None:
    for blank, ways in STYLES.items():
        assert {style(number)[blank] for number in range(COUNT)} == set(ways)


@pytest.mark.parametrize("rule", _RULES)
def test_the_frozen_scenarios_are_what_the_strategies_draw(rule: str) -> None:
    assert corpus.file(rule).read_bytes() == corpus.drawn(rule)


@pytest.mark.parametrize("rule", _RULES)
def test_what_is_kept_as_right_is_what_is_worked_out(rule: str) -> None:
    for group in GROUPS:
        for reading in range(len(READINGS[rule])):
            right = packed._right(rule, group, reading)
            found = packed.right(rule, group, reading)
            assert found.texts == right.texts
            np.testing.assert_array_equal(found.counts, right.counts)
            for name, (value, slack) in right.near.items():
                np.testing.assert_allclose(found.near[name][0], value, rtol=1e-14)
                np.testing.assert_allclose(found.near[name][1], slack, rtol=1e-9)


def _as_right(rule: str, reading: int) -> dict[str, Any]:
    """A packed answer that holds exactly what is right."""
    answer: dict[str, Any] = {}
    for group in GROUPS:
        right = packed.right(rule, group, reading)
        arrays = {name: value.astype(name) for name, (value, _) in right.near.items()}
        answer[group] = {**arrays, "counts": right.counts.copy(), "texts": list(right.texts)}
    return answer


@pytest.mark.parametrize(("rule", "reading"), [(rule, reading) for rule in _RULES for reading in range(len(READINGS[rule]))])
def test_all_answers_together_are_right_under_one_reading_and_wrong_with_one_entry_off(rule: str, reading: int) -> None:
    assert packed.explained(rule, _as_right(rule, reading)) == {"within": True, "beyond": True}
    for name in ("float64", "float32"):
        for off in (1.0, math.nan):
            answer = _as_right(rule, reading)
            answer["within"][name][-1] += off
            assert packed.explained(rule, answer) == {"within": False, "beyond": True}


_OFF: dict[str, Callable[[dict[str, Any]], object]] = {
    "nothing": lambda answer: answer.clear(),
    "one too few": lambda answer: answer.update(float64=answer["float64"][:-1]),
    "another type": lambda answer: answer.update(float32=answer["float32"].astype(np.float64)),
    "a number in place of an array": lambda answer: answer.update(float64=0.0),
    "counted twice": lambda answer: answer.update(counts=answer["counts"] + 1),
    "counts that are no integers": lambda answer: answer.update(counts=answer["counts"].astype(np.float64)),
    "a text gone": lambda answer: answer.update(texts=answer["texts"][:-1]),
    "another text": lambda answer: answer.update(texts=["x", *answer["texts"][1:]]),
}


@pytest.mark.parametrize("what", _OFF)
def test_all_answers_together_have_to_have_the_form_that_was_asked_for(what: str) -> None:
    answer = _as_right("adam", 0)
    _OFF[what](answer["within"])
    assert packed.explained("adam", answer) == {"within": False, "beyond": True}
    assert packed.explained("adam", None) == {"within": False, "beyond": False}


@pytest.mark.parametrize("rule", _RULES)
def test_the_scenarios_cover_what_the_handout_promises(rule: str) -> None:
    scenarios = corpus.scenarios(rule)
    tracks = [track for scenario in scenarios for track in scenario.tracks]
    assert {track.w.ndim for track in tracks} >= {0, 1, 2, 3, 4}
    assert {str(track.w.dtype) for track in tracks} == {"float32", "float64"}
    assert any(track.w.size == 0 for track in tracks)
    assert {scenario.layout for scenario in scenarios} == {"C", "F", "strided", "reversed"}
    assert {len(scenario.rates) for scenario in scenarios} >= {1, 2, 12}
    assert {len(scenario.tracks) for scenario in scenarios} == {1, 2}
    assert any(any(rate is not None for rate in scenario.rates) for scenario in scenarios)
    assert any(track.config is None for track in tracks)
    sizes = [np.abs(grad[grad != 0]) for track in tracks for grad in track.grads]
    assert min(size.min() for size in sizes if size.size) < 1e-8
    assert max(size.max() for size in sizes if size.size) > 1e8


def test_a_failure_shows_the_smallest_input_and_what_came_back_but_not_what_is_right(make: Maker, graded: Grader) -> None:
    blank, answer = mutants()["sgd_momentum.rate_in_velocity_subtracted"]
    path = make((OPTIM, None, files(**{blank: answer})[OPTIM]))
    found = item(graded(path, "optim.sgd_momentum.behaviour"), "optim.sgd_momentum.behaviour")
    text = "\n".join(finding.student for finding in found.findings)
    (code,) = [finding.code for finding in found.findings if finding.code]
    assert re.search(r"w = np.array\(\[-?[01].0\]\)\nconfig = None\n\n# step 1\ndw = np.array\(\[-?1.0\]\)\nw, config = ", code), (
        code
    )
    assert re.search(r"config\['velocity'\] is \[-?0\.01\]", text), text
    assert "expected" not in text
    assert any("expected [1.0]" in finding.staff or "expected [-1.0]" in finding.staff for finding in found.findings)


@pytest.mark.parametrize(
    ("slip", "late"),
    [
        ("sgd_momentum.velocity_not_stored", True),
        ("sgd_momentum.ascends", False),
        ("rmsprop.cache_not_stored", True),
        ("rmsprop.decay_swapped", False),
        ("adam.m_not_stored", True),
        ("adam.t_twice", True),
    ],
)
def test_a_slip_of_what_is_kept_is_shown_where_it_tells(slip: str, late: bool, make: Maker, graded: Grader) -> None:
    rule, answer = mutants()[slip]
    found = graded(make((OPTIM, None, files(**{rule: answer})[OPTIM])), f"optim.{rule}.behaviour").items[0]
    text, (code,) = "\n".join(one.student for one in found.findings), [one.code for one in found.findings if one.code]
    assert ("next_w is still right then, and wrong from step 2 on." in text) == late
    assert ("# step 2" in code) == late
    assert code.count("print(") == 1 + late


def test_an_input_in_which_digits_alone_differ_is_not_what_shows_a_slip(make: Maker, graded: Grader) -> None:
    rule, answer = mutants()["rmsprop.epsilon_after_division"]
    found = graded(make((OPTIM, None, files(**{rule: answer})[OPTIM])), f"optim.{rule}.behaviour").items[0]
    assert "last digits" not in "\n".join(one.student for one in found.findings)


SECOND_STEP = BLANKS["adam"][2] + 'next_w = next_w - 0.01 if config["t"] == 2 else next_w\n'


def test_steps_before_the_one_that_goes_wrong_are_called_right(make: Maker, graded: Grader, at_home: AtHome) -> None:
    path = make((OPTIM, None, files(adam=SECOND_STEP)[OPTIM]))
    later, home = graded(path, "optim.adam.behaviour").items[0], at_home(path, "optim.adam.golden")
    assert "After step 1 all is right. After step 2" in "\n".join(one.student for one in later.findings)
    assert "After step 1 next_w is right. After step 2" in "\n".join(one.student for one in home.findings)


def test_a_rule_that_raises_on_some_input_shows_the_input_and_the_students_line(make: Maker, graded: Grader) -> None:
    path = make(
        (OPTIM, 'v = config["momentum"] * v + dw', 'v = config["momentum"] * v + dw\n    assert w.ndim < 3, "only matrices"')
    )
    found = item(graded(path, "optim.sgd_momentum.behaviour"), "optim.sgd_momentum.behaviour")
    text = "\n".join(finding.student for finding in found.findings)
    assert found.outcome is Outcome.RAISED
    assert "only matrices" in text
    assert "deeplearning/optim.py, line" in text
    assert any("# step 1\ndw = " in finding.code for finding in found.findings)


def test_what_is_kept_outside_config_is_told_as_such(make: Maker, graded: Grader) -> None:
    path = make((OPTIM, 'config["t"] += 1', 'adam.calls = getattr(adam, "calls", 0) + 1\n    config["t"] += 1 + (adam.calls > 40)'))
    found = item(graded(path, "optim.adam.behaviour"), "optim.adam.behaviour")
    assert found.outcome is Outcome.WRONG
    assert "kept outside config" in "\n".join(finding.student for finding in found.findings)


def test_code_that_fails_on_scalars_only_loses_nothing(make: Maker, graded: Grader) -> None:
    path = make((OPTIM, 'next_w = w - config["learning_rate"] * v', 'w[:] = w - config["learning_rate"] * v\n    next_w = w'))
    found = item(graded(path, "optim.sgd_momentum.behaviour"), "optim.sgd_momentum.behaviour")
    assert found.outcome is Outcome.PASSED
    assert any("shape ()" in finding.staff for finding in found.findings)


@pytest.mark.parametrize(
    "source", ["return [w] * 3, config", "return w", "return None", "config['velocity'] = 'fast'\n    return w, config"]
)
def test_an_answer_of_the_wrong_form_is_wrong(source: str, make: Maker, graded: Grader) -> None:
    path = make((OPTIM, 'v = config["momentum"] * v + dw', source))
    assert item(graded(path, "optim.sgd_momentum.behaviour"), "optim.sgd_momentum.behaviour").outcome is Outcome.WRONG


def test_two_rules_that_mix_readings_are_not_one_reading(make: Maker, graded: Grader) -> None:
    old = 'next_w = w - config["learning_rate"] * dw / np.sqrt(config["cache"] + config["epsilon"])'
    new = (
        'root = np.sqrt(config["cache"] + config["epsilon"]) if dw.size % 2 else np.sqrt(config["cache"]) + config["epsilon"]\n'
        '    next_w = w - config["learning_rate"] * dw / root'
    )
    found = item(graded(make((OPTIM, old, new)), "optim.rmsprop.behaviour"), "optim.rmsprop.behaviour")
    assert found.outcome is Outcome.WRONG


def test_the_same_submission_gets_the_same_report_twice(make: Maker, graded: Grader) -> None:
    blank, answer = mutants()["adam.t_not_stored"]
    path = make((OPTIM, None, files(**{blank: answer})[OPTIM]))
    first, second = (graded(path, *_BEHAVIOUR) for _ in range(2))
    assert [(i.id, i.outcome, i.score, i.findings) for i in first.items] == [
        (i.id, i.outcome, i.score, i.findings) for i in second.items
    ]


@pytest.mark.parametrize("put", ["np.ones(2)", "[1, [2]]", "[np.ones(2), np.ones(3)]", "None", "7"])
def test_an_entry_of_the_config_that_was_replaced_is_the_students_fault(put: str, make: Maker, graded: Grader) -> None:
    code = "\n\n_adam = adam\ndef adam(w, dw, config=None):\n    w, config = _adam(w, dw, config)\n"
    code += f"    if 'note' in config: config['note'] = {put}\n"
    path = make((OPTIM, None, (SAMPLES / "reference" / OPTIM).read_text("utf-8") + code + "    return w, config\n"))
    found = item(graded(path, "optim.adam.golden", "optim.adam.behaviour"), "optim.adam.behaviour")
    assert found.outcome is Outcome.WRONG
    assert "'note', which is gone or changed" in found.findings[1].student


STANDS_STILL = {
    "in large arrays": ("w.size > 81", "np.resize("),
    "after twelve steps": ("config['calls'] > 12", "# step 13"),
}


@pytest.mark.parametrize("rule", _RULES)
@pytest.mark.parametrize("slip", [None, *STANDS_STILL])
def test_a_rule_that_stands_still_in_great_extents_alone_is_noticed(
    slip: str | None, rule: str, make: Maker, graded: Grader
) -> None:
    when, shown = STANDS_STILL[slip] if slip else ("False", "")
    wrapper = f"""

_right = {rule}


def {rule}(w, dw, config=None):
    calls = (config or {{}}).get("calls", 0) + 1
    next_w, config = _right(w.copy(), dw, config)
    config["calls"] = calls
    return w if {when} else next_w, config
"""
    found = graded(make((OPTIM, None, files()[OPTIM].decode() + wrapper)), f"optim.{rule}.behaviour").items[0]
    assert found.outcome is (Outcome.WRONG if slip else Outcome.PASSED)
    told = "\n".join(finding.student + finding.code for finding in found.findings)
    assert shown in told
    assert len(told) < 10_000
