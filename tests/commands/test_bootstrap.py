"""./bootstrap: an environment is made once, grows where it can, serves for smaller sets, and is made anew after an interruption."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it is a shell script")
SETS = ("run", "class", "staff", "test", "long")
# A Python whose venv is a copy of itself, and whose pip installs nothing; both note that they were called.
PYTHON = """#!/bin/sh
case "$*" in
    -c*) echo "$0" ;;
    "-m venv --clear "*) echo venv >> "$NOTES"; rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
    "-m pip "*)
        for word; do :; done
        echo "pip ${word##*requirements-}" >> "$NOTES"
        case ${PIP:-} in fails) exit 1 ;; dies) kill -KILL $$ ;; interrupted) kill -KILL $PPID ;; esac ;;
esac
"""


class Bootstrap:
    """A copy of the script with small lock files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes = folder / "notes"
        shutil.copy(ROOT / "bootstrap", folder)
        (folder / "python").write_text(PYTHON)
        (folder / "python").chmod(0o755)
        (folder / "gradescope").mkdir()
        for name in SETS:
            self.lock(name, name)

    def lock(self, name: str, text: str) -> None:
        (self.folder / f"gradescope/requirements-{name}.lock").write_text(text)

    def run(self, what: str, pip: str = "") -> tuple[int, list[str]]:
        """Ask for a set: the exit code, and what was called meanwhile."""
        self.notes.unlink(missing_ok=True)
        process = subprocess.run(
            [self.folder / "bootstrap", what],
            env={
                **os.environ,
                "GRADER_PYTHON": str(self.folder / "python"),
                "GRADER_VENV": str(self.folder / "venv"),
                "NOTES": str(self.notes),
                "PIP": pip,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.stdout == (f"{self.folder}/venv/bin/python\n" if process.returncode == 0 else "")
        return process.returncode, self.notes.read_text().splitlines() if self.notes.exists() else []


@pytest.fixture
def bootstrap() -> Iterator[Bootstrap]:
    """In a folder that every user can read, as an environment's has to be; pytest's own are closed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Bootstrap(Path(folder))


def test_an_environment_is_made_once_and_grows_with_what_is_asked(bootstrap: Bootstrap) -> None:
    assert bootstrap.run("run") == (0, ["venv", "pip run.lock"])
    assert bootstrap.run("run") == (0, [])
    assert bootstrap.run("class") == (0, ["pip class.lock"])
    assert bootstrap.run("test") == (0, ["pip test.lock"])
    for less in ("run", "class", "staff", "test"):
        assert bootstrap.run(less) == (0, [])


def test_it_is_made_anew_where_what_is_there_is_of_other_requirements(bootstrap: Bootstrap) -> None:
    bootstrap.run("class")
    for name in SETS:
        bootstrap.lock(name, f"{name}, a later one")
    assert bootstrap.run("staff") == (0, ["venv", "pip staff.lock"])
    assert bootstrap.run("class") == (0, [])


def test_a_growth_that_fails_leaves_what_is_there(bootstrap: Bootstrap) -> None:
    bootstrap.run("run")
    assert bootstrap.run("class", pip="fails") == (3, ["pip class.lock"])
    assert bootstrap.run("run") == (0, [])
    assert bootstrap.run("class") == (0, ["pip class.lock"])


@pytest.mark.parametrize("how", ["dies", "interrupted"])
def test_a_set_up_that_was_interrupted_is_done_again(bootstrap: Bootstrap, how: str) -> None:
    assert bootstrap.run("run", pip=how)[0] != 0
    assert bootstrap.run("run") == (0, ["venv", "pip run.lock"])
    assert bootstrap.run("class", pip=how)[0] != 0
    assert bootstrap.run("class") == (0, ["venv", "pip class.lock"])
    assert bootstrap.run("staff") == (0, ["pip staff.lock"])


def test_an_environment_of_somebody_elses_is_left_alone(bootstrap: Bootstrap) -> None:
    theirs = bootstrap.folder / "venv/lib/python3.11/site-packages/torch-2.0.dist-info"
    theirs.with_name("pip-24.0.dist-info").mkdir(parents=True)  # as an interrupted set-up may leave it
    assert bootstrap.run("run") == (0, ["venv", "pip run.lock"])
    shutil.rmtree(bootstrap.folder / "venv")
    theirs.mkdir(parents=True)
    assert bootstrap.run("run") == (3, [])
    assert theirs.is_dir()


def test_each_set_holds_those_before_it() -> None:
    held: set[str] = set()
    for name in SETS:
        text = (ROOT / f"gradescope/requirements-{name}.lock").read_text("ascii")
        packages = {re.sub(r"(?m)^\s*#.*\n?", "", block) for block in re.split(r"(?m)^(?=[\w])", text)} - {""}
        assert held < packages
        held = packages
