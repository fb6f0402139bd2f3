"""`check` in the handout as a student runs it: exit codes, what may be given, what is printed, and that nothing is changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.commands.conftest import MOMENTUM, REFERENCE, UNTOUCHED, InHandout, contents, in_folder, laid_over, plain
from tests.conftest import OPTIM

ROWS = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}
COMPARISON: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "found", "published", "worst"],
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "found": ROWS,
        "published": ROWS,
        "worst": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
    },
}
REPORT: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["score", "maximum", "items", "notes", "elsewhere", "seconds", "text"],
    "properties": {
        "score": {"type": "number", "minimum": 0},
        "maximum": {"type": "number", "minimum": 0},
        "seconds": {"type": "number", "minimum": 0},
        "text": {"type": "string", "minLength": 1},
        "notes": {"type": "array", "items": {"type": "string", "minLength": 1}},
        "elsewhere": {
            "type": "object",
            "additionalProperties": False,
            "required": ["items", "points"],
            "properties": {"items": {"const": 4}, "points": {"const": 17}},
        },
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "title", "outcome", "score", "maximum", "messages", "code", "comparisons"],
                "properties": {
                    "id": {"type": "string", "pattern": r"^(optim|fc_net|solver|logs)\.[a-z_.]+$"},
                    "title": {"type": "string", "minLength": 10},
                    "outcome": {"enum": ["passed", "partial", "wrong", "raised", "missing", "timed out", "crashed"]},
                    "score": {"type": "number", "minimum": 0},
                    "maximum": {"type": "number", "minimum": 0},
                    "messages": {"type": "array", "items": {"type": "string"}},
                    "code": {"type": "string"},
                    "comparisons": {"type": "array", "items": COMPARISON},
                },
            },
        },
    },
}


def lines(process: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Item -> outcome, from the lines of a report."""
    rows = [line.split() for line in process.stdout.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    return {row[1]: row[0] for row in rows}


def data(process: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The one report of `--json`, held against its schema."""
    assert process.stdout.count("\n") == 1
    assert process.stderr == ""
    found: dict[str, Any] = json.loads(process.stdout)
    jsonschema.Draft202012Validator(REPORT).validate(found)
    return found


def test_the_untouched_homework_gets_the_points_of_what_was_given(homework: Path) -> None:
    process = in_folder(homework, "check")
    assert (process.returncode, process.stderr) == (1, "")
    assert "\nTotal: 8 of 83 points" in process.stdout
    assert "Gradescope runs 4 more checks, worth 17 points." in process.stdout
    assert lines(process)["optim.adam.golden"] == "wrong"
    assert lines(process)["logs.w_stds"] == "missing"
    assert "the section 'Adam'" in process.stdout


def test_half_of_the_homework_gets_its_points_and_says_what_remains(homework: Path) -> None:
    process = in_folder(laid_over(homework, MOMENTUM), "check")
    assert (process.returncode, process.stderr) == (1, "")
    assert "\nTotal: 16 of 83 points" in process.stdout
    assert lines(process)["optim.sgd_momentum.golden"] == "passed"


def test_the_complete_homework_passes(homework: Path) -> None:
    process = in_folder(laid_over(homework, REFERENCE), "check")
    assert (process.returncode, process.stderr) == (0, "")
    assert "\nTotal: 83 of 83 points" in process.stdout
    assert set(lines(process).values()) == {"passed"}
    assert len(lines(process)) == 14


@pytest.mark.parametrize(
    ("sample", "code"), [(UNTOUCHED, 1), (MOMENTUM, 1), (REFERENCE, 0)], ids=lambda value: getattr(value, "name", "")
)
def test_a_folder_and_a_zip_of_it_are_judged_alike(check: InHandout, tmp_path: Path, sample: Path, code: int) -> None:
    zipped = shutil.make_archive(str(tmp_path / "work"), "zip", sample)
    folder, archive = check(sample, "--json"), check(zipped, "--json")
    assert folder.returncode == archive.returncode == code
    assert data(folder)["items"] == data(archive)["items"]


@pytest.mark.parametrize(
    ("only", "asked"),
    [
        ("optim.adam", ["optim.adam.golden"]),
        ("adam", ["optim.adam.golden"]),
        (
            "fc_net,solver",
            ["fc_net.init.he", "fc_net.init.zero", "fc_net.init.random", "fc_net.loss", "solver.grad_norm", "solver.training"],
        ),
        ("solver, optim.rmsprop", ["optim.rmsprop.golden", "solver.grad_norm", "solver.training"]),
    ],
)  # fmt: skip
def test_only_asks_for_one_or_several_groups(check: InHandout, only: str, asked: list[str]) -> None:
    process = check(REFERENCE, "--only", only, "--json")
    assert process.returncode == 0
    assert [item["id"] for item in data(process)["items"]] == asked
    assert any("Not part of this run" in note for note in data(process)["notes"])


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--only", "optim.adm"], "did you mean 'optim.adam'?"),
        (["--only", "adma"], "did you mean 'adam'?"),
        (["--only", "golden"], "'golden' may mean optim.sgd_momentum.golden, optim.adam.golden or optim.rmsprop.golden"),
        (["--only", "optim,solvr"], "no item starts with 'solvr'; did you mean 'solver'?"),
        (["--wach"], "did you mean '--watch'?"),
        (["--jsn"], "did you mean '--json'?"),
        (["no-such-folder"], "no-such-folder does not exist"),
        (["README.md"], "README.md is neither a folder nor a zip file"),
    ],
)
def test_a_mistake_is_told_with_what_was_meant(check: InHandout, arguments: list[str], hint: str) -> None:
    process = check(*arguments)
    assert (process.returncode, process.stdout) == (2, "")
    assert hint in process.stderr
    assert "Traceback" not in process.stderr


def test_json_is_one_line_with_the_exit_code_of_the_report_and_nothing_for_staff(check: InHandout, homework: Path) -> None:
    (homework / OPTIM).write_text("def adam(w, dw, config=None):\n    return w, {'m': dw, 'v': dw, 't': 7}\n", "utf-8")
    shown, plainly = check(homework, "--json"), check(homework)
    assert shown.returncode == plainly.returncode == 1
    found = data(shown)
    adam = next(item for item in found["items"] if item["id"] == "optim.adam.golden")
    assert adam["outcome"] == "wrong"
    assert adam["maximum"] == 10
    assert found["score"] == sum(item["score"] for item in found["items"])
    assert "staff" not in shown.stdout
    assert "expected" not in shown.stdout
    assert found["text"].splitlines()[:-1] == plainly.stdout.rstrip("\n").splitlines()[:-1]


def test_nothing_in_the_folder_is_changed(homework: Path) -> None:
    laid_over(homework, REFERENCE)
    before = contents(homework)
    for arguments in (["check"], ["check", "--json"], ["check", "--only", "logs", "--sandbox", "spawn"]):
        assert in_folder(homework, *arguments).returncode == 0
    assert contents(homework) == before
    caches = {path.relative_to(homework).parts[0] for path in homework.rglob("__pycache__")}
    assert caches <= {"grader"}


def test_a_folder_that_may_not_be_written_is_no_obstacle(homework: Path) -> None:
    laid_over(homework, REFERENCE)
    paths = [homework, *homework.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        process = in_folder(homework, "check")
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert (process.returncode, process.stderr) == (0, "")


def test_a_path_of_spaces_and_letters_of_any_script_is_no_obstacle(homework: Path) -> None:
    home = homework.parent.rename(homework.parent.with_name("Übungen 作业 'no. 2'"))
    process = in_folder(laid_over(home / homework.name, MOMENTUM), "check", "--only", "optim", PYTHONIOENCODING="utf-8")
    assert (process.returncode, process.stderr) == (1, "")
    assert lines(process)["optim.sgd_momentum.golden"] == "passed"


def test_a_reader_that_leaves_early_changes_nothing(handout: Path) -> None:
    for sample, code in ((REFERENCE, 0), (UNTOUCHED, 1)):
        reading, writing = os.pipe()
        os.close(reading)
        try:
            process = subprocess.run(
                [sys.executable, "-m", "grader", "check", sample], cwd=handout, env=plain(), stdout=writing,
                stderr=subprocess.PIPE, check=False,
            )  # fmt: skip
        finally:
            os.close(writing)
        assert (process.returncode, process.stderr) == (code, b"")


_OLDER = (
    "import runpy, sys; sys.version_info = (3, 10, 4, 'final', 0); sys.version = '3.10.4 (main)'; sys.argv = ['grader', 'check']; "
)


def test_an_older_python_is_told_so_in_one_line(handout: Path) -> None:
    code = _OLDER + "sys.path.insert(0, ''); runpy.run_module('grader', run_name='__main__', alter_sys=True)"
    process = subprocess.run([sys.executable, "-c", code], cwd=handout, env=plain(), capture_output=True, text=True, check=False)
    assert process.returncode == 3
    assert (process.stdout, process.stderr) == ("", "grader: this needs Python 3.11 or newer; this is Python 3.10.4\n")


def test_without_numpy_the_command_says_how_to_get_it(handout: Path) -> None:
    code = "import runpy, sys; sys.modules['numpy'] = None; sys.argv = ['grader', 'check']; sys.path.insert(0, '')\n"
    code += "runpy.run_module('grader', run_name='__main__', alter_sys=True)"
    process = subprocess.run([sys.executable, "-c", code], cwd=handout, env=plain(), capture_output=True, text=True, check=False)
    assert (process.returncode, process.stdout) == (3, "")
    assert process.stderr == f"grader: NumPy is missing; install it with: {sys.executable} -m pip install numpy\n"
