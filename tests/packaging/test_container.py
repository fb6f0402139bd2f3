"""Gradescope's container: whatever happens, a valid results.json stands there, and nobody loses points to the grader in silence."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.grading.rubric import Rubric
from tests.conftest import FC_NET, OPTIM, ROOT, SAMPLES, SOLVER
from tests.report.conformance import conforming, student_text

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the container is Linux and its entry a shell script")
EMAIL = "student@example.edu"
METADATA = '{"id": 7, "users": [{"email": "%s"}], "assignment": {"total_points": "20.0"}}' % EMAIL  # noqa: UP031 - braces
KILL = "\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"


@pytest.fixture
def container(tmp_path: Path) -> Path:
    """The container's folder as the harness leaves it, with a copy of the grader that a test may break."""
    root = tmp_path / "autograder"
    source = root / "source"
    shutil.copytree(ROOT / "grader", source / "grader")
    shutil.copytree(ROOT / "student_src", source / "student_src")
    (source / "fixtures").mkdir()
    for path in (ROOT / "fixtures").iterdir():
        if path.is_file():
            shutil.copyfile(path, source / "fixtures" / path.name)
    bootstrap = source / "bootstrap"  # the image has its environment made already
    bootstrap.write_text(f'#!/bin/sh\necho "{sys.executable}"\n')
    bootstrap.chmod(0o755)
    shutil.copy(ROOT / "run_autograder", root)
    (root / "results").mkdir()
    (root / "submission").mkdir()
    (root / "submission_metadata.json").write_text(METADATA)
    return root


def hand_in(root: Path, sample: str) -> None:
    """Put a sample submission where the harness would."""
    shutil.copytree(SAMPLES / sample, root / "submission", dirs_exist_ok=True)


