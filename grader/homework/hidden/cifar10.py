"""CIFAR-10 for replays: checked, prepared once, and kept in one file that can be mapped.

The six batch files are pickles, so nothing of them is opened before its MD5 sum is the published one, and then only inside a
sandbox, by a reader that admits no other globals than these files name (`mounted/cifar_batches.py`).

The file written is an .npy of one record, what the homework's `get_CIFAR10_data` returns and the name of the data behind it:

    X_train float64 (49000, 3, 32, 32)    y_train int64 (49000,)    the first images of the five batches
    X_val   float64 (1000, 3, 32, 32)     y_val   int64 (1000,)     those after them
    X_test  float64 (1000, 3, 32, 32)     y_test  int64 (1000,)     the first of test_batch
    source  40 bytes of UTF-8, "CIFAR-10"

The mean training image is subtracted already. As uint8 the file would have 157 MB instead of 1.25 GB, but every sandbox, or every
server of sandboxes, would have to make the float64 images again: 3 s and 1.25 GB of memory of its own, against under a
millisecond for a map whose pages all processes share and the system may drop. The bits are those that NumPy gives a student:
pixels add up exactly, so the mean does not depend on the order of adding.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np

from ...errors import UsageError
from ...grading.atomic import replacing
from ...grading.expect import Array
from ...grading.invocation import command
from ...sandbox.errors import SessionEnded
from ...sandbox.forms import ArrayOf, Keys, Text
from ...sandbox.policy import Level, Limits
from ...sandbox.supervisor import Sandbox
from ...submission.text import name as shown

CIFAR10: Final[Mapping[str, str]] = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
FOLDER: Final = "cifar-10-batches-py"
ARCHIVE: Final = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
DEFAULT_OUTPUT: Final = Path("cifar10.npy")
_TRAIN, _HELD_OUT = 49_000, 1_000  # of get_CIFAR10_data: training images; validation images, and test images
_MAX_BYTES: Final = 48 * 2**20  # a batch of 10,000 images has 31 MB; two times that would not fit into a frame of the wire
_SOURCE_BYTES: Final = 40
_LIMITS: Final = Limits(wall=120.0, cpu=120)
_ANSWER: Final = Keys({"error": Text(1000)}, ArrayOf(10_000 * 3072))  # the images and labels of one file
READER: Final = "cifar_batches.py"
_PARTS: Final = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class DataSet:
    """What a data file holds: the name of the data, and how many images for training, validation and test."""

    source: str
    train: int
    val: int
    test: int

    def __str__(self) -> str:
        return f"{self.source}: {self.train} training, {self.val} validation and {self.test} test images"


def import_batches(folder: Path, target: Path, manifest: Path | None, reader: bytes) -> DataSet:
    """Check the six batch files in `folder` and write the data file.

    Args:
        folder: holds the files, or a folder `cifar-10-batches-py` that does.
        target: the file to write, in one step.
        reader: the source of `mounted/cifar_batches.py`.
        manifest: other MD5 sums, in md5sum's format, for other data in the same form.

    Raises:
        UsageError: a file is missing, has another sum or does not hold images, or nothing can be written.
        SandboxUnavailable: no sandbox to open them in.
    """
    source, sums = ("CIFAR-10", CIFAR10) if manifest is None else _manifest(manifest)
    data = _checked(folder, sums)
    batches = _unpickled(data, reader)
    images = np.concatenate([batches[name][0] for name in sums if name != "test_batch"])
    labels = np.concatenate([batches[name][1] for name in sums if name != "test_batch"])
    train = min(_TRAIN, len(labels) - _HELD_OUT)
    test_images, test_labels = batches["test_batch"]
    if train < 1 or len(test_labels) < _HELD_OUT:
        raise UsageError(
            f"{len(labels)} images in the five batches and {len(test_labels)} in test_batch are too few: {_HELD_OUT} are put aside "
            f"for validation and {_HELD_OUT} for the test"
        )
    end = train + _HELD_OUT
    parts = {
        "train": (images[:train], labels[:train]),
        "val": (images[train:end], labels[train:end]),
        "test": (test_images[:_HELD_OUT], test_labels[:_HELD_OUT]),
    }
    _write(target, source, parts)
    return DataSet(source, train, _HELD_OUT, _HELD_OUT)


def describe(path: Path) -> DataSet:
    """What the data file at `path` holds, from its header; the images are not looked at.

    Raises:
        UsageError: it is not such a file.
    """
    try:
        with path.open("rb") as file:
            if np.lib.format.read_magic(file) != (1, 0):
                _no_data_file(path)
            shape, _, dtype = np.lib.format.read_array_header_1_0(file)
            start = file.tell()
            counts = {part: _count(dtype, part) for part in _PARTS}
            if shape != () or dtype != _layout(**counts) or path.stat().st_size != start + dtype.itemsize:
                _no_data_file(path)
            file.seek(-_SOURCE_BYTES, os.SEEK_END)
            source = shown(file.read().rstrip(b"\0").decode("utf-8", "replace"), _SOURCE_BYTES)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); '{command('data import')}' makes a data file") from error
    except (ValueError, TypeError):
        _no_data_file(path)
    return DataSet(source, **counts)


def _no_data_file(path: Path) -> NoReturn:
    raise UsageError(f"{path} is not a data file, or only a part of one; '{command('data import')}' makes them")


def _layout(train: int, val: int, test: int) -> np.dtype[Any]:
    fields: list[tuple[Any, ...]] = []
    for part, count in (("train", train), ("val", val), ("test", test)):
        fields += [(f"X_{part}", "<f8", (count, 3, 32, 32)), (f"y_{part}", "<i8", (count,))]
    return np.dtype([*fields, ("source", f"S{_SOURCE_BYTES}")])


def _count(dtype: np.dtype[Any], part: str) -> int:
    if dtype.fields is None or f"y_{part}" not in dtype.fields:
        raise ValueError(part)
    (count,) = dtype.fields[f"y_{part}"][0].shape
    return int(count)


def _manifest(path: Path) -> tuple[str, Mapping[str, str]]:
    """The name (the file's own, without its ending) and sums of other data."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the manifest {path} cannot be read: {error}") from error
    found = {name.lstrip("*"): digest.lower() for digest, name in (line.split() for line in lines if len(line.split()) == 2)}
    if found.keys() != CIFAR10.keys():
        raise UsageError(f"the manifest {path} has to give a sum for each of {', '.join(CIFAR10)}, one a line as md5sum prints it")
    source = shown(path.stem, _SOURCE_BYTES).encode("utf-8")[:_SOURCE_BYTES].decode("utf-8", "ignore")
    return source, {name: found[name] for name in CIFAR10}


def _checked(folder: Path, sums: Mapping[str, str]) -> dict[str, bytes]:
    """The bytes of every file, each with the sum it has to have; what is opened later is these bytes and no file.

    Raises:
        UsageError: names every file that is not as it should be.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name the one that holds {', '.join(sums)}")
    here = folder / FOLDER if (folder / FOLDER).is_dir() and not any((folder / name).exists() for name in sums) else folder
    data: dict[str, bytes] = {}
    wrong = []
    for name, digest in sums.items():
        try:
            with (here / name).open("rb") as file:
                content = file.read(_MAX_BYTES + 1)
        except OSError as error:
            wrong.append(f"{name}: {'is missing' if isinstance(error, FileNotFoundError) else error.strerror}")
            continue
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()  # what is published; it tells damage and other data
        if len(content) > _MAX_BYTES:
            wrong.append(f"{name}: is larger than any batch file")
        elif found != digest:
            wrong.append(f"{name}: MD5 sum {found}, published is {digest}")
        else:
            data[name] = content
    if wrong:
        listed = "\n".join(wrong)
        raise UsageError(
            f"not all batch files in {here} are as published, and none was opened:\n{listed}\n"
            f"Fetch {ARCHIVE} again, unpack it (tar xzf) and name the folder it makes."
        )
    return data


def _unpickled(data: Mapping[str, bytes], reader: bytes) -> dict[str, tuple[Array, Array]]:
    """Images (n, 3072) uint8 and labels (n,) int64 by file; each is opened in a process of its own.

    Raises:
        UsageError: a file does not hold what it should.
    """
    found = {}
    with Sandbox(Level.STUDENT) as sandbox:  # whatever isolation this system has: the bytes are known ones
        for name, content in data.items():
            with sandbox.session(_LIMITS) as session:
                session.load({READER: reader})
                try:
                    (answer,) = session.fetch(session.module(READER.removesuffix(".py")).attr("read")(content).like(_ANSWER))
                except SessionEnded as error:
                    raise UsageError(f"{name} could not be opened: {error.reason}") from None
            match answer:
                case {"images": np.ndarray() as images, "labels": np.ndarray() as labels} if (
                    images.dtype == np.uint8 and images.shape == (labels.size, 3072) and labels.dtype == np.int64
                ):
                    found[name] = images, labels
                case {"error": str(clause)}:
                    raise UsageError(f"{name} {shown(clause, 300)}; it has the right MD5 sum, so that sum is of another file")
                case _:
                    raise UsageError(f"{name} could not be opened: its reader gave no images")
    return found


def _write(target: Path, source: str, parts: Mapping[str, tuple[Array, Array]]) -> None:
    """Put the data file at `target` in one step, a thousand images at a time."""
    train = parts["train"][0]
    mean = train.sum(axis=0, dtype=np.int64) / len(train)
    layout = _layout(**{part: len(labels) for part, (_, labels) in parts.items()})
    header = {"descr": np.lib.format.dtype_to_descr(layout), "fortran_order": False, "shape": ()}
    try:
        with replacing(target, 0o644) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for images, labels in (parts[part] for part in _PARTS):
                for start in range(0, len(images), 1000):
                    file.write((images[start : start + 1000].astype("<f8") - mean).tobytes())
                file.write(labels.astype("<i8").tobytes())
            file.write(source.encode("utf-8").ljust(_SOURCE_BYTES, b"\0"))
    except OSError as error:
        size = layout.itemsize / 1e9
        raise UsageError(f"{target} cannot be written ({error.strerror}); it takes {size:.2f} GB: name another file") from error
