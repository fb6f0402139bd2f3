"""Deciding something about a submission: put on record, applied, and every view of the class written anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import UsageError
from ..grading.grade import collected
from ..grading.homework import Homework
from ..grading.selection import selected
from ..report import extras, wording
from ..submission.text import name as shown
from . import adjustments, final_grades, grading_sheet, sources
from . import gradebook as gradebooks
from . import run as runs
from .adjustments import TOTAL, Adjustment, Question
from .final_grades import Grades
from .gradebook import Line, Member

LIKELY: Final = "likely"
_MAX_REASON: Final = 1_000


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody asks for; exactly one of points, excuse, rename, late and undo.

    Attributes:
        who: a student or a submission, as `gradebook.find` takes it.
        item: an item or enough of it, a question that is graded by hand, or "total"; empty where none is needed.
        points: "8"; for a question that is new "8/10", with what it is worth.
        rename: each "FROM=TO", or LIKELY for what looks like the files that are missing.
    """

    who: str
    item: str
    reason: str
    by: str
    points: str | None = None
    excuse: bool = False
    rename: Sequence[str] = ()
    late: int | None = None
    undo: bool = False


def decide(homework: Homework, out: Path, wish: Decision) -> list[str]:
    """Put it on record and apply it; the answer tells what became of the score.

    Raises:
        UsageError: it cannot be understood or applied; then nothing is changed.
    """
    _require()
    with runs.alone(out):
        grades = final_grades.load(out)
        member = gradebooks.find(grades.book, wish.who, grades.counting())
        before = _line(grades, member)
        one, questions = _adjustment(homework, grades, member, wish)
        names = grades.renames(member)
        grades = final_grades.adjusted(out, gradebooks.load(out), adjustments.add(out, [one], questions))
        if grades.renames(member) != names:
            runs.regrade(homework, grades, member)
        runs.views(homework, out, gradebooks.load(out))
        after = _line(grades, member)
    who = f"{member.id} {member.names}".strip()
    others = f" Holds for all {len(member.people)} who handed it in." if len(member.people) > 1 else ""
    done = f"{_points(before)} -> {_points(after)} of {wording.points(grades.book.maximum)} points"
    return [f"{who}: {one.what}. {done}, {after.outcome}.{others}", *(f"  {note}" for note in after.applied)]


def again(homework: Homework, out: Path) -> list[str]:
    """Apply what stands in the file by now; the answer lists what is adjusted.

    Raises:
        UsageError: the folder holds no class run, or the file a mistake.
    """
    _require()
    with runs.alone(out):
        grades = final_grades.load(out)
        runs.views(homework, out, gradebooks.load(out))
        told = final_grades.listed([line for line, _ in grades.lines() if line.applied])
    return told or ["Nothing is adjusted."]


def from_sheet(homework: Homework, out: Path, sheet: Path, by: str) -> list[str]:
    """Take over a grading sheet.

    Raises:
        UsageError: it cannot be read as one, or a row of it makes no sense; then nothing is changed.
    """
    _require()
    with runs.alone(out):
        grades = final_grades.load(out)
        question, entries, skipped = grading_sheet.read(sheet, grades)
        held = {line.member.id: line.marks.get(question.id) for line, _ in grades.lines()}
        new = []
        for entry in entries:
            mark = held.get(entry.member.id)
            if mark is None or mark.score != entry.points:
                reason = entry.comment or "graded by hand"
                new.append(_on(grades, entry.member, reason, by, item=question.id, points=entry.points))
        grades = final_grades.adjusted(out, gradebooks.load(out), adjustments.add(out, new, [question]))
        runs.views(homework, out, gradebooks.load(out))
    kept = len(entries) - len(new)
    told = f"{question.id}: {len(new)} grades taken over, {kept} as they were, {len(skipped)} left out."
    return [told, *(f"  {why}" for why in skipped)]


def _require() -> None:
    extras.require("a class is graded", "class", "yaml", "jinja2")


def _line(grades: Grades, member: Member) -> Line:
    found = gradebooks.result(grades.out, member.id)
    if found is None:
        raise UsageError(f"{member.id} has no readable verdict in {grades.out}; run 'batch' into that folder again")
    return grades.line(gradebooks.line(found, member), found)


