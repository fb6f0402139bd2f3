"""A whole class through the real command: what it leaves, that one bad submission costs one row, and that workers agree."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from grader.homework import HOMEWORK
from tests.classroom.classes import export, hostile, mixed, outcome, sample, slip, verdict, zipped
from tests.conftest import SAMPLES, run

pytestmark = pytest.mark.usefixtures("sandbox")
ADAM = ("--only", "optim.adam")


def table(out: Path) -> list[dict[str, str]]:
    """grades.csv as a spreadsheet reads it."""
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        return [{head.partition(" (")[0]: cell for head, cell in row.items()} for row in rows]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mixed class, everything graded by two workers."""
    folder = tmp_path_factory.mktemp("graded")
    process = run("batch", mixed(folder / "class"), "-o", folder / "out", "-j", "2")
    assert (process.returncode, process.stderr) == (1, "")
    return folder / "out"


def test_every_submission_has_a_row_whatever_it_is(graded: Path) -> None:
    assert (graded / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbfsubmission,name,sid,email,submitted,outcome,total (100),")
    found = {row["submission"]: (row["outcome"], row["total"]) for row in table(graded)}
    assert found == {
        "adam_betas_swapped": ("partial", "82"),
        "adam_no_correction": ("partial", "86"),
        "climbs_out": ("missing", "0"),
        "does_not_parse": ("partial", "65"),
        "ends_its_process": ("partial", "65"),
        "in_place": ("passed", "100"),
        "nested": ("passed", "100"),
        "nothing": ("missing", "0"),
        "reference": ("passed", "100"),
        "says_markup": ("partial", "65"),
        "untouched": ("partial", "8"),
        "uses_all_memory": ("partial", "65"),
    }


def test_a_verdict_is_the_one_the_single_command_gives(graded: Path, tmp_path: Path) -> None:
    import json

    run("grade", SAMPLES / "does_not_parse", "-o", tmp_path / "one.json")
    one, other = json.loads((tmp_path / "one.json").read_bytes()), verdict(graded, "does_not_parse")
    assert {test["extra_data"]["id"]: test["output"] for test in one["tests"]} == {
        test["extra_data"]["id"]: test["output"] for test in other["tests"]
    }
    assert one["score"] == other["score"]


def test_a_refused_archive_says_why(graded: Path) -> None:
    assert "leads out of the folder" in verdict(graded, "climbs_out")["output"]


def test_one_worker_and_two_give_the_same(graded: Path) -> None:
    process = run("batch", graded.parent / "class", "-o", graded.parent / "alone", "-j", "1")
    assert process.returncode == 1
    assert outcome(graded.parent / "alone") == outcome(graded)


def test_the_same_command_again_keeps_everything(graded: Path) -> None:
    before = outcome(graded)
    times = {path: path.stat().st_mtime_ns for path in graded.glob("submissions/*/results.json")}
    process = run("batch", graded.parent / "class", "-o", graded, "-j", "2")
    assert process.stdout.splitlines()[1].endswith("12 kept")
    assert outcome(graded) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_what_was_changed_is_graded_again_and_nothing_else(tmp_path: Path) -> None:
    group = tmp_path / "class"
    group.mkdir()
    changing = slip(group, "adam.betas_swapped")
    sample(group, "reference")
    assert run("batch", group, "-o", tmp_path / "out", *ADAM).returncode == 1
    (changing / "deeplearning" / "optim.py").write_bytes((SAMPLES / "reference" / "deeplearning" / "optim.py").read_bytes())
    process = run("batch", group, "-o", tmp_path / "out", *ADAM)
    assert process.returncode == 0
    assert process.stdout.splitlines()[2] == "2 of 2 submissions: 2 passed; 1 kept"


def test_what_a_kill_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    sample(tmp_path, "untouched")
    command = ("batch", tmp_path / "untouched", "-o", tmp_path / "out", *ADAM)
    run(*command)
    left = [
        tmp_path / "out" / name for name in (".report.html.a1b2c3", ".grades.csv.x_y_z", "submissions/untouched/.results.json.q")
    ]
    for path in left:
        path.write_bytes(b"half")
    run(*command)
    assert not [path for path in left if path.exists()]
    left[0].write_bytes(b"half")
    assert run("grades", tmp_path / "out").returncode == 0
    assert not left[0].exists()


@pytest.mark.parametrize("damage", [b'{"score": 1', b'{"score": "x", "tests": [], "extra_data": {}}'])
def test_a_damaged_verdict_is_graded_again(tmp_path: Path, damage: bytes) -> None:
    group = tmp_path / "class"
    group.mkdir()
    sample(group, "reference")
    run("batch", group, "-o", tmp_path / "out", *ADAM)
    before = outcome(tmp_path / "out")
    (tmp_path / "out" / "submissions" / "reference" / "results.json").write_bytes(damage)
    assert run("batch", group, "-o", tmp_path / "out", *ADAM).returncode == 0
    assert outcome(tmp_path / "out") == before


def test_another_rubric_grades_again(tmp_path: Path) -> None:
    group = tmp_path / "class"
    group.mkdir()
    sample(group, "reference")
    run("batch", group, "-o", tmp_path / "out", *ADAM)
    rubric = tmp_path / "rubric.toml"
    rubric.write_text(HOMEWORK.rubric.read_text() + "\n# changed\n")
    process = run("batch", group, "-o", tmp_path / "out", *ADAM, "--rubric", rubric)
    assert "kept" not in process.stdout


def test_an_export_brings_names_and_a_roster_tells_who_is_absent(tmp_path: Path) -> None:
    metadata = """\
submission_11:
  :submitters:
  - :name: Ada Lovelace
    :sid: '3031'
    :email: ada@example.edu
  - :name: "=HYPERLINK(\\"http://x\\")"
    :sid: '3032'
    :email: mal@example.edu
  :created_at: 2024-10-01 23:30:20.123456000 Z
submission_12:
  :submitters:
  - :name: Not There
    :sid: '3033'
"""
    roster = tmp_path / "roster.csv"
    roster.write_text(
        "First Name,Last Name,SID,Email,Role\nAda,King,3031,ada@example.edu,Student\n"
        "Grace,Hopper,3034,grace@example.edu,Student\nTom,TA,1,tom@example.edu,TA\n"
    )
    folder = export(tmp_path / "assignment_1_export", [("submission_11", SAMPLES / "reference")], metadata)
    archive = zipped(folder, tmp_path / "export.zip")
    results = []
    for number, path in enumerate((folder, archive, tmp_path / "assignment_1_export")):
        out = tmp_path / f"out{number}"
        process = run("batch", path, "-o", out, "--roster", roster, *ADAM)
        assert (process.returncode, process.stderr) == (1, "")
        results.append(outcome(out))
    assert results[0] == results[1] == results[2]
    rows = table(tmp_path / "out1")
    assert [(row["submission"], row["name"], row["sid"], row["outcome"], row["total"]) for row in rows] == [
        ("submission_11", "Ada King", "3031", "passed", "20"),
        ("submission_11", """'=HYPERLINK("http://x")""", "3032", "passed", "20"),
        ("submission_12", "Not There", "3033", "missing", "0"),
        ("", "Grace Hopper", "3034", "absent", "0"),
    ]
    assert rows[0]["submitted"] == "2024-10-01 23:30:20.123456000 Z"


def test_paths_may_be_listed_and_names_that_meet_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    paths = [sample(tmp_path / "a", "reference"), sample(tmp_path / "b", "untouched"), sample(tmp_path / "a", "nested.zip")]
    (tmp_path / "b" / "untouched").rename(tmp_path / "b" / "reference")
    paths[1] = tmp_path / "b" / "reference"
    assert run("batch", *paths, "-o", tmp_path / "out", *ADAM).returncode == 1
    rows = {row["submission"]: row["total"] for row in table(tmp_path / "out")}
    assert rows == {"nested": "20", "reference": "20", "reference-2": "0"}


def test_a_submission_cannot_pass_itself_off_as_an_export(tmp_path: Path) -> None:
    group = tmp_path / "class"
    group.mkdir()
    sample(group, "reference")
    forged = "submission_1:\n  :submitters:\n  - :name: Someone Else\n    :sid: '1'\n"
    export(group / "forger", [("submission_1", SAMPLES / "reference")], forged)
    zipped(group / "forger", group / "forger2.zip")
    for paths in ([group], sorted(group.iterdir())):
        out = tmp_path / f"out{len(paths)}"
        run("batch", *paths, "-o", out, *ADAM)
        assert [row["submission"] for row in table(out)] == ["forger", "forger2", "reference"]
        assert "Someone Else" not in (out / "grades.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{}/nowhere", "-o", "{}/out"), "does not exist"),
        (("{}/empty", "-o", "{}/out"), "holds no submissions"),
        (("{}/file.txt", "-o", "{}/out"), "neither a folder nor a zip"),
        (("{}/class", "-o", "{}/file.txt"), "cannot be written"),
        (("{}/class", "-o", "{}/out", "-j", "0"), "not a number of workers"),
        (("{}/class", "-o", "{}/out", "--only", "optim.adma"), "did you mean 'optim.adam'?"),
        (("{}/class", "-o", "{}/out", "--roster", "{}/file.txt"), "no column for name"),
        (("{}/class", "-o", "{}/out", "--roster", "{}/nowhere.csv"), "cannot be read"),
        (("{}/class",), "required: -o/--output"),
        (("{}/cut.zip", "-o", "{}/out"), "is not a readable zip file"),
        (("{}/class.rar", "-o", "{}/out"), "is an archive of a kind that is not opened; give the export as a zip, or unpacked"),
        (("{}/class", "-o", "{}/out", "--rubric", "{}/mistyped.toml"), "did you mean 'rel_error'?"),
        (("{}/class", "-o", "{}/out", "--rubric", "{}/without.toml"), "the tolerance 'rel_error' in item"),
        (("{}/class", "-o", "{}/out", "--dask", "localhost"), "names no port"),
        (("{}/class", "-o", "{}/out", "--attempt", "last"), "did you mean 'latest'?"),
        (("{}/class", "-o", "{}/out", "--starter", "{}/nowhere"), "is not a folder"),
    ],
)
def test_a_mistake_is_told_before_anything_is_graded(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    for name in ("empty", "class"):
        (tmp_path / name).mkdir()
    sample(tmp_path / "class", "reference")
    (tmp_path / "file.txt").write_text("a,b\n1,2\n")
    (tmp_path / "cut.zip").write_bytes((SAMPLES / "nested.zip").read_bytes()[:1000])
    (tmp_path / "class.rar").write_bytes(b"Rar!")
    rubric = HOMEWORK.rubric.read_text("utf-8")
    (tmp_path / "mistyped.toml").write_text(rubric.replace("rel_error", "rel_eror", 1), "utf-8")
    (tmp_path / "without.toml").write_text(rubric.replace("tolerance = { rel_error = 1e-7 }", "", 1), "utf-8")
    process = run("batch", *(argument.format(tmp_path) for argument in arguments))
    assert (process.returncode, process.stdout) == (2, "")
    assert said in process.stderr
    assert not (tmp_path / "out" / "submissions").exists()


def test_a_run_of_other_items_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    sample(tmp_path / "class", "nothing")
    run("batch", tmp_path / "class", "-o", tmp_path / "out", *ADAM)
    before = outcome(tmp_path / "out")
    for only in (("--only", "optim.rmsprop"), ()):
        process = run("batch", tmp_path / "class", "-o", tmp_path / "out", *only)
        assert process.returncode == 2
        assert "holds a run of --only optim.adam" in process.stderr
        assert outcome(tmp_path / "out") == before


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(b"PK")
    process = run("batch", tmp_path / "cut.zip", "-o", tmp_path / "out", "--only", "adma", "--roster", tmp_path / "nowhere.csv")
    assert process.returncode == 2
    first, *lines = process.stderr.splitlines()
    assert first == "grader: 3 things are to be mended, nothing was graded:"
    assert [part in line for part, line in zip(("readable zip", "'adma'", "nowhere.csv"), lines, strict=True)] == [True] * 3


def test_a_submission_that_attacks_the_sandbox_costs_its_own_row(tmp_path: Path) -> None:
    group = tmp_path / "class"
    group.mkdir()
    hostile(group, "kills_its_parent")
    hostile(group, "floods_its_output")
    sample(group, "reference")
    assert run("batch", group, "-o", tmp_path / "out", "-j", "1", *ADAM).returncode == 1
    rows = {row["submission"]: (row["outcome"], row["total"]) for row in table(tmp_path / "out")}
    assert rows == {"floods_its_output": ("wrong", "0"), "kills_its_parent": ("wrong", "0"), "reference": ("passed", "20")}
