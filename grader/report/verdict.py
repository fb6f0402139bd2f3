"""One verdict in full, for a dispute: everything that is on record about one item of one submission."""

from __future__ import annotations

import textwrap
from typing import Any

from ..rubric import Item
from ..text import clean
from .book import Line

_MAX_TEXT = 10_000


def render(line: Line, found: dict[str, Any], item: Item | None, test: dict[str, Any]) -> str:
    """The item `test` of the verdict `found` with its rubric row, as lines of text."""
    own = test["extra_data"]
    score = f"{test['score']}/{test['max_score']}" if "score" in test else "no points"
    lines = [clean(f"{own['id']}: {test['name']}", 300)]
    lines += _field("submission", " ".join(filter(None, (line.member.id, line.member.names))))
    lines += _field("handed in", line.member.created_at)
    lines += _field("outcome", f"{own['outcome']}, {score}")
    weights = dict(item.parts) if item is not None else {}
    for part, right in own.get("parts", {}).items():
        weight = f", weight {weights[part]}" if part in weights else ""
        lines += _field(f"part {part}", ("right" if right else "wrong") + weight)
    if item is not None and item.tolerance:
        lines += _field("tolerance", ", ".join(f"{name} {value:g}" for name, value in item.tolerance.items()))
    if item is not None and item.needs:
        lines += _field("needs", ", ".join(item.needs))
    lines += _field("slips", ", ".join(own.get("slips", ())))
    lines += ["", f"The student reads ({test['visibility']}):", *_indented(str(test.get("output", "")))]
    lines += ["", "Staff:"]
    for note in own.get("staff", ()) or ["Nothing beyond that is on record."]:
        lines += _indented(str(note))
    general = found["extra_data"]
    if general.get("grader_error"):
        lines += ["", "The grader failed:", *_indented(str(general["grader_error"]))]
    for note in general.get("staff_notes", ()):
        lines += _indented(f"note: {note}")
    lines += ["", "Reached with:"]
    for name in ("submission_digest", "rubric_digest", "fixtures_digest", "grader_version"):
        lines += _field(name.replace("_", " "), str(general.get(name, "")))
    lines += _field("grader digest", str(general.get("batch", {}).get("grader_digest", "")))
    lines += _field("isolation", ", ".join(general.get("isolation", {}).get("layers", ())))
    return "\n".join(lines)


def _field(name: str, value: str) -> list[str]:
    return [f"  {name:<18} {clean(value, 500)}"] if value else []


def _indented(block: str) -> list[str]:
    found: list[str] = []
    for line in clean(block, _MAX_TEXT).splitlines():
        found += textwrap.wrap(line, 100, initial_indent="  ", subsequent_indent="    ") or [""]
    return found