def autograde(root: Path) -> subprocess.CompletedProcess[str]:
    """What the harness does: run_autograder, without arguments, from its folder."""
    return subprocess.run(
        [root / "run_autograder"],
        cwd=root,
        env={**os.environ, "GRADESCOPE_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def results(root: Path) -> dict[str, Any]:
    """The results.json there, held against every rule, and what students read in it against leaks."""
    result = conforming(root / "results" / "results.json")
    text = student_text(result)
    for words in (str(root), "/grader/", "Traceback", EMAIL):
        assert words not in text
    assert EMAIL not in (root / "results" / "results.json").read_text("utf-8")
    return result


def maxima(result: dict[str, Any]) -> Any:
    return sum(test.get("max_score", 0) for test in result["tests"])


@pytest.mark.usefixtures("sandbox")
def test_a_submission_is_graded_in_full(container: Path, rubric: Rubric) -> None:
    hand_in(container, "reference")
    process = autograde(container)
    assert (process.returncode, process.stderr) == (0, "")
    result = results(container)
    assert result["score"] == maxima(result) == rubric.reachable
    assert sorted(test["extra_data"]["id"] for test in result["tests"]) == sorted(item.id for item in rubric.graded)
    assert {test["status"] for test in result["tests"]} == {"passed"}
    assert set(result["extra_data"]["isolation"]["layers"]) >= {"process", "environment", "rlimits", "seccomp", "landlock"}
    assert "Total: " in process.stdout  # staff read it in the harness's log


@pytest.mark.usefixtures("sandbox")
def test_what_students_must_not_read_is_closed(container: Path) -> None:
    hand_in(container, "untouched")
    for name in ("source", "submission", "results"):
        (container / name).chmod(0o777)
    (container / "submission_metadata.json").chmod(0o666)
    assert autograde(container).returncode == 0
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in container.iterdir()}
    assert (modes["source"], modes["submission"], modes["results"]) == (0o700, 0o700, 0o700)
    assert modes["submission_metadata.json"] == 0o600
    assert [path.name for path in (container / "results").iterdir()] == ["results.json"]


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("metadata", [None, b"\xff{", b'{"assignment": null, "users": 3}'])
def test_odd_or_missing_metadata_costs_nothing(container: Path, metadata: bytes | None, rubric: Rubric) -> None:
    hand_in(container, "reference")
    path = container / "submission_metadata.json"
    if metadata is None:
        path.unlink()
    else:
        path.write_bytes(metadata)
    assert autograde(container).returncode == 0
    assert results(container)["score"] == rubric.reachable


@pytest.mark.usefixtures("sandbox")
def test_an_empty_submission_keeps_every_maximum(container: Path, rubric: Rubric) -> None:
    assert autograde(container).returncode == 0
    result = results(container)
    assert (result["score"], maxima(result)) == (0, rubric.reachable)
    assert "Nothing to grade was found" in result["output"]
    assert "passed" not in {test["extra_data"]["outcome"] for test in result["tests"]}


@pytest.mark.usefixtures("sandbox")
def test_hostile_files_are_refused_by_name_and_the_rest_is_graded(container: Path) -> None:
    hand_in(container, "reference")
    for name in (OPTIM, SOLVER):
        (container / "submission" / name).unlink()
    (container / "submission" / OPTIM).symlink_to(container / "submission_metadata.json")
    os.mkfifo(container / "submission" / SOLVER)
    assert autograde(container).returncode == 0
    result = results(container)
    outcomes = {test["extra_data"]["id"]: test["extra_data"]["outcome"] for test in result["tests"]}
    assert outcomes["optim.adam.golden"] == outcomes["solver.grad_norm"] == "missing"
    assert outcomes["fc_net.init.he"] == "passed"
    assert f"{OPTIM} was not used: it is a symbolic link, not a file." in result["output"]
    assert f"{SOLVER} was not used: it is a named pipe, not a file." in result["output"]


@pytest.mark.usefixtures("sandbox")
def test_a_submission_refused_as_a_whole_is_told_why(container: Path, rubric: Rubric) -> None:
    hand_in(container, "reference")
    for number in range(17):
        with (container / "submission/submission_logs" / f"huge_{number}.npz").open("wb") as file:
            file.truncate(4 * 2**20)
    assert autograde(container).returncode == 0
    result = results(container)
    assert (result["score"], maxima(result)) == (0, rubric.reachable)
    assert "the files to be graded hold more than 64 MB together" in result["output"]
    (text,) = {test["output"] for test in result["tests"] if test["extra_data"]["id"].startswith("fc_net.init.")}
    assert "submission_logs/huge_" in text
    assert FC_NET not in text


@pytest.mark.usefixtures("sandbox")
def test_the_results_of_an_earlier_run_are_replaced(container: Path, rubric: Rubric) -> None:
    hand_in(container, "reference")
    (container / "results" / "results.json").write_text('{"score": 1000000}')
    assert autograde(container).returncode == 0
    assert results(container)["score"] == rubric.reachable


# Faults of the grader or of the container ----------------------------------------------------------------------------------


def no_submission(root: Path) -> None:
    (root / "submission").rmdir()


def broken_rubric(root: Path) -> None:
    (root / "source/grader/homework/rubric.toml").write_text("total = ")


def broken_check(root: Path) -> None:
    with (root / "source/grader/homework/optim.py").open("a") as file:
        file.write("\nraise RuntimeError('a slip of staff')\n")


def broken_core(root: Path) -> None:
    with (root / "source/grader/grading/grade.py").open("a") as file:
        file.write("\ndef grade(*_, **__):\n    raise RuntimeError('a slip of staff')\n")


def changed_fixture(root: Path) -> None:
    with (root / "source/fixtures/golden.json").open("a") as file:
        file.write(" ")


@pytest.mark.parametrize(
    ("breaking", "told"),
    [
        (no_submission, "submission does not exist"),
        (broken_rubric, "rubric.toml"),
        (broken_check, "a slip of staff"),
        (broken_core, "a slip of staff"),
    ],
)
def test_a_fault_of_the_grader_is_told_to_staff_and_not_blamed_on_students(
    container: Path, breaking: Callable[[Path], None], told: str, rubric: Rubric
) -> None:
    if breaking is not no_submission:
        hand_in(container, "reference")
    breaking(container)
    process = autograde(container)
    assert process.returncode == 0
    result = results(container)
    assert result["score"] == 0
    assert "That is not your fault" in result["output"]
    assert told in result["extra_data"]["grader_error"]
    assert told in process.stderr
    if breaking in (no_submission, broken_core):
        assert maxima(result) == rubric.reachable


@pytest.mark.usefixtures("sandbox")
def test_a_changed_fixture_fails_its_items_as_the_graders_fault_and_no_others(container: Path, rubric: Rubric) -> None:
    hand_in(container, "reference")
    changed_fixture(container)
    assert autograde(container).returncode == 0
    result = results(container)
    outcomes = {test["extra_data"]["id"]: test["extra_data"]["outcome"] for test in result["tests"]}
    assert outcomes["optim.adam.golden"] == "grader error"
    assert outcomes["fc_net.init.he"] == "passed"
    assert "The grader failed on some items. That is not your fault" in result["output"]
    assert maxima(result) == rubric.reachable


@pytest.mark.parametrize(
    ("file", "code", "read"),
    [("homework/optim.py", KILL, False), ("grading/grade.py", KILL.replace("\nos.kill", "\ndef grade(*_, **__): os.kill"), True)],
    ids=["before the rubric is read", "while grading"],
)
def test_a_grader_killed_midway_leaves_a_file_that_blames_no_student(
    container: Path, file: str, code: str, read: bool, rubric: Rubric
) -> None:
    hand_in(container, "reference")
    with (container / "source/grader" / file).open("a") as source:
        source.write(code)
    assert autograde(container).returncode == -9
    result = results(container)
    assert result["score"] == 0
    assert "That is not your fault" in result["output"]
    assert maxima(result) == (rubric.reachable if read else 0)


def results_is_a_file(root: Path) -> None:
    (root / "results").rmdir()
    (root / "results").write_text("")


def results_json_is_a_folder(root: Path) -> None:
    (root / "results/results.json").mkdir()


def results_is_read_only(root: Path) -> None:
    (root / "results").chmod(0o500)
    if os.access(root / "results", os.W_OK):
        pytest.skip("this user may write everywhere")


@pytest.mark.parametrize("spoil", [results_is_a_file, results_json_is_a_folder, results_is_read_only])
def test_results_that_cannot_be_written_are_told_in_a_sentence(container: Path, spoil: Callable[[Path], None]) -> None:
    spoil(container)
    process = autograde(container)
    assert process.returncode == 3
    assert process.stderr.startswith(f"grader: {container / 'results' / 'results.json'} cannot be written: ")
    assert process.stderr.count("\n") == 1


# By hand -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("sandbox")
def test_with_a_path_the_entry_grades_that_submission_from_any_folder(container: Path, tmp_path: Path) -> None:
    shutil.copytree(SAMPLES / "reference", tmp_path / "some where/hand in")
    process = subprocess.run(
        [container / "run_autograder", "hand in", "--only", "optim.adam.golden", "-o", "out.json"],
        cwd=tmp_path / "some where",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.startswith("Submission hand in\n")
    assert conforming(tmp_path / "some where/out.json")["tests"][0]["status"] == "passed"
    assert not (container / "results/results.json").exists()


def test_the_entry_reports_mistakes_with_the_commands_exit_code(container: Path) -> None:
    process = subprocess.run([container / "run_autograder", "missing"], capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert process.stderr.startswith("grader: no such command or path: missing\n")


def test_a_module_of_the_submission_never_stands_in_for_one_of_the_grader(container: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    for name in ("grader.py", "json.py", "numpy.py", "argparse.py"):
        (work / name).write_text("raise SystemExit('taken over')")
    process = subprocess.run([container / "run_autograder", "missing"], cwd=work, capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert "taken over" not in process.stderr


def test_the_entry_and_the_set_up_are_scripts_a_linux_shell_can_run() -> None:
    for name in ("run_autograder", "bootstrap", "run_tests"):
        data = (ROOT / name).read_bytes()
        assert data.startswith(b"#!/bin/sh\n")
        assert b"\r" not in data
        assert os.access(ROOT / name, os.X_OK)
    last = (ROOT / "run_autograder").read_text().rstrip().splitlines()[-1]
    assert last.startswith("exec ")  # the shell reads on as it goes, so nothing may follow
