"""The zip a course uploads to Gradescope, made from this copy of the grader: everything the container needs and nothing else.

The same files give the same bytes: entries are sorted, dates fixed, owners and times of this machine left out. No git needed.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import fixtures, rubric
from .errors import ConfigurationError, UsageError
from .exam import registered

SAMPLE = "fixtures/submissions/reference"  # graded once in the image, at the end of its set-up; see `smoke`
_SCRIPTS = {"setup.sh": "gradescope/setup.sh", "run_autograder": "run_autograder", "bootstrap": "bootstrap"}
_LOCK = "gradescope/requirements-run.lock"
_LOGS = (".npz", ".json")
_NOT_SOURCE = (".pyc", ".pyo", ".orig", ".rej", ".swp", "~")
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold


@dataclass(frozen=True, slots=True)
class Archive:
    """What was built: the zip's bytes, its entries' names, and the rubric in it."""

    data: bytes
    names: tuple[str, ...]
    rubric: rubric.Rubric

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the bytes."""
        return hashlib.sha256(self.data).hexdigest()

    def __str__(self) -> str:
        """Three lines for people."""
        reachable = float(self.rubric.reachable)
        return (
            f"{len(self.names)} files, {len(self.data) / 1000:.0f} kB\n"
            f"SHA-256 {self.digest}\n"
            f"rubric: {len(self.rubric.graded)} graded rows, {reachable:g} points"
        )


def autograder(rubric_path: Path | None = None) -> Archive:
    """Pack this grader, with the rubric at `rubric_path` in place of the built-in one.

    Raises:
        ConfigurationError: the rubric is inconsistent, a fixture is not the one on record, or a file of the grader is missing.
    """
    checks = registered()
    chosen = rubric_path or rubric.DEFAULT
    policy = rubric.load(chosen, checks)
    facts = {fixtures.GOLDEN, fixtures.TRAJECTORIES, fixtures.SLIPS, *_recorded()}
    files = {f"fixtures/{path.relative_to(fixtures.FOLDER).as_posix()}": fixtures.verified(path) for path in facts}
    files["fixtures/SHA256SUMS"] = _read(fixtures.DIGESTS)
    for name, script in _SCRIPTS.items():
        files[name] = _read(fixtures.ROOT / script).replace(b"\r\n", b"\n")  # a shell stumbles over a checkout made on Windows
    for path in _sources():
        files[path.relative_to(fixtures.ROOT).as_posix()] = _read(path)
    files[rubric.DEFAULT.relative_to(fixtures.ROOT).as_posix()] = _read(chosen)
    return Archive(_packed(files), tuple(sorted(files)), policy)


def write(archive: Archive, path: Path) -> None:
    """Put the zip at `path` in one step.

    Raises:
        UsageError: nothing can be written there.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file, e.g. {path / 'autograder.zip'}")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(archive.data)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); name another file") from error


def _recorded() -> Iterator[Path]:
    """Every fixture on record."""
    for line in _read(fixtures.DIGESTS).decode("utf-8").splitlines():
        if line.strip():
            yield fixtures.FOLDER / line.split(maxsplit=1)[1]


def _sources() -> Iterator[Path]:
    """The package, staff's files that submissions are mounted on, locked requirements, and one sample."""
    for path in (fixtures.ROOT / "grader").rglob("*"):
        parts = path.relative_to(fixtures.ROOT).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not hidden and not path.name.endswith(_NOT_SOURCE):
            yield path
    yield from (fixtures.ROOT / "student_src" / "deeplearning").rglob("*.py")
    yield fixtures.ROOT / _LOCK
    sample = fixtures.ROOT / SAMPLE
    yield from (sample / "deeplearning").rglob("*.py")
    yield from (path for path in (sample / "submission_logs").iterdir() if path.suffix in _LOGS)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}); restore it from the repository") from error


def _packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system = 3  # Unix, so that the mode below counts wherever this was built
            entry.external_attr = (0o100755 if name in _SCRIPTS else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    return buffer.getvalue()
