"""The installed package needs nothing beside it: a cluster's workers have no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.conftest import SAMPLES

NOT_INSTALLED = {".gitignore", "README.md"}


def graded(python: str | Path, folder: Path, **environment: str) -> dict[str, float]:
    """The points of the reference, graded by the `grader` that this interpreter finds in an empty folder."""
    command = [str(python), "-m", "grader", "grade", str(SAMPLES / "reference"), "-o", "results.json"]
    process = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr
    result = json.loads((folder / "results.json").read_bytes())
    return {test["extra_data"]["id"]: test.get("score", 0.0) for test in result["tests"]}


@pytest.mark.usefixtures("sandbox")
def test_every_file_of_the_package_is_installed_and_grades_alone(source: Path, built: Path, tmp_path: Path) -> None:
    here = {path.relative_to(source) for path in (source / "grader").rglob("*") if path.is_file()}
    there = {path.relative_to(built) for path in (built / "grader").rglob("*") if path.is_file()}
    assert {path for path in here if path.name not in NOT_INSTALLED} <= there
    (tmp_path / "empty").mkdir()
    points = graded(sys.executable, tmp_path / "empty", PYTHONPATH=str(built))
    assert sum(points.values()) == 100


def test_the_version_of_the_code_is_the_same_installed_or_not(source: Path, built: Path, tmp_path: Path) -> None:
    asked = [
        sys.executable,
        "-c",
        "from grader.classroom.worker import grader_digest; from grader.homework import HOMEWORK; print(grader_digest(HOMEWORK))",
    ]
    told = {
        subprocess.run(asked, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(place)}, capture_output=True, check=True).stdout
        for place in (source, built)
    }
    assert len(told) == 1
    changed_file = source / "grader" / "submission" / "text.py"
    changed_file.write_text(changed_file.read_text() + "\n")
    changed = subprocess.run(asked, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(source)}, capture_output=True, check=True)
    assert changed.stdout not in told


@pytest.mark.long
@pytest.mark.usefixtures("sandbox")
def test_pip_installs_it_into_a_fresh_environment(source: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    process = subprocess.run(
        [python, "-m", "pip", "install", "-q", str(source)], capture_output=True, text=True, timeout=600, check=False
    )
    if process.returncode and "connection" in process.stderr.lower():
        pytest.skip("no package registry can be reached from here")
    assert process.returncode == 0, process.stderr
    (tmp_path / "empty").mkdir()
    assert sum(graded(python, tmp_path / "empty", PYTHONPATH="").values()) == 100
