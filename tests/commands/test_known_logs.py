"""`--known FOLDER`: the same verdict on logs that were handed out by whichever door, and told where staff look."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from grader.homework import HOMEWORK
from tests.commands.conftest import in_folder
from tests.conftest import SAMPLES, run

pytestmark = pytest.mark.usefixtures("sandbox")
LOGS = SAMPLES / "reference" / "submission_logs"
HANDED_OUT = "These logs were handed out with the homework; run the notebook with your own code to make yours."
SHIPPED = (
    "the logs are the ones handed out with the homework, by what they hold: w_stds_he.json, w_stds_random.json, w_stds_zero.json"
)
ONLY: Sequence[str] = ("--only", "logs.w_stds")


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    """An untouched starter with the logs that it was handed out with."""
    folder = shutil.copytree(SAMPLES / "untouched", tmp_path / "class" / "starter")
    shutil.copytree(LOGS, folder / "submission_logs")
    return folder


def told(process: subprocess.CompletedProcess[str]) -> str:
    """What it printed, on one line."""
    return " ".join(process.stdout.split())


@pytest.mark.parametrize("command", ["grade", "check"])
def test_at_a_desk_and_in_the_self_check(starter: Path, command: str) -> None:
    known = told(run(command, starter, *ONLY, "--known", LOGS))
    assert "wrong logs.w_stds 0/4" in known
    assert HANDED_OUT in known
    assert "passed logs.w_stds 4/4" in told(run(command, starter, *ONLY))
    own = told(run(command, SAMPLES / "reference", *ONLY, "--known", LOGS))
    assert "passed logs.w_stds 4/4" in own
    assert (SHIPPED in own) is (command == "grade"), "for staff alone"


def test_in_a_class_that_is_graded_and_regraded(starter: Path, tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "reference", starter.parent / "done")
    out = tmp_path / "out"

    def scores() -> dict[str, float]:
        found = {name: out / "submissions" / name / "results.json" for name in ("done", "starter")}
        return {name: json.loads(path.read_bytes())["score"] for name, path in found.items()}

    assert run("batch", starter.parent, "-o", out, *ONLY).returncode == 0
    assert scores() == {"done": 4, "starter": 4}
    assert "by what they hold" not in (out / "report.html").read_text("utf-8")

    regraded = run("batch", starter.parent, "-o", out, *ONLY, "--known", LOGS)
    assert regraded.returncode == 1, regraded.stderr
    assert scores() == {"done": 4, "starter": 0}
    page = (out / "report.html").read_text("utf-8")
    queues = page[page.index("To do first") : page.index('id="scores"')].split("<details")
    (told_once,) = [queue for queue in queues if f"shipped: {SHIPPED}" in queue]
    assert "student=done" in told_once
    assert "student=starter" not in told_once
    assert "2 kept" in told(run("batch", starter.parent, "-o", out, *ONLY, "--known", LOGS))
    assert HANDED_OUT in told(run("explain", out, "starter", "logs.w_stds"))


def test_in_what_is_built(starter: Path, tmp_path: Path) -> None:
    for what, command, archive in (("autograder", "grade", "autograder.zip"), ("handout", "check", "handout.zip")):
        made = run("build", what, "-o", tmp_path / archive, "--known", LOGS)
        assert made.returncode == 0, made.stderr
        assert made.stdout.endswith("\n18 logs handed out with the homework\n")
        folder = tmp_path / what
        with zipfile.ZipFile(tmp_path / archive) as zipped:
            zipped.extractall(folder)
        place = folder / HOMEWORK.name if what == "handout" else folder
        for submission, verdict in ((starter, "wrong logs.w_stds 0/4"), (SAMPLES / "reference", "passed logs.w_stds 4/4")):
            process = in_folder(place, command, submission, *ONLY)
            assert verdict in told(process), process.stderr


@pytest.mark.parametrize("command", ["grade", "check", "batch", "build autograder", "build handout"])
def test_a_folder_without_logs_is_a_mistake_in_usage(tmp_path: Path, command: str) -> None:
    output = ("-o", tmp_path / "out") if command.split()[0] in ("batch", "build") else ()
    submission = () if command.startswith("build") else (SAMPLES / "nothing",)
    (tmp_path / "empty").mkdir()
    process = run(*command.split(), *submission, *output, "--known", tmp_path / "empty")
    assert process.returncode == 2
    assert process.stderr.endswith("holds no .npz or .json file; name the folder with the logs that were handed out\n")
    assert not (tmp_path / "out").exists()
