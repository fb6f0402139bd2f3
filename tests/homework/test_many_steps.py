"""What one golden step does not show is told at home, costs nothing, and never meets a correct rule."""

from __future__ import annotations

import pytest

from grader.grading.results import Outcome
from grader.homework import published
from grader.homework.hidden.reference_rules import READINGS
from grader.homework.misconceptions import about
from tests.conftest import OPTIM, Grader, Maker
from tests.homework.conftest import AtHome
from tests.homework.mutants import files, mutants
from tests.homework.rules import ACCEPTED, FILE, OLDER, REFERENCE, edit
from tests.homework.styles import COUNT, style

BUT = "passes the handout's arrays, but not many steps"
GOLDEN_ALONE = {("rmsprop", "no epsilon at all"), ("sgd_momentum", "float32 rate"), ("adam", "float32 rate and betas kept")}
UNSEEN = [slip for rule in READINGS for slip in about(rule) if slip not in published.golden_slips()[rule]]


@pytest.mark.parametrize(("rule", "way"), [(rule, way) for rule in ACCEPTED for way in ACCEPTED[rule]])
def test_whoever_passes_the_golden_step_is_told_at_home_what_many_steps_will_say(
    at_home: AtHome, graded: Grader, make: Maker, rule: str, way: str
) -> None:
    path = make(edit(rule, *ACCEPTED[rule][way]))
    found, later = at_home(path, f"optim.{rule}.golden"), graded(path, f"optim.{rule}.behaviour").items[0]
    assert found.outcome is Outcome.PASSED
    assert bool(found.findings) == ((rule, way) in GOLDEN_ALONE)
    if way != "factored":  # divides by a momentum that the steps at home never set to 0
        assert bool(found.findings) == (later.outcome is not Outcome.PASSED)
    for text in (finding.student for item in (found, later) for finding in item.findings if "After step" in finding.student):
        assert ("last digits" in text) == ("float32" in way)


@pytest.mark.parametrize("rule", READINGS)
@pytest.mark.parametrize("number", range(0, COUNT, 5))
def test_every_style_is_left_in_peace(at_home: AtHome, make: Maker, rule: str, number: int) -> None:
    path = make((OPTIM, None, files(**style(number))[OPTIM]))
    assert at_home(path, f"optim.{rule}.golden").findings == ()
    assert at_home(make((FILE, None, OLDER)), f"optim.{rule}.golden").findings == ()


@pytest.mark.parametrize("slip", UNSEEN)
def test_a_slip_that_the_golden_step_does_not_show_is_named_and_costs_nothing(at_home: AtHome, make: Maker, slip: str) -> None:
    blank, answer = mutants()[slip]
    found = at_home(make((OPTIM, None, files(**{blank: answer})[OPTIM])), f"optim.{blank}.golden")
    assert (found.outcome, found.score) == (Outcome.PASSED, found.maximum)
    assert BUT in found.findings[0].student
    assert found.findings[0].code
    assert {finding.slip for finding in found.findings if finding.slip} == {slip}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("assert abs(dw).max() > 1e-6, 'too small'", "it raised AssertionError: too small"),
        ("while abs(dw).max() < 1e-6: pass", "it did not finish"),
        ("config['learning_rate'] /= 1 + (w.size < 5)", "After step 1"),
        ("dw = dw if w.ndim > 1 else 1.01 * dw", "Look at what the rule keeps"),
    ],
)
def test_what_is_no_slip_of_the_catalogue_is_told_by_what_came_back(at_home: AtHome, make: Maker, code: str, said: str) -> None:
    found = at_home(make((FILE, REFERENCE["adam"], f"    {code}\n{REFERENCE['adam']}")), "optim.adam.golden")
    assert found.outcome is Outcome.PASSED
    assert said in "\n".join(finding.student for finding in found.findings)


def test_where_all_items_are_asked_the_others_speak_for_themselves(graded: Grader, make: Maker) -> None:
    blank, answer = mutants()["adam.epsilon_after_division"]
    report = graded(make((OPTIM, None, files(**{blank: answer})[OPTIM])), "optim.adam.golden")
    assert report.items[0].findings == ()


def test_none_of_the_hidden_questions_is_among_the_steps() -> None:
    from grader.homework.hidden import corpus

    for rule in READINGS:
        hidden = {track.w.tobytes() for scenario in corpus.scenarios(rule) for track in scenario.tracks}
        assert not hidden & {track.w.tobytes() for walk in published.steps()[rule].walks for track in walk}
