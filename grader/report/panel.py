"""The report as a student's tools want it: plain data, and a panel for a notebook. Nothing in it is for staff."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from ..grading.findings import Comparison
from ..grading.results import Outcome, Report
from ..submission.text import clean
from . import terminal, wording

_MAX_TEXT: Final = 5_000
_MAX_CODE: Final = 20_000
# Colours that can be read on white and on black.
_MARKS: Final = {Outcome.PASSED: ("✓", "#2da44e"), Outcome.PARTIAL: ("◐", "#bf8700"), Outcome.MISSING: ("○", "#848d97")}
_WRONG: Final = ("✗", "#e5484d")
_STYLE: Final = (
    "font-family:system-ui,sans-serif;font-size:14px;line-height:1.45;max-width:62em;border:1px solid #8c959f66;"
    "border-radius:6px;padding:.5em .9em .6em"
)
_HEAD: Final = "display:flex;gap:.6em;align-items:baseline;padding-top:.35em"
_TEXT: Final = "margin:.1em 0 .3em 1.75em;padding-left:.7em;border-left:2px solid {colour};white-space:pre-wrap"
_CODE: Final = "font-family:ui-monospace,monospace;font-size:13px"
_TABLE: Final = f"{_CODE};border-collapse:collapse;background:none"
_NAME: Final = "text-align:left;font-weight:400;opacity:.8;padding:0 1em 0 0;background:none"
_NUMBER: Final = "text-align:right;padding:0 .5em;background:none"
_MARKED: Final = ";font-weight:700;outline:1px solid currentColor"


def as_data(report: Report, *, note: str = "") -> dict[str, Any]:
    """The report as what JSON can hold.

    Returns:
        "score", "maximum", "items" (id, title, outcome, score, maximum, messages, code, comparisons), "notes", "elsewhere" (items,
        points), "seconds", and "text": the same in lines for a terminal. Points are numbers; "code" is a program for a cell or
        empty; a comparison has "name", "found" and "published" (lists, by rows) and "worst" (an index).
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
                "messages": [clean(line, _MAX_TEXT) for line in wording.messages(item)],
                "code": clean(wording.code(item), _MAX_CODE),
                "comparisons": [_plain(compared) for compared in wording.comparisons(item)],
            }
            for item in report.items
        ],
        "notes": [clean(line, _MAX_TEXT) for line in (*report.warnings, *report.notes, wording.left_out(report), note) if line],
        "elsewhere": {"items": report.elsewhere[0], "points": float(report.elsewhere[1])},
        "seconds": round(report.seconds, 3),
        "text": f"{lines}\n{note}".rstrip(),
    }


def panel(data: dict[str, Any]) -> str:
    """What `as_data` gives, as HTML for a notebook's output: no script, colours that suit light and dark."""
    rows = "".join(_row(item) for item in data["items"])
    notes = "".join(f'<div style="opacity:.8;margin-top:.5em">{_e(note)}</div>' for note in data["notes"])
    more = wording.elsewhere(data["elsewhere"]["items"], f"{data['elsewhere']['points']:g}")
    total = f"{data['score']:g} of {data['maximum']:g} points here, in {data['seconds']:.1f} s."
    return f'<div style="{_STYLE}">{rows}{notes}<div style="margin-top:.6em"><b>{_e(total)}</b> {_e(more)}</div></div>'


def failure(message: str) -> str:
    """A panel that says why there is no report."""
    return f'<div style="{_STYLE}"><b>The check could not be run.</b>{_said([message], _WRONG[1])}</div>'


def _row(item: dict[str, Any]) -> str:
    mark, colour = _MARKS.get(item["outcome"], _WRONG)
    points = f"{item['score']:g}/{item['maximum']:g}" if item["maximum"] else "no points"
    head = (
        f'<div style="{_HEAD}"><span style="color:{colour};font-weight:700;width:1.1em;text-align:center" role="img" '
        f'aria-label="{_e(item["outcome"])}">{mark}</span><span style="flex:1"><span style="{_CODE};font-weight:600">'
        f'{_e(item["id"])}</span> <span style="opacity:.75">{_e(item["title"])}</span></span>'
        f'<span style="white-space:nowrap">{_e(item["outcome"])}, {points}</span></div>'
    )
    said = _said(item["messages"], colour) if item["messages"] else ""
    tables = "".join(_table(compared, colour) for compared in item["comparisons"])
    return head + said + tables + (_cell(item["code"], colour) if item["code"] else "")


def _plain(compared: Comparison) -> dict[str, Any]:
    return {
        "name": compared.name,
        "found": compared.found,
        "published": compared.published,
        "worst": list(compared.worst),
    }


def _table(compared: dict[str, Any], colour: str) -> str:
    """Yours above the published, row by row; the entry where they are furthest apart is marked."""
    flat = len(compared["worst"]) == 1
    found, published = ([compared["found"]], [compared["published"]]) if flat else (compared["found"], compared["published"])
    row, column = (0, compared["worst"][0]) if flat else compared["worst"]
    digits = wording.digits_needed(found[row][column], published[row][column])
    rows = []
    for number, pair in enumerate(zip(found, published, strict=True)):
        place = "" if flat else f"[{number}]"
        for name, values in zip((f"{compared['name']}{place}", "published"), pair, strict=True):
            cells = "".join(
                f'<td style="{_NUMBER}{_MARKED if (number, at) == (row, column) else ""}">{_e(f"{value:.{digits}g}")}</td>'
                for at, value in enumerate(values)
            )
            rows.append(f'<tr><th scope="row" style="{_NAME}">{_e(name)}</th>{cells}</tr>')
    return f'<div style="{_TEXT.format(colour=colour)}"><table style="{_TABLE}">{"".join(rows)}</table></div>'


def _cell(code: str, colour: str) -> str:
    text = escape(clean(code, _MAX_CODE), quote=True)
    return (
        f'<details style="{_TEXT.format(colour=colour)}"><summary>What was asked, for a cell</summary>'
        f'<pre style="{_CODE};margin:.2em 0;overflow-x:auto">{text}</pre></details>'
    )


def _said(lines: list[str], colour: str) -> str:
    """Sentences as such; what is indented is a line of the student's code."""
    shown = [f'<div style="{_CODE}">{_e(line)}</div>' if line.startswith(" ") else f"<div>{_e(line)}</div>" for line in lines]
    return f'<div style="{_TEXT.format(colour=colour)}">{"".join(shown)}</div>'


def _e(value: str) -> str:
    return escape(clean(str(value), _MAX_TEXT), quote=True)
