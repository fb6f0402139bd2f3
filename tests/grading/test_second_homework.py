"""Another homework, through the real commands: the core serves it as it serves ours, and says no word of ours."""

# ruff: noqa: F811 - fixtures of the packaging tests are imported by the names they are asked for

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from grader.classroom.worker import grader_digest
from grader.grading.self_check import SelfCheck
from grader.packaging.handout import handout
from grader.packaging.submission import submission
from grader.submission.layout import Layout
from tests.conftest import ROOT, run
from tests.packaging.conftest import Imaged, environment, imaged, scratch  # noqa: F401
from tests.packaging.searching import entries
from tests.second_homework import FILTERS, HOMEWORK
from tests.test_homework_words import WORDS

WRONG = ("width, mode", "(width + 1), mode")  # the sample's line with another divisor
UNAWARE = {name: value for name, value in os.environ.items() if name not in ("GRADER_HOMEWORK", "PYTHONPATH")}

Process = subprocess.CompletedProcess[str]


def told(process: Process) -> str:
    """All that a command said, on one line; nothing of it is about our homework."""
    text = (process.stdout + process.stderr).replace(sys.prefix, "").replace(str(ROOT), "")  # places may be called anything
    assert not WORDS.search(text)
    return " ".join(text.split())


def command(*arguments: str | Path) -> Process:
    """`python -m grader …` for this homework."""
    process = run(*arguments, GRADER_HOMEWORK=HOMEWORK.package)
    told(process)
    return process


def commanded(folder: Path, *arguments: str | Path) -> Process:
    """`python -m grader …` with the grader that lies in `folder`, which nobody tells what it is for."""
    process = subprocess.run(
        [sys.executable, "-m", "grader", *map(str, arguments)], cwd=folder, env=UNAWARE, capture_output=True, text=True, check=False
    )
    told(process)
    return process


def silent(files: dict[str, bytes]) -> None:
    """Nothing that was written is about our homework."""
    assert [name for name, data in files.items() if WORDS.search(name) or WORDS.search(data.decode("utf-8", "replace"))] == []


@pytest.fixture(scope="module")
def students(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of three: all right, the blank, and one whose averages are too small."""
    folder = tmp_path_factory.mktemp("class") / "students"
    shutil.copytree(HOMEWORK.sample, folder / "right")
    shutil.copytree(HOMEWORK.starter, folder / "blank")
    shutil.copytree(HOMEWORK.sample, folder / "wrong")
    code = (folder / "wrong" / FILTERS).read_text("utf-8")
    assert code.count(WRONG[0]) == 1
    (folder / "wrong" / FILTERS).write_text(code.replace(*WRONG), "utf-8")
    return folder


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The handout, built by the real command and unpacked."""
    folder = tmp_path_factory.mktemp("handout")
    process = command("build", "handout", "-o", folder / "handout.zip")
    assert process.returncode == 0, process.stderr
    assert process.stdout.endswith("2 public items; 1 more is graded on Gradescope only\n")
    silent(entries(folder / "handout.zip"))
    with zipfile.ZipFile(folder / "handout.zip") as archive:
        archive.extractall(folder)
    return folder / HOMEWORK.name


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("right", 0, ["passed filters.example 4/4", "passed logs.roughness 3/3", "Total: 7 of 7 points"]),
        (
            "blank",
            1,
            ["wrong filters.example 0/4", "moving_average(values, width) is None", "logs/roughness.json is not in the submission."],
        ),
        ("wrong", 1, ["relative error 0.14, allowed is less than 1e-09 (3 of 3 entries are off", "Total: 3 of 7 points"]),
    ],
)
def test_a_submission_is_checked(students: Path, name: str, code: int, words: list[str]) -> None:
    process = command("check", students / name)
    assert process.returncode == code
    for text in (*words, "Gradescope runs 1 more check, worth 3 points."):
        assert text in told(process)


