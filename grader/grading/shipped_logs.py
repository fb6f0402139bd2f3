"""Logs that the course handed out itself, known by the SHA-256 of their bytes: a course names a folder, its rubric carries them.

    shipped_logs = ["<64 hex digits>", …]    at the top of the rubric

What `--known FOLDER` finds is written into the rubric's text, so that whoever is given that rubric reaches the same verdicts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from ..errors import UsageError
from .homework import Homework
from .rubric import Rubric, parse_rubric, read_rubric


def rubric_with(homework: Homework, rubric: Path | None, known: Path | None) -> tuple[bytes, Rubric]:
    """The text of a rubric, or of the built-in one, with the logs below the folder `known` in it; and what it says.

    Raises:
        UsageError: the folder cannot be used, or the rubric names other logs already.
        ConfigurationError: as `rubric.load_rubric`.
    """
    path = rubric or homework.rubric
    text = read_rubric(path)
    policy = parse_rubric(text, path, homework.checks, homework.terms)
    found = _digests(known, homework.layout.log_suffixes) if known is not None else frozenset()
    if found <= policy.shipped_logs:
        return text, policy
    if policy.shipped_logs:
        raise UsageError(f"{path.name} names shipped_logs already, and not those in {known}; leave one of the two out")
    lines = "".join(f'    "{digest}",\n' for digest in sorted(found))
    text = f"# SHA-256 of each log that was handed out with the homework.\nshipped_logs = [\n{lines}]\n\n".encode() + text
    return text, parse_rubric(text, path, homework.checks, homework.terms)


def _digests(folder: Path, suffixes: Collection[str]) -> frozenset[str]:
    try:
        files = [path for path in sorted(folder.rglob("*")) if path.suffix in suffixes and path.is_file()]
        found = frozenset(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
    except OSError as error:
        raise UsageError(f"{error.filename or folder} cannot be read ({error.strerror}); name the folder with the logs") from error
    if not found:
        raise UsageError(f"{folder} holds no {' or '.join(suffixes)} file; name the folder with the logs that were handed out")
    return found
