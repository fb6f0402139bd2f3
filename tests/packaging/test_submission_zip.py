"""`build submission`: what is graded and nothing else, told what is missing, and opened again as the grader opens it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.homework.files import LAYOUT
from grader.submission.collect import collect
from tests.commands.conftest import REFERENCE, contents, in_folder, laid_over, plain, with_answers
from tests.commands.panels import half_done
from tests.conftest import FC_NET, OPTIM

NOTEBOOK = "q_optimizer_init.ipynb"
LOG = "submission_logs/optimizer_experiment_rmsprop.npz"  # optional, and worth nothing
# a log -> the notebook's section that writes it
SECTIONS = {
    "optimizer_experiment_adam.npz": "the section 'Adam'",
    "sgd_momentum_compare_sgd_200.npz": "the section 'Momentum'",
    "w_stds_he.json": "the section 'Initialization'",
    "initialization_experiment_zero.npz": "the section 'Initialization'",
    "results.json": "the section 'Test your model'",
    "best_fc_model.npz": "the section 'Test your model'",
}


def told(text: str) -> str:
    """A message without its line breaks."""
    return " ".join(text.split())


def test_a_complete_homework_is_packed_under_the_default_name(homework: Path) -> None:
    laid_over(homework, REFERENCE)
    process = in_folder(homework, "build", "submission")
    assert (process.returncode, process.stderr) == (0, "")
    assert "Everything that is graded is in it." in process.stdout
    assert "Missing" not in process.stdout
    with zipfile.ZipFile(homework / "submission.zip") as zipped:
        packed = {name: zipped.read(name) for name in zipped.namelist()}
    wanted = {name: data for name, data in contents(REFERENCE).items() if not name.endswith("__init__.py")}
    assert packed == wanted
    assert process.stdout.startswith(f"submission.zip: {len(packed)} files, ")
    assert all(f"\n  {name}\n" in process.stdout for name in packed)


def test_it_is_opened_as_the_same_submission_and_gets_the_same_verdict(homework: Path) -> None:
    laid_over(homework, REFERENCE)
    assert in_folder(homework, "build", "submission", "-o", "mine.zip").returncode == 0
    assert collect(homework / "mine.zip", LAYOUT).digest == collect(REFERENCE, LAYOUT).digest
    assert collect(homework / "mine.zip", LAYOUT).notes == ()
    assert in_folder(homework, "check", "mine.zip").returncode == 0


def test_the_same_files_give_the_same_bytes_and_other_files_in_the_folder_do_not_matter(homework: Path, tmp_path: Path) -> None:
    laid_over(homework, REFERENCE)
    assert in_folder(homework, "build", "submission").returncode == 0
    first = (homework / "submission.zip").read_bytes()
    data = homework / "deeplearning/datasets/cifar-10-batches-py"
    data.mkdir(parents=True)
    (data / "data_batch_1").write_bytes(bytes(20_000_000))
    for name in (
        "deeplearning/__pycache__/optim.cpython-311.pyc",
        ".ipynb_checkpoints/x-checkpoint.ipynb",
        "notes.txt",
        "plot.png",
    ):
        (homework / name).parent.mkdir(exist_ok=True)
        (homework / name).write_bytes(b"beside it")
    for path in homework.rglob("*.npz"):
        path.touch()
    assert in_folder(homework, "build", "submission").returncode == 0
    assert (homework / "submission.zip").read_bytes() == first


def test_a_zip_can_be_packed_anew_from_anywhere(homework: Path, handout: Path, tmp_path: Path) -> None:
    laid_over(homework, REFERENCE)
    assert in_folder(homework, "build", "submission").returncode == 0
    process = in_folder(handout, "build", "submission", homework / "submission.zip", "-o", tmp_path / "again.zip")
    assert process.returncode == 0
    assert (tmp_path / "again.zip").read_bytes() == (homework / "submission.zip").read_bytes()
    assert not (handout / "submission.zip").exists()


@pytest.mark.parametrize("name", SECTIONS)
def test_a_log_that_is_missing_is_named_with_the_section_that_writes_it(homework: Path, name: str) -> None:
    laid_over(homework, REFERENCE)
    (homework / "submission_logs" / name).unlink()
    process = in_folder(homework, "build", "submission")
    assert (process.returncode, process.stderr) == (0, "")
    (line,) = told(process.stdout).split("Missing: ")[1:]
    assert line.startswith(f"{name} in submission_logs/.")
    assert SECTIONS[name] in line
    assert "Everything that is graded is in it." not in process.stdout
    assert (homework / "submission.zip").exists()


def test_all_that_the_untouched_homework_lacks_is_told_once_a_section(homework: Path) -> None:
    process = in_folder(homework, "build", "submission")
    assert process.returncode == 0
    text = told(process.stdout)
    assert text.count("Missing: ") == 4
    assert text.count(" writes them.") == 4
    assert all(name in text for name in SECTIONS)


def test_an_optional_log_may_be_missing(homework: Path) -> None:
    laid_over(homework, REFERENCE)
    (homework / "submission_logs/optimizer_experiment_rmsprop.npz").unlink()
    assert in_folder(homework, "build", "submission").returncode == 0


def test_files_and_a_notebook_that_are_missing_are_named(homework: Path) -> None:
    laid_over(homework, REFERENCE)
    for name in (OPTIM, NOTEBOOK):
        (homework / name).unlink()
    process = in_folder(homework, "build", "submission")
    assert process.returncode == 0
    assert f"Missing: {OPTIM} is not there." in process.stdout
    assert f"Missing: the notebook {NOTEBOOK} is not there." in process.stdout
    with zipfile.ZipFile(homework / "submission.zip") as zipped:
        assert [name for name in LAYOUT.files if name in zipped.namelist()] == list(LAYOUT.files[1:])


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        (FC_NET, 5, "larger than 4 MB"),
        ("submission_logs/best_fc_model.npz", 5, "larger than 4 MB"),
        (NOTEBOOK, 40, "larger than 32 MB"),
    ],
)
def test_a_file_that_is_too_large_is_left_out_and_named(homework: Path, name: str, size: int, said: str) -> None:
    laid_over(homework, REFERENCE)
    with (homework / name).open("ab") as file:
        file.truncate(size * 2**20)
    process = in_folder(homework, "build", "submission")
    assert process.returncode == 0
    assert f"Missing: {name} was not used: it is {said}." in told(process.stdout)
    with zipfile.ZipFile(homework / "submission.zip") as zipped:
        assert name not in zipped.namelist()


def test_what_is_no_homework_is_a_mistake_and_nothing_is_written(handout: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no zip")
    output = tmp_path / "submission.zip"
    for path, said in (
        ("empty", "holds nothing of the homework"),
        ("notes.txt", "neither a folder nor a zip"),
        ("no", "does not exist"),
    ):
        process = in_folder(handout, "build", "submission", tmp_path / path, "-o", output)
        assert (process.returncode, process.stdout) == (2, "")
        assert process.stderr.startswith(f"grader: {tmp_path / path} ")
        assert said in process.stderr
        assert not output.exists()


# What lies there already -----------------------------------------------------------------------------------------------------


def refused(process: subprocess.CompletedProcess[str], why: str) -> None:
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith(f"grader: {why}")
    assert "--force" in process.stderr
    assert process.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda homework: (homework / OPTIM).unlink(), f"was left as it is: the new one lacks {OPTIM};"),
        (lambda homework: (homework / NOTEBOOK).unlink(), f"was left as it is: the new one lacks {NOTEBOOK};"),
        (
            lambda homework: (homework / LOG).unlink(),
            "was left as it is: more is right in it than in the new one (logs.optimizer_experiment);",
        ),
        (
            lambda homework: with_answers(homework, adam="next_w = w - dw", zero="pass"),
            "was left as it is: more is right in it than in the new one (optim.adam.golden, fc_net.init.zero);",
        ),
    ],
    ids=["code", "notebook", "log", "points"],
)
def test_a_more_complete_zip_is_replaced_only_when_told(homework: Path, spoil: Callable[[Path], object], why: str) -> None:
    laid_over(homework, REFERENCE)
    assert in_folder(homework, "build", "submission").returncode == 0
    before = (homework / "submission.zip").read_bytes()
    spoil(homework)
    refused(in_folder(homework, "build", "submission"), f"submission.zip {why}")
    assert (homework / "submission.zip").read_bytes() == before
    assert in_folder(homework, "build", "submission", "--force").returncode == 0
    assert (homework / "submission.zip").read_bytes() != before


def test_a_zip_that_is_no_better_or_broken_is_replaced_and_what_is_no_zip_is_not(homework: Path) -> None:
    assert in_folder(homework, "build", "submission").returncode == 0
    output = homework / "submission.zip"
    output.write_bytes(output.read_bytes()[:100])
    assert in_folder(homework, "build", "submission").returncode == 0
    laid_over(homework, REFERENCE)
    assert in_folder(homework, "build", "submission").returncode == 0
    assert len(zipfile.ZipFile(output).namelist()) == 22
    notes = homework / "README.md"
    before = notes.read_bytes()
    refused(in_folder(homework, "build", "submission", "-o", "README.md"), "README.md is no zip and was left as it is;")
    assert notes.read_bytes() == before


# What is said ---------------------------------------------------------------------------------------------------------------


def test_it_is_checked_and_what_is_left_out_and_the_score_are_told(homework: Path) -> None:
    half_done(homework)
    (homework / "submission_logs/results (1).json").write_text("{}")
    process = in_folder(homework, "build", "submission", "--sandbox", "spawn")
    assert (process.returncode, process.stderr) == (0, "")
    said = told(process.stdout)
    assert "Left out: README.md, deeplearning/ (7 files), grader/ (" in said
    warnings = said.split("Warning: ")[1:]
    wanted = (
        "submission_logs/results (1).json is not",
        "Nothing is written yet in the initialization 'zero'",
        f"The notebook {NOTEBOOK} shows no",
        "optimizer_experiment_sgd.npz, optimizer_experiment_sgd_momentum.npz,",
    )
    assert [text.startswith(begin) for text, begin in zip(warnings, wanted, strict=True)] == [True] * 4
    rows = [line.split() for line in process.stdout.splitlines() if line.endswith(("/10", "/8", "/5", "/4", "/6"))]
    assert ["partial", "optim.adam.golden", "6/10"] in rows
    assert "optim.sgd_momentum.golden" not in said
    assert process.stdout.endswith("Public items: 46 of 83 points.\nGradescope runs 4 more checks, worth 17 points.\n")
    assert "\x1b" not in process.stdout
    checked = told(in_folder(homework, "check", "submission.zip").stdout)
    assert [text.split(" Note: ")[0] for text in checked.split("Warning: ")[1:]] == [
        text.split(" Not all right yet")[0] for text in warnings
    ]


def test_warnings_are_red_on_a_terminal(homework: Path) -> None:
    pty = pytest.importorskip("pty")
    reading, writing = pty.openpty()
    command = [sys.executable, "-m", "grader", "build", "submission"]
    environment = plain(TERM="xterm", COLUMNS="100")
    environment.pop("NO_COLOR", None)
    subprocess.run(command, cwd=homework, env=environment, stdout=writing, stderr=subprocess.DEVNULL, check=True)
    os.close(writing)
    shown = b""
    with contextlib.suppress(OSError):  # Linux: nobody writes any more
        while part := os.read(reading, 65536):
            shown += part
    os.close(reading)
    assert b"\x1b[31mMissing: " in shown
    assert b"\x1b[31mWarning: Nothing is written yet" in shown


def test_an_output_that_cannot_be_written_is_a_mistake(homework: Path) -> None:
    for name in (".", "no/such/folder.zip"):
        process = in_folder(homework, "build", "submission", "-o", name)
        assert process.returncode == 2
        assert "name a" in process.stderr
