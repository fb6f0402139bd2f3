"""A CSV file of which single cells are replaced and every other byte stays: quotes, line ends, byte order mark and all."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SEPARATORS: Final = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: what it says, and which bytes of the file it is, its quotes included."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Table:
    """A file's rows of cells; lines without anything in them are left out."""

    data: bytes
    separator: str
    rows: Sequence[Sequence[Cell]]

    def replaced(self, cells: Mapping[tuple[int, int], str]) -> bytes:
        """The file with other texts in some cells, given by row and column; a cell that was quoted stays so."""
        data = self.data
        places = sorted(((self.rows[row][column], text) for (row, column), text in cells.items()), key=lambda one: -one[0].start)
        for cell, text in places:
            quoted = data[cell.start : cell.start + 1] == b'"' or any(mark in text for mark in (self.separator, '"', "\r", "\n"))
            written = '"' + text.replace('"', '""') + '"' if quoted else text
            data = data[: cell.start] + written.encode() + data[cell.end :]
        return data


def parsed(data: bytes) -> Table:
    """The table in a file: separated by what its first line holds most of; UTF-8, or else taken for Windows' western letters."""
    start = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    text = data.decode("latin-1")  # a letter a byte: places in it are places in the file
    first = re.sub(r'"(?:[^"]|"")*"', "", re.split(r"[\r\n]", text[start:], maxsplit=1)[0])
    separator = max(SEPARATORS, key=first.count)
    return Table(data, separator, _rows(text, start, separator, _encoding(data)))


def _rows(text: str, start: int, separator: str, encoding: str) -> list[list[Cell]]:
    # Quoted up to the next quote that is not doubled (with whatever follows that), or up to the next separator.
    field = re.compile(rf'(?:"((?:[^"]|"")*)"?)?([^{separator}\r\n]*)')
    rows: list[list[Cell]] = [[]]
    place = start
    while place <= len(text):
        found = field.match(text, place)
        assert found is not None
        inner = (found[1] or "").replace('""', '"') + found[2]
        rows[-1].append(Cell(inner.encode("latin-1").decode(encoding, "replace"), place, found.end()))
        place = found.end()
        if text.startswith(separator, place):
            place += 1
        elif place < len(text):
            place += 2 if text.startswith("\r\n", place) else 1
            rows.append([])
            if place == len(text):
                break
        else:
            break
    return [row for row in rows if len(row) > 1 or (row and row[0].text)]


def _encoding(data: bytes) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"
