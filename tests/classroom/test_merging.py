"""Verdicts on some items put into those on all."""

from __future__ import annotations

from typing import Any

import pytest

from grader.classroom.merging import merged

MAPPING = [["a (1).py", "a.py"]]


def verdict(scores: dict[str, int], renamed: dict[str, int]) -> dict[str, Any]:
    tests = [
        {"number": name, "visibility": "visible", "score": score, "max_score": 9, "extra_data": {"id": name}}
        for name, score in scores.items()
    ]
    told = {"mapping": MAPPING, "score": sum((scores | renamed).values()), "items": renamed}
    return {"score": sum(scores.values()), "tests": tests, "extra_data": {"as_if_renamed": told} if renamed else {}}


@pytest.mark.parametrize(
    ("before", "part", "after", "score"),
    [
        ({"a": 9}, {"b": 8}, {"a": 9, "b": 8}, 20),
        ({"a": 9, "b": 8}, {}, {"a": 9}, 16),
        ({"b": 8}, {}, {}, None),
        ({}, {"b": 8}, {"b": 8}, 15),
    ],
)
def test_what_renaming_would_bring_is_told_of_all_items(
    before: dict[str, int], part: dict[str, int], after: dict[str, int], score: int | None
) -> None:
    found = merged(verdict({"a": 4, "b": 5, "c": 3}, before), verdict({"b": 4}, part))["extra_data"]
    expected = {"mapping": MAPPING, "score": score, "items": after} if score is not None else None
    assert found.get("as_if_renamed") == expected
