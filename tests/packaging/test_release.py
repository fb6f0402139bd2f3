"""What is released: `python -m build` makes a source archive and a wheel, and both work away from the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import grader
from tests.conftest import OPTIM, ROOT, SAMPLES, Maker

pytestmark = pytest.mark.full
_NOT_HERE = shutil.ignore_patterns(".git", ".venv*", "__pycache__", "*_cache", "build", "dist", "*.egg-info")


def ran(*command: str | Path, cwd: Path, **environment: str) -> str:
    """What it prints; it has to succeed."""
    process = subprocess.run(
        [str(word) for word in command], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both, built from a copy."""
    source = tmp_path_factory.mktemp("release") / "source"
    shutil.copytree(ROOT, source, ignore=_NOT_HERE)
    process = subprocess.run([sys.executable, "-m", "build"], cwd=source, capture_output=True, text=True, check=False)
    if process.returncode and "No matching distribution" in process.stdout + process.stderr:
        pytest.skip("what builds packages cannot be had from here")
    assert process.returncode == 0, process.stdout + process.stderr
    return source / "dist"


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel and the packages that the tests have."""
    place = tmp_path_factory.mktemp("release") / "venv"
    venv.create(place, with_pip=True)
    python = place / "bin/python"
    (wheel,) = dist.glob("*.whl")
    ran(python, "-m", "pip", "install", "-q", "--no-deps", wheel, cwd=place)
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "beside.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_both_have_the_version_of_the_package(dist: Path) -> None:
    names = sorted(path.name for path in dist.iterdir())
    stem = f"sandboxed_homework_grader-{grader.__version__}"
    assert names == [f"{stem}-py3-none-any.whl", f"{stem}.tar.gz"]


@pytest.mark.usefixtures("sandbox")
def test_the_wheel_grades_and_brings_the_pytest_door_along(installed: Path, tmp_path: Path, make: Maker) -> None:
    wrong = make((OPTIM, None, "def adam(w, dw, config=None):\n    return w, config\n"))
    said = ran(installed, "-m", "grader", "grade", SAMPLES / "reference", cwd=tmp_path, PYTHONPATH="")
    assert "Total: 100 of 100 points" in said
    paths = [f"--submission={SAMPLES / 'reference'}", f"--submission={wrong}"]
    command = [str(installed), "-m", "pytest", "-k", "adam", *paths]
    process = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True, check=False
    )
    assert "2 failed, 2 passed" in process.stdout, process.stdout + process.stderr


@pytest.mark.usefixtures("sandbox")
def test_the_source_archive_passes_its_own_tests(dist: Path, tmp_path: Path) -> None:
    (archive,) = dist.glob("*.tar.gz")
    ran("tar", "xzf", archive, cwd=tmp_path)
    (unpacked,) = tmp_path.iterdir()
    said = ran(sys.executable, "-m", "pytest", "tests/report", "tests/submission", cwd=unpacked)
    assert " passed" in said
    assert "failed" not in said
