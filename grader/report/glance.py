"""The class at a glance: how points, outcomes and slips are distributed, and how many passed each item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from .book import Book, Line
from .markup import broken, e, points

_BINS = 10
_SLIPS, _AT_ONCE = 40, 8
_PASSED = "passed"


@dataclass(slots=True)
class Glance:
    """What is counted over the class."""

    graded: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    slips: Counter[str] = field(default_factory=Counter)
    totals: list[Decimal] = field(default_factory=list)

    def add(self, line: Line) -> None:
        """Count one submission."""
        self.graded += 1
        self.outcomes[line.outcome] += 1
        self.slips.update(line.slips)
        self.totals.append(line.total)
        self.passed.update(item for item, mark in line.marks.items() if mark.outcome == _PASSED)


def counts(book: Book, glance: Glance) -> str:
    """The class in a sentence."""
    parts = [f"{glance.graded} of {len(book.members)} submissions graded"]
    if glance.totals:
        ordered = sorted(glance.totals)
        middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
        mean = sum(ordered, Decimal(0)) / len(ordered)
        parts.append(f"mean {mean:.1f}, median {points(middle)} of {points(book.maximum)} points")
    if book.absent:
        parts.append(f"{len(book.absent)} absent")
    if book.only:
        parts.append(f"only {e(book.only)}")
    return "; ".join(parts) + "."


def panels(book: Book, glance: Glance, slip_names: Mapping[str, str]) -> str:
    """All of it as sections."""
    slips = [(f"{slip_names[slip]} ({slip})" if slip in slip_names else slip, n) for slip, n in glance.slips.most_common(_SLIPS)]
    sections = {
        "Scores": _histogram(glance, book.maximum),
        "Outcomes": _tally("Outcome", "Submissions", glance.outcomes.most_common()),
        "Most frequent slips": _tally("Slip", "Submissions", slips[:_AT_ONCE]) + _rest(slips[_AT_ONCE:]),
        "Items": _pass_rates(book, glance),
    }
    body = "".join(f"<section><h2>{title}</h2>\n{content}</section>\n" for title, content in sections.items())
    return f'<div class="panels">\n{body}</div>\n'


def _histogram(glance: Glance, maximum: Decimal) -> str:
    """Bars of the totals in tenths of the maximum; the last one holds the maximum itself and what is beyond."""
    width = (maximum or Decimal(1)) / _BINS
    bars = [0] * _BINS
    for total in glance.totals:
        bars[min(max(int(total / width), 0), _BINS - 1)] += 1
    labels = [f"{points(width * i)} to {'' if i == _BINS - 1 else 'below '}{points(width * (i + 1))}" for i in range(_BINS)]
    top = max(bars) or 1
    shapes = []
    for index, (count, label) in enumerate(zip(bars, labels, strict=True)):
        height = 120 * count / top
        x = 30 + 34 * index
        shapes.append(f'<g><title>{label}: {count}</title><rect x="{x}" y="{140 - height:.1f}" width="30" height="{height:.1f}"/>')
        shapes.append(f'<text x="{x + 15}" y="{135 - height:.1f}">{count or ""}</text></g>')
        shapes.append(f'<text x="{x}" y="156">{points(width * index)}</text>')
    shapes.append(f'<text x="{30 + 34 * _BINS}" y="156">{points(maximum)}</text><path d="M26 140.5H374"/>')
    told = "; ".join(f"{label}: {count}" for label, count in zip(labels, bars, strict=True) if count)
    label = f"Submissions by points. {told}"
    return f'<svg class="histogram" viewBox="0 0 390 165" role="img" aria-label="{e(label)}">{"".join(shapes)}</svg>\n'


def _tally(what: str, how_many: str, rows: list[tuple[str, int]]) -> str:
    if not rows:
        return "<p>None.</p>"
    body = "".join(f'<tr><td>{e(name)}</td><td class="number">{count}</td></tr>' for name, count in rows)
    head = f'<tr><th scope="col">{what}</th><th scope="col" class="number">{how_many}</th></tr>'
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>\n"


def _rest(slips: list[tuple[str, int]]) -> str:
    if not slips:
        return ""
    return f"<details><summary>{len(slips)} more</summary>{_tally('Slip', 'Submissions', slips)}</details>\n"


def _pass_rates(book: Book, glance: Glance) -> str:
    rows = []
    for column in book.columns:
        passed = glance.passed[column.id]
        share = 100 * passed / (glance.graded or 1)
        bar = f'<svg class="bar" viewBox="0 0 100 8" aria-hidden="true"><rect width="{share:.1f}" height="8"/></svg>'
        title = f'<th scope="row" title="{e(column.title)}">{broken(column.id)}</th>'
        rows.append(f'<tr>{title}<td class="number">{passed}</td><td class="number">{share:.0f} %</td><td>{bar}</td></tr>')
    head = '<th scope="col">Item</th><th scope="col" class="number">Passed</th><th scope="col" class="number">Rate</th>'
    return f"<table><thead><tr>{head}<td></td></tr></thead><tbody>{''.join(rows)}</tbody></table>\n"
