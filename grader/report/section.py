"""A student's section of the class page: findings, learning curves, a link to the notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from . import runs
from .attention import Equal
from .book import Book, Line
from .markup import anchor, block, e, points, style
from .runs import Published, Record

_FULL: Final = "passed"


@dataclass(frozen=True, slots=True)
class Beside:
    """What there is of a submission beside its verdict.

    Attributes:
        record: its recorded runs.
        notebook: where its rendered notebook lies, relative to the page; empty if there is none.
    """

    record: Record = field(default_factory=dict)
    notebook: str = ""


def section(
    book: Book,
    line: Line,
    found: Mapping[str, Any],
    beside: Beside,
    equal: Sequence[Equal],
    published: Mapping[str, Published],
) -> Iterator[str]:
    """The section in pieces."""
    member = line.member
    names = f" {e(member.names)}" if member.people else ""
    handed_in = f", handed in {e(member.created_at)}" if member.created_at else ""
    notebook = f' <a href="{e(beside.notebook)}">Notebook</a>.' if beside.notebook else ""
    yield (
        f'<article id="{anchor(member)}"><h3>{e(member.id)}{names}</h3>\n<p>{points(line.total)} of {points(book.maximum)} '
        f"points, {e(line.outcome)}{handed_in}.{notebook}</p>\n"
    )
    notes = [str(found.get("output", "")), *map(str, found["extra_data"].get("staff_notes", ()))]
    failed = str(found["extra_data"].get("grader_error", ""))
    yield from (block("", note) for note in (*notes, failed) if note)
    yield from (f'<div class="text staff"><b class="label">staff</b> {one.markup()}</div>\n' for one in equal)
    passed = []
    for test in found["tests"]:
        own = test["extra_data"]
        staff = [str(line) for line in own.get("staff", ())]
        if own["outcome"] == _FULL and not staff:
            passed.append(str(own["id"]))
            continue
        score = f", {points(Decimal(str(test['score'])))} of {points(Decimal(str(test['max_score'])))}" if "score" in test else ""
        yield f'<h4><span class="{style(own["outcome"])}">{e(own["outcome"])}</span> {e(own["id"])}{score}</h4>\n'
        yield block("", str(test.get("output", "")))
        yield from (block("staff", note) for note in staff)
    if passed:
        yield f"<p>Passed: {e(', '.join(passed))}.</p>\n"
    drawn = "".join(runs.figures(beside.record, published))
    if drawn:
        # Kept as text until somebody looks: as elements, the curves of a large class would take seconds to load.
        yield f'<details class="runs"><summary>Learning curves</summary><script type="text/html">{drawn}</script></details>\n'
    yield '<p><a href="#class">Back to the class</a></p></article>\n'
