"""`build submission`: what is graded and nothing else, told what is missing, and opened again as the grader opens it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from grader.submission import STUDENT_FILES, collect
from tests.conftest import FC_NET, OPTIM

from .conftest import REFERENCE, contents, in_folder, laid_over

NOTEBOOK = "q_optimizer_init.ipynb"
# a log -> the notebook's section that writes it
SECTIONS = {
    "optimizer_experiment_adam.npz": "section 2.4",
    "sgd_momentum_compare_sgd_200.npz": "section 2.2",
    "w_stds_he.json": "section 3",
    "initialization_experiment_zero.npz": "section 3",
    "results.json": "section 5",
    "best_fc_model.npz": "section 5",
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
    assert collect(homework / "mine.zip").digest == collect(REFERENCE).digest
    assert collect(homework / "mine.zip").notes == ()
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
    assert (process.returncode, process.stderr) == (1, "")
    (line,) = told(process.stdout).split("Missing: ")[1:]
    assert line.startswith(f"{name} in submission_logs/.")
    assert SECTIONS[name] in line
    assert "Everything that is graded is in it." not in process.stdout
    assert (homework / "submission.zip").exists()


def test_all_that_the_untouched_homework_lacks_is_told_once_a_section(homework: Path) -> None:
    process = in_folder(homework, "build", "submission")
    assert process.returncode == 1
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
    assert process.returncode == 1
    assert f"Missing: {OPTIM} is not there." in process.stdout
    assert f"Missing: the notebook {NOTEBOOK} is not there." in process.stdout
    with zipfile.ZipFile(homework / "submission.zip") as zipped:
        assert [name for name in STUDENT_FILES if name in zipped.namelist()] == list(STUDENT_FILES[1:])


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
    assert process.returncode == 1
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


def test_an_output_that_cannot_be_written_is_a_mistake(homework: Path) -> None:
    for name in (".", "no/such/folder.zip"):
        process = in_folder(homework, "build", "submission", "-o", name)
        assert process.returncode == 2
        assert "name a" in process.stderr
