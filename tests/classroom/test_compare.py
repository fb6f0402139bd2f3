"""Why a grade is another one: each of the things that a score depends on is told apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.classroom import adjustments
from grader.classroom import gradebook as gradebooks
from grader.classroom.adjustments import Adjustment
from grader.classroom.compare import as_text, compared
from tests.classroom.runs import ADA, BO, ONE, TWO, written

PEOPLE = {"s1": (ADA,), "s2": (BO,)}
RUBRIC = f'[[item]]\nid = "{ONE}"\npoints = 10\n[[item]]\nid = "{TWO}"\npoints = 30\n'


def _verdict(out: Path, **general: object) -> None:
    """Change what a verdict on s1 was reached with."""
    path = gradebooks.place(out, "s1")
    found = json.loads(path.read_bytes())
    found["extra_data"].update(general)
    path.write_text(json.dumps(found))


def _same(out: Path) -> None:
    pass


def _anew(out: Path) -> None:
    _verdict(out, submission_digest="another")


def _upgraded(out: Path) -> None:
    _verdict(out, grader_version="9")


def _reweighted(out: Path) -> None:
    gradebooks.rubric(out).write_text(RUBRIC.replace("30", "29"))


@pytest.mark.parametrize(
    ("change", "why", "said"),
    [
        (_same, "nothing on record", ""),
        (_anew, "submission", "submission: 1 handed in anew or changed: s1 Ada Núñez"),
        (_upgraded, "grader", "grader: another version"),
        (_reweighted, "rubric", f"in the rows of {TWO}"),
    ],
)
def test_what_made_the_difference_is_told(tmp_path: Path, change: Callable[[Path], None], why: str, said: str) -> None:
    old = written(tmp_path / "old", PEOPLE)
    new = written(tmp_path / "new", PEOPLE, {"s1": (10, 20)})
    for out in (old, new):
        gradebooks.rubric(out).write_text(RUBRIC)
    change(new)
    found = compared(old, new)
    assert [(one.item, f"{one.difference:f}", *one.why) for one in found.changes] == [("total", "5", why), (TWO, "5", why)]
    assert said in as_text(found)


def test_adjustments_are_listed_and_are_a_reason(tmp_path: Path) -> None:
    old, new = (written(tmp_path / name, PEOPLE) for name in ("old", "new"))
    both = Adjustment("s2", item=ONE, points=adjustments.number("3", ""), reason="both")
    more = Adjustment("s1", item=TWO, points=adjustments.number("30", ""), reason="shown")
    adjustments.add(old, [both])
    adjustments.add(new, [both, more, Adjustment("s9", days_late=1, reason="gone")])
    found = compared(old, new)
    told = [(one.item, f"{one.difference:f}", *one.why) for one in found.changes]
    assert told == [("total", "15", "adjustment"), (TWO, "15", "adjustment")]
    text = as_text(found)
    assert f"adjustment only in the new run: s1 Ada Núñez: 30 points for {TWO}: shown" in text
    assert "adjustment in both runs: 1, which" in text
    assert "nobody in the class is s9" in text
    assert as_text(compared(new, new)).startswith(f"Nothing changed from {new} to {new}.")


def test_the_class_is_summed_up_by_item_before_anybody_is_named(tmp_path: Path) -> None:
    old = written(tmp_path / "old", PEOPLE)
    new = written(tmp_path / "new", PEOPLE, {"s1": (10, 20), "s2": (8, 12.5)})
    lines = as_text(compared(old, new)).splitlines()
    assert lines[:4] == [
        "By item:",
        "  total      2 changed  1 up, 1 down  +0.5 points  from -4.5 to +5",
        f"  {TWO}  2 changed  1 up, 1 down  +2.5 points  from -2.5 to +5",
        f"  {ONE}  1 changed  0 up, 1 down  -2 points",
    ]


def test_what_counts_is_compared_whichever_attempt_that_is(tmp_path: Path) -> None:
    people, scores = {"s1": (ADA, BO), "s2": (BO,), "s3": ()}, {"s1": (10, 30), "s2": (0, 0)}
    created = {"s1": "2024-10-01 10:00:00 Z", "s2": "2024-10-01 11:00:00 Z"}
    latest, first = (written(tmp_path / name, people, scores, created, name) for name in ("latest", "first"))
    for old, new, by in ((latest, first, "40"), (first, latest, "-40")):
        found = compared(old, new)
        assert [(one.line.member.people, f"{one.difference:f}") for one in found.changes if one.item == "total"] == [((BO,), by)]
        assert f"chosen with --attempt {old.name} before, with --attempt {new.name} now" in as_text(found)
