"""Attacks by what is handed in rather than by code in it: links, special files, hostile archives, hostile logs.

Each function changes `box`, a copy of the honest submission, and returns what is to be graded; its docstring says what it is.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import stat
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

OPTIM, SOLVER = "deeplearning/optim.py", "deeplearning/solver.py"
EVERYTHING = {"*": "missing"}
NO_OPTIM = {"optim.*": "missing"}
SGD_LOG = {"logs.optimizer_experiment": "partial"}
HE_LOG = {"logs.w_stds": "partial"}
ZEROS = bytes(2**20)


@dataclass(frozen=True, slots=True)
class Box:
    """`folder`: a copy of the honest submission to spoil; `places`: what may be named in attacks (see `arena.Arena`)."""

    folder: Path
    places: Mapping[str, str]

    def file(self, name: str) -> Path:
        """A path in the submission, with nothing there."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        return path

    def log(self, name: str, data: bytes) -> Path:
        """Replace one log."""
        self.file(f"submission_logs/{name}").write_bytes(data)
        return self.folder

    def npz(self, **arrays: Any) -> Path:
        """Replace the log of plain SGD."""
        data = io.BytesIO()
        np.savez_compressed(data, **arrays)
        return self.log("optimizer_experiment_sgd.npz", data.getvalue())

    def zip(self, *extra: tuple[str | zipfile.ZipInfo, bytes], without: str = "") -> Path:
        """The folder as a zip with further members, `without` one of its own."""
        path = self.folder.with_suffix(".zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(self.folder.rglob("*")):
                name = file.relative_to(self.folder).as_posix()
                if file.is_file() and name != without:
                    archive.write(file, name)
            for member, data in extra:
                archive.writestr(member, data, zipfile.ZIP_DEFLATED)
        return path


@dataclass(frozen=True, slots=True)
class Bundle:
    """A registered function with what it must come to."""

    name: str
    make: Callable[[Box], Path]
    hits: Mapping[str, str]
    said: str
    broken: str


BUNDLES: list[Bundle] = []


def bundle(
    hits: Mapping[str, str] | None = None, said: str = "", *, broken: str = ""
) -> Callable[[Callable[[Box], Path]], Callable[[Box], Path]]:
    """Register an attack; `broken` says how the grader fails to stand it, until that is mended."""

    def register(make: Callable[[Box], Path]) -> Callable[[Box], Path]:
        BUNDLES.append(Bundle(make.__name__, make, hits or {}, said, broken))
        return make

    return register


def special(name: str, kind: int) -> zipfile.ZipInfo:
    """A zip member that says it is a link, a pipe, a device."""
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    member.external_attr = (kind | 0o777) << 16
    return member


# Folders ------------------------------------------------------------------------------------------------------------------


@bundle(NO_OPTIM, "symbolic link")
def link_to_a_system_file(box: Box) -> Path:
    """optim.py leads to the system's accounts."""
    box.file(OPTIM).symlink_to("/etc/passwd")
    return box.folder


@bundle(NO_OPTIM, "symbolic link")
def link_to_the_answers(box: Box) -> Path:
    """optim.py leads to the answers, whose first line a syntax error would show."""
    box.file(OPTIM).symlink_to(box.places["golden"])
    return box.folder


@bundle(NO_OPTIM, "symbolic link")
def link_to_another_submission(box: Box) -> Path:
    """optim.py leads to somebody else's."""
    box.file(OPTIM).symlink_to(Path(box.places["neighbour"]) / OPTIM)
    return box.folder


@bundle({"optim.*": "missing", "fc_net.*": "missing", "solver.*": "missing"}, "not a folder")
def linked_package(box: Box) -> Path:
    """The whole package leads to somebody else's."""
    shutil.rmtree(box.folder / "deeplearning")
    (box.folder / "deeplearning").symlink_to(Path(box.places["neighbour"]) / "deeplearning")
    return box.folder


@bundle({"logs.*": "missing"}, "not a folder")
def linked_logs(box: Box) -> Path:
    """The logs lead to somebody else's."""
    shutil.rmtree(box.folder / "submission_logs")
    (box.folder / "submission_logs").symlink_to(Path(box.places["neighbour"]) / "submission_logs")
    return box.folder


@bundle(NO_OPTIM, "named pipe")
def pipe_as_a_file(box: Box) -> Path:
    """Opening it would wait for a writer."""
    os.mkfifo(box.file(OPTIM))
    return box.folder


@bundle(HE_LOG, "named pipe")
def pipe_as_a_log(box: Box) -> Path:
    """Opening it would wait for a writer."""
    os.mkfifo(box.file("submission_logs/w_stds_he.json"))
    return box.folder


@bundle(NO_OPTIM, "socket")
def socket_as_a_file(box: Box) -> Path:
    """A Unix socket named optim.py."""
    path = box.file(OPTIM)
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path is limited to some 100 bytes
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)
    return box.folder


