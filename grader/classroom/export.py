"""What a class is: where its submissions lie and who handed them in. Names only; nothing a student made is opened here.

A class is given as one or more Gradescope exports (folders or zips), as a folder of submissions (folders or zips), or as a list of
submissions. Out of an export's zip each submission is cut as a zip of its own, byte for byte and without inflating anything.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from ..errors import UsageError
from ..submission.layout import Layout
from ..submission.received import ARCHIVES
from ..submission.text import name as shown
from . import export_metadata
from .roster import Person

UNPACKED: Final = ".unpacked"
_DEPTH: Final = 2  # the metadata of an export lies at the top or in the one folder there
_MAX_METADATA: Final = 256 * 2**20  # it holds every earlier result of a whole class
_NOT_SUBMISSIONS: Final = ("__MACOSX", "__pycache__")


@dataclass(frozen=True, slots=True)
class Entry:
    """One submission of a class.

    Attributes:
        id: unique in the class and fit to be a folder's name.
        path: the folder or zip; None if the export lists it but does not hold it.
        submitters: who handed it in; empty if unknown.
        created_at: when, as the export says; empty if unknown.
    """

    id: str
    path: Path | None
    submitters: tuple[Person, ...] = ()
    created_at: str = ""


def read(paths: Sequence[Path], out: Path, layout: Layout, *, only: str = "") -> list[Entry]:
    """The class at `paths`, sorted by id; submissions of an export's zip are put below `out`/.unpacked, or just the one called
    `only`.

    Raises:
        UsageError: a path does not exist, is not what a class can be, or holds no submission.
    """
    found: list[Entry] = []
    # A student can put a submission_metadata.yml into a submission. Among other submissions it stays one of them: only where
    # every path is an export is one taken for it, so that nobody hands in for others.
    exports = all(_is_export(path) for path in paths)
    for path in paths:
        try:
            if exports:
                found += _archive(path, out, only) if path.is_file() else _folder(_root(path) or path)
            else:
                found += _submissions(path, out, layout) if len(paths) == 1 else [_submission(path)]
        except OSError as error:
            raise UsageError(f"{error.filename or path} cannot be read: {error.strerror}") from error
    return sorted(_unique(found), key=lambda entry: [int(p) if p.isdigit() else p for p in re.split("([0-9]+)", entry.id)])


def _is_export(path: Path) -> bool:
    if path.is_dir():
        return _root(path) is not None
    try:
        with zipfile.ZipFile(path) as archive:
            return _listed(archive) is not None
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
        return False


def _root(path: Path) -> Path | None:
    """The folder with the metadata: `path`, or the only one in it."""
    children = _children(path)
    folders = (path, children[0]) if len(children) == 1 and children[0].is_dir() else (path,)
    return next((folder for folder in folders if (folder / export_metadata.FILE).is_file()), None)


def _listed(archive: zipfile.ZipFile) -> zipfile.ZipInfo | None:
    """The metadata of an export's zip, the one nearest to the top."""
    places = {member: PurePosixPath(member.filename) for member in archive.infolist()}
    found = [
        m for m, at in places.items() if at.name == export_metadata.FILE and len(at.parts) <= _DEPTH and at.parts[0] != "__MACOSX"
    ]
    return min(found, key=lambda member: len(places[member].parts), default=None)


def _submissions(path: Path, out: Path, layout: Layout) -> list[Entry]:
    marks = {layout.code_folder, layout.logs, *(PurePosixPath(file).name for file in layout.files)} - {""}
    if not path.is_dir() or any((path / mark).exists() for mark in marks) or any(path.glob("*.ipynb")):
        return [_submission(path)]
    entries = [
        Entry(_id(child), child)
        for child in _children(path)
        if child.resolve() != out.resolve() and (child.is_dir() or child.suffix.lower() in (".zip", *ARCHIVES))
    ]
    if not entries:
        raise UsageError(f"{path} holds no submissions; expected are folders or zips in it, or {export_metadata.FILE}")
    return entries


def _submission(path: Path) -> Entry:
    """A path that is one submission, however deep the homework lies in it."""
    if not path.exists():
        raise UsageError(f"{path} does not exist; give a class export, a folder of submissions, or submissions")
    if path.is_file() and path.suffix.lower() != ".zip" and not zipfile.is_zipfile(path):
        raise UsageError(f"{path} is neither a folder nor a zip file; give a class export or submissions")
    return Entry(_id(path.resolve()), path)


def _folder(folder: Path) -> list[Entry]:
    handed = export_metadata.parse((folder / export_metadata.FILE).read_bytes())
    there = {child.stem if child.is_file() else child.name: child for child in _children(folder) if _is_submission(child)}
    entries = [Entry(_safe(key), there.pop(key, None), who.submitters, who.created_at) for key, who in handed.items()]
    return entries + [Entry(_safe(key), child) for key, child in there.items()]


