"""What a student wrote for an item, as text. The source is cut inside the sandbox; here it is never more than text."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
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

_CUTTER: Final = Path(__file__).with_name("mounted") / "code_cutter.py"
_LIMITS: Final = Limits(wall=10.0, cpu=10)
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


def excerpts(
    homework: Homework, submission: Submission, items: Iterable[str], sandbox: Sandbox, deadline: float = math.inf
) -> dict[str, tuple[list[Excerpt], str]]:
    """By item the functions that it asks, and a sentence on what cannot be shown; both may be empty.

    A file is opened once for all items, and none that might not be done by `deadline` (`time.monotonic`): its items are left out.
    """
    wanted = {item: homework.code_of(item) for item in items}
    names: dict[str, dict[str, None]] = {}
    for file, of_item in wanted.values():
        names.setdefault(file, {}).update(dict.fromkeys(of_item))
    cut = {
        file: _cut(submission, file, [*of_file], sandbox)
        for file, of_file in names.items()
        if not of_file or file not in submission.files or deadline - time.monotonic() >= _LIMITS.wall
    }
    return {item: _of_item(file, of_item, *cut[file]) for item, (file, of_item) in wanted.items() if file in cut}


def _cut(submission: Submission, file: str, names: list[str], sandbox: Sandbox) -> tuple[dict[str, Excerpt], str]:
    """The functions of a file by name, and why there is none at all."""
    if not names:
        return {}, ""
    if file not in submission.files:
        return {}, submission.refused.get(file, f"{file} is not in the submission.")
    try:
        with sandbox.session(_LIMITS) as session:
            session.load({_CUTTER.name: _CUTTER.read_bytes()})
            cutter = session.module(_CUTTER.stem)
            (answer,) = session.fetch(cutter.attr("cut")(submission.files[file], names).like(_CUT))
    except (SessionEnded, SandboxUnavailable) as error:
        return {}, f"{file} could not be read: {shown(str(error), 200)}"
    found = {}
    for name in names:
        match answer.get(name) if isinstance(answer, dict) else None:
            case (int(start), str(text)):
                lines = tuple(shown(line.expandtabs(4), _MAX_LINE) for line in text.split("\n"))
                found[name] = Excerpt(name, file, start, lines)
    return found, ""


def _of_item(file: str, names: Sequence[str], cut: Mapping[str, Excerpt], why: str) -> tuple[list[Excerpt], str]:
    missing = [name for name in names if name not in cut]
    if missing and not why:
        why = f"There is no {' and no '.join(missing)} in {file}."
    return [cut[name] for name in names if name in cut], why
