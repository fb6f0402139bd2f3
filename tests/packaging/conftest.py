"""Zips built by the real command, and images set up from them once a worker."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import archive, check, handout, homework  # noqa: F401 - fixtures
from tests.conftest import ROOT, run
from tests.packaging.gradescope_harness import Image

Imaged = Callable[..., Image]


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A folder that every user can enter, as /autograder is; pytest's own are closed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def zipped(scratch: Path) -> Path:
    """The zip of this grader as it is."""
    path = scratch / "autograder.zip"
    process = run("build", "autograder", "-o", path)
    assert process.returncode == 0, process.stderr
    return path


@pytest.fixture(scope="session")
def environment() -> str:
    """This Python's environment, where it is the one an image would get: nothing then has to be installed."""
    stamp = Path(sys.prefix) / ".installed-run"
    lock = (ROOT / "gradescope/requirements-run.lock").read_bytes()
    wanted = subprocess.run(["cksum"], input=lock, capture_output=True, check=True).stdout.decode()
    if not stamp.exists() or stamp.read_text().split() != wanted.split():
        pytest.skip("this Python's environment was not made by ./bootstrap from the present requirements")
    return sys.prefix


@pytest.fixture(scope="session")
def imaged(scratch: Path, environment: str) -> Imaged:
    """Set up an image from a zip; it has to succeed."""
    made = 0

    def imager(built: Path) -> Image:
        nonlocal made
        made += 1
        image = Image(scratch / f"image-{made}")
        image.root.mkdir()
        process = image.build(built, GRADER_VENV=environment)
        assert process.returncode == 0, process.stderr
        return image

    return imager


@pytest.fixture(scope="session")
def image(zipped: Path, imaged: Imaged) -> Image:
    """The image of the grader as it is."""
    return imaged(zipped)


@pytest.fixture(scope="session")
def quick(scratch: Path, imaged: Imaged) -> Image:
    """The image of a course with short limits for the checks that call student code, and a leaderboard."""
    text = (ROOT / "grader/homework/rubric.toml").read_text("utf-8").replace("enabled = false", "enabled = true")
    text, found = re.subn(r'(?m)^id = "(optim|fc_net|solver)\..*$', r"\g<0>\nseconds = 1", text)
    assert found >= 10
    (scratch / "quick.toml").write_text(text, "utf-8")
    path = scratch / "quick.zip"
    process = run("build", "autograder", "-o", path, "--rubric", scratch / "quick.toml")
    assert process.returncode == 0, process.stderr
    return imaged(path)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of what a zip is built from, for tests that break it."""
    target = tmp_path / "copy"
    for name in ("grader", "student_src", "gradescope", "fixtures"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("run_autograder", "bootstrap"):
        shutil.copy(ROOT / name, target)
    return target