def _adjustment(homework: Homework, grades: Grades, member: Member, wish: Decision) -> tuple[Adjustment, list[Question]]:
    reason = shown(" ".join(wish.reason.split()), _MAX_REASON)
    if not reason:
        raise UsageError("give a --reason; it is kept with the grade, and students may read it")
    if wish.rename:
        return _on(grades, member, reason, wish.by, renamed=_renames(homework, grades, member, wish.rename)), []
    if wish.late is not None:
        if wish.late < 0:
            raise UsageError("--late takes a number of days from 0 on")
        return _on(grades, member, reason, wish.by, days_late=wish.late), []
    if wish.undo:
        item = _item(grades, wish.item) if wish.item else ""
        return _on(grades, member, reason, wish.by, item=item, withdrawn=True), []
    if not wish.item:
        raise UsageError(f"name an ITEM to {'excuse' if wish.excuse else 'give points for'}, or 'total'")
    if wish.excuse:
        return _on(grades, member, reason, wish.by, item=_item(grades, wish.item), excused=True), []
    text, _, worth = str(wish.points).partition("/")
    given = adjustments.number(text, "--points")
    if worth:
        question = Question(wish.item, adjustments.number(worth, "--points"))
        if wish.item in _items(grades):
            raise UsageError(f"what {wish.item} is worth stands in the rubric; give --points {text}")
        return _on(grades, member, reason, wish.by, item=question.id, points=given), [question]
    return _on(grades, member, reason, wish.by, item=_item(grades, wish.item), points=given), []


def _renames(homework: Homework, grades: Grades, member: Member, wishes: Sequence[str]) -> dict[str, str]:
    """The whole names that are meant: handed in -> graded.

    Raises:
        UsageError: the submission holds no such files, nothing is graded so, or nothing in it looks like what is missing.
    """
    pairs = [wish.rpartition("=")[::2] for wish in wishes if wish != LIKELY]
    if not all(old and new for old, new in pairs) or (pairs and LIKELY in wishes):
        raise UsageError(f"--rename takes FROM=TO, a name that was handed in and one that is graded, or '{LIKELY}'")
    with sources.opened(grades.out, homework.layout, member.id) as path:
        try:
            found = collected(homework, path, pairs)
        except UsageError as error:
            raise UsageError(f"{member.id}: {error}") from error
    if pairs and not found.renames:
        raise UsageError(f"{member.id}: {' '.join(dict.fromkeys(found.refused.values()))}")
    if pairs:
        return dict(found.renames)
    if found.likely is None:
        raise UsageError(f"{member.id}: nothing in it looks like a file that is missing; name the files with FROM=TO")
    return dict(found.likely.renames)


def _item(grades: Grades, wanted: str) -> str:
    """The item, question or total that is meant."""
    known = [column.id for column in grades.book.columns]
    if wanted in (*known, TOTAL):
        return wanted
    found = selected(known, wanted)
    if len(found) != 1:
        raise UsageError(f"'{shown(wanted)}' are {len(found)} items, {', '.join(found)}; give one of them")
    return found[0]


def _items(grades: Grades) -> set[str]:
    """The ids of the items that the grader grades."""
    return {column.id for column in grades.book.columns} - {question.id for question in grades.adjusted.questions}


def _on(grades: Grades, member: Member, reason: str, by: str, *, item: str = "", **what: Any) -> Adjustment:
    """A decision on a submission as it is now."""
    found = gradebooks.result(grades.out, member.id)
    mark = gradebooks.line(found, member).marks.get(item) if found is not None else None
    student = next((person.sid or person.email or person.name for person in member.people), "")
    digest = str(found["extra_data"].get("submission_digest", "")) if found is not None and what.get("points") is not None else ""
    was = mark.score if mark is not None and "points" in what else None
    return Adjustment(member.id, student, item, reason, shown(by), adjustments.now(), was=was, digest=digest, **what)


def _points(line: Line) -> str:
    return wording.points(line.total.normalize() + 0)
