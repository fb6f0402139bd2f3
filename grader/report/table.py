"""grades.csv: a row per student, a column per item, the maxima first."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from ..roster import Person
from ..text import name as shown
from . import text
from .book import Book, Line, Mark

ABSENT: Final = "absent"
_HEAD: Final = ("submission", "name", "sid", "email", "submitted", "outcome", "total")
# What spreadsheets take for a formula, also behind spaces and in full width.
_FORMULA: Final = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")


def rows(book: Book, lines: Iterable[Line]) -> Iterator[str]:
    """The table line by line: the header, the maxima, every submitter of every submission, and who is absent.

    An item without points has its outcome's word in its column. A submission whose submitters are unknown has one row.
    """
    yield csv_line([*_HEAD, *(column.id for column in book.columns)])
    maxima = ["" if column.maximum is None else text.points(column.maximum) for column in book.columns]
    yield csv_line(["maximum", "", "", "", "", "", text.points(book.maximum), *maxima])
    for line in lines:
        marks = [_cell(line.marks.get(column.id)) for column in book.columns]
        for person in line.member.people or (Person(),):
            who = [line.member.id, person.name, person.sid, person.email, line.member.created_at]
            yield csv_line([*who, line.outcome, _points(line.total), *marks])
    for person in book.absent:
        yield csv_line(["", person.name, person.sid, person.email, "", ABSENT, "0", *("" for _ in book.columns)])


def csv_line(cells: Iterable[str]) -> str:
    """One line of CSV whose cells no spreadsheet takes for more than text."""
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerow([harmless(cell) for cell in cells])
    return target.getvalue()


def harmless(cell: str) -> str:
    """The cell without control characters, and with an apostrophe before what would be a formula; numbers stay numbers."""
    cell = shown(cell)
    return f"'{cell}" if _FORMULA.match(cell) and not re.fullmatch(r"[+-]\d+(\.\d+)?", cell) else cell


def _cell(mark: Mark | None) -> str:
    if mark is None:
        return ""
    return mark.outcome if mark.score is None else _points(mark.score)


def _points(value: Decimal) -> str:
    return text.points(value.normalize() + 0)
