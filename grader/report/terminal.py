"""The report for a terminal: one line an item, below it what there is to say."""

from __future__ import annotations

import textwrap

from ..result import Outcome, Report
from ..text import clean
from . import text

MAX_TEXT = 10_000

_COLOURS = {Outcome.PASSED: "32", Outcome.PARTIAL: "33", Outcome.GRADER_ERROR: "35"}


def render(report: Report, *, staff: bool, colour: bool = False, width: int = 100) -> str:
    """The report as lines of text.

    Args:
        staff: also show what only staff may read.
        colour: use ANSI colours for the outcome words.
        width: columns to wrap to.
    """
    lines = [clean(report.label, 200), ""]
    name_width = max((len(item.id) for item in report.items), default=0)
    for item in report.items:
        word = f"{item.outcome:<13}"
        if colour:
            word = f"\033[{_COLOURS.get(item.outcome, '31')}m{word}\033[0m"
        lines.append(f"  {word} {item.id:<{name_width}}  {text.score_of(item):>9}")
        for block in text.messages(item):
            lines += _indented(block, width)
        if staff:
            for line in text.for_staff(item):
                lines += _indented(f"[staff] {line}", width)
    lines.append("")
    lines += _wrapped(report.notes, width)
    if staff:
        lines += _wrapped([f"[staff] {note}" for note in report.staff_notes], width)
    more = text.elsewhere(report.elsewhere[0], text.points(report.elsewhere[1]))
    lines += _wrapped([note for note in (text.planned(report), text.left_out(report), more) if note], width)
    lines.append(f"Total: {text.points(report.score)} of {text.points(report.maximum)} points in {report.seconds:.2f} s.")
    return "\n".join(lines)


def _indented(block: str, width: int) -> list[str]:
    lines: list[str] = []
    for line in clean(block, MAX_TEXT).splitlines():
        lines += textwrap.wrap(line, width - 10, initial_indent=" " * 10, subsequent_indent=" " * 10) or [""]
    return lines


def _wrapped(notes: list[str] | tuple[str, ...], width: int) -> list[str]:
    return [line for note in notes for line in textwrap.wrap(f"Note: {clean(note, MAX_TEXT)}", width, subsequent_indent="      ")]
