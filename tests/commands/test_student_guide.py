"""docs/for-students.md: its transcripts are what the commands print, and what it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grader.grading.results import Outcome
from tests.commands.conftest import InHandout
from tests.commands.student_guide import GUIDE, STATES, shown, timeless, transcript
from tests.conftest import ROOT, run

TEXT = GUIDE.read_text("utf-8")


@pytest.mark.parametrize("state", STATES)
def test_a_transcript_is_what_the_command_prints(archive: Path, tmp_path: Path, state: str) -> None:
    assert timeless(shown(TEXT, state)) == timeless(transcript(archive, tmp_path, state))


def test_the_transcripts_differ() -> None:
    assert len({shown(TEXT, state) for state in STATES}) == len(STATES)


def test_every_option_and_item_it_names_exists(check: InHandout) -> None:
    helped = check("--help").stdout + run("build", "submission", "--help").stdout
    for option in set(re.findall(r"(--[a-z]+)", TEXT.replace("<!--", "").replace("-->", ""))):
        assert option in helped, option
    for items in re.findall(r"--only ([\w.,]+)", TEXT):
        assert check("--only", items).returncode == 1


def test_how_much_is_checked_elsewhere_is_what_the_command_says(check: InHandout) -> None:
    (said,) = re.findall(r"Gradescope runs \*\*(.*?)\*\*", TEXT.replace("\n", " "))
    assert f"Gradescope runs {said}." in check("--only", "optim").stdout
    assert "all 14 checks" in TEXT


def test_the_words_for_how_an_item_ended_are_explained() -> None:
    (table,) = re.findall(r"\| word \| meaning \|\n(.*?)\n\n", TEXT, re.DOTALL)
    words = {word for row in table.splitlines()[1:] for word in row.split("|")[1].strip().split(", ")}
    assert words == {outcome.value for outcome in Outcome} - {"skipped", "grader error"}


def test_the_picture_is_there_and_small() -> None:
    (name,) = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXT)
    data = (ROOT / "docs" / name).read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) <= 120_000
