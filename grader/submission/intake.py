"""Where a submission's bytes come from: a folder or a zip, read so that nothing outside it and nothing oversized gets in.

Names are listed first; `Source.read` takes one entry's bytes, counting as it goes. What is wrong with a single entry raises
`Refused`; what makes the whole untrustworthy raises `SubmissionError`.
"""

from __future__ import annotations

import io
import os
import stat
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import SubmissionError, UsageError
from .layout import Layout
from .received import ARCHIVES, NOT_OPENED
from .text import name as shown

if TYPE_CHECKING:
    import zipfile

# fmt: off
_IGNORED = frozenset([
    "__macosx", ".ipynb_checkpoints", "__pycache__", ".git", ".hg", ".svn", ".venv", "venv", "env", ".env", "site-packages",
    "node_modules", "datasets", ".idea", ".vscode", ".mypy_cache", ".pytest_cache", ".ds_store",
])
# fmt: on
_OURS = frozenset([("grader", "homework")])  # it holds files that are named like a student's


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a submission may hold.

    Attributes:
        max_entries: names in the folder or zip, ignored folders' contents not counted.
        max_directory_bytes: a zip's list of names, everything counted (some 100 bytes each); it is read before anything is ignored.
        max_depth: folders above a file.
        max_file_bytes: one graded file (a student's file is some 10 kB, a log some 40 kB).
        max_notebook_bytes: the notebook, which may carry plots.
        max_total_bytes: all graded files together.
        max_logs: files taken from the folder of logs.
    """

    max_entries: int = 5_000
    max_directory_bytes: int = 16 * 2**20
    max_depth: int = 24
    max_file_bytes: int = 4 * 2**20
    max_notebook_bytes: int = 32 * 2**20
    max_total_bytes: int = 64 * 2**20
    max_logs: int = 100


class Refused(Exception):
    """One entry cannot be used; the message is a sentence for the student that names it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in the submission: its path with forward slashes, and for a zip the member it stands for."""

    path: PurePosixPath
    member: Any = None


@dataclass(frozen=True, slots=True)
class _Inner:
    """An entry of a zip that lies in the submission."""

    source: ZipSource
    entry: Entry


class Source(Protocol):
    """A folder or an archive."""

    def entries(self) -> list[Entry]:
        """Every name that is not a folder, sorted, ignored ones left out where that saves work."""

    def read(self, entry: Entry, limit: int) -> bytes:
        """The entry's bytes; raises `Refused` if it is no regular file, damaged, or larger than `limit`."""


def ignored(path: PurePosixPath) -> bool:
    """Whether a path is none of the homework: caches, version control, environments, data sets, AppleDouble files, and the
    grader's own files, in case it was handed in too."""
    return any(_ignored_name(part) for part in path.parts) or not _OURS.isdisjoint(zip(path.parts, path.parts[1:], strict=False))


def _ignored_name(part: str) -> bool:
    return part.casefold() in _IGNORED or part.startswith("._") or part.endswith((".pyc", ".egg-info"))


@contextmanager
def source(path: Path, limits: Limits, layout: Layout) -> Iterator[Source]:
    """Open `path` for reading.

    Raises:
        UsageError: it does not exist, cannot be read, or is neither a folder nor a zip.
        SubmissionError: it is an archive, but broken.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            yield FolderSource(path, limits, layout)
            return
        if not stat.S_ISREG(mode):
            raise UsageError(f"{path} is neither a folder nor a zip file; give the homework's folder or a zip of it")
        with path.open("rb") as file, _archive(path, file, limits, layout) as archive:
            yield archive
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; give the homework's folder or a zip of it") from None
    except OSError as error:
        raise UsageError(f"{error.filename or path} cannot be read: {error.strerror}") from None


@contextmanager
def _archive(path: PurePath, file: Any, limits: Limits, layout: Layout) -> Iterator[ZipSource]:
    import zipfile

    start = file.read(4)
    file.seek(0)
    if start[:2] != b"PK" and path.suffix.lower() in ARCHIVES:
        raise SubmissionError(f"{shown(path.name)} {NOT_OPENED}.")
    if start[:2] != b"PK" and path.suffix.lower() != ".zip":
        raise UsageError(f"{path} is neither a folder nor a zip file; give the homework's folder or a zip of it")
    _bounded_directory(file, path.name, limits)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError, IndexError, UnicodeError, MemoryError) as error:
        raise SubmissionError(f"{shown(path.name)} is not a readable zip file ({shown(str(error))}); make a new one.") from None
    with archive:
        yield ZipSource(archive, path.name, limits, layout)


def _bounded_directory(file: Any, label: str, limits: Limits) -> None:
    """Refuse an archive by its directory's announced size (APPNOTE 4.3.14 to 4.3.16), before the library reads all of it.

    The records are looked for where `zipfile` does, so that a decoy shows neither of them another directory than the other.
    """
    length = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, length - 22 - 0x10000))
    tail = file.read()
    end = len(tail) - 22
    if end < 0 or tail[end : end + 4] != b"PK\x05\x06" or tail[-2:] != b"\0\0":  # there is a comment behind it
        end = tail.rfind(b"PK\x05\x06")
    sizes = [int.from_bytes(tail[end + 12 : end + 16], "little") if end >= 0 else 0]
    file.seek(max(0, start + end - 20))
    locator = file.read(20)
    if end >= 0 and locator[:4] == b"PK\x06\x07":  # zip64: its record counts, whatever the other one says
        for place in (start + end - 20 - 56, min(int.from_bytes(locator[8:16], "little"), length)):
            file.seek(max(0, place))
            record = file.read(56)
            if record[:4] == b"PK\x06\x06":
                sizes.append(int.from_bytes(record[40:48], "little"))
    file.seek(0)
    if sizes[0] == 0xFFFFFFFF and len(sizes) > 1:  # "see the other record"
        del sizes[0]
    if max(sizes) > limits.max_directory_bytes:
        raise SubmissionError(
            f"{shown(label)} was refused, nothing was unpacked: it lists too many entries; hand in the homework only."
        )


class FolderSource:
    """A folder on disk, walked without following links."""

    def __init__(self, root: Path, limits: Limits, layout: Layout) -> None:
        self._root = root
        self._limits = limits
        self._layout = layout

    def entries(self) -> list[Entry]:
        found: list[Entry] = []
        stack: list[tuple[str, ...]] = [()]
        while stack:
            parts = stack.pop()
            try:
                with os.scandir(self._root.joinpath(*parts)) as listing:
                    children = list(listing)
            except OSError as error:
                if not parts:
                    raise
                if isinstance(error, PermissionError):
                    found.append(Entry(PurePosixPath(*parts)))
                continue
            for child in children:
                if _ignored_name(child.name) or (*parts[-1:], child.name) in _OURS:
                    continue
                if child.is_dir(follow_symlinks=False) and not _claims(parts, child.name, self._layout):
                    if len(parts) < self._limits.max_depth:
                        stack.append((*parts, child.name))
                    continue
                found.append(Entry(PurePosixPath(*parts, child.name)))
            if len(found) + len(stack) > self._limits.max_entries:
                raise SubmissionError(
                    f"The submission was refused: the folder holds more than {self._limits.max_entries} files "
                    f"(seen up to {shown('/'.join(parts) or '.')}); hand in the homework only."
                )
        return sorted(found, key=lambda entry: str(entry.path))

    def read(self, entry: Entry, limit: int) -> bytes:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
        flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)
        name = shown(str(entry.path))
        path = self._root.joinpath(*entry.path.parts)
        try:
            before = os.lstat(path)
            if not stat.S_ISREG(before.st_mode):
                raise Refused(f"{name} was not used: it is {_kind(before.st_mode)}, not a file.")
            handle = os.open(path, flags)
        except OSError as error:
            raise Refused(f"{name} was not used: it cannot be read ({error.strerror}).") from None
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise Refused(f"{name} was not used: it is not a file.")
            data = file.read(limit + 1)
        if len(data) > limit:
            raise Refused(f"{name} was not used: it is larger than {_megabytes(limit)}.")
        return data


class ZipSource:
    """An archive whose directory has been read; nothing is inflated before every name in it is known to be harmless."""

    def __init__(self, archive: zipfile.ZipFile, label: str, limits: Limits, layout: Layout) -> None:
        self._archive = archive
        self._label = label
        self._limits = limits
        self._layout = layout

    def entries(self) -> list[Entry]:
        found = []
        counted = 0
        for member in self._archive.infolist():
            path = self._harmless(member.orig_filename)
            if ignored(path) or not path.parts:
                continue
            if len(path.parts) > self._limits.max_depth + 1:
                self._refuse(member.orig_filename, "nested too deep")
            counted += 1
            if counted > self._limits.max_entries:
                self._refuse(member.orig_filename, f"more than {self._limits.max_entries} entries; hand in the homework only")
            if member.flag_bits & 1:
                self._refuse(member.orig_filename, "encrypted; make a zip without a password")
            if not _is_folder(member) or _claims(path.parts[:-1], path.name, self._layout):
                found.append(Entry(path, member))
        return sorted(found, key=lambda entry: str(entry.path))

    def read(self, entry: Entry, limit: int) -> bytes:
        import zipfile

        member = entry.member
        name = shown(str(entry.path))
        mode = member.external_attr >> 16
        if _is_folder(member):
            raise Refused(f"{name} was not used: it is a folder, not a file.")
        if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise Refused(f"{name} was not used: it is {_kind(mode)}, not a file.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others are inflated without a bound
            raise Refused(f"{name} was not used: it is compressed in an unusual way; make a zip with the usual settings.")
        if member.file_size > limit:
            raise Refused(f"{name} was not used: it is larger than {_megabytes(limit)}.")
        try:
            with self._archive.open(member) as stream:
                data = stream.read(limit + 1)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, UnicodeError) as error:
            raise Refused(f"{name} was not used: it is damaged in the zip ({shown(str(error))}); make a new one.") from None
        if len(data) > member.file_size:  # pragma: no cover - a header may lie, but zipfile itself stops where it says
            raise Refused(f"{name} was not used: it is larger than its header says.")
        return data

    def _harmless(self, raw: str) -> PurePosixPath:
        """The member's path, or the end of the whole archive: honest tools write no such names."""
        text = raw.replace("\\", "/")
        parts = [part for part in text.split("/") if part not in ("", ".")]
        if text.startswith("/") or (len(text) > 1 and text[1] == ":"):
            self._refuse(raw, "an absolute name")
        if ".." in parts:
            self._refuse(raw, "a name that leads out of the folder")
        if any(ord(character) < 32 for character in raw):
            self._refuse(raw, "control characters in its name")
        return PurePosixPath(*parts)

    def _refuse(self, raw: str, why: str) -> None:
        raise SubmissionError(f"{shown(self._label)} was refused, nothing was unpacked: entry {shown(raw)!r}: {why}.")


class UnpackedSource:
    """A source in which some zips count as the folders that they would be unpacked into."""

    def __init__(self, base: Source, unpacked: Mapping[str, str], stack: ExitStack, limits: Limits, layout: Layout) -> None:
        """`unpacked`: a zip's name -> the folder; `stack` closes what is opened here.

        Raises:
            SubmissionError: a zip is broken, or is refused itself.
        """
        self._base = base
        self._entries: list[Entry] = []
        left = limits.max_total_bytes
        waiting = base.entries()
        while waiting:
            entry = waiting.pop()
            folder = unpacked.get(str(entry.path))
            if folder is None:
                self._entries.append(entry)
                continue
            try:
                data = self.read(entry, left)
            except Refused as refused:
                raise SubmissionError(str(refused)) from None
            left -= len(data)
            source = stack.enter_context(_archive(entry.path, io.BytesIO(data), limits, layout))
            waiting += [Entry(PurePosixPath(folder) / inner.path, _Inner(source, inner)) for inner in source.entries()]

    def entries(self) -> list[Entry]:
        return sorted(self._entries, key=lambda entry: str(entry.path))

    def read(self, entry: Entry, limit: int) -> bytes:
        if isinstance(entry.member, _Inner):
            return entry.member.source.read(entry.member.entry, limit)
        return self._base.read(entry, limit)


def _is_folder(member: zipfile.ZipInfo) -> bool:
    return member.orig_filename.endswith(("/", "\\"))


def _claims(parts: tuple[str, ...], name: str, layout: Layout) -> bool:
    """Whether a folder bears the name of a graded file: it is then kept, to be refused by name."""
    in_logs = bool(parts) and parts[-1] == layout.logs
    return name.endswith((".py", ".npz", ".ipynb", *(layout.log_suffixes if in_logs else ())))


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISLNK, "a symbolic link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"),
    )  # fmt: skip
    return next((words for test, words in kinds if test(mode)), "something else")


def _megabytes(size: int) -> str:
    return f"{size / 2**20:g} MB" if size >= 2**20 else f"{size} bytes"