@pytest.mark.parametrize("log", ["[1, 2, 3, 4]", "[4, 3, 2]", '[4, 3, "2", 1]', "{", ""])
def test_a_log_that_no_right_run_wrote_is_not_passed(students: Path, tmp_path: Path, log: str) -> None:
    folder = shutil.copytree(students / "right", tmp_path / "handed in")
    (folder / "logs/roughness.json").write_text(log)
    process = command("check", folder, "--only", HOMEWORK.example[1])
    assert process.returncode == 1
    assert "roughness.json" in process.stdout.partition("logs.roughness")[2]


def test_help_and_mistakes_are_about_this_homework(students: Path) -> None:
    assert "Grades the homework Moving averages." in told(command("--help"))
    assert "e.g. filters.example or logs" in told(command("check", "--help"))
    for name in ("grade", "batch", "explain", "data"):
        assert command(name, "--help").returncode == 0
    assert "3 rows, 10 points; 3 checks; fixtures as on record" in told(command("doctor"))
    assert "Moving averages has no experiments" in told(command("grade", students / "right", "--replay"))
    assert "did you mean 'filters.example'?" in told(command("check", students / "right", "--only", "filters.exampel"))
    other = run("check", students / "right", GRADER_HOMEWORK="tests.no_homework")
    assert other.returncode == 3
    assert "tests.no_homework is no homework" in other.stderr
    assert "right holds no notebook" in told(command("grade", students / "right", "--html", students / "page.html"))


