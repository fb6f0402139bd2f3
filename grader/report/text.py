"""Sentences shared by every view."""

from __future__ import annotations

from decimal import Decimal

from ..result import ItemResult, Outcome, Report


def points(value: Decimal) -> str:
    """A score as people write it: "8", "2.67"."""
    return f"{value:f}"


def score_of(item: ItemResult) -> str:
    """An item's score: "8/10", "+2" for a bonus, "shown only" where no points stand."""
    if item.shown_only:
        return "no points"
    return f"{points(item.score)}/{points(item.maximum)}" if item.maximum else f"+{points(item.score)}"


def messages(item: ItemResult) -> list[str]:
    """What the student reads under an item, where there is anything beyond "passed"."""
    if item.outcome is Outcome.PASSED and not any(finding.student for finding in item.findings):
        return []
    return for_student(item).splitlines()


def for_student(item: ItemResult) -> str:
    """What the student reads under an item; never empty."""
    texts = list(dict.fromkeys(finding.student for finding in item.findings if finding.student))
    if not texts:
        texts = ["All right." if item.outcome is Outcome.PASSED else "Not right."]
    elif item.outcome is Outcome.PASSED:
        texts.insert(0, "All that counts is right.")
    if item.outcome is Outcome.PARTIAL:
        right = [part for part, passed in item.parts.items() if passed]
        texts.append(f"Right so far: {', '.join(right)}.")
    return "\n".join(texts)


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
    count = len(report.left_out)
    worth = sum(report.left_out.values(), Decimal(0))
    checks = "1 more check" if count == 1 else f"{count} more checks"
    return f"Not part of this run: {checks}, worth {points(worth)} points."


def elsewhere(items: int, worth: str) -> str:
    """One line about items that are graded on Gradescope only; empty if there are none."""
    if not items:
        return ""
    return f"Gradescope runs {items} more {'check' if items == 1 else 'checks'}, worth {worth} points."
