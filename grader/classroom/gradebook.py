"""The gradebook: what a class run left in its folder, read back for every view of the class.

    OUT/class.json                       who is in the class, and the items with their maxima
    OUT/submissions/<id>/results.json    each verdict, as Gradescope would read it

Only small records are kept; the verdicts are read one at a time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from ..errors import UsageError
from ..grading.invocation import command
from ..grading.results import Outcome
from ..grading.rubric import did_you_mean
from ..report import gradescope
from ..submission.text import name as shown
from . import attempts
from .adjustments import Applied
from .roster import Person, folded

Counts = Mapping[str, tuple[Person, ...]]  # id of each submission that counts -> the submitters for whom it does
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
        return ", ".join(person.called for person in self.people)


@dataclass(frozen=True, slots=True)
class Gradebook:
    """A class.

    Attributes:
        title: of the homework.
        columns: its items in the rubric's order.
        members: its submissions, sorted.
        absent: students of the roster who handed in nothing.
        only: what the run was restricted to (`--only`); empty for everything.
        attempt: which of a student's submissions counts, one of `attempts.POLICIES`.
    """

    title: str
    columns: tuple[Column, ...]
    members: tuple[Member, ...]
    absent: tuple[Person, ...]
    only: str
    attempt: str = "latest"

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
    """One submission at a glance.

    Attributes:
        outcome: sums it up.
        marks: by item.
        slips: the ones recognised anywhere in it.
        applied: what staff decided on top; total, outcome and marks are those that hold with it.
        counts: whether it counts for anybody; it does not where another one of each of its submitters does.
        counts_for: the submitters for whom it counts; None for all of them.
    """

    member: Member
    outcome: str
    total: Decimal
    marks: dict[str, Mark]
    slips: tuple[str, ...]
    applied: tuple[Applied, ...] = ()
    counts: bool = True
    counts_for: tuple[Person, ...] | None = None

    @property
    def students(self) -> tuple[Person, ...]:
        """Those for whom it counts, a row of a table each; one of whom nothing is known where the submitters are unknown."""
        if not self.counts:
            return ()
        return (self.member.people if self.counts_for is None else self.counts_for) or (Person(),)


def place(out: Path, id: str) -> Path:
    """Where a submission's verdict lies."""
    return out / "submissions" / id / "results.json"


def rubric(out: Path) -> Path:
    """Where the rubric lies that a class was graded with."""
    return out / "rubric.toml"


def save(book: Gradebook, out: Path) -> None:
    """Write OUT/class.json in one step.

    Raises:
        OSError: the folder cannot be written.
    """
    gradescope.write(json.loads(json.dumps(asdict(book), default=str)), out / FILE)


def load(out: Path) -> Gradebook:
    """The class whose run left its results in `out`.

    Raises:
        UsageError: there is none, or its record is damaged.
    """
    try:
        data = json.loads((out / FILE).read_bytes())
        return Gradebook(
            title=data["title"],
            columns=tuple(Column(c["id"], c["title"], _decimal(c["maximum"])) for c in data["columns"]),
            members=tuple(Member(m["id"], _people(m["people"]), m["created_at"]) for m in data["members"]),
            absent=_people(data["absent"]),
            only=data["only"],
            attempt=data.get("attempt", "all"),  # a run of before had a row for each
        )
    except OSError as error:
        raise UsageError(f"{out} holds no class run ({FILE}: {error.strerror}); name the folder given to 'batch -o'") from error
    except (ValueError, KeyError, TypeError, InvalidOperation) as error:
        again = command("batch")
        raise UsageError(f"{out / FILE} is damaged ({shown(str(error))}); run '{again}' into that folder again") from error


