"""Zips that climb out, repeat, lie about sizes, and are broken in every part."""

from __future__ import annotations

import io
import stat
import struct
import warnings
import zipfile
from pathlib import Path

from tests.attacks.handed_in.box import EVERYTHING, NO_OPTIM, OPTIM, SOLVER, ZEROS, Box, bundle, special

OUTSIDE = {
    "name_that_climbs_out": "../../../../../../../tmp/@mark@",
    "absolute_name": "/tmp/@mark@",
    "name_with_a_drive": "C:\\tmp\\@mark@",
    "name_that_climbs_by_backslashes": "..\\..\\..\\tmp\\@mark@",
    "name_that_climbs_midway": "deeplearning/../../../tmp/@mark@",
    "name_with_a_line_end": "deeplearning/optim.py\n",
}


def _outside(name: str, member: str) -> None:
    def make(box: Box) -> Path:
        info = zipfile.ZipInfo("placeholder")
        info.filename = member.replace("@mark@", box.places["mark"])
        return box.zip((info, b"raise SystemExit(0)\n"))

    make.__name__ = name
    bundle(EVERYTHING, "refused")(make)


for _name, _member in OUTSIDE.items():
    _outside(_name, _member)


@bundle(EVERYTHING, "refused")
def name_with_a_nul(box: Box) -> Path:
    """The library cuts a name at a NUL byte."""
    path = box.zip(("deeplearning/optim.pyXevil", b"x"))
    path.write_bytes(path.read_bytes().replace(b"optim.pyXevil", b"optim.py\0evil"))
    return path


@bundle(NO_OPTIM, "symbolic link")
def member_that_is_a_link(box: Box) -> Path:
    """Unpacking tools would make the link."""
    return box.zip((special(OPTIM, stat.S_IFLNK), box.places["golden"].encode()), without=OPTIM)


@bundle(NO_OPTIM, "device")
def member_that_is_a_device(box: Box) -> Path:
    """Unpacking tools would make the device."""
    return box.zip((special(OPTIM, stat.S_IFCHR), b""), without=OPTIM)


@bundle(NO_OPTIM, "2 times")
def member_twice(box: Box) -> Path:
    """Which one counts depends on the reader."""

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return box.zip((OPTIM, b"raise SystemExit(0)\n"))


@bundle(NO_OPTIM, "upper and lower case")
def member_in_two_cases(box: Box) -> Path:
    """Which one counts depends on the file system."""
    return box.zip(("deeplearning/OPTIM.py", b"raise SystemExit(0)\n"))


@bundle(NO_OPTIM, "larger than")
def bomb_in_place_of_a_file(box: Box) -> Path:
    """64 MB from 64 kB."""
    return box.zip((OPTIM, ZEROS * 64), without=OPTIM)


@bundle(NO_OPTIM, "not used")
def bomb_that_lies_about_its_size(box: Box) -> Path:
    """Its headers announce 100 bytes."""
    path = box.zip((OPTIM, ZEROS * 64), without=OPTIM)
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 64 * 2**20), struct.pack("<I", 100)))
    return path


@bundle()
def bombs_beside_the_homework(box: Box) -> Path:
    """What is not graded is never unpacked."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", ZEROS * 32)
    return box.zip(("data.bin", ZEROS * 32), ("deeplearning/nested.zip", inner.getvalue()), ("submission.zip", inner.getvalue()))


@bundle(EVERYTHING, "more than")
def archive_of_six_thousand_names(box: Box) -> Path:
    """More names than a homework has."""
    return box.zip(*((f"many/{number}", b"") for number in range(6000)))


@bundle(EVERYTHING, "too many entries")
def directory_larger_than_announced(box: Box) -> Path:
    """A zip whose short end record says 1 entry and whose long one says how many there really are."""
    name = b"n" * 60_000
    record = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0) + name
    count = 300
    size = count * len(record)
    path = box.folder.with_suffix(".zip")
    path.write_bytes(
        record * count
        + struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, 0)
        + struct.pack("<4sLQL", b"PK\6\7", 0, size, 1)
        + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 52, 0, 0)
    )
    return path


@bundle(EVERYTHING, "encrypted")
def encrypted_member(box: Box) -> Path:
    """The flag that asks for a password."""
    path = box.zip(("secret.bin", b"x"))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\1\2")
    data[at + 8] |= 1
    path.write_bytes(data)
    return path


@bundle(NO_OPTIM, "not used")
def unknown_compression(box: Box) -> Path:
    """A method no library knows."""
    path = box.zip((OPTIM, ZEROS), without=OPTIM)
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\1\2") + 10] = 99
    data[data.rindex(b"PK\3\4") + 8] = 99
    path.write_bytes(data)
    return path


@bundle(NO_OPTIM, "damaged")
def wrong_checksum(box: Box) -> Path:
    """One byte of a stored file changed after packing."""
    path = box.zip(without=OPTIM)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(OPTIM, b"# checksum\n")
    path.write_bytes(path.read_bytes().replace(b"# checksum\n", b"# CHECKSUM\n"))
    return path


@bundle({"solver.*": "missing"}, "damaged")
def two_names_for_one_member(box: Box) -> Path:
    """The directory's solver.py points into another file."""
    path = box.zip((SOLVER, b"x = 1\n"), without=SOLVER)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\1\2")
    data[at + 42 : at + 46] = bytes(4)
    path.write_bytes(data)
    return path


@bundle(NO_OPTIM, "folder")
def member_that_is_a_folder(box: Box) -> Path:
    """optim.py with a slash behind it."""
    return box.zip((OPTIM + "/", b""), without=OPTIM)


@bundle(EVERYTHING, "not a readable zip")
def half_an_archive(box: Box) -> Path:
    """The end of the file is not there."""
    path = box.zip()
    path.write_bytes(path.read_bytes()[:-2000])
    return path


@bundle(EVERYTHING, "not a readable zip")
def garbage_named_zip(box: Box) -> Path:
    """Bytes that only begin like an archive."""
    path = box.folder.with_suffix(".zip")
    path.write_bytes(b"PK\3\4" + bytes(range(256)) * 64)
    return path


@bundle()
def archive_behind_other_bytes(box: Box) -> Path:
    """A zip that is a shell script as well."""
    path = box.zip()
    path.write_bytes(b"#!/bin/sh\nexit 0\n" + path.read_bytes())
    return path
