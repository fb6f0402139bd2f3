"""The handout's zip: the same bytes from the same files, what is in it, and that nothing is in it which students must not have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from grader.grading.rubric import Rubric
from grader.homework import HOMEWORK
from grader.packaging.handout import LEFT_OUT
from tests.commands.conftest import in_folder, unpacked
from tests.conftest import FC_NET, OPTIM, ROOT, SAMPLES, SOLVER, run
from tests.homework.mutants import BLANKS
from tests.homework.styles import STYLES
from tests.packaging.searching import entries, sentences, tree, where, written

RIGHT = ("reference", "in_place", "cs231n_momentum", "does_not_parse", "raises_at_import", "absent_imports")
STUDENTS = (OPTIM, FC_NET, SOLVER)
TOP = HOMEWORK.name
STAFFS = ("homework/hidden", "classroom", "replay", "commands/staff")  # folders of the grader that students do not get

TOP = HOMEWORK.name


@pytest.fixture(scope="module")
def files(archive: Path) -> dict[str, bytes]:
    """Every entry of the zip."""
    return entries(archive)


@pytest.fixture(scope="module")
def solution() -> set[str]:
    """The statements that stand in the blanks of the samples, and every way to write them that the tests know."""
    lines: set[str] = set()
    for sample in RIGHT:
        for file in STUDENTS:
            lines |= written((SAMPLES / sample / file).read_text("utf-8"), (ROOT / "student_src" / file).read_text("utf-8"))
    given = {"random"}  # a blank in the term 2023 alone
    for answers in (*STYLES.values(), *([answer] for name, (_, _, answer) in BLANKS.items() if name not in given)):
        for answer in answers:
            lines |= {line for line in written(answer, "") if "=" in line}
    return lines


# The zip ------------------------------------------------------------------------------------------------------------------


def test_the_same_files_give_the_same_bytes_from_any_folder(archive: Path, tmp_path: Path) -> None:
    again = subprocess.run(
        [sys.executable, "-m", "grader", "build", "handout", "-o", "again.zip"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo"},
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()
    assert again.stdout.startswith(b"again.zip: ")


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    process = run("build", "handout", "-o", tmp_path / "h.zip")
    names = zipfile.ZipFile(tmp_path / "h.zip").namelist()
    assert process.stdout.startswith(
        f"{tmp_path / 'h.zip'}: {len(names)} files, {(tmp_path / 'h.zip').stat().st_size / 1000:.0f} kB"
    )
    assert process.stdout.endswith("14 public items; 4 more are graded on Gradescope only\n")


def test_it_is_the_homework_with_a_grader_in_one_folder(files: dict[str, bytes]) -> None:
    assert {name.split("/")[0] for name in files} == {TOP}
    given = {name.removeprefix(f"{TOP}/"): data for name, data in files.items()}
    for name, data in tree(ROOT / "student_src", "*", "**/*.py", "**/*.sh").items():
        if not name.startswith(("submission_logs/", "deeplearning/datasets/cifar")):
            assert given[name] == data, name
    assert "grader/__main__.py" in given
    assert list(files) == sorted(files)
    assert not [name for name in files if "__pycache__" in name or name.endswith((".pyc", ".npz", ".npy", ".bin"))]


def test_scripts_may_be_executed_and_text_has_unix_line_ends(archive: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(archive) as zipped:
        modes = {entry.filename: entry.external_attr >> 16 for entry in zipped.infolist()}
    assert {name for name, mode in modes.items() if mode == 0o100755} == {f"{TOP}/deeplearning/datasets/get_datasets.sh"}
    assert not [name for name, data in files.items() if b"\r" in data]


def test_nothing_of_staffs_half_and_no_staff_command_is_in_it(files: dict[str, bytes], handout: Path) -> None:
    assert not [name for name in files if any(word in name for word in ("hidden", "trajectories", "unseen"))]
    assert set(LEFT_OUT) == {"homework/hidden", "classroom", "replay", "commands/staff"}
    for folder in LEFT_OUT:
        assert (ROOT / "grader" / folder).is_dir()
        assert not [name for name in files if name.startswith(f"{TOP}/grader/{folder}/")]
    helped = in_folder(handout, "--help")
    assert helped.returncode == 0
    for command in ("grade", "gradescope", "batch", "compare", "explain", "adjust", "grades", "doctor", "data"):
        assert f"    {command}" not in helped.stdout
        refused = in_folder(handout, command, ".")
        assert refused.returncode == 2
        assert "invalid choice" in refused.stderr
    for what in ("handout", "autograder"):
        assert in_folder(handout, "build", what, "-o", "x.zip").returncode == 2


# What must not be in it ---------------------------------------------------------------------------------------------------


def test_no_line_of_a_solution_is_in_it_in_any_form(files: dict[str, bytes], solution: set[str]) -> None:
    assert len(solution) > 60
    assert where(solution, files) == {}


def test_the_search_finds_the_solution_where_it_is(solution: set[str], tmp_path: Path) -> None:
    full = tree(
        ROOT,
        "grader/homework/hidden/*.py",
        "tests/homework/mutants.py",
        "tests/homework/styles.py",
        f"fixtures/submissions/reference/{OPTIM}",
    )
    found = where(solution, full)
    for name in ("tests/homework/mutants.py", "tests/homework/styles.py", f"fixtures/submissions/reference/{OPTIM}"):
        assert len(found[name]) >= 5, name
    line = "norms = [np.linalg.norm(grad) for grad in grads.values()]"
    assert line in solution
    nested = tmp_path / "nested.zip"
    with zipfile.ZipFile(nested, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("a.ipynb", json.dumps({"cells": [{"source": ["x\n", f"   {line}\n"]}]}))
    assert where({line}, {"nested.zip": nested.read_bytes()}) == {"nested.zip": {line}}


def test_no_item_that_is_not_visible_is_named_in_it(files: dict[str, bytes], rubric: Rubric) -> None:
    hidden = [item.id for item in rubric.graded if not item.public]
    assert len(hidden) == 4
    secrets = {*hidden, *(HOMEWORK.checks[name].title for name in hidden)}
    assert where(secrets, files) == {}
    assert where(secrets, tree(ROOT, "grader/homework/rubric.toml", "grader/homework/hidden/*.py")) != {}
    table = tomllib.loads(files[f"{TOP}/grader/homework/rubric.toml"].decode())
    assert [row["id"] for row in table["item"]] == [item.id for item in rubric.graded if item.public]
    assert table["elsewhere"] == {"items": 4, "points": 17}


@pytest.mark.parametrize("fixture", sorted({*HOMEWORK.fixtures.names()} - {*HOMEWORK.public_fixtures}))
def test_no_number_of_a_fixture_that_stays_with_staff_is_in_it(files: dict[str, bytes], fixture: str) -> None:
    text = (ROOT / "fixtures" / fixture).read_text("utf-8")
    numbers = {repr(number) for number in _floats(json.loads(text)) if len(repr(number)) >= 8}
    assert len(numbers) > 100
    assert where(numbers, files) == {}
    assert where(numbers, {fixture: text.encode()}) == {fixture: numbers}


def test_no_text_for_staff_is_in_it(files: dict[str, bytes]) -> None:
    everything = tree(ROOT, "grader/**/*.py")
    public = {name for name in everything if f"{TOP}/{name}" in files}
    told = set().union(*(sentences(data) for name, data in everything.items() if name in public))
    staff = {name for name in everything if name not in public}
    texts = {text for name in staff for text in sentences(everything[name]) if not any(text in public for public in told)}
    assert len(texts) > 200
    catalogue = tomllib.loads((ROOT / "grader/homework/misconceptions.toml").read_text("utf-8"))
    slips = json.loads((ROOT / "fixtures/slips.json").read_text("utf-8"))
    parts = {part for check in HOMEWORK.checks.values() for part in check.quiet} | set(HOMEWORK.findings_order())
    parts = {part for part in parts if "_" in part}  # the others are words of everyday use
    assert len(parts) > 10
    texts |= parts
    texts |= {f'name = "{slip["name"]}"' for topic in catalogue.values() for slip in topic.values()}
    steps = json.loads((ROOT / "fixtures/steps.json").read_text("utf-8"))
    seen = {slip for topic in slips for slip in (*slips[topic], *steps[topic]["slips"])}
    assert {
        f"{topic}.{slip}" for topic in slips for slip in catalogue[topic]
    } == seen  # the steps at home show what the golden one hides
    assert where(texts, files) == {}
    assert len(where(texts, tree(ROOT, "grader/**/*.py", "grader/homework/*.toml"))) > 10


def _floats(value: Any) -> set[float]:
    if isinstance(value, float):
        return {value}
    if isinstance(value, dict):
        value = list(value.values())
    return set().union(*map(_floats, value)) if isinstance(value, list) else set()


# A course's own rubric ----------------------------------------------------------------------------------------------------

RUBRIC = (ROOT / "grader/homework/rubric.toml").read_text("utf-8")
TITLE = 'Homework "2" \\ Optimierung é 优化 \U0001f40d\ttab'


def own_handout(tmp_path: Path, text: str) -> Path:
    """The handout of a course with this rubric, unpacked."""
    (tmp_path / "mine.toml").write_text(text, "utf-8")
    process = run("build", "handout", "-o", tmp_path / "mine.zip", "--rubric", tmp_path / "mine.toml")
    assert process.returncode == 0, process.stderr
    return unpacked(tmp_path / "mine.zip", tmp_path / "mine")


def test_another_item_that_a_course_hides_is_left_out(tmp_path: Path) -> None:
    text = RUBRIC.replace('id = "fc_net.init.he"', 'id = "fc_net.init.he"\nvisibility = "hidden"')
    folder = own_handout(tmp_path, text)
    table = tomllib.loads((folder / "grader/homework/rubric.toml").read_text("utf-8"))
    assert "fc_net.init.he" not in {row["id"] for row in table["item"]}
    assert table["elsewhere"] == {"items": 5, "points": 29}
    process = in_folder(folder, "check", "--only", "fc_net")
    assert "fc_net.init.zero" in process.stdout
    assert "fc_net.init.he" not in process.stdout
    assert "Gradescope runs 5 more checks, worth 29 points." in process.stdout
    assert in_folder(folder, "check", "--only", "fc_net.init.he").returncode == 2


@pytest.mark.parametrize(
    ("change", "maximum"),
    [
        (lambda text: text.replace('title = "q_optimizer_init"', f"title = {json.dumps(TITLE, ensure_ascii=False)}"), "18"),
        (lambda text: text.replace("\npoints = 8\n", "\npoints = 7.25\n", 1).replace("total = 100", "total = 99.25"), "17.25"),
        (lambda text: text.replace('"optim.adam.golden"\n', '"optim.adam.golden"\nplanned = true\n', 1), "8"),
        (lambda text: text.replace('["optim"]\nvis', '["optim"]\nplanned = true\nvis', 1), "18"),
        (lambda text: text.replace('["optim"]\nparts', '["optim", "a \\"b\\" \\u007f"]\nparts', 1), "18"),
    ],
    ids=["a title of special characters", "points with decimals", "a planned row", "a hidden planned row", "an odd tag"],
)
def test_a_rubric_of_a_course_survives(tmp_path: Path, change: Any, maximum: str) -> None:
    text = change(RUBRIC)
    assert text != RUBRIC
    folder = own_handout(tmp_path, text)
    process = in_folder(folder, "check", "--only", "optim")
    assert process.returncode == 1, process.stderr
    assert f"\nTotal: 0 of {maximum} points" in process.stdout
    public = tomllib.loads((folder / "grader/homework/rubric.toml").read_text("utf-8"))
    assert public["title"] == tomllib.loads(text)["title"]


def test_a_rubric_without_a_visible_item_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(RUBRIC.replace('visibility = "visible"', 'visibility = "hidden"'), "utf-8")
    process = run("build", "handout", "-o", tmp_path / "mine.zip", "--rubric", tmp_path / "mine.toml")
    assert process.returncode == 3
    assert "mine.toml" in process.stderr
    assert not (tmp_path / "mine.zip").exists()
