"""The six batch files of CIFAR-10 as published, in their form (Python 2's pickle, protocol 2), with synthetic images."""

from __future__ import annotations

import hashlib
import importlib.util
import struct
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tests.conftest import ROOT

NAMES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")


def data_utils() -> ModuleType:
    """The handout's own module, which makes synthetic images and reads batches the way students do."""
    spec = importlib.util.spec_from_file_location("handed_out_data_utils", ROOT / "student_src/deeplearning/data_utils.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text(value: str) -> bytes:
    """A Python 2 string of less than 256 bytes."""
    return b"U" + bytes([len(value)]) + value.encode("ascii")


def whole(number: int) -> bytes:
    """A whole number."""
    return b"K" + bytes([number]) if number < 256 else b"M" + struct.pack("<H", number)


def pickled(images: Any, labels: Sequence[int], name: str, *, array: bytes | None = None) -> bytes:
    """A batch file: {"batch_label", "labels", "data", "filenames"} with `data` a uint8 array (n, 3072), or what `array` makes."""
    raw = images.tobytes()
    made = (
        b"cnumpy.core.multiarray\n_reconstruct\n" + b"cnumpy\nndarray\n" + b"K\x00\x85" + text("b") + b"\x87R"
        b"(K\x01" + whole(len(images)) + whole(3072) + b"\x86"
        b"cnumpy\ndtype\n" + text("u1") + b"K\x00K\x01\x87R(K\x03" + text("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
    )  # fmt: skip
    return (
        b"\x80\x02}(" + text("batch_label") + text(name)
        + text("labels") + b"](" + b"".join(whole(int(label)) for label in labels) + b"e"
        + text("data") + (array if array is not None else made)
        + text("filenames") + b"](" + b"".join(text(f"synthetic_{at}.png") for at in range(len(labels))) + b"eu."
    )  # fmt: skip


def write(folder: Path, images: int, held_out: int = 1000) -> Path:
    """Write the six files and a manifest, whose path is returned.

    From these `get_CIFAR10_data` makes what it makes of the stand-in with `images` training images.
    """
    folder.mkdir(parents=True)
    X, y = data_utils().synthetic_images(2 * held_out + images)
    order = np.r_[2 * held_out : 2 * held_out + images, :held_out, held_out : 2 * held_out]
    X, y = X.reshape(len(X), 3072)[order], y[order]
    ends = [(images + held_out) * number // 5 for number in range(6)] + [len(y)]
    for name, start, end in zip(NAMES, ends, ends[1:], strict=False):
        (folder / name).write_bytes(pickled(X[start:end], y[start:end].tolist(), name))
    return manifest(folder)


def manifest(folder: Path) -> Path:
    """Put the sums of what lies in `folder` beside it, as md5sum prints them."""
    target = folder.with_name("synthetic")
    sums = [f"{hashlib.md5((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in NAMES]
    target.write_text("".join(sums), "utf-8")
    return target
