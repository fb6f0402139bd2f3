"""The zip: what is in it, what is not, the same bytes from the same files, and what it is not built from."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, run


def build(folder: Path, output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`build autograder` with the grader in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "grader", "build", "autograder", "-o", output, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_setup_and_run_lie_at_the_root_with_unix_line_ends_and_may_be_executed(zipped: Path) -> None:
    with zipfile.ZipFile(zipped) as archive:
        for name in ("setup.sh", "run_autograder", "bootstrap"):
            assert archive.read(name).startswith(b"#!/bin/sh\n")
            assert b"\r" not in archive.read(name)
            assert archive.getinfo(name).create_system == 3
            assert stat.S_IMODE(archive.getinfo(name).external_attr >> 16) == 0o755
        assert stat.S_IMODE(archive.getinfo("grader/commands/program.py").external_attr >> 16) == 0o644


def test_nothing_is_in_it_that_the_container_does_not_need(zipped: Path) -> None:
    with zipfile.ZipFile(zipped) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {
        "setup.sh", "run_autograder", "bootstrap", "grader", "student_src", "fixtures", "gradescope",
    }  # fmt: skip
    assert {name.split("/")[2] for name in names if name.startswith("fixtures/submissions/")} == {"reference"}
    assert [name for name in names if name.startswith("gradescope/")] == ["gradescope/requirements-run.lock"]
    assert not [name for name in names if re.search(r"__pycache__|\.pyc|\.ipynb|\.md$|/\.|tests/", name)]
    assert names == sorted(set(names))


def test_it_is_small_and_the_command_says_how_small(tmp_path: Path) -> None:
    output = tmp_path / "a.zip"
    process = run("build", "autograder", "-o", output)
    assert process.returncode == 0
    assert f"{output.stat().st_size / 1000:.0f} kB" in process.stdout
    assert output.stat().st_size < 1_500_000


def test_the_same_files_give_the_same_bytes_wherever_and_whenever(copy: Path, tmp_path: Path, zipped: Path) -> None:
    for path in copy.rglob("*.py"):
        os.utime(path, (1e9, 1e9))
    for name in ("grader/__pycache__/x.cpython-311.pyc", "grader/commands/program.py.orig", "grader/.x.py.swp", "tests/test_x.py"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text("left over")
    (copy / "grader/commands/program.py").chmod(0o600)
    process = build(copy, tmp_path / "again.zip")
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "again.zip").read_bytes() == zipped.read_bytes()


def test_a_change_of_one_file_changes_the_bytes(copy: Path, tmp_path: Path, zipped: Path) -> None:
    (copy / "student_src/deeplearning/layers.py").write_text("changed")
    assert build(copy, tmp_path / "other.zip").returncode == 0
    assert (tmp_path / "other.zip").read_bytes() != zipped.read_bytes()


def test_scripts_of_a_checkout_made_on_windows_get_unix_line_ends(copy: Path, tmp_path: Path, zipped: Path) -> None:
    for name in ("run_autograder", "bootstrap", "gradescope/setup.sh"):
        (copy / name).write_bytes((copy / name).read_bytes().replace(b"\n", b"\r\n"))
    assert build(copy, tmp_path / "windows.zip").returncode == 0
    assert (tmp_path / "windows.zip").read_bytes() == zipped.read_bytes()


def test_a_rubric_takes_the_place_of_the_built_in_one(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    text = (ROOT / "grader/homework/rubric.toml").read_text("utf-8").replace('title = "q_optimizer_init"', 'title = "Homework 1"')
    mine.write_text(text, "utf-8")
    assert run("build", "autograder", "-o", tmp_path / "a.zip", "--rubric", mine).returncode == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.read("grader/homework/rubric.toml") == mine.read_bytes()
        assert b"Homework 1" in mine.read_bytes()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace("total = 100", "total = 101"), "add up to 100, but total = 101"),
        (lambda text: text.replace("optim.adam.golden", "optim.adm.golden", 1), "did you mean 'optim.adam.golden'?"),
        (lambda text: text.replace("enabled = false", "enabled = 1"), "enabled in [leaderboard] must be true or false"),
        (lambda text: text.replace("enabled = false", "enable = true"), "did you mean 'enabled'?"),
        (lambda text: text + "[", "is not valid TOML"),
    ],
)
def test_an_inconsistent_rubric_is_refused_and_no_zip_left(change: Callable[[str], str], told: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(change((ROOT / "grader/homework/rubric.toml").read_text("utf-8")), "utf-8")
    process = run("build", "autograder", "-o", tmp_path / "a.zip", "--rubric", tmp_path / "mine.toml")
    assert process.returncode == 2
    assert told in process.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fixtures/golden.json", "not the file on record"),
        ("fixtures/slips.json", "not the file on record"),
        ("fixtures/trajectories.json", "not the file on record"),
    ],
)
def test_a_fixture_that_is_not_the_one_on_record_is_refused(name: str, told: str, copy: Path, tmp_path: Path) -> None:
    with (copy / name).open("a") as file:
        file.write(" ")
    process = build(copy, tmp_path / "a.zip")
    assert (process.returncode, process.stdout) == (3, "")
    assert told in process.stderr
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(
    "name", ["gradescope/requirements-run.lock", "gradescope/setup.sh", "run_autograder", "fixtures/SHA256SUMS"]
)
def test_a_file_that_is_missing_is_named(name: str, copy: Path, tmp_path: Path) -> None:
    (copy / name).unlink()
    process = build(copy, tmp_path / "a.zip")
    assert process.returncode == 3
    assert Path(name).name in process.stderr
    assert not (tmp_path / "a.zip").exists()


def test_where_nothing_can_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    for output, told in ((tmp_path, "is a folder"), (tmp_path / "none" / "a.zip", "cannot be written")):
        process = run("build", "autograder", "-o", output)
        assert process.returncode == 2
        assert told in process.stderr
        assert process.stderr.count("\n") == 1


def test_a_misspelt_product_gets_a_near_match() -> None:
    process = run("build", "autogradr", "-o", "a.zip")
    assert process.returncode == 2
    assert "did you mean 'autograder'?" in process.stderr
