"""The installed package needs nothing beside it: a cluster's workers have no more."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import ROOT, SAMPLES

BUILD = "import setuptools; setuptools.setup(script_args=['-q', 'build_py', '--build-lib', '{}'])"
NOT_INSTALLED = {".gitignore", "README.md"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an installer builds from; building leaves files in it."""
    target = tmp_path_factory.mktemp("source")
    away = shutil.ignore_patterns("__pycache__", "*.egg-info", "submissions", "logs", "*.ipynb", "submission_logs", "*.npy")
    for name in ("grader", "fixtures", "student_src"):
        shutil.copytree(ROOT / name, target / name, ignore=away)
    shutil.copy(ROOT / "README.md", target)
    # The setuptools that comes with Python may be older than this field; what gets installed does not depend on it.
    (target / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8").replace('license = "MIT"\n', ""), "utf-8")
    return target


@pytest.fixture(scope="module")
def built(source: Path) -> Path:
    """What lands in site-packages."""
    if find_spec("setuptools") is None:
        pytest.skip("setuptools is not installed here, so nothing can be built")
    target = source / "built"
    subprocess.run([sys.executable, "-c", BUILD.format(target)], cwd=source, capture_output=True, check=True, timeout=120)
    return target


def graded(python: str | Path, folder: Path, **environment: str) -> dict[str, float]:
    """The points of the reference, graded by the `grader` that this interpreter finds in an empty folder."""
    command = [str(python), "-m", "grader", "grade", str(SAMPLES / "reference"), "-o", "results.json"]
    process = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr
    result = json.loads((folder / "results.json").read_bytes())
    return {test["extra_data"]["id"]: test.get("score", 0.0) for test in result["tests"]}


def test_every_file_of_the_package_is_installed_and_grades_alone(
    source: Path, built: Path, tmp_path: Path, sandbox: object
) -> None:
    here = {path.relative_to(source) for path in (source / "grader").rglob("*") if path.is_file()}
    there = {path.relative_to(built) for path in (built / "grader").rglob("*") if path.is_file()}
    assert {path for path in here if path.name not in NOT_INSTALLED} <= there
    (tmp_path / "empty").mkdir()
    points = graded(sys.executable, tmp_path / "empty", PYTHONPATH=str(built))
    assert sum(points.values()) == 100


def test_the_version_of_the_code_is_the_same_installed_or_not(source: Path, built: Path, tmp_path: Path) -> None:
    asked = [sys.executable, "-c", "from grader.worker import grader_digest as d; print(d())"]
    told = {
        subprocess.run(asked, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(place)}, capture_output=True, check=True).stdout
        for place in (source, built)
    }
    assert len(told) == 1
    (source / "grader" / "text.py").write_text((source / "grader" / "text.py").read_text() + "\n")
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
