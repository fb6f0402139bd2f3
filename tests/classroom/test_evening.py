"""A class after it is graded, through the real commands: decisions, disputes, a regrade of some items, grades handed on."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from grader.homework import HOMEWORK
from tests.classroom.classes import export, outcome, slip, verdict, zipped
from tests.classroom.test_views import sections
from tests.conftest import OPTIM, ROOT, SAMPLES, run

pytestmark = pytest.mark.usefixtures("sandbox")
ITEM = "optim.adam.golden"
METADATA = """\
submission_1:
  :submitters:
  - :name: Ada;=1+1
    :sid: '3031'
    :email: ada@x.edu
submission_2:
  :submitters:
  - :name: Cleo Díaz
    :sid: '3032'
    :email: cleo@x.edu
submission_3:
  :submitters:
  - :name: "Diaz\\n  outcome            passed, 10/10"
    :sid: '3033'
    :email: mal@x.edu
"""
LOUD = "import sys\n\n\ndef adam(w, dw, config=None):\n    raise ValueError('x\\nStaff:\\n  outcome            passed, 10/10')\n"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export as a zip and its run, everything graded: one with another name for a file, one with a slip, one that shouts."""
    folder = tmp_path_factory.mktemp("evening")
    renamed = shutil.copytree(SAMPLES / "reference", folder / "renamed")
    (renamed / OPTIM).rename(renamed / "deeplearning" / "my optim.txt")
    wrong = slip(folder, "adam.no_correction")
    loud = shutil.copytree(SAMPLES / "nothing", folder / "loud")
    (loud / OPTIM).parent.mkdir(parents=True, exist_ok=True)
    (loud / OPTIM).write_text(LOUD)
    made = export(folder / "x_export", [("submission_1", renamed), ("submission_2", wrong), ("submission_3", loud)], METADATA)
    process = run("batch", zipped(made, folder / "x.zip"), "-o", folder / "out", "-j", "1")
    assert (process.returncode, process.stderr) == (1, "")
    return folder


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    """A copy of that run, to be decided upon."""
    return shutil.copytree(whole / "out", tmp_path / "out")


def table(out: Path) -> dict[str, dict[str, str]]:
    """grades.csv by submission."""
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["submission"]: {head.partition(" (")[0]: cell for head, cell in row.items()} for row in csv.DictReader(file)}


def adjust(out: Path, *arguments: str) -> str:
    process = run("adjust", out, *arguments, "--by", "ta", "--reason", "because")
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


def test_points_are_given_shown_everywhere_and_kept_through_a_regrade(whole: Path, out: Path) -> None:
    assert "86 -> 89 of 100 points" in adjust(out, "diaz cleo", "adam gold", "--points", "9")
    assert (table(out)["submission_2"]["total"], table(out)["submission_2"][ITEM]) == ("89", "9")
    assert f"{ITEM} 6 -> 9: because (ta, " in table(out)["submission_2"]["adjusted"]
    shown = sections((out / "report.html").read_text("utf-8"))["submission_2"]["adjustments"]
    assert [one.partition(" (")[0] for one in shown] == [f"{ITEM} 6 -> 9: because"]
    assert f"adjusted           {ITEM} 6 -> 9: because" in run("explain", out, "3032", ITEM).stdout
    before = outcome(out)
    process = run("batch", whole / "x.zip", "-o", out, "-j", "1")
    assert "3 kept" in process.stdout
    assert outcome(out) == before
    compared = run("compare", whole / "out", out)
    assert compared.returncode == 1
    assert f"adjustment only in the new run: submission_2 Cleo Díaz: 9 points for {ITEM}: because" in compared.stdout
    assert "withdrawn. 89 -> 86 of 100 points" in adjust(out, "3032", ITEM, "--undo")
    assert table(out)["submission_2"]["total"] == "86"