@bundle(NO_OPTIM, "folder")
def folder_as_a_file(box: Box) -> Path:
    """A folder named optim.py, with a package inside."""
    box.file(OPTIM).mkdir()
    (box.folder / OPTIM / "__init__.py").write_text("raise SystemExit(0)")
    return box.folder


@bundle(NO_OPTIM, "larger than")
def file_of_a_gigabyte(box: Box) -> Path:
    """Sparse, so that it costs its author nothing."""
    with box.file(OPTIM).open("wb") as file:
        file.truncate(2**30)
    return box.folder


@bundle(HE_LOG, "larger than")
def log_of_a_gigabyte(box: Box) -> Path:
    """Sparse, so that it costs its author nothing."""
    with box.file("submission_logs/w_stds_he.json").open("wb") as file:
        file.truncate(2**30)
    return box.folder


@bundle()
def modules_that_shadow_the_library(box: Box) -> Path:
    """Whatever Python might import from where it is started."""
    code = f"open('/tmp/{box.places['mark']}', 'w')\nraise SystemExit(0)\n"
    for name in ("numpy", "json", "struct", "conftest", "sitecustomize", "usercustomize", "random", "wire", "inside", "grader"):
        for folder in ("", "deeplearning/", "submission_logs/"):
            box.file(f"{folder}{name}.py").write_text(code)
    for name in (
        "__init__.py",
        "deeplearning/__init__.py",
        "deeplearning/classifiers/__init__.py",
        "evil.pth",
        "inside/__init__.py",
    ):
        box.file(name).write_text(code)
    for name in ("deeplearning/optim.so", "deeplearning/optim.pyc", "deeplearning/__pycache__/optim.cpython-311.pyc"):
        box.file(name).write_bytes(ZEROS)
    return box.folder


@bundle(said="graded with staff's")
def staff_files_replaced(box: Box) -> Path:
    """The layers a submission is mounted on are staff's, whatever is handed in."""
    for name in ("layers.py", "layer_utils.py", "gradient_check.py"):
        box.file(f"deeplearning/{name}").write_text("raise SystemExit(0)\n")
    return box.folder


@bundle({"optim.*.golden": "raised"})
def bytes_that_are_not_text(box: Box) -> Path:
    """Latin-1 and random bytes without a declaration."""
    box.file(OPTIM).write_bytes(b"x = '\xff\xfe\x80'\n" + bytes(range(128, 256)))
    return box.folder


@bundle({"optim.*.golden": "raised"})
def hidden_in_another_encoding(box: Box) -> Path:
    """Code that a reader of bytes does not see."""
    hidden = f"open('/tmp/{box.places['mark']}', 'w')".encode("utf-16-be")
    import base64

    text = base64.b64encode(hidden).rstrip(b"=")
    box.file(OPTIM).write_bytes(b"# coding: utf-7\n+" + text + b"-\n")
    return box.folder


@bundle({"optim.*.golden": "raised"})
def nul_in_the_source(box: Box) -> Path:
    """A NUL byte ends the text for some readers."""
    path = box.folder / OPTIM
    path.write_bytes(path.read_bytes() + b"\0\nraise SystemExit(0)\n")
    return box.folder


@bundle()
def one_line_of_three_megabytes(box: Box) -> Path:
    """Slow for whoever looks for columns."""
    path = box.folder / OPTIM
    path.write_bytes(path.read_bytes() + b"x = '" + b"y" * (3 * 2**20) + b"'\n")
    return box.folder


@bundle(EVERYTHING, "more than")
def six_thousand_files(box: Box) -> Path:
    """More names than a homework has."""
    folder = box.folder / "many"
    folder.mkdir()
    for number in range(6000):
        (folder / f"{number}.txt").touch()
    return box.folder


@bundle()
def folders_without_end(box: Box) -> Path:
    """Deeper than any path may be long."""
    deep = box.folder.joinpath(*["d"] * 200)
    deep.mkdir(parents=True)
    return box.folder


@bundle()
def names_with_control_characters(box: Box) -> Path:
    """The homework lies in a folder whose name rewrites a terminal and a sentence."""
    odd = box.folder.with_name(box.folder.name + "\x1b[2J\u202e\n passed")
    odd.mkdir()
    box.folder.rename(odd / "\x1b]0;x\x07<script>\r\nAll right.\u2028")
    for name in ("\x1b[1mnote\n.ipynb", "deeplearning\x07.ipynb", "submission_logs"):
        (odd / name).write_bytes(b"{}")
    return odd


@bundle()
def three_hundred_logs(box: Box) -> Path:
    """More logs than are looked at; the honest ones come first by name."""
    for number in range(300):
        (box.folder / "submission_logs" / f"zz{number}.npz").write_bytes(b"x")
    return box.folder


# Archives -----------------------------------------------------------------------------------------------------------------

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
    import warnings

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


# Logs ---------------------------------------------------------------------------------------------------------------------


