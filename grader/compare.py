"""Two class runs side by side: whose grade changed, at which items, and by how much."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from .report import book as books
from .report import table, text
from .report.book import Book, Line, Mark
from .roster import Index, Person

ADDED, REMOVED = "only in the new run", "only in the old run"


@dataclass(frozen=True, slots=True)
class Change:
    """One item, or the total (`item` "total"), that is not what it was; a side that does not exist is None."""

    line: Line
    item: str
    old: Mark | None
    new: Mark | None

    @property
    def difference(self) -> Decimal:
        """New minus old, in points."""
        return _score(self.new) - _score(self.old)


def changes(old: Path, new: Path) -> Iterator[Change]:
    """What changed from the run in `old` to the one in `new`, in the order of the new one.

    Submissions are matched by id, then by who handed them in, as after a resubmission. Of runs restricted to some items the
    items of both are compared, and totals over these only.

    Raises:
        UsageError: one of the folders holds no class run.
    """
    before, after = books.load(old), books.load(new)
    both = {column.id for column in before.columns} & {column.id for column in after.columns}
    # After a restriction to some items their sum is the total; otherwise an item that came or went is a change itself.
    ids = both if before.only or after.only else {column.id for column in (*before.columns, *after.columns)}
    order = [column.id for column in (*after.columns, *before.columns) if column.id in ids]
    partner = _partners(before, after)
    for line, _ in books.lines(new, after):
        found = books.result(old, partner[line.member.id]) if line.member.id in partner else None
        earlier = books.line(found, line.member) if found is not None else None
        yield from _between(earlier, line, list(dict.fromkeys(order)))
    gone = {member.id for member in before.members} - set(partner.values())
    for line, _ in books.lines(old, before):
        if line.member.id in gone:
            yield Change(line, "total", Mark(line.outcome, _total(line, order)), None)


def _between(old: Line | None, new: Line, ids: list[str]) -> Iterator[Change]:
    total = Mark(new.outcome, _total(new, ids))
    if old is None:
        yield Change(new, "total", None, total)
        return
    found = [
        Change(new, item, old.marks.get(item), new.marks.get(item)) for item in ids if old.marks.get(item) != new.marks.get(item)
    ]
    if found:
        yield Change(new, "total", Mark(old.outcome, _total(old, ids)), total)
        yield from found


def _partners(before: Book, after: Book) -> dict[str, str]:
    """New id -> old id."""
    ids = {member.id for member in before.members}
    found = {member.id: member.id for member in after.members if member.id in ids}
    left = {person: member.id for member in before.members if member.id not in found for person in member.people}
    index = Index(left)
    for member in after.members:
        if member.id not in found:
            match: Person | None = next((known for person in member.people if (known := index.match(person))), None)
            if match is not None and left[match] not in found.values():
                found[member.id] = left[match]
    return found


def as_text(found: list[Change], old: Path, new: Path) -> str:
    """The changes as a table for people."""
    if not found:
        return f"Nothing changed from {old} to {new}."
    rows = []
    for change in found:
        total = change.item == "total"
        who = " ".join(filter(None, (change.line.member.id, change.line.member.names))) if total else f"  {change.item}"
        rows.append((who, *_sides(change)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    totals = [change for change in found if change.item == "total"]
    up, down = (sum(change.difference * sign > 0 for change in totals) for sign in (1, -1))
    points = sum((change.difference for change in totals if change.old and change.new), Decimal(0))
    lines.append("")
    changed = "1 submission" if len(totals) == 1 else f"{len(totals)} submissions"
    lines.append(f"{changed} changed: {up} up, {down} down, {_signed(points)} points among those in both runs.")
    return "\n".join(lines)


def as_csv(found: list[Change]) -> Iterator[str]:
    """The changes as CSV, line by line."""
    yield table.csv_line(["submission", "name", "sid", "item", "old", "new", "difference", "old outcome", "new outcome"])
    for change in found:
        people = change.line.member.people
        who = [change.line.member.id, change.line.member.names, ", ".join(person.sid for person in people if person.sid)]
        scores = [_shown(change.old), _shown(change.new), _signed(change.difference)]
        words = [mark.outcome if mark else "" for mark in (change.old, change.new)]
        yield table.csv_line([*who, change.item, *scores, *words])


def _sides(change: Change) -> tuple[str, str, str]:
    if change.old is None or change.new is None:
        mark = change.old or change.new
        what = (ADDED if change.old is None else REMOVED) if change.item == "total" else ("new" if change.old is None else "gone")
        return _shown(mark), "", what
    words = change.old.outcome if change.old.outcome == change.new.outcome else f"{change.old.outcome} -> {change.new.outcome}"
    return f"{_shown(change.old)} -> {_shown(change.new)}", _signed(change.difference), words


def _total(line: Line, ids: list[str]) -> Decimal:
    return sum((mark.score for item, mark in line.marks.items() if item in ids and mark.score is not None), Decimal(0))


def _score(mark: Mark | None) -> Decimal:
    return Decimal(0) if mark is None or mark.score is None else mark.score


def _shown(mark: Mark | None) -> str:
    return "" if mark is None else "-" if mark.score is None else text.points(mark.score.normalize() + 0)


def _signed(value: Decimal) -> str:
    return f"{value.normalize() + 0:+f}" if value else "0"
