"""What a student reached before, from Gradescope's submission_metadata.json, read leniently: what is odd in it costs nothing.

Only checks the student sees at once are compared: a total would tell what the hidden ones gave.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..grading.results import ItemResult, Outcome, Report

_MAX_BYTES = 32 * 2**20
_NAMED = 4  # items named each way; a longer list is no news


def read(path: Path) -> Mapping[str, Any]:
    """The metadata at `path`; empty where there are none that can be read."""
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def line(metadata: Mapping[str, Any], report: Report) -> str:
    """ "Last time 62, now 71. …"; empty where nothing can be compared: no earlier results, other points, a fault of ours."""
    items = [item for item in report.items if item.visibility == "visible" and not item.shown_only]
    before = _tests(metadata)
    then = [_score(before.get(item.id) or before.get(item.title), item) for item in items]
    known = [score for score in then if score is not None]
    if not items or len(known) < len(items) or report.grader_failed:
        return ""
    last, now = sum(known, Decimal(0)), sum((item.score for item in items), Decimal(0))
    start = "Last time" if len(items) == sum(not item.shown_only for item in report.items) else "Visible checks: last time"
    text = f"{start} {_shown(last)}, now {_shown(now)}."
    full = [score >= item.maximum for score, item in zip(known, items, strict=True)]
    for words, was in (("Now right", False), ("No longer right", True)):
        turned = [item for item, right in zip(items, full, strict=True) if right is was and (item.score >= item.maximum) is not was]
        names = [item.title for item in turned]
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            text += f" {words}: {'; '.join(names[:_NAMED])}{more}."
    return text


def _tests(metadata: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The latest earlier results that there are, by the item's id, and by its title where Gradescope dropped that."""
    found: dict[str, Mapping[str, Any]] = {}
    earlier = metadata.get("previous_submissions")
    for submission in reversed(earlier if isinstance(earlier, list) else []):
        results = submission.get("results") if isinstance(submission, dict) else None
        tests = results.get("tests") if isinstance(results, dict) else None
        if not isinstance(tests, list) or submission.get("autograder_error"):
            continue
        for test in tests:
            if isinstance(test, dict):
                extra = test.get("extra_data")
                name = extra.get("id") if isinstance(extra, dict) else None
                found.update({key: test for key in (name, test.get("name")) if isinstance(key, str)})
        break
    return found


def _score(test: Mapping[str, Any] | None, item: ItemResult) -> Decimal | None:
    """The points an earlier test got; None where they cannot be held against this item's."""
    if test is None or test.get("visibility", "visible") != "visible" or _number(test.get("max_score")) != item.maximum:
        return None
    extra = test.get("extra_data")
    if isinstance(extra, dict) and extra.get("outcome") == Outcome.GRADER_ERROR:
        return None
    return _number(test.get("score"))


def _number(value: Any) -> Decimal | None:
    """A number of points, as JSON or as text; exact to 2 decimals."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value)[:40])
        return round(number, 2) if number.is_finite() and 0 <= number < 1_000_000 else None
    except ArithmeticError:
        return None


def _shown(points: Decimal) -> str:
    text = f"{points:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
