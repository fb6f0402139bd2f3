"""Two class runs side by side: which items changed and by how much, whose grade that was, and why."""

from __future__ import annotations

import shlex
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from ..grading.invocation import command
from ..report import wording
from . import final_grades, grades_table
from . import gradebook as gradebooks
from .adjustments import TOTAL
from .final_grades import Grades
from .gradebook import Counts, Line, Mark
from .roster import Index, Person

ADDED, REMOVED = "only in the new run", "only in the old run"
ADJUSTMENT, SUBMISSION, RUBRIC, GRADER = "adjustment", "submission", "rubric", "grader"
_UNKNOWN: Final = "nothing on record"


@dataclass(frozen=True, slots=True)
class Change:
    """One item, or the total (`item` "total"), that is not what it was; a side that does not exist is None.

    `why` says which of what a score depends on is another: an adjustment, the submission, the rubric, the grader.
    """

    line: Line
    item: str
    old: Mark | None
    new: Mark | None
    why: tuple[str, ...] = ()

    @property
    def difference(self) -> Decimal:
        """New minus old, in points."""
        return _score(self.new) - _score(self.old)


@dataclass(slots=True)
class Comparison:
    """What changed from one run to another.

    Attributes:
        changes: in the order of the new run, a submission's total before its items.
        remarks: sentences on what differs between the runs as a whole.
    """

    old: Path
    new: Path
    changes: list[Change] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def compared(old: Path, new: Path) -> Comparison:
    """What changed from the run in `old` to the one in `new`.

    Compared are the submissions that count; they are matched by id, then by whom they count for, as after a resubmission. Of runs
    restricted to some items the items of both are compared, and totals over these only.

    Raises:
        UsageError: one of the folders holds no class run.
    """
    return _Comparing(final_grades.load(old), final_grades.load(new)).done()