@bundle(SGD_LOG, "not a readable .npz")
def log_with_pickled_objects(box: Box) -> Path:
    """Loading it with pickle would run code."""

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (open, (f"/tmp/{box.places['mark']}", "w"))

    return box.npz(train_losses=np.array([Evil()], dtype=object), train_accs=np.zeros(6), val_accs=np.zeros(6))


def _npy(header: bytes, data: bytes = b"") -> bytes:
    """An .npz whose arrays have this header."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("train_losses", "train_accs", "val_accs"):
            archive.writestr(f"{name}.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + data)
    return out.getvalue()


@bundle(SGD_LOG)
def log_that_announces_an_exabyte(box: Box) -> Path:
    """The shape in the header is far beyond the data."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846975,), }\n"
    return box.log("optimizer_experiment_sgd.npz", _npy(header))


@bundle(SGD_LOG)
def log_whose_header_is_code(box: Box) -> Path:
    """Evaluated it would make a file."""
    header = f"{{'descr': open('/tmp/{box.places['mark']}', 'w'), 'fortran_order': False, 'shape': (1,), }}\n".encode()
    return box.log("optimizer_experiment_sgd.npz", _npy(header))


@bundle(SGD_LOG)
def log_whose_header_nests(box: Box) -> Path:
    """A parser's stack, not the data, is the target."""
    return box.log("optimizer_experiment_sgd.npz", _npy(b"(" * 9000 + b")" * 9000 + b"\n"))


@bundle(SGD_LOG)
def log_that_is_a_bomb(box: Box) -> Path:
    """64 MB from 64 kB."""
    return box.npz(train_losses=np.zeros(8 * 2**20), train_accs=np.zeros(6), val_accs=np.zeros(6))


@bundle(SGD_LOG)
def log_of_many_members(box: Box) -> Path:
    """Ten thousand names and none of those that count."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(10_000):
            archive.writestr(f"{number}.npy", b"")
    return box.log("optimizer_experiment_sgd.npz", out.getvalue())


@bundle()
def log_with_a_name_that_climbs_out(box: Box) -> Path:
    """A member is read, never unpacked to where its name says."""
    path = box.folder / "submission_logs/optimizer_experiment_sgd.npz"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"../../../../../tmp/{box.places['mark']}.npy", archive.read("train_accs.npy"))
    return box.folder


@bundle(SGD_LOG)
def log_of_odd_types(box: Box) -> Path:
    """Complex numbers, dates and records in place of numbers."""
    return box.npz(train_losses=np.ones(200, complex), train_accs=np.zeros(6, "M8[s]"), val_accs=np.zeros(6, [("a", "f8")]))


@bundle(SGD_LOG)
def log_of_infinities(box: Box) -> Path:
    """Numbers that pass comparisons written the wrong way round."""
    return box.npz(train_losses=np.full(200, np.nan), train_accs=np.full(6, np.inf), val_accs=np.full(6, -np.inf))


JSON = {
    "json_of_not_a_numbers": b"[" + b", ".join([b"NaN"] * 11) + b"]",
    "json_of_infinities": b"[" + b", ".join([b"1e999"] * 11) + b"]",
    "json_of_huge_integers": b"[" + b", ".join([b"9" * 4000] * 11) + b"]",
    "json_of_one_endless_integer": b"9" * (3 * 2**20),
    "json_that_nests": b"[" * 100_000,
    "json_that_nests_and_closes": b"[" * 900 + b"]" * 900,
    "json_of_a_million_numbers": b"[" + b"1," * 10**6 + b"1]",
    "json_that_is_not_text": b"[\xff\xfe\x80]",
    "json_of_control_characters": json.dumps({"\x1b[2J\u202e\n": 1, "passed\x07": "\x1b]0;x\x07"}).encode(),
}


def _json(name: str, data: bytes) -> None:
    def make(box: Box) -> Path:
        return box.log("w_stds_he.json", data)

    make.__name__ = name
    bundle(HE_LOG)(make)


for _name, _data in JSON.items():
    _json(_name, _data)


def _results(box: Box, **changes: Any) -> Path:
    path = box.folder / "submission_logs/results.json"
    return box.log("results.json", json.dumps({**json.loads(path.read_bytes()), **changes}).encode())


@bundle({"logs.best_model": "wrong"}, broken="the update rule's name reaches the terminal as it is")
def results_with_terminal_control(box: Box) -> Path:
    """The name of the update rule is shown."""
    return _results(box, update_rule="\x1b]0;x\x07\x1b[2J\u202e")


@bundle({"logs.best_model": "wrong"})
def results_of_odd_values(box: Box) -> Path:
    """Settings that would make lengths and comparisons overflow."""
    return _results(box, num_epochs=float("inf"), batch_size=-0.0, lr=float("nan"), val_acc=10**400)


@bundle({"logs.best_model": "partial"})
def best_model_without_accuracies(box: Box) -> Path:
    """Arrays without entries where a maximum is wanted."""
    data = io.BytesIO()
    np.savez(data, train_losses=np.ones(1), train_accs=np.empty(0), val_accs=np.empty(0))
    return box.log("best_fc_model.npz", data.getvalue())
