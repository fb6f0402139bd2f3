"""Class runs as if they had been graded: verdicts written by hand, so that views of them can be asked without grading anything."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from grader.classroom import gradebook as gradebooks
from grader.classroom.gradebook import Column, Gradebook, Line, Member
from grader.classroom.roster import Person
from grader.report import gradescope

ONE, TWO, SHOWN = "tasks.one", "tasks.two", "tasks.shown"
ADA = Person("Ada Núñez", "3031", "ada@x.edu")
BO = Person("Bo Chen", "3032", "bo@x.edu")


def written(
    out: Path,
    people: Mapping[str, tuple[Person, ...]],
    scores: Mapping[str, tuple[float, float]] | None = None,
    created: Mapping[str, str] | None = None,
    attempt: str = "latest",
) -> Path:
    """A run of items ONE (10), TWO (30) and SHOWN (no points) in `out`: what each submission got, 10 and 15 if not said."""
    out.mkdir(exist_ok=True)
    columns = (Column(ONE, "One", Decimal(10)), Column(TWO, "Two", Decimal(30)), Column(SHOWN, "Shown", None))
    members = tuple(Member(name, people[name], (created or {}).get(name, "")) for name in sorted(people))
    gradebooks.save(Gradebook("homework", columns, members, (), "", attempt), out)
    for name in people:
        one, two = (scores or {}).get(name, (10, 15))
        tests = [_test(ONE, one, 10), _test(TWO, two, 30), _test(SHOWN, None, 0)]
        gradebooks.place(out, name).parent.mkdir(parents=True, exist_ok=True)
        extra = {"submission_digest": f"digest of {name}"}
        gradescope.write({"score": one + two, "output": "", "tests": tests, "extra_data": extra}, gradebooks.place(out, name))
    return out


def _test(item: str, score: float | None, maximum: float) -> dict[str, Any]:
    outcome = "passed" if score in (None, maximum) else "partial" if score else "wrong"
    test = {"name": item, "output": "Said.", "visibility": "visible", "extra_data": {"id": item, "outcome": outcome, "parts": {}}}
    return test if score is None else test | {"score": score, "max_score": maximum}


def line(member: Member, total: str, outcome: str = "partial") -> Line:
    """One submission with a total and nothing else."""
    return Line(member, outcome, Decimal(total), {}, ())
