"""The report as people read it in a terminal."""

from __future__ import annotations

from decimal import Decimal

import pytest

from grader.grading.findings import Finding
from grader.grading.results import Outcome
from grader.report.terminal import render
from tests.report.test_gradescope import HOSTILE, item, report


def test_a_line_an_item_and_below_it_what_there_is_to_say() -> None:
    text = render(report(item(), item("b.other", "4", "4", outcome=Outcome.PASSED, findings=())), staff=False)
    lines = text.splitlines()
    assert lines[0] == "Submission hand-in"
    assert lines[2].split() == ["partial", "a.one", "2.5/4"]
    assert lines[3:5] == [" " * 10 + "seen by the student", " " * 10 + "Right so far: first."]
    assert lines[5].split() == ["passed", "b.other", "4/4"]
    assert lines[-1] == "Total: 6.5 of 8 points in 1.23 s."
    assert "Note: A note." in lines


def test_students_do_not_read_what_is_for_staff_and_staff_do() -> None:
    made = report(item())
    assert "staff" not in render(made, staff=False)
    text = render(made, staff=True)
    assert "[staff] second: seen by staff" in text
    assert "[staff] A staff note." in text


@pytest.mark.parametrize(
    ("score", "maximum", "shown_only", "said"),
    [("8", "10", False, "8/10"), ("2.67", "8", False, "2.67/8"), ("0", "0", True, "no points"), ("1.5", "0", False, "+1.5")],
)
def test_a_score_is_written_as_people_write_it(score: str, maximum: str, shown_only: bool, said: str) -> None:
    line = render(report(item(score=score, maximum=maximum, shown_only=shown_only)), staff=False).splitlines()[2]
    assert line.endswith("  " + said)


def test_planned_rows_are_announced_with_their_points() -> None:
    text = render(report(item(), planned={"a.later": Decimal(7), "a.none": Decimal(0)}), staff=False)
    assert "7 more points are planned and not graded yet: a.later." in text


@pytest.mark.parametrize("staff", [False, True])
def test_nothing_from_a_submission_can_act_on_the_terminal(staff: bool) -> None:
    made = report(item(findings=(Finding(HOSTILE, HOSTILE),)), notes=(HOSTILE,), staff_notes=(HOSTILE,), label=HOSTILE)
    text = render(made, staff=staff)
    assert not [c for c in text if ord(c) < 32 and c != "\n"]
    assert "\u202e" not in text
    text.encode("utf-8")


@pytest.mark.parametrize("outcome", Outcome)
def test_colour_marks_the_word_alone_and_only_when_wanted(outcome: Outcome) -> None:
    made = report(item(outcome=outcome))
    plain, coloured = render(made, staff=False), render(made, staff=False, colour=True)
    assert "\x1b" not in plain
    before, word, after = (
        coloured.partition("\x1b[")[0],
        coloured.partition("\x1b[")[2].partition("m")[2].split("\x1b")[0],
        coloured.rsplit("\x1b[0m", 1)[1],
    )
    assert word.strip() == outcome.value
    assert before + word + after == plain


def test_long_texts_are_wrapped_to_the_width() -> None:
    made = report(item(findings=(Finding("word " * 100, "word " * 100),)), notes=("word " * 100,))
    assert max(map(len, render(made, staff=True, width=70).splitlines())) <= 70


def test_a_report_without_items_is_shown() -> None:
    assert render(report(), staff=True).endswith("Total: 0 of 0 points in 1.23 s.")
