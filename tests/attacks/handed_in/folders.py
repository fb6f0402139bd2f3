"""Folders that hold links, pipes, odd names, foreign modules, and source files no reader expects."""

from __future__ import annotations

import base64
import os
import shutil
import socket
from pathlib import Path

from tests.attacks.handed_in.box import EVERYTHING, HE_LOG, NO_OPTIM, OPTIM, ZEROS, Box, bundle


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


@bundle(said="Graded with the course's own copies of")
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
