"""docs/for-tas.md: its transcripts are what the commands print, played in the order of the page on a class of six."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.classroom.classes import export, slip, zipped
from tests.conftest import ROOT, SAMPLES
from tests.docs.transcripts import Typed, desk, difference, printed, typed
from tests.replay.conftest import data, official  # noqa: F401 - fixtures
from tests.replay.test_class_replay import class_of_five

pytestmark = pytest.mark.usefixtures("sandbox")
PAGE = ROOT / "docs/for-tas.md"
CLASS = {  # who is in it, and what they handed in: a sample, or the reference with a slip
    "submission_301": ("Ada King", "3031", "ada@x.edu", "reference"),
    "submission_302": ("Bo Chen", "3032", "bo@x.edu", "cs231n_momentum"),
    "submission_303": ("Cleo Díaz", "3033", "cleo@x.edu", "adam.no_correction"),
    "submission_304": ("Dev Rao", "3034", "dev@x.edu", "does_not_parse"),
    "submission_305": ("Eli Stone", "3035", "eli@x.edu", "nothing"),
    "submission_306": ("Fay Wu", "3036", "fay@x.edu", "absent_imports"),
}
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,HW 2 (98765)\r\n"
    "    Points Possible,,,,,100.00\r\n"
    '"King, Ada",11,3031,ada,LEC 1,\r\n'
    '"Díaz, Cleo",13,3033,cleo,LEC 1,\r\n'
    '"Rao, Dev",14,3034,dev,LEC 1,\r\n'
    '"Gone, Ned",15,3099,ned,LEC 1,\r\n'
)
ALIKE = "parts = { next_w = 1, m = 1, v = 1, t = 1 }"
PLAYED_ELSEWHERE = "submission_303 --replay"  # tests/replay/test_replay.py, on data of its own


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:  # noqa: F811
    """A folder in which all is that the page speaks of, with the export as a zip."""
    folder = desk(tmp_path_factory.mktemp("guide") / "desk")
    made, people = [], ["submission,name,sid,email"]
    metadata = ""
    for number, (key, (name, sid, email, what)) in enumerate(CLASS.items(), start=1):
        source = SAMPLES / what if (SAMPLES / what).exists() else slip(folder.parent, what)
        made.append((key, source))
        people.append(f"{key},{name},{sid},{email}")
        metadata += f"{key}:\n  :submitters:\n  - :name: {name}\n    :sid: '{sid}'\n    :email: {email}\n"
        metadata += f"  :created_at: 2024-10-0{number} 22:30:20.123456000 Z\n"
    zipped(export(folder.parent / "assignment_7_export", made, metadata), folder / "assignment_7_export.zip")
    (folder / "roster.csv").write_text("\n".join(",".join(row.split(",")[1:]) for row in people) + "\n", "utf-8")
    (folder / "canvas.csv").write_text(CANVAS, "utf-8", newline="")
    rubric = (ROOT / "grader/homework/rubric.toml").read_text("utf-8")
    changed = re.sub(r'(id = "optim.adam.golden".*?)parts = {[^}]*}', rf"\g<1>{ALIKE}", rubric, count=1, flags=re.DOTALL)
    assert changed != rubric
    (folder / "new.toml").write_text(changed, "utf-8")
    (made_here := folder.parent / "five").mkdir()
    class_of_five(made_here).rename(folder / "section_2")
    (folder / "cifar10.npy").symlink_to(data)
    return folder


def lasting(text: str) -> str:
    """Without the lines of progress, which come in the order in which submissions are finished."""
    return re.sub(r"^ +\d+/\d+ .*\n", "", text, flags=re.MULTILINE)


def test_every_transcript_is_what_the_commands_print(here: Path) -> None:
    played: list[Typed] = [one for one in typed(PAGE) if PLAYED_ELSEWHERE not in one.command]
    assert len(played) >= 10
    wrong = []
    for number, one in enumerate(played):
        if number == 1:
            shutil.copytree(here / "graded", here / "before")
        command = f"{one.command} -j 2" if " batch " in one.command else one.command
        said = difference(lasting(one.shown), lasting(printed(command, here, {"LOGNAME": "ana"})))
        wrong += [f"$ {one.command}\n{said}"] if said else []
    assert not wrong, "\n\n".join(wrong)
