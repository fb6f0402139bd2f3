"""report.html: the class in one file that opens offline, without a server and without fetching anything.

Everything a student wrote is escaped, and a policy in the page lets no script run but its own. The page is given piece by piece,
so that a large class is never held in memory.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any

from ..result import Outcome
from ..text import clean
from . import text
from .book import Book, Column, Line

TEMPLATE = Path(__file__).with_name("page.html")
_BINS = 10
_MAX_TEXT = 4_000
_FULL = "passed"

Verdicts = Callable[[], Iterator[tuple[Line, dict[str, Any]]]]


@dataclass(slots=True)
class Glance:
    """What is counted over the class."""

    graded: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    slips: Counter[str] = field(default_factory=Counter)
    totals: list[Decimal] = field(default_factory=list)
    first: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> None:
        """Count one submission."""
        self.graded += 1
        self.outcomes[line.outcome] += 1
        self.slips.update(line.slips)
        self.totals.append(line.total)
        self.passed.update(item for item, mark in line.marks.items() if mark.outcome == _FULL)
        if line.outcome in (Outcome.GRADER_ERROR, Outcome.MISSING):
            self.first.append(line)


def render(book: Book, verdicts: Verdicts, slip_names: Mapping[str, str]) -> Iterator[str]:
    """The page in pieces.

    Args:
        verdicts: goes through every submission and its results.json; called three times.
        slip_names: what each slip is, in a few words.
    """
    glance = Glance()
    for line, _ in verdicts():
        glance.add(line)
    head, _, rest = TEMPLATE.read_text("utf-8").partition("<!--body-->")
    script = rest.partition("<script>")[2].partition("</script>")[0]
    yield head.replace("{{title}}", _e(book.title)).replace("{{script}}", _digest(script))
    yield f"<h1>{_e(book.title)}</h1>\n<p>{_counts(book, glance)}</p>\n"
    yield _first(glance)
    yield '<div class="panels">\n'
    yield f"<section><h2>Scores</h2>\n{_histogram(glance, book.maximum)}</section>\n"
    yield f"<section><h2>Outcomes</h2>\n{_tally('Outcome', 'Submissions', glance.outcomes.most_common())}</section>\n"
    slips = [(f"{slip_names[slip]} ({slip})" if slip in slip_names else slip, n) for slip, n in glance.slips.most_common(20)]
    yield f"<section><h2>Most frequent slips</h2>\n{_tally('Slip', 'Submissions', slips)}</section>\n"
    yield f"<section><h2>Items</h2>\n{_pass_rates(book, glance)}</section>\n</div>\n"
    yield from _table(book, verdicts)
    yield _absent(book)
    yield "<h2>Students</h2>\n"
    for line, found in verdicts():
        yield _student(book, line, found)
    yield rest


def _counts(book: Book, glance: Glance) -> str:
    parts = [f"{glance.graded} of {len(book.members)} submissions graded"]
    if glance.totals:
        ordered = sorted(glance.totals)
        middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
        mean = sum(ordered, Decimal(0)) / len(ordered)
        parts.append(f"mean {mean:.1f}, median {_points(middle)} of {_points(book.maximum)} points")
    if book.absent:
        parts.append(f"{len(book.absent)} absent")
    if book.only:
        parts.append(f"only {_e(book.only)}")
    return "; ".join(parts) + "."


def _first(glance: Glance) -> str:
    if not glance.first:
        return ""
    rows = "".join(f"<li>{_link(line)}: {_e(line.outcome)}</li>" for line in glance.first)
    return f'<section class="first"><h2>To look at first</h2>\n<ul>{rows}</ul></section>\n'


def _histogram(glance: Glance, maximum: Decimal) -> str:
    """Bars of the totals in tenths of the maximum; the last one holds the maximum itself and what is beyond."""
    width = (maximum or Decimal(1)) / _BINS
    bars = [0] * _BINS
    for total in glance.totals:
        bars[min(max(int(total / width), 0), _BINS - 1)] += 1
    labels = [f"{_points(width * i)} to {'' if i == _BINS - 1 else 'below '}{_points(width * (i + 1))}" for i in range(_BINS)]
    top = max(bars) or 1
    shapes = []
    for index, (count, label) in enumerate(zip(bars, labels, strict=True)):
        height = 120 * count / top
        x = 30 + 34 * index
        shapes.append(f'<g><title>{label}: {count}</title><rect x="{x}" y="{140 - height:.1f}" width="30" height="{height:.1f}"/>')
        shapes.append(f'<text x="{x + 15}" y="{135 - height:.1f}">{count or ""}</text></g>')
        shapes.append(f'<text x="{x}" y="156">{_points(width * index)}</text>')
    shapes.append(f'<text x="{30 + 34 * _BINS}" y="156">{_points(maximum)}</text><path d="M26 140.5H374"/>')
    told = "; ".join(f"{label}: {count}" for label, count in zip(labels, bars, strict=True) if count)
    label = f"Submissions by points. {told}"
    return f'<svg class="histogram" viewBox="0 0 390 165" role="img" aria-label="{_e(label)}">{"".join(shapes)}</svg>\n'


def _tally(what: str, how_many: str, rows: list[tuple[str, int]]) -> str:
    if not rows:
        return "<p>None.</p>"
    body = "".join(f"<tr><td>{_e(name)}</td><td>{count}</td></tr>" for name, count in rows)
    return (
        f'<table><thead><tr><th scope="col">{what}</th><th scope="col">{how_many}</th></tr></thead><tbody>{body}</tbody></table>\n'
    )


def _pass_rates(book: Book, glance: Glance) -> str:
    rows = []
    for column in book.columns:
        passed = glance.passed[column.id]
        share = 100 * passed / (glance.graded or 1)
        bar = f'<svg class="bar" viewBox="0 0 100 8" aria-hidden="true"><rect width="{share:.1f}" height="8"/></svg>'
        title = f'<th scope="row" title="{_e(column.title)}">{_e(column.id)}</th>'
        rows.append(f"<tr>{title}<td>{passed}</td><td>{share:.0f} %</td><td>{bar}</td></tr>")
    head = "".join(f'<th scope="col">{name}</th>' for name in ("Item", "Passed", "Rate"))
    return f"<table><thead><tr>{head}<td></td></tr></thead><tbody>{''.join(rows)}</tbody></table>\n"


def _table(book: Book, verdicts: Verdicts) -> Iterator[str]:
    heads = ["Submission", "Name", "SID", "Outcome", "Total", *(column.id for column in book.columns)]
    yield (
        '<h2 id="class">Class</h2>\n<p class="search"><label>Search <input type="search" id="search" autocomplete="off"></label> '
        f'<span id="shown" role="status">{len(book.members)} shown</span></p>\n<div class="wide" tabindex="0" role="region" '
        'aria-labelledby="class"><table id="grades"><thead><tr>'
    )
    for column in heads:
        yield f'<th scope="col"><button type="button">{_e(column)}</button></th>'
    yield "</tr></thead><tbody>\n"
    for line, _ in verdicts():
        people = line.member.people
        sids = ", ".join(person.sid for person in people if person.sid)
        cells = [_link(line), _e(line.member.names), _e(sids), _e(line.outcome), _points(line.total)]
        marks = "".join(_mark(column, line) for column in book.columns)
        more = _e(" ".join(person.email for person in people))
        head, *others = cells
        yield f'<tr data-more="{more}"><th scope="row">{head}</th>{"".join(f"<td>{cell}</td>" for cell in others)}{marks}</tr>\n'
    yield "</tbody></table></div>\n"


def _mark(column: Column, line: Line) -> str:
    mark = line.marks.get(column.id)
    if mark is None:
        return "<td></td>"
    shown = mark.outcome if mark.score is None else _points(mark.score)
    return f'<td class="{_class(mark.outcome)}" title="{_e(mark.outcome)}">{_e(shown)}</td>'


def _absent(book: Book) -> str:
    if not book.absent:
        return ""
    rows = "".join(f"<li>{_e(' '.join(filter(None, (person.name, person.sid, person.email))))}</li>" for person in book.absent)
    return f"<h2>Absent</h2>\n<ul>{rows}</ul>\n"


def _student(book: Book, line: Line, found: dict[str, Any]) -> str:
    names = f" {_e(line.member.names)}" if line.member.people else ""
    out = [
        f'<article id="{_anchor(line)}"><h3>{_e(line.member.id)}{names}</h3>\n<p>{_points(line.total)} of {_points(book.maximum)} '
        f"points, {_e(line.outcome)}{_e(', handed in ' + line.member.created_at) if line.member.created_at else ''}.</p>\n"
    ]
    notes = [str(found.get("output", "")), *map(str, found["extra_data"].get("staff_notes", ()))]
    failed = str(found["extra_data"].get("grader_error", ""))
    out += [_block("", note) for note in (*notes, failed) if note]
    passed = []
    for test in found["tests"]:
        own = test["extra_data"]
        staff = [str(line) for line in own.get("staff", ())]
        if own["outcome"] == _FULL and not staff:
            passed.append(str(own["id"]))
            continue
        score = f", {_points(Decimal(str(test['score'])))} of {_points(Decimal(str(test['max_score'])))}" if "score" in test else ""
        out.append(f'<h4><span class="{_class(own["outcome"])}">{_e(own["outcome"])}</span> {_e(own["id"])}{score}</h4>\n')
        out.append(_block("", str(test.get("output", ""))))
        out += [_block("staff", note) for note in staff]
    if passed:
        out.append(f"<p>Passed: {_e(', '.join(passed))}.</p>\n")
    return "".join(out) + '<p><a href="#class">Back to the class</a></p></article>\n'


def _block(kind: str, content: str) -> str:
    label = '<b class="label">staff</b> ' if kind else ""
    return f'<div class="text {kind}">{label}{_e(clean(content, _MAX_TEXT))}</div>\n' if content else ""


def _link(line: Line) -> str:
    return f'<a href="#{_anchor(line)}">{_e(line.member.id)}</a>'


def _anchor(line: Line) -> str:
    return "s-" + _e(line.member.id)


def _class(outcome: str) -> str:
    return {"passed": "good", "partial": "fair", "grader error": "ours"}.get(outcome, "bad")


def _points(value: Decimal) -> str:
    return text.points(value.normalize() + 0)


def _e(value: str) -> str:
    return escape(clean(str(value), _MAX_TEXT), quote=True)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
