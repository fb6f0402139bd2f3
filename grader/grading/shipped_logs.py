"""Logs that the course handed out itself, known by what they hold: a course names a folder, its rubric carries their digests.

    shipped_logs = ["<64 hex digits>", …]    at the top of the rubric

A digest is the SHA-256 of what a log holds (`expect.contents`), so that one that was opened and saved anew is known again; that of
a file's bytes will do as well. What `--known FOLDER` finds is written into the rubric's text, so that whoever is given that rubric
reaches the same verdicts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from ..errors import UsageError
from ..sandbox.errors import SessionEnded
from ..sandbox.policy import Level, Limits
from ..sandbox.supervisor import Sandbox
from ..submission.collect import Submission
from . import expect
from .homework import Homework
from .rubric import Rubric, parse_rubric, read_rubric
from .student import DECODER_OF, Student


def rubric_with(homework: Homework, rubric: Path | None, known: Path | None) -> tuple[bytes, Rubric]:
    """The text of a rubric, or of the built-in one, with the logs below the folder `known` in it; and what it says.

    Raises:
        UsageError: the folder cannot be used, or the rubric names other logs already.
        ConfigurationError: as `rubric.load_rubric`.
    """
    path = rubric or homework.rubric
    text = read_rubric(path)
    policy = parse_rubric(text, path, homework.checks, homework.terms)
    found = _digests(homework, known) if known is not None else frozenset()
    if found <= policy.shipped_logs:
        return text, policy
    if policy.shipped_logs:
        raise UsageError(f"{path.name} names shipped_logs already, and not those in {known}; leave one of the two out")
    lines = "".join(f'    "{digest}",\n' for digest in sorted(found))
    text = (
        f"# SHA-256 of what each log holds that was handed out with the homework.\nshipped_logs = [\n{lines}]\n\n".encode() + text
    )
    return text, parse_rubric(text, path, homework.checks, homework.terms)


def _digests(homework: Homework, folder: Path) -> frozenset[str]:
    suffixes = homework.layout.log_suffixes
    try:
        files = [path for path in sorted(folder.rglob("*")) if path.suffix in suffixes and path.is_file()]
        found = {path: path.read_bytes() for path in files}
    except OSError as error:
        raise UsageError(f"{error.filename or folder} cannot be read ({error.strerror}); name the folder with the logs") from error
    if not found:
        raise UsageError(f"{folder} holds no {' or '.join(suffixes)} file; name the folder with the logs that were handed out")
    nothing = Submission("", {}, {}, None, (), {}, "")
    with Sandbox(Level.STUDENT) as sandbox:  # whatever isolation this system has: the files are the course's own
        student = Student(nothing, sandbox, homework, Limits())
        try:
            return frozenset(_digest(student, path.suffix, data) for path, data in found.items())
        finally:
            student.close()


def _digest(student: Student, suffix: str, data: bytes) -> str:
    """Of what a file holds; of its bytes where that cannot be read."""
    try:
        answer = student.read(DECODER_OF[suffix], data)
    except (SessionEnded, KeyError):
        answer = None
    held = answer.get("arrays", answer.get("value")) if isinstance(answer, Mapping) and "error" not in answer else None
    return (expect.contents(held) if held is not None else "") or hashlib.sha256(data).hexdigest()
