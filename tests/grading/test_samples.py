"""Every sample submission gets the grade on record, from the real command, with its exit code and a valid results.json."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.conftest import SAMPLES, Graded

_GRADES: dict[str, dict[str, Any]] = tomllib.loads((SAMPLES / "grades.toml").read_text("utf-8"))


def test_every_sample_has_its_grade_on_record() -> None:
    assert sorted(_GRADES) == sorted(path.name for path in SAMPLES.iterdir() if path.suffix not in (".md", ".toml"))


@pytest.mark.parametrize("name", list(_GRADES))
def test_a_sample_gets_its_grade(name: str, command: Graded) -> None:
    process, results = command(SAMPLES / name)
    wanted = _GRADES[name]
    found = {
        test["extra_data"]["id"]: f"{test['extra_data']['outcome']} {test.get('score', '-')}"
        for test in results["tests"]
        if test["extra_data"]["outcome"] != "passed"
    }
    assert found == wanted.get("items", {})
    assert results["score"] == wanted["total"]
    assert sum(test.get("score", 0) for test in results["tests"]) == results["score"]
    assert sum(test.get("max_score", 0) for test in results["tests"]) == 100
    assert process.returncode == (0 if results["score"] == 100 else 1)
    assert process.stderr == ""
    assert "Traceback" not in process.stdout
