"""Hostile archives: what honest tools never write is refused whole, in a sentence that names the entry, and nothing is unpacked."""

from __future__ import annotations

import io
import os
import struct
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import SubmissionError, UsageError
from grader.homework.files import LAYOUT
from grader.submission.collect import Limits, collect
from tests.conftest import OPTIM, SOLVER
from tests.submission.test_intake import GOOD, LONG, archive, folder


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../../etc/cron.d/x", "a name that leads out of the folder"),
        ("a/../../deeplearning/optim.py", "a name that leads out of the folder"),
        ("..\\..\\windows\\x", "a name that leads out of the folder"),
        ("..", "a name that leads out of the folder"),
        ("datasets/../../x", "a name that leads out of the folder"),
        ("/etc/passwd", "an absolute name"),
        ("//server/share/x", "an absolute name"),
        ("\\\\server\\share\\x", "an absolute name"),
        ("C:\\Windows\\x", "an absolute name"),
        ("c:x", "an absolute name"),
        ("deeplearning/op\ntim.py", "control characters in its name"),
        ("deeplearning/optim.py\0.txt", "control characters in its name"),
        ("\x1b[2Jx", "control characters in its name"),
        ("/".join(["d"] * 25) + "/optim.py", "nested too deep"),
    ],
)
def test_an_archive_with_a_hostile_name_is_refused_whole(tmp_path: Path, name: str, why: str) -> None:
    path = archive(tmp_path / "x.zip", (OPTIM, GOOD), (name, b"evil"))
    with pytest.raises(SubmissionError) as caught:
        collect(path, LAYOUT)
    message = str(caught.value)
    assert message.startswith("x.zip was refused, nothing was unpacked: entry ")
    assert message.endswith(f": {why}.")
    assert all(ord(character) >= 32 for character in message)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.zip"]


@pytest.mark.parametrize("name", ["Übung.py", "作业/notes.txt", "a..b/..c", "xy:z", "\u202egnp.py", "..."])
def test_an_unusual_but_harmless_name_is_no_reason_to_refuse(tmp_path: Path, name: str) -> None:
    assert collect(archive(tmp_path / "x.zip", (OPTIM, GOOD), (name, b"")), LAYOUT).files == {OPTIM: GOOD}


def test_the_deepest_allowed_folder_is_the_same_for_folder_and_zip(tmp_path: Path) -> None:
    limits = Limits(max_depth=3)
    for depth in (2, 3):
        prefix = "d/" * (depth - 1)
        root = tmp_path / str(depth)
        folder(root / prefix)
        zipped = collect(archive(tmp_path / f"{depth}.zip", (prefix + SOLVER, GOOD)), LAYOUT, limits=limits)
        assert zipped.files == collect(root, LAYOUT, limits=limits).files == {SOLVER: GOOD}


@pytest.mark.parametrize("name", ["homework.7z", "homework.rar", "homework.tar.gz"])
def test_an_archive_of_another_kind_is_not_opened_and_says_what_to_hand_in(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x1f\x8b another archive")
    with pytest.raises(SubmissionError, match=rf"^{name} is an archive of a kind that is not opened; hand in a zip"):
        collect(tmp_path / name, LAYOUT)


def test_an_encrypted_archive_says_what_to_do(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", (OPTIM, GOOD), (SOLVER, GOOD))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(SubmissionError, match=rf"entry '{SOLVER}': encrypted; make a zip without a password\.$"):
        collect(path, LAYOUT)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_too_many_entries_are_refused_before_anything_is_read(tmp_path: Path, kind: str) -> None:
    names = [f"many/{n:03}.txt" for n in range(20)]
    if kind == "zip":
        path = archive(tmp_path / "x.zip", *((name, b"") for name in names))
    else:
        path = folder(tmp_path / "x")
        (path / "many").mkdir()
        for name in names:
            (path / name).touch()
    assert collect(path, LAYOUT, limits=Limits(max_entries=25)).refused == {}
    with pytest.raises(SubmissionError, match=r"refused.*many.*more than 15 entries|more than 15 files.*many") as caught:
        collect(path, LAYOUT, limits=Limits(max_entries=15))
    assert "hand in the homework only" in str(caught.value)


def _plain(directory: int) -> bytes:
    return b"PK\x05\x06" + bytes(8) + struct.pack("<IIH", directory, 0, 0)


def _zip64(directory: int, said: int) -> bytes:
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 0, 0, directory, 0)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, 4, 1)
    return record + locator + _plain(said)


def _decoy(directory: int) -> bytes:
    """The mark of an end record inside the real one's own fields, where a search from behind would find it first."""
    return b"PK\x05\x06" + bytes(8) + struct.pack("<I", directory) + b"PK\x05\x06" + bytes(2)


