"""What is installed, where Python lies, who types and how processes are made: none of it changes a verdict or costs a point."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.grading.self_check import LESS_ISOLATED
from tests.commands.conftest import InHandout
from tests.commands.test_check import data
from tests.commands.verdict_matrix import (
    NOBODY,
    Machine,
    Verdicts,
    differing,
    imported,
    installed,
    private_python,
    score,
    table,
    with_heads,
)  # fmt: skip
from tests.conftest import OPTIM, ROOT, SAMPLES

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and users are POSIX's")
IS_ROOT = os.geteuid() == 0
# The verdicts that say most about a machine: right, wrong, not to be read, and needing a package that is not there.
FEW = ("reference", "nothing", "only_momentum", "cs231n_momentum", "does_not_parse", "raises_at_import", "absent_imports")
NEEDS = """import numpy as np
from scipy import special

def sgd_momentum(w, dw, config=None):
    return special.softmax(w), config

def adam(w, dw, config=None):
    return w - dw * special.expit(0), config
"""


@dataclass(frozen=True)
class Place:
    """A folder that every user can enter, with the handout and submissions; pytest's own are closed."""

    folder: Path
    handout: Path
    table: dict[str, Path]
    plain: dict[str, Verdicts]  # what a machine as the tests' own says


@pytest.fixture(scope="module")
def place(handout: Path) -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        copy = Path(shutil.copytree(handout, folder / "homework"))
        few = {name: SAMPLES / name for name in FEW if (SAMPLES / name).exists()}
        few["heads"] = with_heads(folder / "heads")
        few["needs"] = folder / "needs"
        shutil.copytree(SAMPLES / "reference", few["needs"])
        (few["needs"] / OPTIM).write_text(NEEDS, "utf-8")
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield Place(folder, copy, few, Machine().verdicts(copy, few))


@pytest.fixture(scope="module")
def site(place: Place) -> Path:
    return installed(place.folder / "site")


def test_imports_that_nothing_needs_cost_nothing(place: Place) -> None:
    assert score(place.plain["heads"]) == score(place.plain["reference"]) == 83


def test_an_answer_that_needs_a_package_fails_with_one_sentence_that_names_it(place: Place) -> None:
    told = {name: (outcome, messages) for name, outcome, _, _, messages in place.plain["needs"]}
    for item, call, line, used in (
        ("optim.sgd_momentum.golden", "sgd_momentum", 5, "softmax"),
        ("optim.adam.golden", "adam", 8, "expit"),
    ):
        outcome, messages = told[item]
        assert outcome == "raised"
        assert messages[-2] == (
            f"Calling {call}(w, dw, config) raised ImportError: 'scipy' is not there when this is graded, only NumPy is "
            f"(used as 'scipy.special.{used}(…)')."
        )
        assert messages[-1].startswith(f"  {OPTIM}, line {line}, in {call}:")


@pytest.mark.parametrize("sandbox", ["fork", "spawn"])
def test_what_is_installed_changes_no_verdict(place: Place, site: Path, sandbox: str) -> None:
    assert differing(Machine(site=site, sandbox=sandbox).verdicts(place.handout, place.table), place.plain) == []
    assert imported(site) == []


def test_the_note_names_what_is_imported_and_not_there(check: InHandout, place: Place) -> None:
    (note,) = [note for note in data(check(place.table["needs"], "--json"))["notes"] if "scipy" in note]
    assert note == f"{OPTIM} imports scipy, which is not there when this is graded; that costs nothing unless an answer needs it."


@pytest.fixture(scope="module")
def python(place: Place) -> Path:
    """One's own, below a closed folder with blanks and letters in its path."""
    home = place.folder / "Élan's home, härd to enter" / "py thon"
    return private_python(home)


def test_root_has_the_same_verdicts(place: Place, python: Path) -> None:
    if not IS_ROOT:
        pytest.skip("only root gives student code a user of its own")
    assert differing(Machine(python).verdicts(place.handout, place.table), place.plain) == []


def test_staff_may_grade_with_it(python: Path) -> None:
    process = subprocess.run(
        [python, "-B", "-m", "grader", "grade", SAMPLES / "reference", "--only", "optim.adam,logs.w_stds"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")


def test_an_ordinary_user_who_can_write_nowhere_has_the_same_verdicts(place: Place, python: Path) -> None:
    home = python.parent.parent
    for path in (home, *home.rglob("*")):
        if IS_ROOT:
            os.chown(path, NOBODY, NOBODY)
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        machine = Machine(python, uid=NOBODY if IS_ROOT else None)
        assert differing(machine.verdicts(place.handout, place.table), place.plain) == []
    finally:
        for path in (home, *home.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)


def test_processes_that_are_not_forked_say_so(check: InHandout) -> None:
    forked, spawned = (check(SAMPLES / "reference", "--json", "--only", "optim", "--sandbox", kind) for kind in ("fork", "spawn"))
    assert LESS_ISOLATED in data(spawned)["notes"]
    assert LESS_ISOLATED not in data(forked)["notes"]


@pytest.mark.long
def test_the_whole_table_is_the_same_in_processes_that_are_not_forked(handout: Path, tmp_path: Path) -> None:
    submissions = table(tmp_path, every=1)
    found = [Machine(sandbox=sandbox).verdicts(handout, submissions) for sandbox in ("fork", "spawn")]
    print(f"{len(submissions)} submissions, forked and not: {len(differing(*found))} differ")
    assert differing(*found) == []
