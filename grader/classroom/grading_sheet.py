"""A sheet for a question that is graded by hand: made as CSV, filled in with a spreadsheet, read back.

    submission,name,sid,email,version,written (10),comment,notebook

`version` tells which submission was looked at; the column of points says what the question is called and worth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from ..errors import UsageError
from ..grading.rubric import did_you_mean
from ..submission.text import name as shown
from . import adjustments, csv_cells
from .adjustments import Question
from .final_grades import Grades
from .gradebook import Member, place
from .grades_table import MARK, csv_line, points, titled

_WHO: Final = ("submission", "name", "sid", "email", "version")
_COMMENT, _NOTEBOOK = "comment", "notebook"
_VERSION: Final = 12  # digits of a submission's digest
_POINTS: Final = re.compile(r"(.+) \((\d+(?:[.,]\d+)?)\)")


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody filled in for a submission."""

    member: Member
    points: Decimal
    comment: str


def rows(grades: Grades, question: Question, notebook: str) -> Iterator[str]:
    """The sheet line by line, a submission that counts each, with the points that are on record.

    Args:
        notebook: name of the page of a notebook, which the last column leads to where there is one.
    """
    yield MARK + csv_line([*_WHO, titled(question.id, question.points), _COMMENT, _NOTEBOOK])
    for line, found in grades.lines():
        if not line.counts:
            continue
        member, mark = line.member, line.marks.get(question.id)
        people = [" / ".join(filter(None, (getattr(p, part) for p in member.people))) for part in ("name", "sid", "email")]
        score = points(mark.score) if mark is not None and mark.score is not None else ""
        comment = next((applied.reason for applied in line.applied if applied.item == question.id), "")
        page = place(grades.out, member.id).with_name(notebook)
        where = page.relative_to(grades.out).as_posix() if page.is_file() else ""
        yield csv_line([member.id, *people, _version(found), score, comment, where])


def read(sheet: Path, grades: Grades) -> tuple[Question, list[Entry], list[str]]:
    """The question, what was filled in, and sentences on rows that are left out (blank ones are not told).

    Commas, semicolons or tabs separate; what a spreadsheet made of the file is taken, also with decimal commas.

    Raises:
        UsageError: it is no such sheet, or a row makes no sense; the message names the line.
    """
    try:
        table = csv_cells.parsed(sheet.read_bytes())
    except OSError as error:
        raise UsageError(f"{sheet} cannot be read ({error.strerror})") from error
    heads = [cell.text.strip() for cell in table.rows[0]] if table.rows else []
    found = [(number, match) for number, head in enumerate(heads) if (match := _POINTS.fullmatch(head))]
    if "submission" not in heads or len(found) != 1:
        raise UsageError(f"{sheet} is no grading sheet: its first line needs 'submission' and one column such as 'written (10)'")
    at, match = found[0]
    question = Question(match[1], adjustments.number(match[2].replace(",", "."), f"{sheet}: what {match[1]} is worth"))
    members = {member.id: member for member in grades.book.members}
    versions = {line.member.id: _version(verdict) for line, verdict in grades.lines() if line.counts}
    entries, skipped = [], []
    for number, row in enumerate(table.rows[1:], start=2):
        cells = {head: cell.text.strip() for head, cell in zip(heads, row, strict=False)}
        text, submission = cells.get(heads[at], ""), cells["submission"]
        if not text:
            continue
        where = f"{sheet}, row {number}"
        if submission not in members:
            near = did_you_mean(submission, list(members))
            raise UsageError(f"{where}: there is no submission {shown(submission)}{near}")
        given = adjustments.number(text.replace(",", "."), where)
        if given > question.points:
            raise UsageError(f"{where}: {text} is more than the {question.points:f} that {question.id} is worth")
        if submission not in versions or cells.get("version", "") not in ("", versions[submission]):
            skipped.append(f"{submission} {members[submission].names}: handed in anew since the sheet was made")
            continue
        entries.append(Entry(members[submission], given, cells.get(_COMMENT, "").removeprefix("'")))
    return question, entries, skipped


def question(grades: Grades, name: str, worth: str) -> Question:
    """The question a sheet is wanted for; `worth` may be empty where that is on record.

    Raises:
        UsageError: what it is worth is not known, or it is an item of the rubric.
    """
    known: Sequence[Question] = [one for one in grades.adjusted.questions if one.id == name]
    if not known and any(column.id == name for column in grades.book.columns):
        raise UsageError(f"{name} is graded by the grader; a sheet is for a question that is graded by hand")
    if worth:
        return Question(name, adjustments.number(worth, "--points"))
    if not known:
        raise UsageError(f"say what {shown(name)} is worth: --points N")
    return known[-1]


def _version(verdict: dict[str, Any]) -> str:
    digest = str(verdict["extra_data"].get("submission_digest", ""))[:_VERSION]
    return f"v{digest}" if digest else ""  # digits alone a spreadsheet may round