@pytest.mark.parametrize(
    "end",
    [
        _plain(20_000_000),
        _plain(20_000_000)[:-2] + b"\x05\x00hello",
        _zip64(20_000_000, 0xFFFFFFFF),
        _zip64(20_000_000, 0),
        _zip64(2**63, 22),
        _zip64(0xFFFFFFFF, 0xFFFFFFFF),
        _decoy(20_000_000),
    ],
    ids=["plain", "comment", "zip64", "zip64 beside a small one", "zip64 absurd", "zip64 edge", "decoy"],
)
def test_a_huge_list_of_entries_is_refused_before_it_is_loaded(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\x03\x04" + end)
    with pytest.raises(SubmissionError, match=r"^x\.zip was refused, nothing was unpacked: it lists too many entries"):
        collect(path, LAYOUT)


def test_an_ordinary_zip64_archive_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as made, made.open(OPTIM, "w", force_zip64=True) as member:
        member.write(GOOD)
    data = path.read_bytes()
    at = data.rindex(b"PK\x05\x06")
    size, start = struct.unpack("<II", data[at + 12 : at + 20])
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, size, start)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, at, 1)
    path.write_bytes(data[:at] + record + locator + data[at : at + 12] + b"\xff" * 8 + b"\0\0")
    assert collect(path, LAYOUT).files == {OPTIM: GOOD}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.zip", b""),
        ("x.zip", b"not a zip at all"),
        ("x.zip", b"PK\x03\x04 cut"),
        ("renamed.txt", b"PK\x03\x04 cut"),
        ("x.ZIP", b"Rar!\x1a\x07\x00"),
    ],
)
def test_a_broken_archive_is_refused_by_its_name(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SubmissionError, match=rf"^{name} is not a readable zip file \(.*\); make a new one\.$"):
        collect(tmp_path / name, LAYOUT)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "x.zip", (OPTIM, GOOD * 100), (SOLVER, GOOD))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(SubmissionError, match="not a readable zip"):
        collect(path, LAYOUT)


def test_a_zip_inside_a_zip_is_not_opened(tmp_path: Path) -> None:
    inner = archive(tmp_path / "inner.zip", (OPTIM, GOOD)).read_bytes()
    found = collect(archive(tmp_path / "x.zip", ("homework.zip", inner)), LAYOUT)
    assert found.files == {}
    assert found.notes[0].startswith("Nothing to grade was found")


def test_a_zip_inside_a_zip_that_is_to_be_opened_must_not_be_too_large(tmp_path: Path) -> None:
    inner = archive(tmp_path / "inner.zip", (OPTIM, GOOD)).read_bytes()
    path = archive(tmp_path / "x.zip", ("homework.zip", inner))
    renames = (("homework.zip", ""),)
    assert collect(path, LAYOUT, renames=renames, limits=Limits(max_total_bytes=len(inner))).files == {OPTIM: GOOD}
    with pytest.raises(SubmissionError, match=r"homework\.zip was not used: it is larger than"):
        collect(path, LAYOUT, renames=renames, limits=Limits(max_total_bytes=len(inner) - 1))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_a_pipe_given_as_the_submission_is_a_mistake_in_usage(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.zip")
    with pytest.raises(UsageError, match="neither a folder nor a zip"):
        collect(tmp_path / "x.zip", LAYOUT)


# Damage at random ----------------------------------------------------------------------------------------------------------


def _whole() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for at, name in enumerate((OPTIM, "a/" + SOLVER, LONG, "q_optimizer_init.ipynb", "deeplearning/classifiers/fc_net.py")):
            info = zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0))
            info.compress_type = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)[at % 4]
            made.writestr(info, GOOD * (at + 1))
    return buffer.getvalue()


WHOLE = _whole()
PLACES = st.integers(0, len(WHOLE))
EDITS = st.one_of(
    st.tuples(st.just("set"), PLACES, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("insert"), PLACES, st.binary(min_size=1, max_size=8)),
    st.tuples(st.just("cut"), PLACES, st.just(b"")),
    st.tuples(st.just("repeat"), PLACES, st.just(b"")),
    st.tuples(st.just("set"), PLACES, st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"PK\5\6", b"PK\1\2", b"\xff\x7f"])),
)


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(st.lists(EDITS, min_size=1, max_size=4))
def test_a_damaged_archive_is_collected_or_refused_and_never_breaks_the_grader(
    tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[str, int, bytes]]
) -> None:
    data = bytearray(WHOLE)
    for kind, at, new in edits:
        if kind == "set":
            data[at : at + len(new)] = new
        elif kind == "insert":
            data[at:at] = new
        elif kind == "cut":
            del data[at : at + 20]
        else:
            data[at:at] = data[at : at + 60]
    path = tmp_path_factory.mktemp("damaged", numbered=True) / "x.zip"
    path.write_bytes(data)
    try:
        found = collect(path, LAYOUT)
    except (SubmissionError, UsageError):
        pass  # a refusal is an answer; anything else fails the test
    else:
        assert all(why.endswith(".") for why in found.refused.values())
    finally:
        path.unlink()
        path.parent.rmdir()
