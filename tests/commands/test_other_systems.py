"""Windows, macOS and Colab, as far as they can be played here: the same verdicts, with one line on how far code is isolated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.selfcheck import LESS_ISOLATED
from tests.conftest import SAMPLES

from .conftest import REFERENCE, InHandout, contents, in_folder, laid_over
from .othersystems import played
from .test_check import data
from .test_same_verdicts import verdicts

SYSTEMS = pytest.mark.parametrize("system", ["win32", "darwin"])
PUZZLING = ("only_momentum", "does_not_parse", "raises_at_import", "absent_imports", "file_missing")


@pytest.mark.parametrize("name", ["reference", "cs231n_momentum", *PUZZLING])
def test_processes_that_are_not_forked_give_the_same_verdicts(check: InHandout, name: str) -> None:
    forked = check(SAMPLES / name, "--json", "--sandbox", "fork")
    spawned = check(SAMPLES / name, "--json", "--sandbox", "spawn")
    assert forked.returncode == spawned.returncode
    assert verdicts(data(forked)) == verdicts(data(spawned))
    assert LESS_ISOLATED in data(spawned)["notes"]
    assert LESS_ISOLATED not in data(forked)["notes"]


@SYSTEMS
@pytest.mark.parametrize("name", ["reference", "cs231n_momentum"])
def test_another_system_gives_the_same_verdicts(handout: Path, check: InHandout, system: str, name: str) -> None:
    process = played(system, handout, "check", SAMPLES / name, "--json")
    assert (process.returncode, process.stderr) == (check(SAMPLES / name).returncode, "")
    assert verdicts(data(process)) == verdicts(data(check(SAMPLES / name, "--json")))


@SYSTEMS
def test_another_system_tells_in_one_line_how_far_code_is_isolated(homework: Path, system: str) -> None:
    laid_over(homework, REFERENCE)
    before = contents(homework)
    process = played(system, homework, "check", "--only", "optim")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.count(LESS_ISOLATED) == 1
    assert contents(homework) == before


@SYSTEMS
def test_code_that_never_ends_is_ended_on_another_system_too(homework: Path, system: str) -> None:
    (homework / "deeplearning/optim.py").write_text("def adam(w, dw, config=None):\n    while True:\n        pass\n", "utf-8")
    rubric = homework / "grader/rubric.toml"
    rubric.write_text(rubric.read_text("utf-8").replace("seconds = 10", "seconds = 1"), "utf-8")
    process = played(system, homework, "check", "--only", "optim.adam")
    assert (process.returncode, process.stderr) == (1, "")
    assert "timed out     optim.adam.golden" in process.stdout


@SYSTEMS
def test_a_submission_is_packed_on_another_system_into_the_same_bytes(homework: Path, system: str) -> None:
    laid_over(homework, REFERENCE)
    assert in_folder(homework, "build", "submission", "-o", "here.zip").returncode == 0
    process = played(system, homework, "build", "submission", "-o", "there.zip")
    assert (process.returncode, process.stderr) == (0, "")
    assert (homework / "there.zip").read_bytes() == (homework / "here.zip").read_bytes()


def test_what_is_played_lacks_what_it_should(handout: Path) -> None:
    """The stand-in itself: forking, which works here, must not work there."""
    for system in ("win32", "darwin"):
        process = played(system, handout, "check", "--only", "optim", "--sandbox", "fork")
        assert process.returncode == 3
        assert process.stdout == ""


def test_json_of_two_systems_differs_in_the_note_alone(handout: Path, check: InHandout) -> None:
    here, there = (
        json.loads(process.stdout)
        for process in (check(REFERENCE, "--json"), played("darwin", handout, "check", REFERENCE, "--json"))
    )
    assert [note for note in there["notes"] if note not in here["notes"]] == [LESS_ISOLATED]