def find(book: Gradebook, wanted: str, counts: Counts) -> Member:
    """The submission of that id, or the one that counts of the one student who is meant: by SID, e-mail, name or words of it;
    accents and case do not matter. `counts` as `counting` gives it.

    Raises:
        UsageError: there is none, or several are meant, and the message lists them.
    """
    for member in book.members:
        if member.id == wanted:
            return member
    asked = folded(wanted)
    people = [(member, person) for member in book.members for person in member.people]
    named = [(m, p) for m, p in people if asked and asked in map(folded, (p.sid, p.email, p.name))]
    named = named or [(m, p) for m, p in people if _named(asked.split(), folded(p.name).split())]
    counting = [member for member, person in named if person in counts.get(member.id, ())]
    found = list(dict.fromkeys(counting or [member for member, _ in named]))
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{member.id} {member.names}".strip() for member in found[:5])
        more = f" or {len(found) - 5} more" if len(found) > 5 else ""
        raise UsageError(f"'{shown(wanted)}' could be {listed}{more}; give one of these ids")
    known = [*(m.id for m in book.members), *(person.name for m in book.members for person in m.people if person.name)]
    raise UsageError(f"no submission or student '{shown(wanted)}'{did_you_mean(wanted, known)}")


def _named(words: list[str], name: list[str]) -> bool:
    """Whether each word begins one of the name's."""
    return bool(words) and all(any(part.startswith(word) for part in name) for word in words)


def result(out: Path, id: str) -> dict[str, Any] | None:
    """A verdict as it was written; None if it is not there or damaged."""
    try:
        found = json.loads(place(out, id).read_bytes())
        line(found, Member(id, (), ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidOperation):
        return None
    return dict(found)


def lines(out: Path, book: Gradebook, counts: Counts | None = None) -> Iterator[tuple[Line, dict[str, Any]]]:
    """Every submission with its verdict, in the gradebook's order; one without a verdict is left out.

    `counts`: which of them count; where it is not given and points decide, the grader's own do.
    """
    if counts is None:
        counts = counting(book, lambda member: Decimal(str((result(out, member.id) or {"score": 0})["score"])))
    for member in book.members:
        found = result(out, member.id)
        if found is not None:
            own = line(found, member)
            yield replace(own, counts=member.id in counts, counts_for=counts.get(member.id, ())), found


def counting(book: Gradebook, total: Callable[[Member], Decimal]) -> Counts:
    """The ids of the submissions that count, with the submitters for whom they do; see `attempts.counting`.

    `total`: the points of one; asked only where these decide.
    """
    points = total if book.attempt == "best" else lambda _: Decimal(0)
    handed = (attempts.Attempt(m.id, m.people, m.created_at, points(m)) for m in book.members)
    return attempts.counting(handed, book.attempt)


def line(found: dict[str, Any], member: Member) -> Line:
    """What a verdict comes to."""
    marks = {test["extra_data"]["id"]: Mark(test["extra_data"]["outcome"], _decimal(test.get("score"))) for test in found["tests"]}
    slips = {slip for test in found["tests"] for slip in test["extra_data"].get("slips", ())}
    total = Decimal(str(found["score"]))
    failed = "grader_error" in found["extra_data"]
    return Line(member, Outcome.GRADER_ERROR if failed else summed_up(marks, total), total, marks, tuple(sorted(slips)))


def summed_up(marks: Mapping[str, Mark], total: Decimal) -> Outcome:
    """The one word for a whole submission."""
    words = {mark.outcome for mark in marks.values()}
    counting = [mark for mark in marks.values() if mark.score is not None] or list(marks.values())
    if Outcome.GRADER_ERROR in words:
        return Outcome.GRADER_ERROR
    if marks and words <= set(_UNANSWERED):
        return Outcome.MISSING
    if all(mark.outcome == Outcome.PASSED for mark in counting):
        return Outcome.PASSED
    return Outcome.PARTIAL if total else Outcome.WRONG


def _people(rows: list[dict[str, str]]) -> tuple[Person, ...]:
    return tuple(Person(row["name"], row["sid"], row["email"]) for row in rows)


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))
