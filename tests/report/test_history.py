"""The line about the last time: right where it can be told, silent where it cannot, whatever the metadata hold."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.grading.results import ItemResult, Outcome, Report
from grader.report import history
from grader.report.gradescope import render

Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def made(name: str, score: str, *, maximum: str = "10", visibility: str = "visible", outcome: Outcome | None = None) -> ItemResult:
    got, most = Decimal(score), Decimal(maximum)
    ended = outcome or (Outcome.PASSED if got == most else Outcome.WRONG)
    return ItemResult(f"group.{name}", f"The check {name}", ended, got, most, False, visibility, (), {"all": got == most}, (), 0.1)


def report(*items: ItemResult) -> Report:
    return Report("hand in", items, {}, (), (), "a", "b", "c", ("process",), "fork", 1.0)


def told(before: Report, now: Report, **changes: Any) -> str:
    return history.line({"previous_submissions": [{"results": render(before), **changes}]}, now)


BEFORE = report(made("one", "10"), made("two", "0"), made("three", "2.5"))
NOW = report(made("one", "0"), made("two", "10"), made("three", "2.5"))


def test_what_became_right_and_what_did_not_stay_right_is_named() -> None:
    assert told(BEFORE, NOW) == "Last time 12.5, now 12.5. Now right: The check two. No longer right: The check one."


def test_with_a_check_that_is_shown_later_only_the_visible_ones_are_told() -> None:
    later = made("later", "10", visibility="after_published")
    text = told(report(*BEFORE.items, replace(later, score=Decimal(0))), report(*NOW.items, later))
    assert text.startswith("Visible checks: last time 12.5, now 12.5.")
    assert "later" not in text


def test_results_that_came_back_without_our_own_data_are_known_by_their_titles() -> None:
    results = render(BEFORE)
    for test in results["tests"]:
        del test["extra_data"]
    assert history.line({"previous_submissions": [{"results": results}]}, NOW).startswith("Last time 12.5, now 12.5.")


def test_many_changes_are_counted() -> None:
    before = report(*(made(f"n{number}", "0") for number in range(9)))
    now = report(*(made(f"n{number}", "10") for number in range(9)))
    assert told(before, now).endswith("The check n3 and 5 more.")


@pytest.mark.parametrize(
    ("before", "now", "changes"),
    [
        (report(*BEFORE.items[:2]), NOW, {}),  # a check is new
        (report(made("one", "5", maximum="5"), *BEFORE.items[1:]), NOW, {}),  # points were changed
        (report(made("one", "10", visibility="hidden"), *BEFORE.items[1:]), NOW, {}),  # the student did not see it
        (report(made("one", "0", outcome=Outcome.GRADER_ERROR), *BEFORE.items[1:]), NOW, {}),  # it was our fault then
        (BEFORE, report(made("one", "0", outcome=Outcome.GRADER_ERROR), *NOW.items[1:]), {}),  # it is our fault now
        (BEFORE, NOW, {"autograder_error": True}),
        (BEFORE, NOW, {"results": {"tests": []}}),
        (BEFORE, report(), {}),
    ],
)
def test_what_cannot_be_compared_is_not(before: Report, now: Report, changes: dict[str, Any]) -> None:
    assert told(before, now, **changes) == ""


@settings(max_examples=60, deadline=None, database=None)
@given(Json, st.sampled_from(["score", "max_score", "visibility", "extra_data", "name"]))
def test_no_value_in_the_metadata_raises(value: Any, key: str) -> None:
    for metadata in (
        {"previous_submissions": value},
        {"previous_submissions": [value]},
        {"previous_submissions": [{"results": value}]},
    ):
        assert history.line(metadata, NOW) == ""
    results = render(BEFORE)
    for test in results["tests"]:
        test[key] = value
    assert isinstance(history.line({"previous_submissions": [{"results": results}]}, NOW), str)


@pytest.mark.parametrize("data", [None, b"", b"\xff", b"[1]", b"[" * 200_000, b'{"a": ' + b"9" * 5000 + b"}"])
def test_metadata_that_cannot_be_read_are_none(data: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "submission_metadata.json"
    if data is not None:
        path.write_bytes(data)
    assert history.read(path) == {}
