"""What the documentation shows is what the commands print: every transcript is played, in the order of its page."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from tests.commands.conftest import archive, unpacked  # noqa: F401 - a fixture
from tests.commands.panels import half_done
from tests.conftest import ROOT
from tests.docs.transcripts import RENEWS, Typed, desk, difference, printed, renewed, typed
from tests.starters import TERM, course

README, COURSES, TAS, STUDENTS = (
    ROOT / name for name in ("README.md", "docs/for-courses.md", "docs/for-tas.md", "docs/for-students.md")
)
RUBRIC = (ROOT / "grader/homework/rubric.toml").read_text("utf-8")
ADAM = 'id = "optim.adam.golden"\npoints = 10'
PLAYED_ELSEWHERE = {  # a page's transcripts, and the test that plays them
    STUDENTS: "tests/commands/test_student_guide.py",
    TAS: "tests/classroom/test_guide.py",
}
pytestmark = pytest.mark.usefixtures("sandbox")


def found(page: Path, command: str, number: int = 0) -> Typed:
    """The transcript of the page that begins so."""
    return [one for one in typed(page) if one.command.startswith(command)][number]


def assert_agrees(page: Path, one: Typed, folder: Path, command: str | None = None) -> None:
    """Play it, and hold what comes against what is shown; `python -m tests.docs` has the page's figures written anew."""
    said = printed(command or one.command, folder)
    assert difference(one.shown, said) == ""
    if RENEWS in os.environ:
        page.write_text(page.read_text("utf-8").replace(one.shown, renewed(one.shown, said)), "utf-8")


def test_readme_shows_staff_one_submission(tmp_path: Path) -> None:
    assert_agrees(README, found(README, "./run_autograder fixtures"), desk(tmp_path / "desk"))


def test_readme_shows_a_student_a_check(archive: Path, tmp_path: Path) -> None:  # noqa: F811
    homework = half_done(unpacked(archive, tmp_path)).rename(tmp_path / "homework")
    one = found(README, "python -m grader check")
    assert_agrees(README, one, homework, one.command.replace("python", sys.executable, 1))


def test_courses_build_try_and_hand_out(tmp_path: Path) -> None:
    here = desk(tmp_path / "desk")
    for number, row in enumerate((ADAM.replace("points = 10", "points = 9"), ADAM)):
        (here / "fall.toml").write_text(RUBRIC.replace(ADAM, row), "utf-8")
        assert_agrees(COURSES, found(COURSES, "./run_autograder build autograder", number), here)
    assert_agrees(COURSES, found(COURSES, "./run_autograder build handout"), here)
    assert_agrees(COURSES, found(COURSES, "$(./bootstrap run)"), here)


def test_courses_look_at_a_starter(tmp_path: Path) -> None:
    here = desk(tmp_path / "desk")
    course(here / "fall", *TERM)
    assert_agrees(COURSES, found(COURSES, "./run_autograder doctor --starter"), here)


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no clone")
def test_courses_clone_and_it_sets_itself_up() -> None:
    with tempfile.TemporaryDirectory() as made:  # not below pytest's folder, which no other user may enter
        home = Path(made)
        home.chmod(0o755)
        printed(f"git clone -q {ROOT} autograder", home)
        one = found(COURSES, "./run_autograder doctor")
        said = printed(one.command, home / "autograder", {"GRADER_VENV": ""})
        assert difference(one.shown.replace("/home/you", made), said) == ""


def test_every_transcript_is_played_by_some_test() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    assert {page for page in pages if typed(page)} == {README, COURSES, *PLAYED_ELSEWHERE}
    assert len(typed(README)) == 2
    assert [one.command.split()[:2] for one in typed(COURSES)] == [
        ["git", "clone"],
        ["./run_autograder", "doctor"],
        ["./run_autograder", "build"],
        ["./run_autograder", "build"],
        ["$(./bootstrap", "run)"],
        ["./run_autograder", "build"],
        ["./run_autograder", "doctor"],
    ]


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        ("one\n…\nfour\n", "one\ntwo\nthree\nfour\n", True),
        ("one\n…\nfive\n", "one\ntwo\nthree\nfour\n", False),
        ("in 0.73 s.\n", "in 12.01 s.\n", True),
        ("10/10\n", "9/10\n", False),
        ("one\n", "one\ntwo\n", False),
    ],
)
def test_what_differs_is_noticed(shown: str, said: str, same: bool) -> None:
    assert (difference(shown, said) == "") == same


def test_figures_are_written_anew_and_nothing_else() -> None:
    shown = "zip: 92 files, 177 kB\n…\nTotal: 10 points in 0.73 s.\n"
    said = "WARNING: pip\nzip: 95 files, 180 kB\nmore\nTotal: 10 points in 0.50 s.\n"
    assert renewed(shown, said) == "zip: 95 files, 180 kB\n…\nTotal: 10 points in 0.50 s.\n"
    assert renewed("a …, 3 files\n", "a 2 kB, 5 files\n") == "a …, 3 files\n"
