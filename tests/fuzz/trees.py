"""Folders with anything in them that a file system can hold: odd names, links, pipes, sockets, folders where files should be."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st

from tests.fuzz.zips import CANONICAL, CONTENTS, honest_members

_LONG = "n" * 255
_PARTS = st.sampled_from((
    b"deeplearning", b"DeepLearning", b"classifiers", b"submission_logs", b"optim.py", b"solver.py", b"fc_net.py", b"results.json",
    b"best_fc_model.npz", b"x.ipynb", b"\xff\xfe.npz", b"\xe2\x80\xaeyp.mitpo", b"\x1b[2J", b"a\nb", b" ", b"...", b"datasets",
    b"._x.py",
    _LONG.encode(), "作业".encode(), b"\xed\xa0\x80", b"C:", b"a\\b",
))  # fmt: skip
_KINDS = st.sampled_from(("file", "file", "file", "file", "folder", "link", "dangling", "loop", "pipe", "socket", "locked", "deep"))
_NAMES = st.sampled_from(CANONICAL) | st.lists(_PARTS, min_size=1, max_size=5).map(b"/".join)
Node = tuple[bytes, str, bytes]
TREES = st.tuples(st.booleans(), st.lists(st.tuples(_NAMES, _KINDS, CONTENTS), max_size=8))


def plant(root: Path, honest: bool, nodes: Sequence[Node]) -> None:
    """Make the tree; a node that finds something in its way replaces it, or is left out."""
    root.mkdir()
    if honest:
        for member in honest_members():
            path = root / member.name.decode()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(member.data)
    for name, kind, data in nodes:
        path = root / os.fsdecode(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
            _MAKERS.get(kind, _file)(path, data)
        except OSError:  # a file stands where a folder is wanted, or the name is too long
            continue


def _file(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _locked(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0)


def _socket(path: Path, _data: bytes) -> None:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{folder}/{path.name}")  # such a name has to be short
    finally:
        os.close(folder)


def _deep(path: Path, data: bytes) -> None:
    folder = path.joinpath(*["d"] * 60)
    folder.mkdir(parents=True)
    (folder / "optim.py").write_bytes(data)


_MAKERS = {
    "file": _file,
    "folder": lambda path, _data: path.mkdir(),
    "link": lambda path, _data: path.symlink_to(Path(__file__).resolve()),
    "dangling": lambda path, _data: path.symlink_to("/nowhere/at/all"),
    "loop": lambda path, _data: path.symlink_to("."),
    "pipe": lambda path, _data: os.mkfifo(path),
    "socket": _socket,
    "locked": _locked,
    "deep": _deep,
}
