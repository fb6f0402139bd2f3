"""The transcripts of docs/for-students.md, from real runs: `python -m tests.student.guide` writes them anew."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.conftest import ROOT, run

from .conftest import in_folder, unpacked
from .panels import complete, half_done

GUIDE = ROOT / "docs/for-students.md"
STATES: dict[str, Callable[[Path], Path]] = {"untouched": lambda homework: homework, "half done": half_done, "complete": complete}


def transcript(archive: Path, folder: Path, state: str) -> str:
    """What `check` prints in a homework in that state, the command before it."""
    homework = STATES[state](unpacked(archive, folder)).rename(folder / "homework")
    return f"$ python -m grader check\n{in_folder(homework, 'check').stdout}"


def shown(text: str, state: str) -> str:
    """The transcript in the guide's text."""
    (found,) = re.findall(rf"<!-- {state} -->\n```\n(.*?)```", text, re.DOTALL)
    return str(found)


def timeless(text: str) -> str:
    """Without how long it took."""
    return re.sub(r"in \d+\.\d+ s\.", "in … s.", text)


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
