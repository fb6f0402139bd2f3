"""Students hand in their whole folder, the grader with it: graded is what is theirs, never what the grader has of the homework."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from grader.homework.files import LAYOUT
from grader.submission.collect import collect
from tests.commands.conftest import REFERENCE, InHandout, contents, laid_over
from tests.conftest import OPTIM, Grader, item


def packed(folder: Path, form: str, tmp_path: Path) -> Path:
    """The folder as it is, zipped, or zipped within another folder."""
    if form == "folder":
        return folder
    if form == "zip":
        return Path(shutil.make_archive(str(tmp_path / "handed-in"), "zip", folder))
    return Path(shutil.make_archive(str(tmp_path / "handed-in"), "zip", folder.parent, folder.name))


FORMS = pytest.mark.parametrize("form", ["folder", "zip", "wrapped zip"])


@FORMS
def test_the_files_that_are_graded_are_the_students(homework: Path, form: str, tmp_path: Path, check: InHandout) -> None:
    laid_over(homework, REFERENCE)
    found = collect(packed(homework, form, tmp_path), LAYOUT)
    for name in LAYOUT.files:
        assert found.files[name] == (REFERENCE / name).read_bytes()
    assert found.digest == collect(REFERENCE, LAYOUT).digest
    assert check(packed(homework, form, tmp_path)).returncode == 0


@FORMS
def test_without_their_own_package_nothing_of_the_graders_is_taken_for_it(
    homework: Path, form: str, tmp_path: Path, check: InHandout, graded: Grader
) -> None:
    shutil.rmtree(homework / "deeplearning")
    path = packed(homework, form, tmp_path)
    found = collect(path, LAYOUT)
    assert (dict(found.files), dict(found.logs), dict(found.refused)) == ({}, {}, {})
    report = graded(path, "optim.adam.golden", "fc_net.init.he", "solver.training", "logs.w_stds")
    assert {result.outcome.value for result in report.items} == {"missing"}
    assert item(report, "optim.adam.golden").findings[0].student == f"{OPTIM} is not in the submission."
    process = check(path, "--only", "optim")
    assert process.returncode == 1
    assert process.stdout.count("  missing  ") == 3
    assert f"{OPTIM} is not in the submission." in process.stdout


@FORMS
def test_one_file_of_theirs_is_taken_without_the_graders_for_the_others(homework: Path, form: str, tmp_path: Path) -> None:
    for name in LAYOUT.files[1:]:
        (homework / name).unlink()
    found = collect(packed(homework, form, tmp_path), LAYOUT)
    assert list(found.files) == [OPTIM]
    assert not [note for note in found.notes if "Several copies" in note]


def test_files_by_themselves_in_a_folder_of_that_name_are_still_found(tmp_path: Path) -> None:
    for name, data in contents(REFERENCE / "deeplearning").items():
        target = tmp_path / "grader" / "deeplearning" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    assert sorted(collect(tmp_path, LAYOUT).files) == sorted(LAYOUT.files)
