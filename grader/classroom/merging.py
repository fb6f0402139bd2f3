"""Verdicts on some items put into those on all: after a regrade of a few items the class has one grade again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from ..errors import UsageError
from ..grading.rubric import Rubric
from ..report import gradescope

_SAME: Final = ("rubric_digest", "grader_version", "submission_digest", "fixtures_digest", "starter_digest")


def merged(whole: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict `whole` with the items of `part` in place of its own; how it was reached is what is on record of `part`.

    The key under which a whole run would keep it stays only if both were reached alike, so that no other is kept in its place.
    """
    new = {test["extra_data"]["id"]: test for test in part["tests"]}
    tests = [{**new.get(test["extra_data"]["id"], test), "number": test["number"]} for test in whole["tests"]]
    general = {**whole["extra_data"], **part["extra_data"]}
    if "grader_error" not in part["extra_data"]:
        general.pop("grader_error", None)
    before, after = (one["extra_data"].get("batch", {}) for one in (whole, part))
    alike = before.get("grader_digest") == after.get("grader_digest")
    alike = alike and all(whole["extra_data"].get(name) == general.get(name) for name in _SAME)
    general["batch"] = {**before, **after, "key": before.get("key", "") if alike else "", "part": after.get("key", "")}
    general.pop("as_if_renamed", None)
    if renamed := _as_if_renamed(whole, part, tests):
        general["as_if_renamed"] = renamed
    score = sum((_decimal(test.get("score", 0)) for test in tests), Decimal(0))
    _, _, rest = str(whole.get("output", "")).partition("\n")
    return {
        **whole,
        "score": gradescope.as_number(score),
        "output": "\n".join(filter(None, (gradescope.reached(tests), rest))),
        "tests": tests,
        "extra_data": general,
    }


def _as_if_renamed(whole: Mapping[str, Any], part: Mapping[str, Any], tests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What likely renames would bring in all items: in those of `part` as it says, in the others as `whole` does."""
    before, after = (one["extra_data"].get("as_if_renamed", {}) for one in (whole, part))
    scores = {test["extra_data"]["id"]: _decimal(test.get("score", 0)) for test in tests}
    anew = {test["extra_data"]["id"] for test in part["tests"]}
    items = {item: score for item, score in before.get("items", {}).items() if item not in anew} | after.get("items", {})
    more = sum((_decimal(score) - scores[item] for item, score in items.items()), Decimal(0))
    if more <= 0:
        return {}
    mapping = after.get("mapping") or before["mapping"]
    return {"mapping": mapping, "score": gradescope.as_number(sum(scores.values(), more)), "items": items}


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value))


def key_of_part(whole: Mapping[str, Any] | None) -> str:
    """The key under which items were put into a verdict last; empty if none were."""
    batch = whole["extra_data"].get("batch") if whole is not None else None
    return str(batch.get("part", "")) if isinstance(batch, dict) else ""


def require_same_rows(before: Rubric, after: Rubric, regraded: Collection[str]) -> None:
    """Raise `UsageError` where the rubric has changed in an item that keeps its verdict."""
    old = {item.id: item for item in before.items}
    changed = [item.id for item in after.items if item.id not in regraded and old.get(item.id) != item]
    if changed:
        which = ", ".join(changed)
        raise UsageError(
            f"the rubric has changed in items that would keep their verdicts: {which}; grade these too, or all of them"
        )
