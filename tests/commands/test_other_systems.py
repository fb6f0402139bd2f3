"""Windows, macOS and Colab, as far as they can be played here: the same verdicts, with one line on how far code is isolated."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from grader.grading.self_check import LESS_ISOLATED
from tests.commands.conftest import REFERENCE, InHandout, contents, in_folder, laid_over, plain
from tests.commands.other_systems import command, played
from tests.commands.test_check import data
from tests.commands.verdict_matrix import verdicts
from tests.conftest import SAMPLES
from tests.faults.stage import children, spent_some_time

SYSTEMS = pytest.mark.parametrize("system", ["win32", "darwin"])


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
    assert "\x1b" not in process.stdout
    assert contents(homework) == before


@SYSTEMS
def test_code_that_never_ends_is_ended_on_another_system_too(homework: Path, system: str) -> None:
    (homework / "deeplearning/optim.py").write_text("def adam(w, dw, config=None):\n    while True:\n        pass\n", "utf-8")
    rubric = homework / "grader/homework/rubric.toml"
    rubric.write_text(re.sub(r"\nseconds = \d+", "\nseconds = 1", rubric.read_text("utf-8"), count=1), "utf-8")
    process = played(system, homework, "check", "--only", "optim.adam")
    assert (process.returncode, process.stderr) == (1, "")
    assert "timed out     optim.adam.golden" in process.stdout


@SYSTEMS
def test_ctrl_c_ends_a_check_on_another_system_too(homework: Path, system: str) -> None:
    (homework / "deeplearning/optim.py").write_text("while True:\n    pass\n", "utf-8")
    process = subprocess.Popen(
        command(system, "check", "--only", "optim.adam"), cwd=homework, env=plain(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        below: list[int] = []
        while not any(spent_some_time(pid) for pid in below):
            assert process.poll() is None
            below = children(process.pid)
        process.send_signal(signal.SIGINT)
        printed, told = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, printed) == (130, b"")
    assert told == b"grader: stopped by SIGINT before it had finished\n"
    assert not any(Path(f"/proc/{pid}").exists() for pid in below)


@SYSTEMS
def test_a_terminal_on_another_system_shows_what_is_being_asked(handout: Path, system: str) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        command(system, "check", REFERENCE, "--only", "optim.adam"),
        cwd=handout,
        env=plain(TERM="xterm"),
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = bytearray()
        while part := _read(ours):
            shown += part
    os.close(ours)
    progress, _, report = shown.decode("utf-8").rpartition("checking optim.adam.golden")
    assert process.returncode == 0
    assert "\r" in progress + report
    assert "optim.adam.golden" in report
    assert ("\x1b[32mpassed" in report) == (system == "darwin")  # Windows' console may not take colours


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # closed at the other end
        return b""


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