def test_a_class_is_graded_explained_and_compared(students: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    assert command("batch", students, "-o", old, "-j", "2").returncode == 1
    silent({path.relative_to(old).as_posix(): path.read_bytes() for path in old.rglob("*") if path.is_file()})
    page = (old / "report.html").read_text("utf-8")
    assert "<title>Moving averages: the class</title>" in page
    assert "3 of 3 submissions graded" in page
    items = ("filters.example (4)", "logs.roughness (3)", "filters.behaviour (3)")
    rows = csv.DictReader((old / "grades.csv").read_text("utf-8-sig").splitlines())
    assert {row["submission"]: [row[item] for item in items] for row in rows} == {
        "blank": ["0", "0", "0"],
        "right": ["4", "3", "3"],
        "wrong": ["0", "3", "0"],
    }
    explained = told(command("explain", old, "wrong", "filters"))
    assert "found 3.7" in explained
    assert "filters.behaviour" in explained

    other = shutil.copytree(students, tmp_path / "students")
    shutil.copy(other / "right" / FILTERS, other / "wrong" / FILTERS)
    assert command("batch", other, "-o", new).returncode == 1
    compared = command("compare", old, new)
    assert compared.returncode == 1
    assert "wrong 3 -> 10 +7" in told(compared)
    assert "1 submission changed: 1 up, 0 down" in told(compared)
    assert command("compare", new, new).returncode == 0


def test_what_is_uploaded_to_gradescope_grades_it_and_nothing_else(students: Path, scratch: Path, imaged: Imaged) -> None:
    archive = scratch / "second.zip"
    assert command("build", "autograder", "-o", archive).returncode == 0
    packed = entries(archive)
    silent(packed)
    assert "grader/homework/hidden/behaviour.py" in packed
    assert {name.split("/")[0] for name in packed} == {"setup.sh", "run_autograder", "bootstrap", "grader", "gradescope"}
    image = imaged(archive)
    for name, score, outcomes in (
        ("right", 10, ["passed", "passed", "passed"]),
        ("blank", 0, ["wrong", "missing", "wrong"]),
        ("wrong", 3, ["wrong", "passed", "wrong"]),
    ):
        graded = image.grade(students / name)
        assert not graded.rejected
        assert graded.results["score"] == score
        assert [test["extra_data"]["outcome"] for test in graded.results["tests"]] == outcomes
        assert [test["visibility"] for test in graded.results["tests"]] == ["visible", "visible", "after_published"]
        assert not WORDS.search(json.dumps(graded.results) + graded.log)
    # The copy in the image is one for people, too.
    assert "passed filters.behaviour 3/3" in told(commanded(image.root / "source", "grade", students / "right"))


def test_the_handout_is_the_starter_with_the_public_half(unpacked: Path, students: Path) -> None:
    names = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert {name for name in names if not name.startswith("grader/")} == {FILTERS, "signals/__init__.py", "record.py"}
    assert not [name for name in names if "hidden" in name or "sample" in name or name.startswith("grader/classroom")]
    text = "".join((unpacked / name).read_text("utf-8") for name in names)
    for secret in ("convolve", "filters.behaviour", "other inputs"):
        assert secret not in text

    blank = commanded(unpacked, "check")
    assert blank.returncode == 1
    assert "Total: 0 of 7 points" in told(blank)
    assert "runs 1 more check, worth 3 points" in told(blank)
    assert "there is no log in logs/." in told(commanded(unpacked, "build", "submission"))


def test_a_student_records_the_log_and_packs_what_is_handed_in(unpacked: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(unpacked, tmp_path / "mine")
    shutil.copy(HOMEWORK.sample / FILTERS, folder / FILTERS)
    subprocess.run([sys.executable, "record.py"], cwd=folder, env=UNAWARE, check=True)
    assert commanded(folder, "check").returncode == 0
    packing = commanded(folder, "build", "submission")
    assert packing.returncode == 0, packing.stdout
    assert "Left out: grader/" in told(packing)
    assert set(entries(folder / "submission.zip")) == {FILTERS, "logs/roughness.json"}
    assert "Total: 10 of 10 points" in told(command("grade", folder / "submission.zip"))


def test_a_course_mounts_a_starter_of_its_own(students: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(HOMEWORK.starter, tmp_path / "course")
    (folder / "signals/tools.py").write_text("WIDTH = 3\n")
    checked = command("doctor", "--starter", folder)
    assert checked.returncode == 0, checked.stdout
    assert "1 of 1 support files the course's own" in told(checked)
    assert "signals/tools.py none of ours" in told(checked)
    assert "filters.example 4/4 0/4 to be written" in told(checked)
    needs = shutil.copytree(students / "right", tmp_path / "handed in")
    with (needs / FILTERS).open("a") as file:
        file.write("\nfrom signals.tools import WIDTH\n")
    assert command("grade", needs, "--starter", folder).returncode == 0
    assert command("grade", needs).returncode == 1


# What the core must not take from, or do to, a homework it does not know ----------------------------------------------------


def test_recorded_facts_are_handed_out_byte_for_byte(tmp_path: Path) -> None:
    recorded = b"values\r\n1.0\r\n"
    (tmp_path / "example.json").write_bytes(recorded)
    (tmp_path / "SHA256SUMS").write_text(f"{hashlib.sha256(recorded).hexdigest()}  example.json\n")
    (tmp_path / "handout.zip").write_bytes(handout(dataclasses.replace(HOMEWORK, fixtures_folder=tmp_path)).data)
    assert entries(tmp_path / "handout.zip")["moving_average/grader/homework/given/fixtures/example.json"] == recorded


def test_a_homework_of_code_alone_is_packed_without_a_word_of_logs_or_notebooks(students: Path) -> None:
    packed = submission(dataclasses.replace(HOMEWORK, layout=Layout(files=(FILTERS,))), students / "right")
    assert packed.names == (FILTERS,)
    assert packed.missing == ()
    with SelfCheck(HOMEWORK) as check:
        said = packed.told(check.graded(packed.submission))
    assert said.startswith(f"1 files, 0 kB\n  {FILTERS}\nLeft out: logs/ (1 file), signals/ (1 file), and always data sets")
    assert "notebook" not in said


def test_a_verdict_is_kept_for_as_long_as_the_files_of_its_own_homework_are_the_same(tmp_path: Path) -> None:
    folders = [shutil.copytree(HOMEWORK.folder, tmp_path / name) for name in ("same", "changed")]
    with (folders[1] / "registry.py").open("a") as file:
        file.write("# changed\n")
    same, changed = (grader_digest(dataclasses.replace(HOMEWORK, folder=folder)) for folder in folders)
    assert same == grader_digest(HOMEWORK) != changed