def _is_submission(child: Path) -> bool:
    return child.name.startswith("submission_") and (child.is_dir() or child.suffix.lower() == ".zip")


def _archive(path: Path, out: Path, only: str) -> list[Entry]:
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as whole:
            listed = _listed(archive)
            assert listed is not None
            handed = export_metadata.parse(_bounded(archive, listed))
            prefix = listed.filename.removesuffix(export_metadata.FILE)
            members: dict[str, list[zipfile.ZipInfo]] = {}
            for member in archive.infolist():
                key, _, rest = member.filename.removeprefix(prefix).partition("/")
                if rest and key.startswith("submission_") and member.filename.startswith(prefix):
                    members.setdefault(key, []).append(member)
            folder = out / UNPACKED
            folder.mkdir(parents=True, exist_ok=True)
            entries = []
            for number, key in enumerate(dict.fromkeys((*handed, *members))):
                who = handed.get(key, export_metadata.Handed((), ""))
                target = folder / f"{number}-{_safe(path.stem)}.zip" if key in members else None
                if target is not None and only.startswith(_safe(key) if only else ""):
                    with target.open("wb") as own:
                        _cut(whole, own, members[key], len(prefix) + len(key) + 1)
                entries.append(Entry(_safe(key), target, who.submitters, who.created_at))
            return entries
    except (zipfile.BadZipFile, NotImplementedError, struct.error, ValueError, EOFError) as error:
        raise UsageError(f"{path} is not a readable zip file ({shown(str(error))}); download the export again") from None


def _bounded(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as stream:
        data = stream.read(_MAX_METADATA + 1)
    if len(data) > _MAX_METADATA:
        raise UsageError(f"{export_metadata.FILE} is larger than {_MAX_METADATA // 2**20} MB; export the class again")
    return data


def _cut(whole: BinaryIO, target: BinaryIO, members: list[zipfile.ZipInfo], strip: int) -> None:
    """Write `members` as an archive of their own, `strip` characters off each name, their compressed bytes as they are.

    Layout after APPNOTE 4.3.7 (local header), 4.3.12 (directory) and 4.3.16 (end). What such a small archive cannot say (4 GB,
    65,535 entries) is far beyond what is accepted of a submission: the sizes and counts are capped and it is refused later.
    """
    directory = []
    for member in members:
        name = member.orig_filename[strip:].encode("utf-8", "surrogateescape")
        whole.seek(member.header_offset)
        header = whole.read(30)
        if header[:4] != b"PK\3\4":
            raise zipfile.BadZipFile(f"no local header for {member.filename!r}")
        whole.seek(member.header_offset + 30 + sum(struct.unpack("<HH", header[26:30])))
        flags = (member.flag_bits & ~0x08) | 0x800  # sizes stand in the header; names are UTF-8
        stated = (min(member.compress_size, 0xFFFFFFFE), min(member.file_size, 0xFFFFFFFE))
        common = struct.pack("<HHHHIIIHH", flags, member.compress_type, 0, 0x21, member.CRC, *stated, len(name), 0)
        at = target.tell()
        target.write(b"PK\3\4" + struct.pack("<H", 20) + common + name)
        for piece in _pieces(whole, stated[0]):
            target.write(piece)
        rest = struct.pack("<HHHII", 0, 0, 0, member.external_attr, at)
        directory.append(b"PK\1\2" + struct.pack("<HH", (member.create_system << 8) | 20, 20) + common + rest + name)
    start = target.tell()
    for record in directory:
        target.write(record)
    count = min(len(directory), 0xFFFF)
    target.write(b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, count, count, target.tell() - start, start, 0))


def _pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0:
        piece = file.read(min(length, 2**20))
        if not piece:
            return
        length -= len(piece)
        yield piece


def _children(folder: Path) -> list[Path]:
    """What lies in a folder, hidden things and links left out, sorted."""
    return sorted(
        child
        for child in folder.iterdir()
        if not child.name.startswith(".") and child.name not in _NOT_SUBMISSIONS and not stat.S_ISLNK(child.lstat().st_mode)
    )


def _id(path: Path) -> str:
    return _safe(path.stem if path.suffix.lower() == ".zip" else path.name)


def _safe(text: str) -> str:
    """A name any file system takes, in one piece and not hidden."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")[:100] or "submission"


def _unique(entries: list[Entry]) -> Iterator[Entry]:
    taken: set[str] = set()
    for entry in entries:
        name, number = entry.id, 1
        while name.casefold() in taken:
            number += 1
            name = f"{entry.id}-{number}"
        taken.add(name.casefold())
        yield replace(entry, id=name)
