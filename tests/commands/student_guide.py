"""The transcripts of docs/for-students.md, from real runs: `python -m tests.commands.student_guide` writes them anew."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.commands.conftest import in_folder, unpacked
from tests.commands.panels import complete, half_done
from tests.conftest import ROOT, run

GUIDE = ROOT / "docs/for-students.md"
Making = Callable[[Path], Path]
# What a transcript shows: a homework in some state, and the command that is typed in it.
STATES: dict[str, tuple[Making, str]] = {
    "untouched": (lambda homework: homework, "check"),
    "half done": (half_done, "check"),
    "complete": (complete, "check"),
    "handing in": (half_done, "build submission"),
}


def transcript(archive: Path, folder: Path, state: str) -> str:
    """What the state's command prints in a homework in that state, the command before it."""
    make, command = STATES[state]
    homework = make(unpacked(archive, folder)).rename(folder / "homework")
    return f"$ python -m grader {command}\n{in_folder(homework, *command.split()).stdout}"


def shown(text: str, state: str) -> str:
    """The transcript in the guide's text."""
    (found,) = re.findall(rf"<!-- {state} -->\n```\n(.*?)```", text, re.DOTALL)
    return str(found)


def timeless(text: str) -> str:
    """Without how long it took, and without the sizes of what changes with every version."""
    return re.sub(r"in \d+\.\d+ s\.|\d+ kB|grader/ \(\d+ files\)", "…", text)


def main() -> None:
    """Rewrite the guide."""
    text = GUIDE.read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "handout.zip"
        run("build", "handout", "-o", archive)
        for state in STATES:
            old, new = (
                f"<!-- {state} -->\n```\n{body}```"
                for body in (shown(text, state), transcript(archive, Path(folder) / state, state))
            )
            text = text.replace(old, new)
    GUIDE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
