"""The grades that are handed on: what the grader found, with what staff decided on top (see `adjustments`).

Verdicts on disk stay the grader's own; every view of scores is made of the lines from here. What no longer fits is told, never
dropped: it stays in its file and holds again once it fits.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Final

from ..grading.results import Outcome
from ..report import wording
from . import adjustments
from . import gradebook as gradebooks
from .adjustments import TOTAL, Adjustment, Adjustments, Applied, Late
from .attempts import submitted
from .gradebook import Column, Counts, Gradebook, Line, Mark, Member
from .roster import folded

EXCUSED: Final = "excused"
_UNGRADED: Final = "not graded"  # of a question that is graded by hand: nobody has yet
_DAY: Final = timedelta(days=1)
_CENT: Final = Decimal("0.01")


@dataclass(slots=True)
class Grades:
    """A class with its adjustments.

    Attributes:
        book: the class, with a column for each question that is graded by hand.
        warnings: sentences on adjustments that do not fit; complete once `lines` has been gone through.
    """

    out: Path
    book: Gradebook
    adjusted: Adjustments
    warnings: list[str] = field(default_factory=list)
    _by_member: dict[str, list[Adjustment]] = field(default_factory=dict)

    def lines(self) -> Iterator[tuple[Line, dict[str, Any]]]:
        """Every submission with its verdict, adjusted, in the gradebook's order."""
        for line, found in gradebooks.lines(self.out, self.book, self.counting()):
            for one in self.on(line.member) if not line.counts else ():
                who = f"{line.member.id} {line.member.names}".strip()
                self.warn(f"{who}: {one.what} ({one.reason}); but another submission of theirs counts by now")
            yield self.line(line, found), found

    def counting(self) -> Counts:
        """Which submissions count, and for whom; where points decide, those that hold with adjustments and lateness do."""

        def total(member: Member) -> Decimal:
            found = gradebooks.result(self.out, member.id)
            return self.line(gradebooks.line(found, member), found).total if found is not None else Decimal(0)

        return gradebooks.counting(self.book, total)

    def line(self, line: Line, found: dict[str, Any]) -> Line:
        """One submission, adjusted; `found` is its verdict."""
        work = _Work(self, line, found)
        for one in self.on(line.member):
            work.adjust(one)
        return work.done()

    def on(self, member: Member) -> list[Adjustment]:
        """The decisions that hold on one submission."""
        return adjustments.holding(self._by_member.get(member.id, ()))

    def renames(self, member: Member) -> dict[str, str]:
        """Name it was handed in under -> name it is graded under, for one submission."""
        return {old: new for one in self.on(member) for old, new in one.renamed.items()}

    def warn(self, sentence: str) -> None:
        """Tell it, once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)


def load(out: Path) -> Grades:
    """The class whose run left its results in `out`, with its adjustments.

    Raises:
        UsageError: there is none, or its adjustments cannot be used.
    """
    return adjusted(out, gradebooks.load(out), adjustments.load(out))


def adjusted(out: Path, book: Gradebook, found: Adjustments) -> Grades:
    """A class with these adjustments; those that no submission is meant by are told."""
    own = {column.id for column in book.columns}
    columns = tuple(Column(one.id, one.id, one.points) for one in _latest(found) if one.id not in own)
    grades = Grades(out, replace(book, columns=(*book.columns, *columns)), found)
    counts = set(gradebooks.counting(book, lambda member: _given(out, member)))
    for one in found.decisions:
        member = _meant(book, one, counts)
        if member is None:
            who = " ".join(filter(None, (one.submission, one.student)))
            grades.warn(f"adjustment not applied: nobody in the class is {who} ({one.what}: {one.reason})")
        else:
            grades._by_member.setdefault(member.id, []).append(one)
    return grades


def _latest(found: Adjustments) -> list[adjustments.Question]:
    """Each question once, worth what was said last."""
    return list({one.id: one for one in found.questions}.values())


def _given(out: Path, member: Member) -> Decimal:
    """What the grader gave; 0 where there is no verdict yet."""
    found = gradebooks.result(out, member.id)
    return Decimal(str(found["score"])) if found is not None else Decimal(0)


def _meant(book: Gradebook, one: Adjustment, counts: Collection[str]) -> Member | None:
    """The submission that an adjustment is about: the one of that id, unless another student's by now, else the one of the
    student's that counts.
    """
    who = folded(one.student)

    def is_from(member: Member) -> bool:
        return any(who in map(folded, (person.sid, person.email, person.name)) for person in member.people)

    same = next((member for member in book.members if member.id == one.submission), None)
    if same is not None and (not who or not same.people or is_from(same)):
        return same
    theirs = [member for member in book.members if who and member.id in counts and is_from(member)]
    return theirs[0] if len(theirs) == 1 else None


class _Work:
    """One submission while it is adjusted."""

    def __init__(self, grades: Grades, line: Line, found: dict[str, Any]) -> None:
        self.grades = grades
        self.before = line
        self.digest = str(found["extra_data"].get("submission_digest", ""))
        self.renamed: dict[str, str] = found["extra_data"].get("batch", {}).get("renamed", {})
        self.maxima = {column.id: column.maximum for column in grades.book.columns}
        asked = {question.id for question in grades.adjusted.questions} - line.marks.keys()
        self.marks = line.marks | {name: Mark(_UNGRADED, None) for name in self.maxima if name in asked}
        self.applied: list[Applied] = []
        self.excused: list[str] = []
        self.whole: Adjustment | None = None
        self.days: int | None = None
        self.late_signed: Adjustment | None = None

    def adjust(self, one: Adjustment) -> None:
        """Apply a decision, or tell why not."""
        if one.renamed and all(self._was_renamed(old, new) for old, new in one.renamed.items()):
            self._note(one, "files", one.what)  # the verdict is the one with these names
        elif one.renamed:
            self._misfit(one, "there is no such file, or it has not been graded since")
        elif one.days_late is not None:
            self.days, self.late_signed = one.days_late, one
        elif one.points is not None and one.digest and self.digest and one.digest != self.digest:
            self._misfit(one, "the submission has changed since")
        elif one.item == TOTAL:
            self.whole = one
        elif one.item not in self.marks:
            self._misfit(one, f"this run has no item {one.item}")
        elif one.excused:
            before = self.marks[one.item]
            self.marks[one.item] = Mark(EXCUSED, None)
            self.excused.append(one.item)
            self._note(one, one.item, f"{_shown(before.score)} -> {EXCUSED}")
        else:
            self._give(one)

    def _was_renamed(self, old: str, new: str) -> bool:
        """Whether the verdict is one with that rename; names may be shortened, see `received.resolved`."""
        ends = [(f"/{first}".rstrip("/"), f"/{second}".rstrip("/")) for first, second in self.renamed.items()]
        return any(first.endswith(f"/{old}".rstrip("/")) and second.endswith(f"/{new}".rstrip("/")) for first, second in ends)

    def _give(self, one: Adjustment) -> None:
        assert one.points is not None
        before, maximum = self.marks[one.item], self.maxima.get(one.item)
        if maximum and one.points > maximum:
            self.grades.warn(f"{self._who()}: {one.what} are more than the {maximum:f} it is worth; they are given all the same")
        if one.was is not None and before.score not in (None, one.was) and before.outcome != _UNGRADED:
            now = f"the grader now gives {_shown(before.score)}, it gave {_shown(one.was)} when this was decided"
            self.grades.warn(f"{self._who()}: {one.what} ({one.reason}); {now}")
        full = one.points >= maximum if maximum else bool(one.points)
        self.marks[one.item] = Mark(Outcome.PASSED if full else Outcome.PARTIAL if one.points else Outcome.WRONG, one.points)
        change = f"{_shown(one.points)} of {_shown(maximum)}" if before.outcome == _UNGRADED else ""
        self._note(one, one.item, change or f"{_shown(before.score)} -> {_shown(one.points)}")

    def done(self) -> Line:
        """The line that holds."""
        total = sum((mark.score for mark in self.marks.values() if mark.score is not None), Decimal(0))
        if self.marks == self.before.marks:
            total = self.before.total
        if self.excused:
            total = self._scaled(total)
        total = self._late(total)
        outcome = self.before.outcome
        if self.marks != self.before.marks:
            counting = {item: mark for item, mark in self.marks.items() if mark.outcome not in (EXCUSED, _UNGRADED)}
            outcome = gradebooks.summed_up(counting, total)
        if self.whole is not None and self.whole.excused:
            outcome = EXCUSED
            self._note(self.whole, TOTAL, f"{_shown(total)} -> {EXCUSED}")
        elif self.whole is not None and self.whole.points is not None:
            self._note(self.whole, TOTAL, f"{_shown(total)} -> {_shown(self.whole.points)}")
            total = self.whole.points
            outcome = outcome if outcome in (Outcome.PASSED, Outcome.GRADER_ERROR) and total else _word(total)
        return replace(self.before, outcome=outcome, total=total, marks=self.marks, applied=tuple(self.applied))

    def _scaled(self, total: Decimal) -> Decimal:
        """What the items that count come to, as a share of what they are worth, of the whole."""
        whole = self.grades.book.maximum
        left = whole - sum((self.maxima.get(item) or Decimal(0) for item in self.excused), Decimal(0))
        return _rounded(total * whole / left) if left else total

    def _late(self, total: Decimal) -> Decimal:
        rule = self.grades.adjusted.late
        if rule is None:
            if self.days is not None:
                self.grades.warn(f"adjustments.toml sets days late, of {self._who()} for one, but has no [late] rule")
            return total
        days = self.days
        if days is None:
            days = days_late(rule, self.before.member.created_at)
            if days is None:
                self.grades.warn("when some submissions were handed in is not known; these count as in time")
                return total
        if not days and self.late_signed is None:
            return total
        share = min(rule.percent_per_day * days, rule.cap_percent) / 100
        cost = min(_rounded(share * (total if rule.of == "score" else self.grades.book.maximum)), total)
        change = f"{_shown(total)} -> {_shown(total - cost)}"
        said = f"{days} {'day' if days == 1 else 'days'} late"
        one = self.late_signed
        self.applied.append(Applied(TOTAL, change, f"{said}; {one.reason}" if one else said, one.signed if one else ""))
        return total - cost

    def _note(self, one: Adjustment, item: str, change: str) -> None:
        self.applied.append(Applied(item, change, one.reason, one.signed))

    def _misfit(self, one: Adjustment, why: str) -> None:
        self.grades.warn(f"adjustment not applied to {self._who()}: {why} ({one.what}: {one.reason})")

    def _who(self) -> str:
        member = self.before.member
        return f"{member.id} {member.names}".strip()


def days_late(rule: Late, created_at: str) -> int | None:
    """Days begun after the due time, 0 within the grace; None where it is not known when it was handed in."""
    handed_in = submitted(created_at)
    if handed_in is None:
        return None
    late = handed_in.replace(microsecond=0) - rule.due  # to the second
    return 0 if late <= timedelta(minutes=float(rule.grace_minutes)) else math.ceil(late / _DAY)


def listed(lines: Sequence[Line]) -> list[str]:
    """What was adjusted, a sentence each."""
    return [f"{line.member.id} {line.member.names}".strip() + f": {one}" for line in lines for one in line.applied]


def _word(total: Decimal) -> Outcome:
    return Outcome.PARTIAL if total else Outcome.WRONG


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(_CENT, ROUND_HALF_UP).normalize() + 0


def _shown(value: Decimal | None) -> str:
    return "-" if value is None else wording.points(value.normalize() + 0)
