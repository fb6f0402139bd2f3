"""The report for a terminal: one line an item, below it what there is to say."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from ..grading.results import ItemResult, Outcome, Report
from ..submission.received import told
from ..submission.text import clean
from ..submission.text import name as shown
from . import wording

MAX_TEXT = 10_000
HANG = " " * 6  # where a wrapped sentence goes on: no line of ours begins there

_RED = "31"
_COLOURS = {Outcome.PASSED: "32", Outcome.PARTIAL: "33", Outcome.GRADER_ERROR: "35"}


def render(report: Report, *, staff: bool, colour: bool = False, width: int = 100) -> str:
    """The report as lines of text.

    Args:
        staff: also show what only staff may read.
        colour: use ANSI colours for the outcome words.
        width: columns to wrap to.
    """
    choice = report.received.choice
    lines = [f"Submission {shown(report.label)}", *_wrapped([choice] if choice else [], width), ""]
    for item, row in zip(report.items, rows(report.items, colour=colour), strict=True):
        lines.append(row)
        for block in wording.blocks(item):
            lines += _as_it_stands(block.text) if block.verbatim else _indented(block.text, width)
        if staff:
            for line in wording.for_staff(item):
                lines += _indented(f"[staff] {line}", width)
    lines.append("")
    lines += warnings("Warning", report.warnings, colour=colour, width=width)
    lines += _wrapped([note for note in report.notes if note != choice and note not in report.warnings], width)
    if staff and report.likely:
        lines += _wrapped([f"[staff] '--rename likely' shows the score with {told(report.likely)}."], width)
    if staff:
        lines += _wrapped([f"[staff] {note}" for note in report.staff_notes], width)
    more = wording.elsewhere(report.elsewhere[0], wording.points(report.elsewhere[1]))
    lines += _wrapped([note for note in (wording.planned(report), wording.left_out(report), more) if note], width)
    lines.append(f"Total: {wording.points(report.score)} of {wording.points(report.maximum)} points in {report.seconds:.2f} s.")
    return "\n".join(lines)


def rows(items: Sequence[ItemResult], *, colour: bool = False) -> list[str]:
    """One line an item: how it ended, its id, its points."""
    width = max((len(item.id) for item in items), default=0)
    words = [_coloured(f"{item.outcome:<13}", _COLOURS.get(item.outcome, _RED), colour) for item in items]
    return [f"  {word} {item.id:<{width}}  {wording.score_of(item):>9}" for word, item in zip(words, items, strict=True)]


def warnings(word: str, texts: Iterable[str], *, colour: bool = False, width: int = 100) -> list[str]:
    """Sentences with a word before each, as lines; red where there are colours."""
    lines = [line for text in texts for line in textwrap.wrap(f"{word}: {clean(text, MAX_TEXT)}", width, subsequent_indent=HANG)]
    return [_coloured(line, _RED, colour) for line in lines]


def _coloured(text: str, number: str, colour: bool) -> str:
    return f"\033[{number}m{text}\033[0m" if colour else text


def _indented(block: str, width: int) -> list[str]:
    lines: list[str] = []  # what is wrapped is set in further, so that no word in it begins a line where ours do
    for line in clean(block, MAX_TEXT).splitlines():
        lines += textwrap.wrap(line, width - 10, initial_indent=" " * 10, subsequent_indent=" " * 12) or [""]
    return lines


def _as_it_stands(block: str) -> list[str]:
    return [f"{' ' * 10}{line}" if line else "" for line in clean(block, MAX_TEXT).splitlines()]


def _wrapped(notes: list[str] | tuple[str, ...], width: int) -> list[str]:
    return [line for note in notes for line in textwrap.wrap(wording.NOTE + clean(note, MAX_TEXT), width, subsequent_indent=HANG)]