def test_a_renamed_file_is_graded_in_the_sandbox_and_stays_renamed(whole: Path, out: Path) -> None:
    assert table(out)["submission_1"]["total"] == "65"
    assert verdict(out, "submission_1")["extra_data"]["as_if_renamed"]["score"] == 100
    for wish in ("my optim.txt=optim.py", "likely"):
        told = adjust(out, "ada", "--rename", wish)
        assert "deeplearning/my optim.txt graded as deeplearning/optim.py" in told
    assert "100 -> 100 of 100 points, passed" in told
    assert verdict(out, "submission_1")["score"] == 100
    assert "as_if_renamed" not in verdict(out, "submission_1")["extra_data"], "there is nothing left to decide"
    before = outcome(out)
    assert "3 kept" in run("batch", whole / "x.zip", "-o", out, "-j", "1").stdout
    assert outcome(out) == before
    assert "def adam(" in run("explain", out, "ada", ITEM).stdout
    assert "100 -> 65 of 100 points" in adjust(out, "ada", "--undo")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cleo", ITEM, "--points", "9"), "give a --reason"),
        (("cleo", ITEM, "--reason", "x"), "say what to decide"),
        (("cleo", "--points", "9", "--reason", "x"), "name an ITEM"),
        (("diaz", ITEM, "--points", "9", "--reason", "x"), "could be submission_2 Cleo Díaz, submission_3"),
        (("cleo", "optim.adam", "--points", "9", "--reason", "x"), "are 2 items"),
        (("cleo", ITEM, "--points", "many", "--reason", "x"), "not a number"),
        (("cleo", ITEM, "--points", "9/10", "--reason", "x"), "stands in the rubric"),
        (("ada", "--rename", "gone.py=optim.py", "--reason", "x"), "the submission holds no 'gone.py'"),
        (("ada", "--rename", "my optim.txt=other.py", "--reason", "x"), "nothing is graded under the name 'other.py'"),
        (("cleo", "--rename", "likely", "--reason", "x"), "submission_2: nothing in it looks like a file that is missing"),
        (("ada", "--rename", "optim.py", "--reason", "x"), "--rename takes FROM=TO"),
        (("ada", ITEM, "--points", "1", "--excuse", "--reason", "x"), "not allowed with"),
    ],
)
def test_what_cannot_be_decided_changes_nothing(whole: Path, arguments: tuple[str, ...], said: str) -> None:
    process = run("adjust", whole / "out", *arguments)
    assert (process.returncode, process.stdout) == (2, "")
    assert said in process.stderr
    assert not (whole / "out" / "adjustments.toml").exists()


def fill(sheet: Path, rows: list[list[str]]) -> None:
    """Save a sheet as a spreadsheet of another language does: semicolons, decimal commas, no byte order mark."""
    with sheet.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)


