"""results.json: whatever a report holds, the file is one Gradescope accepts, and students read only what they may."""

from __future__ import annotations

import json
import math
import os
import stat
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from grader.grading.findings import Finding
from grader.grading.results import ItemResult, Outcome, Report
from grader.grading.rubric import Item, Rubric
from grader.report import gradescope
from tests.report.conformance import conforming, student_text

HOSTILE = "\x1b]0;title\x07\x1b[2Jnull \0 bell \x07 right-to-left \u202e lone \ud800 page \x0c end"


def item(name: str = "a.one", score: str = "2.5", maximum: str = "4", **changes: Any) -> ItemResult:
    """An item's result with some fields changed."""
    fields: dict[str, Any] = {
        "id": name,
        "title": f"Title of {name}",
        "outcome": Outcome.PARTIAL,
        "score": Decimal(score),
        "maximum": Decimal(maximum),
        "shown_only": False,
        "visibility": "visible",
        "tags": ("tag",),
        "parts": {"first": True, "second": False},
        "findings": (Finding("seen by the student", "seen by staff", "second"),),
        "seconds": 0.123456,
    }
    return ItemResult(**{**fields, **changes})


def report(*items: ItemResult, **changes: Any) -> Report:
    """A report of these items."""
    fields: dict[str, Any] = {
        "label": "hand-in",
        "planned": {},
        "notes": ("A note.",),
        "staff_notes": ("A staff note.",),
        "submission_digest": "5",
        "rubric_digest": "6",
        "fixtures_digest": "7",
        "layers": ("process", "seccomp"),
        "isolation": "fork",
        "seconds": 1.23456,
    }
    return Report(items=items, **{**fields, **changes})


def written(tmp_path: Path, made: Report) -> dict[str, Any]:
    """The report as it stands in the file, held against every rule."""
    gradescope.write(gradescope.render(made), tmp_path / "results.json")
    return conforming(tmp_path / "results.json")


def test_every_field_of_an_item_is_where_gradescope_looks_for_it(tmp_path: Path) -> None:
    result = written(tmp_path, report(item(), item("a.two", "4", "4", outcome=Outcome.PASSED, findings=())))
    first, second = result["tests"]
    extra = first.pop("extra_data")
    assert (extra["id"], extra["outcome"], extra["parts"]) == ("a.one", "partial", {"first": True, "second": False})
    assert extra["staff"] == ["second: seen by staff"]
    assert first == {
        "name": "Title of a.one",
        "name_format": "text",
        "number": "1",
        "status": "failed",
        "score": Decimal("2.5"),
        "max_score": 4,
        "output": "seen by the student\nRight so far: first.",
        "output_format": "text",
        "tags": ["tag"],
        "visibility": "visible",
    }
    assert (second["status"], second["output"], second["number"]) == ("passed", "All right.", "2")
    assert (result["score"], result["execution_time"]) == (Decimal("6.5"), Decimal("1.23"))
    assert result["stdout_visibility"] == "hidden"
    assert result["output"].startswith("6.5 of 8 points.")


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_its_word_and_only_passed_is_passed(tmp_path: Path, outcome: Outcome) -> None:
    (test,) = written(tmp_path, report(item(outcome=outcome)))["tests"]
    assert test["extra_data"]["outcome"] == outcome.value
    assert test["status"] == ("passed" if outcome is Outcome.PASSED else "failed")


def test_what_was_graded_with_is_on_record(tmp_path: Path) -> None:
    extra = written(tmp_path, report(item(), planned={"a.later": Decimal("1.5")}))["extra_data"]
    assert (extra["submission_digest"], extra["rubric_digest"], extra["fixtures_digest"]) == ("5", "6", "7")
    assert extra["grader_version"]
    assert extra["isolation"] == {"kind": "fork", "layers": ["process", "seccomp"]}
    assert extra["planned"] == {"a.later": Decimal("1.5")}
    assert extra["staff_notes"] == ["A staff note."]


def test_an_item_without_points_has_a_status_and_no_score(tmp_path: Path) -> None:
    (test,) = written(tmp_path, report(item(score="0", maximum="0", shown_only=True)))["tests"]
    assert "score" not in test
    assert "max_score" not in test
    assert test["status"] == "failed"


