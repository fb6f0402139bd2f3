"""The class book: what a class run left in its folder, read back for every view of the class.

    OUT/class.json                       who is in the class, and the items with their maxima
    OUT/submissions/<id>/results.json    each verdict, as Gradescope would read it

Only small records are kept; the verdicts are read one at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from ..errors import UsageError
from ..result import Outcome
from ..roster import Person
from ..text import name as shown
from . import gradescope

FILE: Final = "class.json"
_UNANSWERED: Final = (Outcome.MISSING, Outcome.SKIPPED)


@dataclass(frozen=True, slots=True)
class Column:
    """An item of the class: `maximum` is None where no points stand; a bonus has 0."""

    id: str
    title: str
    maximum: Decimal | None


@dataclass(frozen=True, slots=True)
class Member:
    """A submission of the class and who handed it in."""

    id: str
    people: tuple[Person, ...]
    created_at: str

    @property
    def names(self) -> str:
        """The submitters' names, or what else is known; empty if nothing is."""
        return ", ".join(person.name or person.email or person.sid for person in self.people)


@dataclass(frozen=True, slots=True)
class Book:
    """A class.

    Attributes:
        title: of the homework.
        columns: its items in the rubric's order.
        members: its submissions, sorted.
        absent: students of the roster who handed in nothing.
        only: what the run was restricted to (`--only`); empty for everything.
    """

    title: str
    columns: tuple[Column, ...]
    members: tuple[Member, ...]
    absent: tuple[Person, ...]
    only: str

    @property
    def maximum(self) -> Decimal:
        """The sum of the maxima."""
        return sum((column.maximum or Decimal(0) for column in self.columns), Decimal(0))


@dataclass(frozen=True, slots=True)
class Mark:
    """One item of one submission: the outcome's word, and the score if points stand there."""

    outcome: str
    score: Decimal | None


@dataclass(frozen=True, slots=True)
class Line:
    """One submission at a glance: `outcome` sums it up, `marks` are by item, `slips` the ones recognised anywhere in it."""

    member: Member
    outcome: str
    total: Decimal
    marks: dict[str, Mark]
    slips: tuple[str, ...]


def place(out: Path, id: str) -> Path:
    """Where a submission's verdict lies."""
    return out / "submissions" / id / "results.json"


def save(book: Book, out: Path) -> None:
    """Write OUT/class.json in one step.

    Raises:
        OSError: the folder cannot be written.
    """
    gradescope.write(json.loads(json.dumps(asdict(book), default=str)), out / FILE)


def load(out: Path) -> Book:
    """The class whose run left its results in `out`.

    Raises:
        UsageError: there is none, or its record is damaged.
    """
    try:
        data = json.loads((out / FILE).read_bytes())
        return Book(
            title=data["title"],
            columns=tuple(Column(c["id"], c["title"], _decimal(c["maximum"])) for c in data["columns"]),
            members=tuple(Member(m["id"], _people(m["people"]), m["created_at"]) for m in data["members"]),
            absent=_people(data["absent"]),
            only=data["only"],
        )
    except OSError as error:
        raise UsageError(f"{out} holds no class run ({FILE}: {error.strerror}); name the folder given to 'batch -o'") from error
    except (ValueError, KeyError, TypeError, InvalidOperation) as error:
        raise UsageError(f"{out / FILE} is damaged ({shown(str(error))}); run 'batch' into that folder again") from error


def result(out: Path, id: str) -> dict[str, Any] | None:
    """A verdict as it was written; None if it is not there or damaged."""
    try:
        found = json.loads(place(out, id).read_bytes())
        line(found, Member(id, (), ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidOperation):
        return None
    return dict(found)


def lines(out: Path, book: Book) -> Iterator[tuple[Line, dict[str, Any]]]:
    """Every submission with its verdict, in the book's order; one without a verdict is left out."""
    for member in book.members:
        found = result(out, member.id)
        if found is not None:
            yield line(found, member), found


def line(found: dict[str, Any], member: Member) -> Line:
    """What a verdict comes to."""
    marks = {test["extra_data"]["id"]: Mark(test["extra_data"]["outcome"], _decimal(test.get("score"))) for test in found["tests"]}
    slips = {slip for test in found["tests"] for slip in test["extra_data"].get("slips", ())}
    total = Decimal(str(found["score"]))
    words = {mark.outcome for mark in marks.values()}
    counting = [mark for mark in marks.values() if mark.score is not None] or list(marks.values())
    if "grader_error" in found["extra_data"] or Outcome.GRADER_ERROR in words:
        outcome = Outcome.GRADER_ERROR
    elif marks and words <= set(_UNANSWERED):
        outcome = Outcome.MISSING
    elif all(mark.outcome == Outcome.PASSED for mark in counting):
        outcome = Outcome.PASSED
    else:
        outcome = Outcome.PARTIAL if total else Outcome.WRONG
    return Line(member, outcome, total, marks, tuple(sorted(slips)))


def _people(rows: list[dict[str, str]]) -> tuple[Person, ...]:
    return tuple(Person(row["name"], row["sid"], row["email"]) for row in rows)


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))
