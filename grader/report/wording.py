"""Sentences shared by every view."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ..grading.findings import Comparison
from ..grading.results import ItemResult, Outcome, Report

COSTS_NOTHING: Final = "This item carries no points, so it costs you nothing."
NOTE: Final = "Note: "  # before a sentence on the submission as a whole, which may begin with one of its names
INDENT: Final = " " * 4  # of lines that are to stand as they are
_MOST_DIGITS: Final = 9  # significant ones, as arrays are published


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of what is said under an item: sentences, or, `verbatim`, lines that are to stand as they are."""

    text: str
    verbatim: bool = False


def points(value: Decimal) -> str:
    """A score as people write it: "8", "2.67"."""
    return f"{value:f}"


def score_of(item: ItemResult) -> str:
    """An item's score: "8/10", "+2" for a bonus, "shown only" where no points stand."""
    if item.shown_only:
        return "no points"
    return f"{points(item.score)}/{points(item.maximum)}" if item.maximum else f"+{points(item.score)}"


def messages(item: ItemResult) -> list[str]:
    """The sentences the student reads under an item, where there is anything beyond "passed"; without code and tables."""
    return [line for block in blocks(item) if not block.verbatim for line in block.text.splitlines()]


def for_student(item: ItemResult) -> str:
    """What the student reads under an item; never empty."""
    return "\n".join(block.text for block in blocks(item)) or "All right."


def blocks(item: ItemResult) -> list[Block]:
    """The same piece by piece; none where an item is passed and nothing more is to be said."""
    said: dict[Block, None] = {}
    for finding in item.findings:
        if finding.student:
            said[Block(finding.student)] = None
        if finding.code:
            said[Block(code_lines(finding.code), verbatim=True)] = None
        if finding.comparison is not None:
            said[Block(table(finding.comparison), verbatim=True)] = None
    texts = list(said)
    if item.outcome is Outcome.PASSED:
        return [Block("All that counts is right."), *texts] if texts else []
    texts = texts or [Block("Not right.")]
    if item.outcome is Outcome.PARTIAL:
        right = [part for part, passed in item.parts.items() if passed]
        texts.append(Block(f"Right so far: {', '.join(right)}."))
    return [*texts, Block(COSTS_NOTHING)] if item.shown_only and item.outcome is not Outcome.GRADER_ERROR else texts


def code(item: ItemResult) -> str:
    """What the item asked, as programs for a cell; empty where none is told."""
    return "\n\n".join(dict.fromkeys(finding.code for finding in item.findings if finding.code))


def comparisons(item: ItemResult) -> list[Comparison]:
    """The answers that stand beside what is published."""
    return [finding.comparison for finding in item.findings if finding.comparison is not None]


def code_lines(code: str) -> str:
    """A program as it stands in a text: every line set in alike, which a notebook's cell takes as it is."""
    return "\n".join(f"{INDENT}{line}" if line else "" for line in code.splitlines())


def table(compared: Comparison) -> str:
    """An answer above what is published, row by row; a star marks the entry where they are furthest apart."""
    flat = compared.worst[:-1] == ()
    found, published = ([compared.found], [compared.published]) if flat else (compared.found, compared.published)
    row, column = (0, compared.worst[0]) if flat else compared.worst
    digits = digits_needed(found[row][column], published[row][column])
    lines = []
    for number, pair in enumerate(zip(found, published, strict=True)):
        place = "" if flat else f"[{number}]"
        for name, values in zip((f"{compared.name}{place}", "published"), pair, strict=True):
            mark = column if number == row else -1
            cells = [f"{f'{value:.{digits}g}':>{digits + 6}}{'*' if at == mark else ' '}" for at, value in enumerate(values)]
            lines.append(f"{name:<{len(compared.name) + 4}}{''.join(cells)}".rstrip())
    return "\n".join(f"{INDENT}{line}" for line in [*lines, "* furthest apart"])


def digits_needed(one: float, other: float) -> int:
    """How many significant digits show that two numbers differ, at least 5."""
    return next((digits for digits in range(5, _MOST_DIGITS) if f"{one:.{digits}g}" != f"{other:.{digits}g}"), _MOST_DIGITS)


def for_staff(item: ItemResult) -> list[str]:
    """What staff read in addition."""
    return [f"{finding.part}: {finding.staff}" if finding.part else finding.staff for finding in item.findings if finding.staff]


def planned(report: Report) -> str:
    """One line about rows that are announced but not graded yet; empty if there are none."""
    worth = sum(report.planned.values(), Decimal(0))
    if not worth:
        return ""
    return f"{points(worth)} more points are planned and not graded yet: {', '.join(i for i, p in report.planned.items() if p)}."


def left_out(report: Report) -> str:
    """One line about items that were not asked for here; empty if there are none."""
    if not report.left_out:
        return ""
    worth = sum(report.left_out.values(), Decimal(0))
    return f"Not part of this run: {more_checks(len(report.left_out), points(worth))}."


def elsewhere(items: int, worth: str) -> str:
    """One line about items that are graded on Gradescope only; empty if there are none."""
    if not items:
        return ""
    return f"Gradescope runs {more_checks(items, worth)}."


def more_checks(count: int, worth: str) -> str:
    """So many checks that are not seen here, and what they are worth."""
    return f"{count} more {'check' if count == 1 else 'checks'}, worth {worth} points"
