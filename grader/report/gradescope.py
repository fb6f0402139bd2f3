"""results.json as Gradescope reads it.

Facts it keeps to: finite numbers with at most two decimals; `number` a string; statuses "passed" and "failed"; outputs as plain
text of at most 10,000 characters; the whole file below 1 MB; one hidden test hides the total, so the visible points are told in
words; an item without points has a status and no score.
"""

from __future__ import annotations

import json
import os
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from .. import __version__
from ..result import ItemResult, Outcome, Report
from ..rubric import Item, Rubric
from ..scoring import rounded
from ..text import clean
from . import text

MAX_OUTPUT = 10_000
MAX_FILE = 1_000_000


def render(report: Report, *, leaderboard: bool = False) -> dict[str, Any]:
    """The report as the object to be written, ready for `json.dumps(…, allow_nan=False)`; `leaderboard` adds the class's table."""
    staff = [line for item in report.items for line in text.for_staff(item)]
    result: dict[str, Any] = {
        "score": _number(report.score),
        "execution_time": round(report.seconds, 2),
        "output": clean(_overview(report), MAX_OUTPUT),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_test(item, number) for number, item in enumerate(report.items, start=1)],
        "extra_data": {
            "grader_version": __version__,
            "submission_digest": report.submission_digest,
            "rubric_digest": report.rubric_digest,
            "fixtures_digest": report.fixtures_digest,
            "isolation": {"kind": report.isolation, "layers": list(report.layers)},
            "planned": {name: _number(points) for name, points in report.planned.items()},
            "staff_notes": [clean(note, 2_000) for note in report.staff_notes],
            "staff_findings": len(staff),
        },
    }
    if leaderboard:
        result["leaderboard"] = [
            {"name": "Best validation accuracy", "value": round(item.measured["val_accuracy"], 4), "order": "desc"}
            for item in report.items
            if item.outcome is Outcome.PASSED and "val_accuracy" in item.measured
        ]
    return _within_size(result)


def fallback(rubric: Rubric | None, titles: dict[str, str], why_staff: str) -> dict[str, Any]:
    """What stands in results.json when nothing better could be written: no points, all maxima, not the student's fault."""
    items = rubric.graded if rubric is not None else ()
    return {
        "score": 0,
        "output": "The grader did not come to an end. That is not your fault; staff can see why and will run it again.",
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_ungraded(item, titles.get(item.id, item.id), number) for number, item in enumerate(items, start=1)],
        "extra_data": {"grader_version": __version__, "grader_error": clean(why_staff, 4_000)},
    }


def write(result: dict[str, Any], path: Path) -> None:
    """Put `result` at `path` in one step: readers see the old file or the new one, never half of it.

    Raises:
        OSError: the folder cannot be written.
        ValueError: a number is not finite; nothing is written then.
    """
    data = json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
    if path.exists() and not path.is_file():  # /dev/null, /dev/stdout, a pipe: written into, never replaced
        path.write_bytes(data + b"\n")
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent or Path())
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data + b"\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _ungraded(item: Item, title: str, number: int) -> dict[str, Any]:
    test: dict[str, Any] = {
        "status": "failed",
        "name": title,
        "number": str(number),
        "output": "Not graded: the grader failed. That is not your fault.",
        "output_format": "text",
        "visibility": item.visibility,
        "extra_data": {"id": item.id, "outcome": str(Outcome.GRADER_ERROR)},
    }
    if item.points or item.bonus:
        test |= {"score": 0, "max_score": _number(rounded(item.points))}
    return test


def _test(item: ItemResult, number: int) -> dict[str, Any]:
    test: dict[str, Any] = {
        "status": "passed" if item.outcome is Outcome.PASSED else "failed",
        "name": item.title,
        "name_format": "text",
        "number": str(number),
        "output": clean(text.for_student(item), MAX_OUTPUT),
        "output_format": "text",
        "tags": list(item.tags),
        "visibility": item.visibility,
        "extra_data": {
            "id": item.id,
            "outcome": str(item.outcome),
            "parts": item.parts,
            "seconds": round(item.seconds, 3),
            "slips": sorted({finding.slip for finding in item.findings if finding.slip}),
            "staff": [clean(line, 4_000) for line in text.for_staff(item)],
        },
    }
    if not item.shown_only:
        test["score"] = _number(item.score)
        test["max_score"] = _number(item.maximum)
    return test


def _overview(report: Report) -> str:
    visible = [item for item in report.items if item.visibility == "visible"]
    lines = list(report.notes)
    if len(visible) < len(report.items):
        reached = sum((item.score for item in visible), Decimal(0))
        maximum = sum((item.maximum for item in visible), Decimal(0))
        lines.insert(
            0, f"Visible checks: {text.points(reached)} of {text.points(maximum)} points. More checks run and are shown later."
        )
    else:
        lines.insert(0, f"{text.points(report.score)} of {text.points(report.maximum)} points.")
    if report.grader_failed:
        lines.insert(1, "The grader failed on some items. That is not your fault; staff have been told and will regrade them.")
    if text.planned(report):
        lines.append(text.planned(report))
    return "\n".join(lines)


def _number(value: Decimal) -> int | float:
    """A JSON number with at most two decimals."""
    return int(value) if value == value.to_integral_value() else float(round(value, 2))


def _within_size(result: dict[str, Any]) -> dict[str, Any]:
    """Shorten the longest texts until the file is safely below its limit; scores and outcomes always stay."""
    limit = MAX_OUTPUT
    while len(json.dumps(result, ensure_ascii=False).encode("utf-8", "replace")) > MAX_FILE * 0.9 and limit > 100:
        limit //= 2
        for test in result["tests"]:
            test["output"] = clean(test["output"], limit)
            test["extra_data"]["staff"] = [clean(line, limit) for line in test["extra_data"]["staff"][:20]]
        notes = result["extra_data"]["staff_notes"]
        result["extra_data"]["staff_notes"] = [clean(note, limit) for note in notes[:20]]
    return result
