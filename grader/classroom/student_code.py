"""What a student wrote for an item, as text. The source is cut inside the sandbox; here it is never more than text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..grading.homework import Homework
from ..sandbox.errors import SandboxUnavailable, SessionEnded
from ..sandbox.forms import Plain
from ..sandbox.policy import Limits
from ..sandbox.supervisor import Sandbox
from ..submission.collect import Submission
from ..submission.text import name as shown

UNREADABLE: Final = "could not be read"
_CUTTER: Final = Path(__file__).with_name("mounted") / "code_cutter.py"
LIMITS: Final = Limits(wall=10.0, cpu=10)
_CUT: Final = Plain(parts=200, texts=2**20, entries=0)  # names, numbers of lines and texts
_MAX_LINE: Final = 300


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A function as it stands in a file: cleaned lines, the first of which is number `start`."""

    name: str
    file: str
    start: int
    lines: tuple[str, ...]

    @property
    def heading(self) -> str:
        """What it is, and where."""
        return f"{self.name} in {self.file}"

    def numbered(self) -> tuple[str, ...]:
        """Its lines with their numbers."""
        width = len(str(self.start + len(self.lines)))
        return tuple(f"{number:>{width}}  {text}".rstrip() for number, text in enumerate(self.lines, self.start))

    def as_text(self) -> str:
        """All of it, in lines."""
        return "\n".join([f"{self.heading}:", *self.numbered()])


def excerpts(homework: Homework, submission: Submission, item: str, sandbox: Sandbox) -> tuple[list[Excerpt], str]:
    """The functions that an item asks, and a sentence on what cannot be shown; both may be empty."""
    file, names = homework.code_of(item)
    if not names:
        return [], ""
    if file not in submission.files:
        return [], submission.refused.get(file, f"{file} is not in the submission.")
    try:
        with sandbox.session(LIMITS) as session:
            session.load({_CUTTER.name: _CUTTER.read_bytes()})
            cutter = session.module(_CUTTER.stem)
            (answer,) = session.fetch(cutter.attr("cut")(submission.files[file], list(names)).like(_CUT))
    except (SessionEnded, SandboxUnavailable) as error:
        return [], f"{file} {UNREADABLE}: {shown(str(error), 200)}"
    found = []
    for name in names:
        match answer.get(name) if isinstance(answer, dict) else None:
            case (int(start), str(text)):
                found.append(Excerpt(name, file, start, tuple(shown(line.expandtabs(4), _MAX_LINE) for line in text.split("\n"))))
    missing = [name for name in names if name not in {one.name for one in found}]
    return found, f"There is no {' and no '.join(missing)} in {file}." if missing else ""
