"""docs/for-courses.md: what it tells a course to type does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import OPTIM, ROOT, SAMPLES, Maker, run
from tests.packaging.test_autograder import build
from tests.report.conformance import conforming
from tests.starters import TERM, course

GUIDE = (ROOT / "docs/for-courses.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks in that language."""
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_every_command_it_names_exists() -> None:
    named = set(re.findall(r"\./run_autograder ([a-z]+)\b", GUIDE))
    assert named >= {"build", "doctor"}
    for name in named:
        assert run(name, "--help").returncode == 0
    play = [sys.executable, "-m", "tests.packaging.gradescope_harness", "--help"]
    assert subprocess.run(play, cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_the_settings_it_shows_are_those_of_the_built_in_rubric_or_refused_nowhere() -> None:
    rubric = tomllib.loads((ROOT / "grader/homework/rubric.toml").read_text("utf-8"))
    rows = {row["id"]: row for row in rubric["item"]}
    shown: list[dict[str, Any]] = [tomllib.loads(block) for block in blocks("toml")]
    (adam,) = [row for block in shown for row in block.get("item", []) if row["id"] in rows]
    assert all(rows[adam["id"]][key] == value for key, value in adam.items())
    assert {"leaderboard": {"enabled": True}} in shown
    assert rubric["leaderboard"] == {"enabled": False}


@pytest.mark.usefixtures("sandbox")
def test_what_it_shows_of_a_starter_is_what_the_command_says(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```\n\$ \./run_autograder doctor --starter fall\n(.*?)```", GUIDE, re.DOTALL)
    said = run("doctor", "--starter", course(tmp_path / "fall", *TERM)).stdout.splitlines()
    assert [line for line in shown.splitlines() if line not in (*said, "  …")] == []


@pytest.mark.usefixtures("sandbox")
def test_the_check_it_adds_can_be_built_and_grades(copy: Path, tmp_path: Path, make: Maker) -> None:
    (code,) = blocks("python")
    (row,) = [block for block in blocks("toml") if "optim.sgd.golden" in block]
    with (copy / "grader/homework/optim.py").open("a") as file:
        file.write(f"\n\n{code}")
    assert "check 'optim.sgd.golden' has no row" in build(copy, tmp_path / "a.zip").stderr
    with (copy / "grader/homework/rubric.toml").open("a") as file:
        file.write(f"\n{row}")
    process = build(copy, tmp_path / "a.zip")
    assert (process.returncode, process.stderr) == (0, "")
    output = tmp_path / "results.json"
    idle = make((OPTIM, None, "def sgd(w, dw, config=None):\n    return w, config\n"))
    for submission, status in ((SAMPLES / "reference", "passed"), (idle, "failed")):
        subprocess.run(
            [sys.executable, "-m", "grader", "grade", submission, "--only", "optim.sgd.golden", "-o", output],
            cwd=copy,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            check=False,
        )
        (test,) = conforming(output)["tests"]
        assert (test["name"], test["status"]) == ("SGD (given): one step", status)