def test_a_bonus_is_a_score_above_a_maximum_of_nothing(tmp_path: Path) -> None:
    result = written(tmp_path, report(item(score="4", maximum="4"), item("a.more", "1.5", "0", outcome=Outcome.PASSED)))
    assert (result["tests"][1]["score"], result["tests"][1]["max_score"]) == (Decimal("1.5"), 0)
    assert result["score"] == Decimal("5.5")


def test_scores_that_floats_cannot_add_are_added_exactly(tmp_path: Path) -> None:
    items = [item(f"a.n{'x' * at}", "0.1", "0.1") for at in range(3)]
    assert written(tmp_path, report(*items))["score"] == Decimal("0.3")
    assert '"score": 0.3,' in (tmp_path / "results.json").read_text("utf-8")


@pytest.mark.parametrize("visibility", ["hidden", "after_due_date", "after_published"])
def test_where_anything_is_hidden_the_visible_points_are_told_and_the_hidden_ones_are_not(tmp_path: Path, visibility: str) -> None:
    secret = item("a.secret", "3.75", "7.25", visibility=visibility, title="Secret title", findings=(Finding("secret words"),))
    result = written(tmp_path, report(item(), secret))
    assert result["output"].startswith("Visible checks: 2.5 of 4 points. Not shown yet: 1 more check, worth 7.25 points.")
    assert result["tests"][1]["visibility"] == visibility
    for words in ("3.75", "6.25", "11.25", "ecret"):
        assert words not in result["output"]
        assert words not in json.dumps(result["tests"][0], default=str)


def test_what_students_see_is_numbered_without_gaps_now_and_later(tmp_path: Path) -> None:
    shown = ("visible", "hidden", "after_published", "visible", "after_due_date", "visible")
    result = written(tmp_path, report(*(item(f"a.n{'x' * at}", visibility=when) for at, when in enumerate(shown))))
    for seen in ({"visible"}, {"visible", "after_published", "after_due_date"}):
        numbers = [test["number"] for test in result["tests"] if test["visibility"] in seen]
        assert numbers == [str(number) for number in range(1, len(numbers) + 1)]


def test_an_item_without_points_that_fails_says_that_it_costs_nothing(tmp_path: Path) -> None:
    result = written(tmp_path, report(item(score="0", maximum="0", shown_only=True), item("a.other")))
    assert ["costs you nothing" in test["output"] for test in result["tests"]] == [True, False]


def test_what_is_for_staff_stays_out_of_what_students_read(tmp_path: Path) -> None:
    result = written(tmp_path, report(item(findings=(Finding("for you", "expected 42.4242"), Finding("", "Traceback /srv/x")))))
    text = student_text(result)
    assert "for you" in text
    for words in ("42.4242", "Traceback", "/srv", "staff note"):
        assert words not in text
    assert result["tests"][0]["extra_data"]["staff"] == ["expected 42.4242", "Traceback /srv/x"]


def test_a_fault_of_the_grader_is_told_as_such(tmp_path: Path) -> None:
    failed = item(score="0", outcome=Outcome.GRADER_ERROR, findings=(Finding("Not your fault.", "Traceback"),))
    result = written(tmp_path, report(failed, item("a.two")))
    assert "The grader failed on some items. That is not your fault" in result["output"]
    assert result["tests"][0]["max_score"] == 4
    assert "Traceback" not in student_text(result)


def test_text_that_could_act_is_made_harmless_everywhere(tmp_path: Path) -> None:
    made = report(item(findings=(Finding(HOSTILE, HOSTILE),)), notes=(HOSTILE,), staff_notes=(HOSTILE,))
    result = written(tmp_path, made)  # `conforming` looks for what must not be there
    assert "null \ufffd bell" in result["tests"][0]["output"]
    assert "null \ufffd bell" in result["output"]


@pytest.mark.parametrize("letter", ["x", "\n", '"', "é", "𝄞", "\0"])
def test_huge_texts_are_cut_and_no_score_is_lost(tmp_path: Path, letter: str) -> None:
    findings = tuple(Finding(letter * 60_000, letter * 60_000) for _ in range(30))
    items = [item(f"a.n{'x' * at}", findings=findings) for at in range(20)]
    made = report(*items, notes=(letter * 90_000,), staff_notes=(letter * 90_000,) * 3)
    result = written(tmp_path, made)  # `conforming` holds every limit
    assert result["score"] == 50
    assert len(result["tests"]) == 20


