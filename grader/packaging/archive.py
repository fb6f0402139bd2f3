"""Zips made the same way every time: the same files give the same bytes, and a zip appears whole or not at all."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

from ..errors import ConfigurationError, UsageError
from ..grading.atomic import replacing
from ..grading.rubric import Rubric

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold
_NOT_SOURCE = (".pyc", ".pyo", ".orig", ".rej", ".swp", "~")


def packed(files: Mapping[str, bytes], executable: Collection[str] = ()) -> bytes:
    """A zip of these files by name: sorted, dates fixed, owners and times of this machine left out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system = 3  # Unix, so that the mode below counts wherever this was built
            entry.external_attr = (0o100755 if name in executable else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def write(data: bytes, path: Path) -> None:
    """Put the zip at `path` in one step.

    Raises:
        UsageError: nothing can be written there.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file, e.g. {path / 'new.zip'}")
    try:
        with replacing(path, 0o644) as file:
            file.write(data)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); name another file") from error


def read(path: Path) -> bytes:
    """The bytes of one of the grader's own files.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}); restore it from the repository") from error


def sources(folder: Path) -> list[Path]:
    """Every file below `folder` that belongs to it: no caches, nothing hidden, nothing an editor or a merge left."""
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not hidden and not path.name.endswith(_NOT_SOURCE):
            found.append(path)
    return found


def shipped(rubric: Rubric) -> list[str]:
    """A line for people on the logs that were handed out, if any were."""
    count = len(rubric.shipped_logs)
    return [f"{count} {'log' if count == 1 else 'logs'} handed out with the homework"] if count else []


def described(data: bytes, count: int) -> str:
    """Two lines for people: how many files and how large, and the digest."""
    return f"{count} files, {len(data) / 1000:.0f} kB\nSHA-256 {hashlib.sha256(data).hexdigest()}"
