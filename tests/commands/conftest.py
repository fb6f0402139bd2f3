"""The handout as students get it: built by the real command, unpacked, and run from there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.homework import HOMEWORK
from tests.conftest import SAMPLES, run
from tests.homework.mutants import BLANKS, answered

REFERENCE, UNTOUCHED, MOMENTUM = SAMPLES / "reference", SAMPLES / "untouched", SAMPLES / "only_momentum"

InHandout = Callable[..., subprocess.CompletedProcess[str]]


def in_folder(folder: Path, *arguments: str | Path, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m grader …` in `folder`, with the grader that lies there and no other."""
    return subprocess.run(
        [sys.executable, "-m", "grader", *map(str, arguments)],
        cwd=folder,
        env=plain(**environment),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def plain(**environment: str) -> dict[str, str]:
    """This process's environment without what would lead Python to another copy of the grader."""
    return {**{name: value for name, value in os.environ.items() if name != "PYTHONPATH"}, **environment}


def unpacked(archive: Path, folder: Path) -> Path:
    """Unpack a handout into `folder`; the homework's folder in it."""
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(folder)
    return folder / HOMEWORK.name


def laid_over(folder: Path, sample: Path) -> Path:
    """Put a sample's files over those in `folder`, as a student would have written them there."""
    shutil.copytree(sample, folder, dirs_exist_ok=True)
    return folder


def with_answers(folder: Path, **answers: str) -> Path:
    """The reference's student files in `folder`, with other answers to the named blanks (see `tests.homework.mutants`)."""
    laid_over(folder / "deeplearning", REFERENCE / "deeplearning")
    for blank, answer in answers.items():
        path = folder / BLANKS[blank][0]
        path.write_text(answered(path.read_text("utf-8"), blank, answer), "utf-8")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` by its name, but for caches of Python's own."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip of this homework as it is."""
    path = tmp_path_factory.mktemp("handout") / "handout.zip"
    process = run("build", "handout", "-o", path)
    assert process.returncode == 0, process.stderr
    return path


@pytest.fixture(scope="session")
def handout(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip unpacked, to be run from and left as it is."""
    return unpacked(archive, tmp_path_factory.mktemp("unpacked"))


@pytest.fixture
def homework(archive: Path, tmp_path: Path) -> Path:
    """A student's own copy, to be worked in."""
    return unpacked(archive, tmp_path / "home")


@pytest.fixture(scope="session")
def check(handout: Path) -> InHandout:
    """`check(path, …)`: the self-check in the unpacked copy, as a person would run it."""

    def checker(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        return in_folder(handout, "check", *arguments, timeout=120, **environment)

    return checker