def test_a_report_of_nothing_is_still_a_valid_file(tmp_path: Path) -> None:
    assert written(tmp_path, report(notes=(), staff_notes=()))["tests"] == []


# The file itself -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_is_no_json_leaves_the_old_file_and_nothing_else(tmp_path: Path, value: object) -> None:
    target = tmp_path / "results.json"
    target.write_text("old")
    with pytest.raises((ValueError, TypeError)):
        gradescope.write({"score": value}, target)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_cannot_be_replaced_leaves_nothing_half_written(tmp_path: Path) -> None:
    target = tmp_path / "results.json"
    target.mkdir()
    with pytest.raises(OSError, match=r"."):
        gradescope.write({"score": 1}, target)
    assert list(tmp_path.iterdir()) == [target]


def test_the_file_is_replaced_and_not_written_into(tmp_path: Path) -> None:
    target, reader = tmp_path / "results.json", tmp_path / "reader.json"
    target.write_text("old")
    reader.hardlink_to(target)
    gradescope.write({"score": 1}, target)
    assert json.loads(target.read_text()) == {"score": 1}
    assert reader.read_text() == "old"  # who had opened the old file still reads all of it
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reader.json", "results.json"]


# The fallback ----------------------------------------------------------------------------------------------------------------


def row(name: str, points: str, **changes: Any) -> Item:
    """A rubric row worth `points`."""
    fields: dict[str, Any] = {"bonus": Fraction(0), "planned": False, "visibility": "visible", "tags": (), "parts": {}}
    fields |= {"tolerance": {}, "needs": (), "seconds": 10.0}
    return Item(id=name, points=Fraction(points), **{**fields, **changes})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes exist on POSIX only")
@pytest.mark.parametrize(
    ("findings", "kept"),
    [
        (
            (Finding("far", missed_by=3.14159265), Finding("near", missed_by=1.01), Finding("other")),
            {"missed_by": Decimal("3.142")},
        ),
        ((Finding("beyond all", missed_by=math.inf),), {}),
        ((Finding("nothing there", blank=True),), {"blank": True}),
        ((Finding("just wrong"),), {}),
    ],
)
def test_what_sorts_a_failure_is_kept_for_staff(tmp_path: Path, findings: tuple[Finding, ...], kept: dict[str, Any]) -> None:
    (test,) = written(tmp_path, report(item(findings=findings)))["tests"]
    assert {name: test["extra_data"].get(name) for name in ("blank", "missed_by") if name in test["extra_data"]} == kept


def test_a_device_or_a_pipe_is_written_into_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        gradescope.write(gradescope.fallback(None, {}, "why"), pipe)
        assert json.loads(os.read(reader, 65536))["score"] == 0
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def test_the_fallback_holds_every_maximum_and_blames_no_student(tmp_path: Path) -> None:
    rows = (
        row("a.one", "2.25"),
        row("a.two", "7.75", visibility="hidden"),
        row("a.shown", "0"),
        row("a.bonus", "0", bonus=Fraction(2)),
        row("a.later", "90", planned=True),
    )
    rubric = Rubric("t", Fraction(100), rows, 512, "digest")
    gradescope.write(gradescope.fallback(rubric, {"a.one": "Title"}, "Traceback \x1b[2J of /srv/x"), tmp_path / "results.json")
    result = conforming(tmp_path / "results.json")
    one, shown, bonus, two = result["tests"]  # what is hidden stands last
    assert (one["name"], one["max_score"], two["name"], two["max_score"], two["visibility"]) == (
        "Title", Decimal("2.25"), "a.two", Decimal("7.75"), "hidden",
    )  # fmt: skip
    assert "max_score" not in shown
    assert bonus["max_score"] == 0
    assert result["score"] == 0
    assert "not your fault" in result["output"]
    assert all("not your fault" in test["output"] for test in result["tests"])
    assert "/srv/x" in result["extra_data"]["grader_error"]
    assert "/srv/x" not in student_text(result)


def test_the_fallback_needs_no_rubric(tmp_path: Path) -> None:
    gradescope.write(gradescope.fallback(None, {}, "x" * 100_000), tmp_path / "results.json")
    assert conforming(tmp_path / "results.json")["tests"] == []
