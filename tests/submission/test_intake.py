"""Hostile entries in a folder or zip: each is refused alone, in a sentence that names it; the rest is still graded."""

from __future__ import annotations

import os
import socket
import stat
import struct
import sys
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.homework.files import LAYOUT
from grader.submission.collect import Limits, collect
from tests.conftest import OPTIM, SOLVER

GOOD = b"honest = True\n"
LONG = "submission_logs/best_fc_model.npz"


def archive(path: Path, *members: tuple[str, bytes], mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip of `members` as named, whatever the names are; `mode` goes to the last one, the others are honest."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as made:
        warnings.simplefilter("ignore")  # duplicate names are wanted
        for at, (name, data) in enumerate(members):
            info = zipfile.ZipInfo("x", (2025, 1, 1, 0, 0, 0))
            info.filename = name  # the constructor would tidy it up
            info.compress_type = method
            if at == len(members) - 1:
                info.external_attr = mode << 16
            made.writestr(info, data)
    return path


def folder(root: Path) -> Path:
    """A folder with an honest solver.py, for something else to be put beside."""
    (root / "deeplearning").mkdir(parents=True)
    (root / SOLVER).write_bytes(GOOD)
    return root


def _link(path: Path) -> None:
    secret = path.parent.parent.parent / "secret.py"
    secret.write_text("secret")
    path.symlink_to(secret)


def _dangling(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(path.parent)  # such a name has to be short
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


def _device(path: Path) -> None:
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("a device file can only be made as root")


SPECIAL: dict[str, Callable[[Path], None]] = {
    "a symbolic link": _link,
    "a symbolic link,": _dangling,
    "a named pipe": os.mkfifo,
    "a socket": _socket,
    "a device": _device,
    "a folder": Path.mkdir,
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("what", SPECIAL)
def test_in_a_folder_what_is_no_file_is_refused_by_name(tmp_path: Path, what: str) -> None:
    root = folder(tmp_path / "hand-in")
    SPECIAL[what](root / OPTIM)
    found = collect(root, LAYOUT)
    assert found.refused == {OPTIM: f"{OPTIM} was not used: it is {what.rstrip(',')}, not a file."}
    assert found.files == {SOLVER: GOOD}


@pytest.mark.parametrize(
    ("mode", "what"),
    [(stat.S_IFLNK, "a symbolic link"), (stat.S_IFIFO, "a named pipe"), (stat.S_IFCHR, "a device"), (stat.S_IFBLK, "a device")],
)
def test_in_a_zip_what_is_no_file_is_refused_by_name(tmp_path: Path, mode: int, what: str) -> None:
    found = collect(archive(tmp_path / "x.zip", (SOLVER, GOOD), (OPTIM, b"/etc/passwd"), mode=mode | 0o777), LAYOUT)
    assert found.refused == {OPTIM: f"{OPTIM} was not used: it is {what}, not a file."}
    assert found.files == {SOLVER: GOOD}


def test_in_a_zip_a_folder_of_a_files_name_is_refused_by_name(tmp_path: Path) -> None:
    found = collect(archive(tmp_path / "x.zip", (SOLVER, GOOD), (OPTIM + "/", b"")), LAYOUT)
    assert found.refused == {OPTIM: f"{OPTIM} was not used: it is a folder, not a file."}


@pytest.mark.skipif(sys.platform == "win32", reason="making links needs a privilege on Windows")
@pytest.mark.parametrize("name", ["deeplearning", "submission_logs"])
def test_a_linked_folder_is_not_followed_and_is_named(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "optim.py").write_bytes(b"secret")
    (outside / "results.json").write_bytes(b"secret")
    root = tmp_path / "hand-in"
    root.mkdir()
    (root / name).symlink_to(outside, target_is_directory=True)
    found = collect(root, LAYOUT)
    assert (found.files, found.logs) == ({}, {})
    assert found.notes[0] == f"{name} is not a folder that can be read (a link, perhaps) and was not followed."


@pytest.mark.skipif(sys.platform == "win32", reason="making links needs a privilege on Windows")
def test_a_folder_that_links_to_itself_comes_to_an_end(tmp_path: Path) -> None:
    root = folder(tmp_path / "hand-in")
    (root / "again").symlink_to(root, target_is_directory=True)
    assert collect(root, LAYOUT).files == {SOLVER: GOOD}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep file names as text")
def test_a_file_name_that_is_not_text_harms_nothing(tmp_path: Path) -> None:
    root = folder(tmp_path / "hand-in")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe.ipynb")).write_bytes(GOOD)
    found = collect(root, LAYOUT)
    assert found.notebook == ("\ufffd\ufffd.ipynb", GOOD)


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems know one spelling only")
def test_in_a_folder_names_that_differ_only_in_case_are_both_named(tmp_path: Path) -> None:
    root = folder(tmp_path / "hand-in")
    (root / "deeplearning/Solver.py").write_bytes(b"other")
    assert collect(root, LAYOUT).refused == {
        SOLVER: f"{SOLVER} was not used: deeplearning/Solver.py and {SOLVER} differ only in upper and lower case; keep one."
    }


def test_in_a_zip_names_that_differ_only_in_case_are_both_named(tmp_path: Path) -> None:
    found = collect(archive(tmp_path / "x.zip", (OPTIM, GOOD), ("DeepLearning/optim.py", b"other")), LAYOUT)
    assert "DeepLearning/optim.py and deeplearning/optim.py differ only in upper and lower case" in found.refused[OPTIM]
    assert found.files == {}


def test_an_entry_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    found = collect(archive(tmp_path / "x.zip", (SOLVER, GOOD), (OPTIM, GOOD), (OPTIM, b"other")), LAYOUT)
    assert found.refused == {OPTIM: f"{OPTIM} was not used: it is in the archive 2 times; keep one."}
    assert found.files == {SOLVER: GOOD}


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_file_above_its_limit_is_refused_and_one_at_it_is_not(tmp_path: Path, kind: str) -> None:
    data = bytes(1000)
    if kind == "zip":
        path = archive(tmp_path / "x.zip", (SOLVER, GOOD), (LONG, data))
    else:
        path = folder(tmp_path / "x")
        (path / LONG).parent.mkdir()
        (path / LONG).write_bytes(data)
    assert collect(path, LAYOUT, limits=Limits(max_file_bytes=1000)).logs == {LONG: data}
    found = collect(path, LAYOUT, limits=Limits(max_file_bytes=999))
    assert found.refused == {LONG: f"{LONG} was not used: it is larger than 999 bytes."}
    assert found.files == {SOLVER: GOOD}


def peak(path: Path) -> tuple[dict[str, str], int]:
    """What was refused, and the most memory it took, in bytes."""
    tracemalloc.start()
    try:
        return dict(collect(path, LAYOUT).refused), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("lie", [False, True], ids=["honest size", "lying size"])
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["deflate", "bzip2", "lzma"])
def test_a_small_zip_that_inflates_is_not_inflated(tmp_path: Path, method: int, lie: bool) -> None:
    size = 100 * 2**20
    path = archive(tmp_path / "x.zip", (OPTIM, bytes(size)), method=method)
    if lie:
        data = path.read_bytes()
        assert data.count(struct.pack("<I", size)) == 2  # once in the entry's own header, once in the directory
        path.write_bytes(data.replace(struct.pack("<I", size), struct.pack("<I", 1000)))
    refused, memory = peak(path)
    assert refused[OPTIM].startswith(f"{OPTIM} was not used: it is ")
    assert memory < size / 4


def test_a_damaged_entry_is_refused_alone(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", (SOLVER, GOOD), (OPTIM, b"payload = 12345\n"), method=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"payload = 12345", b"payload = 66666"))
    found = collect(path, LAYOUT)
    assert found.refused[OPTIM].startswith(f"{OPTIM} was not used: it is damaged in the zip (Bad CRC-32")
    assert found.files == {SOLVER: GOOD}


@pytest.mark.parametrize("method", [9, 93, 99])
def test_an_unknown_compression_is_refused_alone(tmp_path: Path, method: int) -> None:
    path = archive(tmp_path / "x.zip", (OPTIM, GOOD), (SOLVER, GOOD))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(OPTIM.encode()))
    data[at + 10 : at + 12] = struct.pack("<H", method)
    path.write_bytes(data)
    found = collect(path, LAYOUT)
    assert found.refused == {
        OPTIM: f"{OPTIM} was not used: it is compressed in an unusual way; make a zip with the usual settings."
    }
    assert found.files == {SOLVER: GOOD}


def refuse(monkeypatch: pytest.MonkeyPatch, call: str, name: str, error: type[OSError]) -> None:
    """Have one of `os`'s calls fail for what is called `name`: root may do everything, so rights are no way to have that."""
    real = getattr(os, call)

    def refusing(path: Path, *arguments: object) -> object:
        if path.name == name:
            raise error(13, "Permission denied", str(path))
        return real(path, *arguments)

    monkeypatch.setattr(os, call, refusing)


@pytest.mark.parametrize(
    ("error", "notes"),
    [
        (PermissionError, ["submission_logs is not a folder that can be read (a link, perhaps) and was not followed."]),
        (FileNotFoundError, []),
    ],
)
def test_a_folder_that_cannot_be_looked_into_costs_only_what_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[OSError], notes: list[str]
) -> None:
    root = folder(tmp_path / "hand-in")
    (root / "submission_logs").mkdir()
    refuse(monkeypatch, "scandir", "submission_logs", error)
    found = collect(root, LAYOUT)
    assert found.files == {SOLVER: GOOD}
    assert list(found.notes) == notes


def test_a_folder_that_cannot_be_looked_into_at_all_is_no_submission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "scandir", "hand-in", PermissionError)
    with pytest.raises(UsageError, match="hand-in"):
        collect(folder(tmp_path / "hand-in"), LAYOUT)


def test_a_file_that_cannot_be_opened_is_refused_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder(tmp_path / "hand-in")
    (root / OPTIM).write_bytes(GOOD)
    refuse(monkeypatch, "open", "optim.py", PermissionError)
    found = collect(root, LAYOUT)
    assert found.refused == {OPTIM: f"{OPTIM} was not used: it cannot be read (Permission denied)."}
    assert found.files == {SOLVER: GOOD}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_file_that_becomes_something_else_while_it_is_opened_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder(tmp_path / "hand-in")
    (root / OPTIM).write_bytes(GOOD)
    real = os.open

    def swapping(path: Path, flags: int) -> int:
        if path.name == "optim.py":
            path.unlink()
            os.mkfifo(path)
        return real(path, flags)

    monkeypatch.setattr(os, "open", swapping)
    assert collect(root, LAYOUT).refused == {OPTIM: f"{OPTIM} was not used: it is not a file."}