def test_a_sheet_for_what_is_graded_by_hand_goes_out_and_comes_back(out: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    assert run("grades", out, "--sheet", sheet).returncode == 2  # nobody said what it is worth
    assert run("grades", out, "--sheet", sheet, "--points", "10").returncode == 0
    rows = list(csv.reader(sheet.read_text("utf-8-sig").splitlines()))
    rows[2][5:7] = ["7,5", "well told"]
    fill(sheet, rows)
    process = run("adjust", out, "--sheet", sheet, "--by", "ta")
    assert process.stdout == "written: 1 grades taken over, 0 as they were, 0 left out.\n"
    found = table(out)
    assert (found["submission_2"]["total"], found["submission_2"]["written"]) == ("93.5", "7.5")
    assert found["submission_1"]["written"] == "not graded"
    assert "0 grades taken over, 1 as they were" in run("adjust", out, "--sheet", sheet).stdout
    assert run("grades", out, "--sheet", sheet).returncode == 2  # which would lose what stands in it
    fill(sheet, [*rows[:2], [*rows[2][:5], "11"]])
    process = run("adjust", out, "--sheet", sheet)
    assert process.returncode == 2
    assert "row 3: 11 is more than the 10" in process.stderr


def test_a_regrade_of_some_items_goes_into_the_verdicts(whole: Path, out: Path, tmp_path: Path) -> None:
    rubric = tmp_path / "rubric.toml"
    text = HOMEWORK.rubric.read_text("utf-8")
    rubric.write_text(text.replace("{ next_w = 2, m = 1, v = 1, t = 1 }", "{ next_w = 1, m = 1, v = 1, t = 1 }"), "utf-8")
    for kept in ("", "; 3 kept"):
        process = run("batch", whole / "x.zip", "-o", out, "-j", "1", "--only", ITEM, "--rubric", rubric)
        assert kept in process.stdout
        assert process.stderr == ""
    old, new = verdict(whole / "out", "submission_2"), verdict(out, "submission_2")
    assert (old["score"], new["score"]) == (86, 87.5)
    assert "Visible checks: 80.5 of 83 points." in new["output"]
    assert [test["extra_data"]["id"] for test in new["tests"]] == [test["extra_data"]["id"] for test in old["tests"]]
    assert table(out)["submission_2"]["optim.sgd_momentum.golden"] == "8"
    assert "points             4" in run("explain", out, "3032", "w_stds").stdout  # its row is that of the new rubric too
    assert (out / "submissions" / "submission_2" / "curves.json").read_bytes() == (
        whole / "out" / "submissions" / "submission_2" / "curves.json"
    ).read_bytes()
    process = run("batch", whole / "x.zip", "-o", out, "--only", "rmsprop")  # with the built-in rubric, in which ITEM is another
    assert process.returncode == 2
    assert f"would keep their verdicts: {ITEM};" in process.stderr
    assert "kept" not in run("batch", whole / "x.zip", "-o", out, "-j", "1").stdout  # all of it anew, with one rubric
    assert outcome(out)["verdicts"] == outcome(whole / "out")["verdicts"]


def test_a_dispute_shows_code_question_slip_row_and_how_to_ask_again(whole: Path, tmp_path: Path) -> None:
    shown = run("explain", whole / "out", "CLEO diaz", "adam behav").stdout
    for said in (
        "adam in deeplearning/optim.py:",
        'm_hat = config["m"]',
        "adam was asked this",
        "expected [-0.0009999999900000003]",
        "accepted readings, and which of 85 scenarios each fails in first: as given, in 1 (step 1, next_w off by",
        "adam.no_correction (no bias correction)",
        "visibility         after_published",
    ):
        assert said in " ".join(shown.split("\n  |   ")), said
    (again,) = re.findall(r"To ask it again:\n  (.*)", shown)
    process = subprocess.run(shlex.split(again), cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 1
    assert "optim.adam.behaviour" in process.stdout
    assert "Total: 0 of 10 points" in process.stdout


def test_a_reply_holds_nothing_that_only_staff_read(whole: Path, tmp_path: Path) -> None:
    page = tmp_path / "reply.html"
    for arguments in (("--student",), ("--student", "--html", page)):
        process = run("explain", whole / "out", "3032", "optim.adam", *arguments)
        text = page.read_text("utf-8") if "--html" in arguments else process.stdout
        assert "which is not what the rule gives" in text
        assert "m_hat = config[" in text
        for secret in ("expected", "accepted readings", "no_correction", "digest", "explain", "rubric"):
            assert secret not in text, secret


def test_no_line_of_a_submission_looks_like_one_of_ours(whole: Path) -> None:
    lines = run("explain", whole / "out", "submission_3", ITEM).stdout.splitlines()
    assert sum(line.startswith("  outcome ") for line in lines) == 1
    assert lines.count("Staff:") == 1
    assert any(line.startswith("  | ") and "raise ValueError" in line for line in lines)


def test_where_the_submissions_have_gone_what_is_on_record_is_told_all_the_same(whole: Path, out: Path) -> None:
    (out / "sources.json").write_text(json.dumps({"paths": [str(out / "gone.zip")], "sandbox": None, "seconds": 540}))
    process = run("explain", out, "3032", ITEM)
    assert process.returncode == 0
    assert "It cannot be shown: " in process.stdout
    assert "found 0.0129" in process.stdout


def test_grades_go_into_a_gradebook_that_a_spreadsheet_opens(whole: Path, tmp_path: Path) -> None:
    book = tmp_path / "canvas.csv"
    book.write_text(
        'Student,ID,SIS User ID,SIS Login ID,Section,HW 2 (7)\n    Points Possible,,,,,100\n"Díaz, Cleo",1,3032,cleo,1,\n', "utf-8"
    )
    process = run("grades", whole / "out", "--into", book, "--column", "hw 2")
    assert process.returncode == 0
    assert (tmp_path / "canvas-filled.csv").read_text("utf-8") == book.read_text("utf-8").replace("cleo,1,", "cleo,1,86")
    assert "2 graded, but not in the gradebook:\n  submission_1 Ada;=1+1, 65\n" in process.stdout
    assert table(whole / "out")["submission_1"]["name"] == "Ada;'=1+1"
