"""The command as people use it: exit codes, mistakes, and which door shows what."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from grader.homework import HOMEWORK
from tests.conftest import OPTIM, ROOT, SAMPLES, Maker, run
from tests.report.conformance import conforming

REFERENCE, UNTOUCHED, BROKEN = SAMPLES / "reference", SAMPLES / "untouched", SAMPLES / "does_not_parse"
FAST = ("--only", "optim.adam.golden")


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("door", ["check", "grade"])
def test_the_exit_code_tells_whether_everything_passed(door: str) -> None:
    passed = run(door, REFERENCE, *FAST)
    assert (passed.returncode, passed.stderr) == (0, "")
    failed = run(door, UNTOUCHED, *FAST)
    assert (failed.returncode, failed.stderr) == (1, "")
    assert passed.stdout.startswith("Submission reference\n\n  passed        optim.adam.golden")
    assert failed.stdout.startswith("Submission untouched\n\n  wrong         optim.adam.golden")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("grad", "x"), "did you mean 'grade'?"),
        (("docter",), "did you mean 'doctor'?"),
        (("grade",), "the following arguments are required: PATH"),
        (("grade", "x", "--onyl", "y"), "unrecognized arguments: --onyl y; did you mean '--only'?"),
        (("grade", "x", "--ouptut=y"), "unrecognized arguments: --ouptut=y; did you mean '--output'?"),
        (("check", "x", "--nothing-like-it"), "unrecognized arguments: --nothing-like-it\n"),
        (("check", "x", "-o", "y"), "unrecognized arguments: -o y"),
        (("check", "--out", "y"), "unrecognized arguments: --out\n"),
        (("--hlp", "check"), "did you mean '--help'?"),
        (("check", "x", "--sandbox", "frok"), "did you mean 'fork'?"),
        (("check", "x", "--only"), "expected one argument"),
        (("check", "x", "y"), "unrecognized arguments: y"),
    ],
)
def test_a_mistake_in_the_options_is_told_in_two_lines(arguments: tuple[str, ...], said: str) -> None:
    process = run(*arguments)
    assert (process.returncode, process.stdout) == (2, "")
    first, second, *rest = process.stderr.splitlines(keepends=True)
    assert first.startswith("grader: ")
    assert said in first
    assert second.startswith(f"Try '{sys.executable} -m grader")
    assert not rest


@pytest.mark.parametrize("door", ["check", "grade"])
@pytest.mark.parametrize("name", ["missing", "notes.txt", "notes.txt/x"])
def test_a_path_that_is_no_submission_is_a_mistake_in_usage(tmp_path: Path, door: str, name: str) -> None:
    (tmp_path / "notes.txt").write_text("no zip")
    process = run(door, tmp_path / name)
    assert process.returncode == 2
    assert process.stderr.startswith(f"grader: {tmp_path / name} ")
    assert process.stderr.count("\n") == 1


def test_a_path_that_may_not_be_read_is_a_mistake_in_usage(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    try:
        list(closed.iterdir())
    except PermissionError:
        process = run("check", closed)
        assert (process.returncode, process.stderr) == (2, f"grader: {closed} cannot be read: Permission denied\n")
    else:
        pytest.skip("this user may read everything")


@pytest.mark.parametrize(
    ("only", "items"),
    [("optim.adam", ["optim.adam."]), ("fc_net.init", ["fc_net.init."]), ("solver.grad_norm", ["solver.grad_norm"])],
)
def test_only_takes_an_item_or_a_group_of_them(only: str, items: list[str]) -> None:
    lines = [line.split() for line in run("check", REFERENCE, "--only", only).stdout.splitlines() if line.startswith("  passed ")]
    assert lines
    assert all(line[1].startswith(tuple(items)) for line in lines)


@pytest.mark.parametrize(
    ("only", "hint"),
    [("optm", "optim"), ("optim.adm", "optim.adam"), ("solver.grat", "solver.grad_norm"), ("optim.", "optim"), ("zzz", "")],
)
def test_an_unknown_item_is_a_mistake_in_usage_with_a_near_match(only: str, hint: str) -> None:
    process = run("check", REFERENCE, "--only", only)
    assert process.returncode == 2
    assert process.stderr == f"grader: no item starts with '{only}'" + (f"; did you mean '{hint}'?" if hint else "") + "\n"


def test_a_self_check_takes_the_current_folder_and_any_folder_to_run_from() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "grader", "check", *FAST],
        cwd=REFERENCE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith("Submission reference\n")


@pytest.mark.usefixtures("sandbox")
def test_staff_see_what_is_for_staff_and_students_do_not() -> None:
    assert "[staff]" in run("grade", BROKEN, *FAST).stdout
    own = run("check", BROKEN, *FAST).stdout
    assert "[staff]" not in own
    assert OPTIM in own


@pytest.mark.usefixtures("sandbox")
def test_a_refused_submission_is_graded_as_missing_with_the_reason(tmp_path: Path) -> None:
    path, output = tmp_path / "evil.zip", tmp_path / "results.json"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(OPTIM, (REFERENCE / OPTIM).read_bytes())
        archive.writestr("../../escape.py", b"")
    process = run("grade", path, "-o", output)
    assert (process.returncode, process.stderr) == (1, "")
    result = conforming(output)
    assert result["score"] == 0
    assert "evil.zip was refused, nothing was unpacked: entry '../../escape.py'" in result["output"]
    outcomes = {test["extra_data"]["id"]: test["extra_data"]["outcome"] for test in result["tests"]}
    assert outcomes["optim.adam.golden"] == "missing"
    assert "passed" not in outcomes.values()
    assert not (tmp_path.parent / "escape.py").exists()


@pytest.mark.usefixtures("sandbox")
def test_results_are_written_where_asked_and_are_what_gradescope_takes(tmp_path: Path) -> None:
    assert run("grade", REFERENCE, "-o", tmp_path / "results.json").returncode == 0
    result = conforming(tmp_path / "results.json")
    assert sum(test.get("max_score", 0) for test in result["tests"]) == result["score"] > 0


@pytest.mark.usefixtures("sandbox")
def test_the_same_submission_gets_the_same_results_but_for_times(tmp_path: Path) -> None:
    def timeless(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: timeless(item) for key, item in value.items() if key not in ("execution_time", "seconds")}
        return [timeless(item) for item in value] if isinstance(value, list) else value

    found = []
    for name in ("first.json", "second.json"):
        run("grade", SAMPLES / "only_momentum", "-o", tmp_path / name)
        found.append(timeless(json.loads((tmp_path / name).read_text("utf-8"))))
    assert found[0] == found[1]
    assert found[0]["tests"]


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("name", ["no/such/folder/results.json", "."])
def test_an_output_that_cannot_be_written_is_a_mistake_but_the_report_is_shown(tmp_path: Path, name: str) -> None:
    process = run("grade", REFERENCE, *FAST, "-o", tmp_path / name)
    assert process.returncode == 2
    assert process.stderr.startswith(f"grader: {tmp_path / name} cannot be written (")
    assert "  passed        optim.adam.golden" in process.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("sandbox")
def test_another_rubric_is_used_and_on_record(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_bytes(HOMEWORK.rubric.read_bytes() + b"\n# ours\n")
    run("grade", REFERENCE, *FAST, "-o", tmp_path / "a.json")
    run("grade", REFERENCE, *FAST, "-o", tmp_path / "b.json", "--rubric", mine)
    built_in, own = (conforming(tmp_path / name)["extra_data"]["rubric_digest"] for name in ("a.json", "b.json"))
    assert built_in != own


@pytest.mark.parametrize("text", ["total = ", "total = 100", None])
def test_a_broken_rubric_is_the_graders_own_failure(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text)
    process = run("grade", REFERENCE, "--rubric", path)
    assert process.returncode == 3
    assert process.stderr.startswith("grader: ")
    assert "mine.toml" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize(
    "arguments", [["--help"], ["check", "--help"], ["--version"], ["grad"], ["grade", "x", "--onyl"]], ids=" ".join
)
def test_help_and_mistakes_answer_without_loading_numpy(arguments: list[str]) -> None:
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "grader", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    imported = [line.rsplit("|", 1)[1].strip() for line in process.stderr.splitlines() if line.startswith("import time:")]
    assert "grader.commands.program" in imported
    assert not [name for name in imported if name.startswith(("numpy", "grader.homework.optim", "grader.grading.grade", "zipfile"))]


def test_every_command_is_named_in_the_help() -> None:
    process = run("--help")
    assert process.returncode == 0
    for command in ("check", "grade", "gradescope", "doctor"):
        assert f"\n    {command}" in process.stdout
        assert run(command, "--help").returncode == 0


def test_a_reader_that_leaves_changes_neither_the_verdict_nor_prints_an_error() -> None:
    for sample, verdict in ((REFERENCE, 0), (UNTOUCHED, 1)):
        reading, writing = os.pipe()
        os.close(reading)  # gone before a word is printed
        try:
            process = subprocess.run(
                [sys.executable, "-m", "grader", "check", str(sample), *FAST],
                cwd=ROOT,
                stdout=writing,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        finally:
            os.close(writing)
        assert (process.returncode, process.stderr) == (verdict, "")


def test_a_letter_the_terminal_lacks_is_no_reason_to_fail(make: Maker) -> None:
    path = make()
    path = path.rename(path.with_name("作业-é"))
    process = run("check", path, *FAST, PYTHONIOENCODING="ascii", NO_COLOR="1")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.startswith("Submission ??-?\n")


@pytest.mark.parametrize("kind", [[], ["--sandbox", "fork"], ["--sandbox", "spawn"]], ids=["default", "fork", "spawn"])
def test_the_doctor_says_whether_staff_can_grade_here(kind: list[str]) -> None:
    process = run("doctor", *kind)
    ready = process.stdout.rstrip().endswith("Ready to grade.")
    assert process.returncode == (0 if ready else 3)
    assert process.stderr == ""
    assert "fixtures as on record" in process.stdout
    for layer in ("process", "environment", "rlimits", "landlock", "seccomp"):
        assert f"\n  {layer} " in process.stdout
    assert "Traceback" not in process.stdout
    if kind[-1:] == ["spawn"]:
        assert not ready
        assert "reduced isolation" in process.stdout
