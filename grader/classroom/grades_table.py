"""grades.csv: a row per student, a column per item with its maximum in the header; made for spreadsheets.

UTF-8 with a byte order mark, which spreadsheets need to know letters by. No cell can become a formula, nor can a part of one where
a spreadsheet is told to split at something else than commas.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from ..report import wording
from ..submission.text import name as shown
from .gradebook import Gradebook, Line, Mark

ABSENT: Final = "absent"
MARK: Final = "\ufeff"  # the byte order mark; what is read by a spreadsheet starts with it
_HEAD: Final = ("submission", "name", "sid", "email", "submitted", "outcome")
# What spreadsheets take for a formula, in full width too, at the start of a cell or where some other separator would start one.
_FORMULA: Final = re.compile(r"(^|[;,|\t\r\n])(?=[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20])")
_NUMBER: Final = re.compile(r"[+-]\d+(\.\d+)?")


def rows(book: Gradebook, lines: Iterable[Line]) -> Iterator[str]:
    """The table line by line: the header, every student by the submission that counts for them, and who is absent.

    Columns of points have their maximum in the header: "total (100)". An item without points has its outcome's word in its column.
    A submission whose submitters are unknown has one row. The last column says what was adjusted.
    """
    heads = [titled("total", book.maximum), *(titled(column.id, column.maximum) for column in book.columns), "adjusted"]
    yield MARK + csv_line([*_HEAD, *heads])
    for line in lines:
        marks = [_cell(line.marks.get(column.id)) for column in book.columns]
        adjusted = "; ".join(map(str, line.applied))
        for person in line.students:
            who = [line.member.id, person.name, person.sid, person.email, line.member.created_at]
            yield csv_line([*who, line.outcome, points(line.total), *marks, adjusted])
    for person in book.absent:
        yield csv_line(["", person.name, person.sid, person.email, "", ABSENT, "0", *("" for _ in book.columns), ""])


def titled(id: str, maximum: Decimal | None) -> str:
    """A column's head: "total (100)"; without points there the id alone."""
    return id if maximum is None else f"{id} ({wording.points(maximum)})"


def csv_line(cells: Iterable[str]) -> str:
    """One line of CSV whose cells no spreadsheet takes for more than text."""
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerow([harmless(cell) for cell in cells])
    return target.getvalue()


def harmless(cell: str) -> str:
    """The cell without control characters, and with an apostrophe before all that would be a formula; numbers stay numbers."""
    cell = shown(cell, 2_000)
    return cell if _NUMBER.fullmatch(cell) else _FORMULA.sub(r"\1'", cell)


def _cell(mark: Mark | None) -> str:
    if mark is None:
        return ""
    return mark.outcome if mark.score is None else points(mark.score)


def points(value: Decimal) -> str:
    """A score as a cell has it: "8", "2.67"."""
    return wording.points(value.normalize() + 0)
