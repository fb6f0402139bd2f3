"""The report as a student's tools want it: plain data, and a panel for a notebook. Nothing in it is for staff."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from ..result import Outcome, Report
from ..text import clean
from . import terminal, text

_MAX_TEXT: Final = 5_000
_MARKS: Final = {Outcome.PASSED: ("✓", "#1a7f37"), Outcome.PARTIAL: ("◐", "#9a6700"), Outcome.MISSING: ("…", "#6e7781")}
_WRONG: Final = ("✗", "#cf222e")
_STYLE: Final = (
    "font-family:system-ui,sans-serif;font-size:14px;line-height:1.45;max-width:60em;border:1px solid #8c959f66;"
    "border-radius:6px;padding:.6em .9em"
)
_TEXT: Final = "font-family:ui-monospace,monospace;font-size:13px;white-space:pre-wrap;margin:.1em 0 .5em 1.6em;opacity:.9"


def as_data(report: Report, *, note: str = "") -> dict[str, Any]:
    """The report as what JSON can hold.

    Returns:
        "score", "maximum", "items" (id, title, outcome, score, maximum, messages), "notes", "elsewhere" (items, points),
        "seconds", and "text": the same in lines for a terminal. Points are numbers.
    """
    lines = terminal.render(report, staff=False)
    return {
        "score": float(report.score),
        "maximum": float(report.maximum),
        "items": [
            {
                "id": item.id,
                "title": item.title,
                "outcome": str(item.outcome),
                "score": float(item.score),
                "maximum": float(item.maximum),
                "messages": [clean(line, _MAX_TEXT) for line in text.messages(item)],
            }
            for item in report.items
        ],
        "notes": [clean(line, _MAX_TEXT) for line in (*report.notes, text.left_out(report), note) if line],
        "elsewhere": {"items": report.elsewhere[0], "points": float(report.elsewhere[1])},
        "seconds": round(report.seconds, 3),
        "text": f"{lines}\n{note}".rstrip(),
    }


def panel(data: dict[str, Any]) -> str:
    """What `as_data` gives, as HTML for a notebook's output: no script, colours that suit light and dark."""
    rows = "".join(_row(item) for item in data["items"])
    notes = "".join(f'<div style="opacity:.8;margin-top:.3em">{_e(note)}</div>' for note in data["notes"])
    more = text.elsewhere(data["elsewhere"]["items"], f"{data['elsewhere']['points']:g}")
    total = f"{data['score']:g} of {data['maximum']:g} points here, in {data['seconds']:.1f} s."
    return f'<div style="{_STYLE}">{rows}{notes}<div style="margin-top:.5em"><b>{_e(total)}</b> {_e(more)}</div></div>'


def failure(message: str) -> str:
    """A panel that says why there is no report."""
    return f'<div style="{_STYLE}"><b>The check could not be run.</b><div style="{_TEXT}">{_e(message)}</div></div>'


def _row(item: dict[str, Any]) -> str:
    mark, colour = _MARKS.get(item["outcome"], _WRONG)
    points = f"{item['score']:g}/{item['maximum']:g}" if item["maximum"] else "no points"
    head = (
        f'<div><span style="color:{colour};font-weight:700" role="img" aria-label="{_e(item["outcome"])}">{mark}</span> '
        f'<code>{_e(item["id"])}</code> <span style="opacity:.75">{_e(item["title"])}</span> '
        f'<span style="float:right">{_e(item["outcome"])}, {points}</span></div>'
    )
    said = "\n".join(item["messages"])
    return head + (f'<div style="{_TEXT}">{_e(said)}</div>' if said else "")


def _e(value: str) -> str:
    return escape(clean(str(value), _MAX_TEXT), quote=True)