class _Comparing:
    """Two runs while they are compared."""

    def __init__(self, before: Grades, after: Grades) -> None:
        self.before, self.after = before, after
        old, new = before.book, after.book
        both = {column.id for column in old.columns} & {column.id for column in new.columns}
        # After a restriction to some items their sum is the total; otherwise an item that came or went is a change itself.
        self.partial = bool(old.only or new.only)
        ids = both if self.partial else {column.id for column in (*old.columns, *new.columns)}
        self.order = list(dict.fromkeys(column.id for column in (*new.columns, *old.columns) if column.id in ids))
        self.rows = [_rubric_rows(grades.out) for grades in (before, after)]

    def done(self) -> Comparison:
        """Go through both."""
        found = Comparison(self.before.out, self.after.out)
        counts = self.before.counting(), self.after.counting()
        partner = _partners(*counts)
        members = {member.id: member for member in self.before.book.members if member.id in counts[0]}
        made: dict[str, set[str]] = {"old": set(), "new": set()}
        anew = []
        for line, verdict in self.after.lines():
            if not line.counts:
                continue
            earlier_verdict = gradebooks.result(self.before.out, partner[line.member.id]) if line.member.id in partner else None
            if earlier_verdict is None:
                found.changes.append(Change(line, TOTAL, None, self._total(line)))
                continue
            member = members[partner[line.member.id]]
            earlier = self.before.line(gradebooks.line(earlier_verdict, member), earlier_verdict)
            found.changes += self._between(earlier, line, earlier_verdict, verdict)
            if _digest(earlier_verdict) != _digest(verdict):
                anew.append(_who(line))
            made["old"].add(_made_by(earlier_verdict))
            made["new"].add(_made_by(verdict))
        gone = members.keys() - set(partner.values())
        for line, verdict in self.before.lines():
            if line.member.id in gone:
                found.changes += self._moved(line, verdict, counts[1])
        found.remarks = self._remarks(anew, made)
        return found

    def _moved(self, old: Line, before: dict[str, Any], counts: Counts) -> Iterator[Change]:
        """A submission that counts no more: what each of its students has by now, from one that counts for others as well."""
        now = {person: name for name, people in counts.items() for person in people}
        index = Index(now)
        members = {member.id: member for member in self.after.book.members}
        heirs = {match: now[match] for person in old.students if (match := index.match(person)) is not None}
        for person, name in heirs.items():
            after = gradebooks.result(self.after.out, name)
            if after is not None:
                new = self.after.line(gradebooks.line(after, members[name]), after)
                new = replace(new, member=replace(new.member, people=(person,)))
                yield from self._between(old, new, before, after)
        if not heirs:
            yield Change(old, TOTAL, self._total(old), None)

    def _between(self, old: Line, new: Line, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
        changed = [item for item in self.order if old.marks.get(item) != new.marks.get(item)]
        totals = self._total(old), self._total(new)
        if not changed and (totals[0].score == totals[1].score):
            return
        own = [
            Change(new, item, old.marks.get(item), new.marks.get(item), self._why(item, old, new, before, after))
            for item in changed
        ]
        overall = {word for one in own for word in one.why} | (
            {ADJUSTMENT} if _applied(old, TOTAL) != _applied(new, TOTAL) else set()
        )
        yield Change(
            new, TOTAL, *totals, tuple(word for word in (ADJUSTMENT, SUBMISSION, RUBRIC, GRADER, _UNKNOWN) if word in overall)
        )
        yield from own

    def _why(self, item: str, old: Line, new: Line, before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
        """What an item depends on and is another."""
        words = {
            ADJUSTMENT: _applied(old, item) != _applied(new, item),
            SUBMISSION: _digest(before) != _digest(after),
            RUBRIC: self.rows[0].get(item) != self.rows[1].get(item),
            GRADER: _made_by(before) != _made_by(after),
        }
        return tuple(word for word, differs in words.items() if differs) or (_UNKNOWN,)

    def _total(self, line: Line) -> Mark:
        """The total; of runs restricted to some items over those of both."""
        if not self.partial:
            return Mark(line.outcome, line.total)
        scores = (mark.score for item, mark in line.marks.items() if item in self.order and mark.score is not None)
        return Mark(line.outcome, sum(scores, Decimal(0)))

    def _remarks(self, anew: list[str], made: Mapping[str, set[str]]) -> list[str]:
        remarks = []
        rubrics = [gradebooks.rubric(grades.out) for grades in (self.before, self.after)]
        if all(path.exists() for path in rubrics) and rubrics[0].read_bytes() != rubrics[1].read_bytes():
            items = [item for item in self.order if self.rows[0].get(item) != self.rows[1].get(item)]
            rows = f"in the rows of {', '.join(items)}" if items else "in no row of an item of both"
            remarks.append(f"{RUBRIC}: different ones, {rubrics[0]} and {rubrics[1]}, {rows}")
        policies = self.before.book.attempt, self.after.book.attempt
        if policies[0] != policies[1]:
            remarks.append(f"{SUBMISSION}: chosen with --attempt {policies[0]} before, with --attempt {policies[1]} now")
        if made["old"] != made["new"]:
            remarks.append(f"{GRADER}: another version, or its code or what it runs on has changed")
        if anew:
            remarks.append(f"{SUBMISSION}: {len(anew)} handed in anew or changed: {', '.join(anew)}")
        old, new = (list(_decided(grades)) for grades in (self.before, self.after))
        remarks += [f"{ADJUSTMENT} {REMOVED}: {one}" for one in old if one not in new]
        remarks += [f"{ADJUSTMENT} {ADDED}: {one}" for one in new if one not in old]
        if both := sum(one in old for one in new):
            remarks.append(
                f"{ADJUSTMENT} in both runs: {both}, which '{command('adjust', shlex.quote(str(self.after.out)))}' lists"
            )
        if self.before.adjusted.late != self.after.adjusted.late:
            remarks.append(f"{ADJUSTMENT}: another rule for what is late")
        for grades in (self.before, self.after):
            remarks += [f"warning, {grades.out}: {warning}" for warning in grades.warnings]
        return remarks


def _decided(grades: Grades) -> Iterator[str]:
    """What staff decided and holds, a sentence each."""
    for member in grades.book.members:
        for one in grades.on(member):
            who = " ".join(filter(None, (member.id, member.names)))
            yield f"{who}: {one.what}: {one.reason}" + (f" ({one.signed})" if one.signed else "")


def _rubric_rows(out: Path) -> dict[str, Any]:
    """The rows of the rubric that a run keeps, with what holds for all of them; none where there is no rubric."""
    try:
        data = tomllib.loads(gradebooks.rubric(out).read_text("utf-8"))
        general = {key: data.get(key) for key in ("limits", "defaults", "term", "shipped_logs")}
        return {row["id"]: (row, general) for row in data["item"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _partners(before: Counts, after: Counts) -> dict[str, str]:
    """New id -> old id, of those that count: the same one, else the one that counted for the same student."""
    found = {name: name for name in after if name in before}
    left = {
        person: name for name, people in before.items() for person in people if Index(after.get(name, ())).match(person) is None
    }
    index = Index(left)
    for name, people in after.items():
        if name not in found:
            match: Person | None = next((known for person in people if (known := index.match(person))), None)
            if match is not None:
                found[name] = left[match]
    return found


def as_text(found: Comparison) -> str:
    """The changes for people: items, students, reasons."""
    remarks = ["Why:", *(f"  {remark}" for remark in found.remarks)] if found.remarks else []
    if not found.changes:
        return "\n".join([f"Nothing changed from {found.old} to {found.new}.", *remarks])
    lines = ["By item:", *_by_item(found.changes), "", "By student:"]
    rows = []
    for change in found.changes:
        total = change.item == TOTAL
        who = _who(change.line) if total else f"  {change.item}"
        rows.append((who, *_sides(change), ", ".join(change.why)))
    lines += [f"  {line}" for line in _aligned(rows)]
    totals = [change for change in found.changes if change.item == TOTAL]
    changed = "1 submission" if len(totals) == 1 else f"{len(totals)} submissions"
    both = [change.difference for change in totals if change.old and change.new]
    lines += ["", *remarks, *([""] if remarks else [])]
    lines.append(f"{changed} changed: {_ups(totals)}, {_signed(sum(both, Decimal(0)))} points among those in both runs.")
    return "\n".join(lines)


def as_csv(found: Comparison) -> Iterator[str]:
    """The changes as CSV, line by line."""
    heads = ["submission", "name", "sid", "item", "old", "new", "difference", "old outcome", "new outcome", "why"]
    yield grades_table.MARK + grades_table.csv_line(heads)
    for change in found.changes:
        people = change.line.member.people
        who = [change.line.member.id, change.line.member.names, ", ".join(person.sid for person in people if person.sid)]
        scores = [_shown(change.old), _shown(change.new), _signed(change.difference)]
        words = [mark.outcome if mark else "" for mark in (change.old, change.new)]
        yield grades_table.csv_line([*who, change.item, *scores, *words, ", ".join(change.why)])


def _by_item(changes: Sequence[Change]) -> list[str]:
    by: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        if change.old is not None and change.new is not None:
            by[change.item].append(change)
    rows = []
    for item, ones in sorted(by.items(), key=lambda one: (one[0] != TOTAL, -len(one[1]), one[0])):
        differences = [one.difference for one in ones]
        low, high = min(differences), max(differences)
        span = "" if low == high else f"from {_signed(low)} to {_signed(high)}"
        rows.append((item, f"{len(ones)} changed", _ups(ones), f"{_signed(sum(differences, Decimal(0)))} points", span))
    return [f"  {line}" for line in _aligned(rows)] or ["  none in both runs"]


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _ups(changes: Sequence[Change]) -> str:
    up, down = (sum(change.difference * sign > 0 for change in changes) for sign in (1, -1))
    return f"{up} up, {down} down"


def _sides(change: Change) -> tuple[str, str, str]:
    if change.old is None or change.new is None:
        mark = change.old or change.new
        what = (ADDED if change.old is None else REMOVED) if change.item == TOTAL else ("new" if change.old is None else "gone")
        return _shown(mark), "", what
    words = change.old.outcome if change.old.outcome == change.new.outcome else f"{change.old.outcome} -> {change.new.outcome}"
    return f"{_shown(change.old)} -> {_shown(change.new)}", _signed(change.difference), words


def _who(line: Line) -> str:
    return " ".join(filter(None, (line.member.id, line.member.names)))


def _applied(line: Line, item: str) -> list[tuple[str, str]]:
    # What the total was before differs with every item; there the reason tells.
    return [("" if item == TOTAL else one.change, one.reason) for one in line.applied if one.item in (item, "files")]


def _digest(verdict: Mapping[str, Any]) -> str:
    return str(verdict["extra_data"].get("submission_digest", ""))


def _made_by(verdict: Mapping[str, Any]) -> str:
    general = verdict["extra_data"]
    return f"{general.get('grader_version', '')} {general.get('batch', {}).get('grader_digest', '')}"


def _score(mark: Mark | None) -> Decimal:
    return Decimal(0) if mark is None or mark.score is None else mark.score


def _shown(mark: Mark | None) -> str:
    return "" if mark is None else "-" if mark.score is None else wording.points(mark.score.normalize() + 0)


def _signed(value: Decimal) -> str:
    return f"{value.normalize() + 0:+f}" if value else "0"
