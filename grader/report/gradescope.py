"""results.json as Gradescope reads it.

Facts it keeps to: finite numbers with at most two decimals; `number` a string; statuses "passed" and "failed"; outputs as plain
text of at most 10,000 characters; the whole file below 1 MB; one hidden test hides the total, so the visible points are told in
words; an item without points has a status and no score.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from .. import __version__
from ..grading.atomic import replacing
from ..grading.homework import Leaderboard
from ..grading.results import ItemResult, Outcome, Report
from ..grading.rubric import Item, Rubric
from ..grading.scoring import rounded
from ..submission.text import clean
from ..submission.text import name as shown
from . import wording

_Shown = TypeVar("_Shown", ItemResult, Item)
MAX_OUTPUT = 10_000
MAX_FILE = 1_000_000
MAX_NAMES = 100  # of files that were taken


def render(report: Report, *, leaderboard: Leaderboard | None = None) -> dict[str, Any]:
    """The report as the object to be written, ready for `json.dumps(…, allow_nan=False)`; `leaderboard` adds the class's table."""
    staff = [line for item in report.items for line in wording.for_staff(item)]
    tests = [_test(item, number) for number, item in enumerate(_as_shown(report.items), start=1)]
    result: dict[str, Any] = {
        "score": as_number(report.score),
        "execution_time": round(report.seconds, 2),
        "output": clean(_overview(report, tests), MAX_OUTPUT),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {
            "grader_version": __version__,
            "submission_digest": report.submission_digest,
            "rubric_digest": report.rubric_digest,
            "fixtures_digest": report.fixtures_digest,
            "starter_digest": report.starter_digest,
            "isolation": {"kind": report.isolation, "layers": list(report.layers)},
            "planned": {name: as_number(points) for name, points in report.planned.items()},
            "staff_notes": [clean(note, 2_000) for note in report.staff_notes],
            "staff_findings": len(staff),
            "received": _received(report),
        },
    }
    if leaderboard is not None:
        result["leaderboard"] = [
            {"name": leaderboard.name, "value": round(item.measured[leaderboard.measured], 4), "order": leaderboard.order}
            for item in report.items
            if item.outcome is Outcome.PASSED and leaderboard.measured in item.measured
        ]
    return _within_size(result)


def _received(report: Report) -> dict[str, Any]:
    """What was received, for views of a class: `taken` name -> place, `missing` names, `likely` renames as pairs, `lines`."""
    found = report.received
    return {
        "taken": {name: shown(place) for name, place in list(found.taken.items())[:MAX_NAMES]},
        "missing": list(found.missing),
        "likely": [[shown(old), new] for old, new in report.likely],
        "renamed": [[shown(old), new] for old, new in report.renames],
        "lines": [clean(line, 2_000) for line in found.lines],
        "choice": clean(found.choice, 2_000),
    }


def fallback(rubric: Rubric | None, titles: dict[str, str], why_staff: str) -> dict[str, Any]:
    """What stands in results.json when nothing better could be written: no points, all maxima, not the student's fault."""
    items = _as_shown(rubric.graded) if rubric is not None else []
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
    with replacing(path, 0o644) as file:
        file.write(data + b"\n")


def _as_shown(items: tuple[_Shown, ...]) -> list[_Shown]:
    """In the order of their numbers: those that all can see first, so that what students see is numbered without a gap."""
    return sorted(items, key=lambda item: {"visible": 0, "hidden": 2}.get(item.visibility, 1))


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
        test |= {"score": 0, "max_score": as_number(rounded(item.points))}
    return test


def _test(item: ItemResult, number: int) -> dict[str, Any]:
    test: dict[str, Any] = {
        "status": "passed" if item.outcome is Outcome.PASSED else "failed",
        "name": item.title,
        "name_format": "text",
        "number": str(number),
        "output": clean(wording.for_student(item), MAX_OUTPUT),
        "output_format": "text",
        "tags": list(item.tags),
        "visibility": item.visibility,
        "extra_data": {
            "id": item.id,
            "outcome": str(item.outcome),
            "parts": item.parts,
            "seconds": round(item.seconds, 3),
            "slips": sorted({finding.slip for finding in item.findings if finding.slip}),
            "staff": [clean(line, 4_000) for line in wording.for_staff(item)],
            **_for_triage(item),
        },
    }
    if not item.shown_only:
        test["score"] = as_number(item.score)
        test["max_score"] = as_number(item.maximum)
    return test


def _for_triage(item: ItemResult) -> dict[str, Any]:
    """What sorts a failure, where it applies: that nothing was written, and by what factor a limit was missed at the worst."""
    missed = [one.missed_by for one in item.findings if one.missed_by is not None and math.isfinite(one.missed_by)]
    blank = any(one.blank for one in item.findings)
    return ({"blank": True} if blank else {}) | ({"missed_by": float(f"{max(missed):.4g}")} if missed else {})


def reached(tests: Sequence[Mapping[str, Any]]) -> str:
    """How many points the tests of a results.json come to, in a sentence that tells a student no hidden one."""
    visible = [test for test in tests if test["visibility"] == "visible"]
    score, maximum, whole = _sum(visible, "score"), _sum(visible, "max_score"), _sum(tests, "max_score")
    if len(visible) == len(tests):
        return f"{wording.points(score)} of {wording.points(maximum)} points."
    more = wording.more_checks(len(tests) - len(visible), wording.points(whole - maximum))
    return f"Visible checks: {wording.points(score)} of {wording.points(maximum)} points. Not shown yet: {more}."


def _sum(tests: Sequence[Mapping[str, Any]], what: str) -> Decimal:
    return sum((Decimal(str(test.get(what, 0))) for test in tests), Decimal(0)).normalize() + 0


def _overview(report: Report, tests: Sequence[Mapping[str, Any]]) -> str:
    lines = [reached(tests), *(f"{wording.NOTE}{note}" for note in report.notes)]
    if report.grader_failed:
        lines.insert(1, "The grader failed on some items. That is not your fault; staff have been told and will regrade them.")
    if wording.planned(report):
        lines.append(wording.planned(report))
    return "\n".join(lines)


def as_number(value: Decimal) -> int | float:
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
