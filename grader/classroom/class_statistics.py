"""The class at a glance: how points, outcomes and slips are distributed, and how each item went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, pairwise
from typing import Final

from ..grading.results import Outcome
from .gradebook import Column, Gradebook, Line
from .markup import points

_EDGES: Final = (*range(0, 100, 10), 95, 100)  # of the bars, in percent of the maximum: most of a class lies beyond 90
_WHICH: Final = {"latest": "the latest one", "first": "the first one", "best": "the best one"}
_SMALLEST: Final = Decimal("0.01")  # points are exact to two decimals
_GROUPS: Final = ("passed", "partial", "none", "missing", "grader error")  # what the outcomes of an item come to, best first
_GROUP: Final[Mapping[str, str]] = {
    **dict.fromkeys(Outcome, "none"),
    Outcome.PASSED: "passed",
    Outcome.PARTIAL: "partial",
    Outcome.MISSING: "missing",
    Outcome.SKIPPED: "missing",
    Outcome.GRADER_ERROR: "grader error",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """How many submissions there are of a kind; `short` stands below the bar, `filter` is what the page shows them by."""

    short: str
    label: str
    count: int
    filter: str
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Rate:
    """How an item went: how many passed it, in percent of the class, and the share of each group of outcomes, in percent."""

    item: Column
    passed: int
    share: float
    groups: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Made:
    """How many submissions have these slips, one or two of one topic; `name` says what they are."""

    slips: tuple[str, ...]
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the page shows of the class as a whole; outcomes with how often they occurred, slips and pairs of them with how many
    made them, the most frequent first."""

    summary: str
    bars: tuple[Bar, ...]
    outcomes: list[tuple[str, int]]
    slips: list[Made]
    pairs: list[Made]
    rates: tuple[Rate, ...]


def statistics(book: Gradebook, lines: Sequence[Line], slip_names: Mapping[str, str], others: int = 0) -> Statistics:
    """All that the page shows of the class whose `lines` count; `slip_names`: what each slip is, by id; `others`: how many
    submissions do not count.
    """
    made = Counter(slips for line in lines for slips in _singly_and_in_pairs(line.slips))
    return Statistics(
        _summary(book, lines, others),
        _bars(lines, book.maximum),
        Counter(line.outcome for line in lines).most_common(),
        [one for one in _made(made, slip_names) if len(one.slips) == 1],
        [one for one in _made(made, slip_names) if len(one.slips) == 2],
        tuple(_rate(column, lines) for column in book.columns),
    )


def _singly_and_in_pairs(slips: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Each slip, and each two of the same topic: those may hang together."""
    yield from ((slip,) for slip in slips)
    yield from (pair for pair in combinations(slips, 2) if pair[0].partition(".")[0] == pair[1].partition(".")[0])


def _made(counts: Counter[tuple[str, ...]], slip_names: Mapping[str, str]) -> Iterator[Made]:
    for slips, count in counts.most_common():
        yield Made(slips, " and ".join(slip_names.get(slip, slip) for slip in slips), count)


def _rate(column: Column, lines: Sequence[Line]) -> Rate:
    groups = Counter(_GROUP.get(mark.outcome, "missing") for line in lines if (mark := line.marks.get(column.id)))
    whole = len(lines) or 1
    shares = tuple((group, 100 * groups[group] / whole) for group in _GROUPS if groups[group])
    return Rate(column, groups["passed"], 100 * groups["passed"] / whole, shares)


def _summary(book: Gradebook, lines: Sequence[Line], others: int) -> str:
    """The class in a sentence."""
    parts = [f"{len(lines)} of {len(book.members) - others} submissions graded"]
    if others:
        parts.append(f"{others} more {'does' if others == 1 else 'do'} not count, as {_WHICH[book.attempt]} of each student does")
    if lines:
        ordered = sorted(line.total for line in lines)
        middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
        mean = sum(ordered, Decimal(0)) / len(ordered)
        parts.append(f"mean {mean:.1f}, median {points(middle)} of {points(book.maximum)} points")
    if book.absent:
        parts.append(f"{len(book.absent)} absent")
    if book.only:
        parts.append(f"only {book.only}")
    return "; ".join(parts) + "."


def _bars(lines: Sequence[Line], maximum: Decimal) -> tuple[Bar, ...]:
    """What is missing and what got no points stand apart; then tenths of the maximum, the last one in halves; then who got all."""
    whole = maximum or Decimal(1)
    graded = [line.total for line in lines if line.outcome != Outcome.MISSING]
    bars = [
        Bar("missing", "missing", len(lines) - len(graded), "outcome=missing", apart=True),
        Bar("0", "0 points", sum(total <= 0 for total in graded), f"points={_span(None, _SMALLEST)}", apart=True),
    ]
    for first, (low, high) in enumerate(pairwise(whole * edge / 100 for edge in _EDGES)):
        start = low if first else _SMALLEST
        count = sum(start <= total < high for total in graded)
        label = f"{points(low) if first else 'above 0'} to below {points(high)} points"
        bars.append(Bar(points(low) if first else ">0", label, count, f"points={_span(start, high)}"))
    full = sum(total >= whole for total in graded)
    return (*bars, Bar(points(whole), f"{points(whole)} points", full, f"points={_span(whole, None)}", apart=True))


def _span(low: Decimal | None, high: Decimal | None) -> str:
    """From `low` on and below `high`, as the page's address has it."""
    return f"{'' if low is None else points(low)}_{'' if high is None else points(high)}"
