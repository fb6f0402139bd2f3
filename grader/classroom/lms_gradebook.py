"""The gradebook of a learning platform: one column of its export filled with a class's grades, nothing else changed.

Canvas' export has a row of heads (Student or LastName and FirstName, ID, SIS User ID, SIS Login ID, Section, the assignments as
"TITLE (ID)", read-only sums), perhaps one that says "Manual Posting", one called "    Points Possible", then the students. It is
UTF-8, with or without a byte order mark, and with semicolons and decimal commas where the language wants these. Gradescope's
"Download grades" has SID, Email, Total Score, Max Points, Submission ID and a column per question.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ..errors import UsageError
from ..grading.results import Outcome
from ..grading.rubric import did_you_mean
from ..submission.text import name as shown
from . import csv_cells
from .csv_cells import Cell, Table
from .final_grades import EXCUSED
from .gradebook import Line
from .grades_table import points
from .roster import Person, folded

_SID: Final = ("sis user id", "sid", "student id")
_EMAIL: Final = ("email", "e-mail", "email address")
_LOGIN: Final = ("sis login id",)
_SUBMISSION: Final = ("submission id",)
_NAME: Final = ("student", "firstname", "lastname", "first name", "last name", "name")
_OTHER: Final = ("id", "section", "sections", "integration id", "root account")
_POSSIBLE: Final = "points possible"
_READ_ONLY: Final = "(read only)"
_NOT_ASSIGNED: Final = "N/A"
_TEST_STUDENT: Final = "student, test"  # Canvas makes one in each course
_EXCUSED_MARK: Final = "EX"  # as Canvas writes it


@dataclass(frozen=True, slots=True)
class Filled:
    """A gradebook with its new column.

    Attributes:
        data: the file.
        column: its head.
        count: how many cells hold a grade now.
        changed: of these, how many held another one.
        notes: sentences on the column as a whole.
        left: students of the gradebook whose cell was left as it is, and why.
        unmatched: students with a grade who are not in the gradebook.
    """

    data: bytes
    column: str
    count: int
    changed: int
    notes: Sequence[str]
    left: Sequence[str]
    unmatched: Sequence[str]


def fill(data: bytes, lines: Sequence[Line], maximum: Decimal, *, column: str = "", title: str = "") -> Filled:
    """Fill a column of the gradebook `data` with the totals of `lines` that count, matched by SID, e-mail, login or submission.

    Args:
        column: its head, or enough of it; without it the one that names `title`, or the total score of Gradescope's table.

    Raises:
        UsageError: that is no such gradebook, or it is not clear which column is meant.
    """
    table = csv_cells.parsed(data)
    sheet = _Sheet(table)
    at = sheet.column(column, title)
    grades = _Index(lines)
    cells: dict[tuple[int, int], str] = {}
    left: list[str] = []
    seen: set[tuple[int, Person]] = set()
    changed = 0
    for number, row in sheet.students():
        found = grades.matching(sheet.of(row, _SID), sheet.of(row, _EMAIL), sheet.of(row, _LOGIN), sheet.of(row, _SUBMISSION))
        who = sheet.who(row)
        seen.update((id(line), person) for line, person in found)
        if len({id(line) for line, _ in found}) != 1:
            many = ", ".join(sorted(line.member.id for line, _ in found))
            left.append(f"{who}: {f'several submissions ({many})' if found else 'no grade'}")
            continue
        line = found[0][0]
        if len(row) <= at:
            left.append(f"{who}: the row ends before this column")
        elif row[at].text == _NOT_ASSIGNED:
            left.append(f"{who}: not assigned to this student ({_NOT_ASSIGNED})")
        elif line.outcome == Outcome.GRADER_ERROR:
            left.append(f"{who}: grader error in {line.member.id}, no grade yet")
        elif line.outcome == EXCUSED and not sheet.canvas:
            left.append(f"{who}: excused")
        else:
            cells[number, at] = _EXCUSED_MARK if line.outcome == EXCUSED else sheet.number(line.total)
            changed += _value(row[at].text) not in ("", _value(cells[number, at]))
    unmatched = [
        f"{line.member.id} {person.called}".strip() + f", {points(line.total)}"
        for line in lines
        for person in line.students
        if (id(line), person) not in seen
    ]
    notes = sheet.notes(at, maximum)
    return Filled(table.replaced(cells), sheet.heads[at], len(cells), changed, notes, left, unmatched)


class _Sheet:
    """A gradebook's table: which column is what, and which rows are students."""

    def __init__(self, table: Table) -> None:
        self.table = table
        if not table.rows:
            raise UsageError("the gradebook is empty")
        self.heads = [cell.text.strip() for cell in table.rows[0]]
        self.places = {head.casefold(): number for number, head in reversed(list(enumerate(self.heads)))}
        if not self.places.keys() & {*_SID, *_EMAIL, *_LOGIN}:
            known = "SIS User ID, SIS Login ID, SID or Email"
            raise UsageError(f"the gradebook has no column {known} in its first line; export it from Canvas or Gradescope")
        self.possible = next((row for row in table.rows[1:4] if row[0].text.strip().casefold() == _POSSIBLE), None)
        self.canvas = self.possible is not None or bool(self.places.keys() & set(_LOGIN))

    def of(self, row: Sequence[Cell], names: Sequence[str]) -> str:
        """What a row says in the first of these columns that there is."""
        at = next((self.places[name] for name in names if name in self.places), len(row))
        return row[at].text.strip() if at < len(row) else ""

    def who(self, row: Sequence[Cell]) -> str:
        """A row's student, for people."""
        names = [self.of(row, (name,)) for name in _NAME if name in self.places]
        return shown(" ".join(filter(None, names)) or self.of(row, _EMAIL) or self.of(row, _SID) or self.of(row, _LOGIN))

    def students(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """The rows that stand for a student, with their numbers."""
        for number, row in enumerate(self.table.rows[1:], start=1):
            known = any(self.of(row, names) for names in (_SID, _EMAIL, _LOGIN, _SUBMISSION))
            if row is not self.possible and known and self.who(row).casefold() != _TEST_STUDENT:
                yield number, row

    def column(self, wanted: str, title: str) -> int:
        """The number of the column to fill."""
        own = {*_SID, *_EMAIL, *_LOGIN, *_SUBMISSION, *_NAME, *_OTHER}
        fit = [number for number, head in enumerate(self.heads) if head and head.casefold() not in own and not self._fixed(number)]
        if not wanted and not self.canvas and "total score" in self.places:
            return self.places["total score"]
        asked = folded(wanted or title)
        bare = {number: folded(re.sub(r"\s*\(\d+\)$", "", self.heads[number])) for number in fit}
        exact = [number for number in fit if asked in (folded(self.heads[number]), bare[number])]
        found = exact or [number for number in fit if asked and asked in bare[number]]
        if len(found) == 1:
            return found[0]
        listed = ", ".join(shown(self.heads[number]) for number in (found or fit)[:12]) or "none that can be filled"
        if wanted and not found:
            near = did_you_mean(wanted, [self.heads[number] for number in fit])
            raise UsageError(f"the gradebook has no column '{shown(wanted)}'{near}; there are: {listed}")
        raise UsageError(f"which column? give --column with one of: {listed}")

    def _fixed(self, number: int) -> bool:
        return self.possible is not None and number < len(self.possible) and self.possible[number].text.strip() == _READ_ONLY

    def number(self, value: Decimal) -> str:
        """Points as this file writes numbers."""
        text = points(value)
        comma = self.table.separator != "," and not any(
            re.fullmatch(r"\d+\.\d+", cell.text) for row in self.table.rows for cell in row
        )
        return text.replace(".", ",") if comma else text

    def notes(self, at: int, maximum: Decimal) -> list[str]:
        """What to know about the column."""
        worth = self.possible[at].text if self.possible is not None and at < len(self.possible) else ""
        number = _value(worth)
        if number and re.fullmatch(r"\d+(\.\d+)?", number) and Decimal(number) != maximum:
            return [f"{self.heads[at]} is worth {worth} points there, and the grades are of {points(maximum)}."]
        return []


class _Index:
    """Who has which grade, by all they may be known under."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._by: dict[tuple[str, str], list[tuple[Line, Person]]] = defaultdict(list)
        for line in lines:
            for person in line.students:
                email = person.email.casefold()
                keys = {("sid", _id(person.sid)), ("email", email), ("login", email.partition("@")[0])}
                keys |= {("submission", _id(re.sub(r"^submission_", "", line.member.id)))}
                for key in keys:
                    self._by[key].append((line, person))

    def matching(self, sid: str, email: str, login: str, submission: str) -> list[tuple[Line, Person]]:
        """The grades of the student with these; by the first of them that anybody has."""
        login = login.casefold()
        asked = (("sid", _id(sid)), ("email", email.casefold()), ("email", login), ("sid", _id(login)), ("login", login))
        for kind, value in (*asked, ("submission", _id(submission))):
            if value and (kind, value) in self._by:
                return self._by[kind, value]
        return []


def _id(text: str) -> str:
    """An identifier as it is compared: without what Berkeley's Canvas or a spreadsheet puts around it, or zeros in front."""
    bare = re.sub(r'^(?:UID:\s*|=?"|\')|"$', "", text.strip(), flags=re.IGNORECASE).casefold()
    return bare.lstrip("0") if bare.isdigit() else bare


def _value(text: str) -> str:
    """A cell's number, however it is written: 10.00, 10,0 and 10 are one."""
    text = text.strip()
    if re.fullmatch(r"\d+[.,]\d+", text):
        return text.replace(",", ".").rstrip("0").rstrip(".")
    return text
