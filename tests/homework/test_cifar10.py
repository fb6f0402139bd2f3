"""`data import`: sums before anything is opened, no globals but the few of a batch, the very bits that students train on."""

from __future__ import annotations

import importlib.util
import os
import pickle
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.errors import UsageError
from grader.homework import HOMEWORK
from grader.homework.hidden import cifar10
from grader.submission.text import BAR
from tests.conftest import ROOT, run
from tests.replay import batches

IMAGES = 1500  # and 1000 to validate, in five batches of 500
Spoil = Callable[[Path], None]

READER = HOMEWORK.source(cifar10.READER)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The six files of a small data set; their manifest lies beside the folder."""
    folder = tmp_path_factory.mktemp("made") / "cifar-10-batches-py"
    batches.write(folder, IMAGES)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    shutil.copytree(made, tmp_path / made.name)
    return tmp_path / made.name


def fetched(folder: Path, target: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    return run("data", "import", folder, "-o", target, *options)


def reader() -> Any:
    """The module that unpickles inside the sandbox, here without one, so that what it runs would be seen."""
    spec = importlib.util.spec_from_file_location("batches_reader", ROOT / "grader/homework/hidden/mounted/cifar_batches.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("where", ["the folder itself", "the one above"])
def test_the_file_holds_the_bits_that_a_student_trains_on(made: Path, tmp_path: Path, where: str) -> None:
    target = tmp_path / "images.npy"
    manifest = batches.manifest(made)
    process = fetched(made if where == "the folder itself" else made.parent, target, "--manifest", manifest)
    assert process.returncode == 0, process.stderr
    assert "1500 training, 1000 validation and 1000 test images" in process.stdout
    found = np.load(target, mmap_mode="r", allow_pickle=False)
    wanted = batches.data_utils().get_CIFAR10_data(IMAGES, folder=str(made))
    for name, part in wanted.items():
        assert found[name].dtype == part.dtype
        assert found[name].flags.c_contiguous
        assert np.array_equal(found[name], part)
    assert found["source"] == manifest.name.encode()
    assert cifar10.describe(target) == cifar10.DataSet(manifest.name, IMAGES, 1000, 1000)


def replaced(folder: Path) -> None:
    (folder / "data_batch_2").write_bytes(b"not a batch")


def swapped(folder: Path) -> None:
    (folder / "data_batch_1").replace(folder / "kept")
    (folder / "data_batch_2").replace(folder / "data_batch_1")
    (folder / "kept").replace(folder / "data_batch_2")


def one_bit(folder: Path) -> None:
    content = bytearray((folder / "test_batch").read_bytes())
    content[1000] ^= 1
    (folder / "test_batch").write_bytes(content)


def gone(folder: Path) -> None:
    (folder / "data_batch_4").unlink()
    (folder / "data_batch_5").unlink()


def a_folder(folder: Path) -> None:
    (folder / "data_batch_3").unlink()
    (folder / "data_batch_3").mkdir()


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (replaced, ["data_batch_2: MD5 sum"]),
        (swapped, ["data_batch_1: MD5 sum", "data_batch_2: MD5 sum"]),
        (one_bit, ["test_batch: MD5 sum"]),
        (gone, ["data_batch_4: is missing", "data_batch_5: is missing"]),
        (a_folder, ["data_batch_3: Is a directory"]),
    ],
    ids=lambda value: getattr(value, "__name__", "") or None,
)
def test_every_file_that_is_not_as_published_is_named(folder: Path, tmp_path: Path, spoil: Spoil, named: list[str]) -> None:
    manifest = batches.manifest(folder)
    spoil(folder)
    process = fetched(folder, tmp_path / "images.npy", "--manifest", manifest)
    assert process.returncode == 2
    _, *told, again = [line.removeprefix(BAR) for line in process.stderr.splitlines()]
    assert len(told) == len(named)
    assert all(line.startswith(start) for line, start in zip(told, named, strict=True))
    assert "tar xzf" in again
    assert [path.name for path in tmp_path.iterdir() if "images" in path.name] == []


def test_without_a_manifest_only_the_published_files_will_do(made: Path, tmp_path: Path) -> None:
    process = fetched(made, tmp_path / "images.npy")
    assert process.returncode == 2
    assert all(f"{name}: MD5 sum" in process.stderr and digest in process.stderr for name, digest in cifar10.CIFAR10.items())


def calling(module: str, name: str, argument: str) -> bytes:
    """A pickle that calls module.name(argument) while it is read."""
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + batches.text(argument) + b"\x85R."


def test_of_a_file_with_another_sum_nothing_is_opened(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = batches.manifest(folder)
    mark = tmp_path / "mark"
    (folder / "data_batch_1").write_bytes(calling("os", "mkdir", str(mark)))
    opened: list[object] = []
    monkeypatch.setattr(cifar10, "Sandbox", lambda *args: opened.append(args))
    with pytest.raises(UsageError, match="none was opened"):
        cifar10.import_batches(folder, tmp_path / "images.npy", manifest, READER)
    assert not opened
    assert not mark.exists()


HOSTILE = {
    "a system call": calling("os", "mkdir", "{mark}"),
    "a builtin": calling("__builtin__", "eval", "__import__('os').mkdir('{mark}')"),
    "a function of NumPy's": calling("numpy", "load", "{mark}"),
    "an attribute of what is admitted": calling("numpy", "ndarray.tofile", "{mark}"),
    "something outside": b"\x80\x02" + batches.text("{mark}") + b"Q.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_global_that_no_batch_needs_is_refused_though_the_sum_is_right(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / "test_batch").write_bytes(HOSTILE[name])
    manifest = batches.manifest(folder)
    process = fetched(folder, tmp_path / "images.npy", "--manifest", manifest)
    assert process.returncode == 2
    assert "test_batch could not be read: UnpicklingError" in process.stderr
    assert not (tmp_path / "images.npy").exists()


@pytest.mark.parametrize("name", ["a system call", "a builtin"])
def test_the_reader_calls_nothing_it_was_not_told_of(tmp_path: Path, name: str) -> None:
    mark = str(tmp_path / "m")
    content = HOSTILE[name].replace(b"{mark}", mark.encode())
    length = content.index(b"U") + 1
    content = content[:length] + bytes([content[length] + len(mark) - len("{mark}")]) + content[length + 1 :]
    assert "UnpicklingError" in reader().read(content)["error"]
    assert not Path(mark).exists()
    pickle.loads(content, encoding="latin1", fix_imports=True)  # the control: it is a call that works
    assert Path(mark).exists()


@pytest.mark.parametrize(
    ("images", "labels", "clause"),
    [
        (np.zeros((20, 3000), np.uint8), [0] * 20, "could not be read"),
        (np.zeros((20, 3072), np.uint8), [0] * 19, "a label"),
        (np.zeros((20, 3072), np.uint8), [10] * 20, "a label"),
    ],
)
def test_what_is_no_batch_is_refused(folder: Path, tmp_path: Path, images: Any, labels: list[int], clause: str) -> None:
    (folder / "data_batch_1").write_bytes(batches.pickled(images, labels, "odd"))
    process = fetched(folder, tmp_path / "images.npy", "--manifest", batches.manifest(folder))
    assert process.returncode == 2
    assert "data_batch_1 " in process.stderr
    assert clause in process.stderr


def test_a_failed_write_leaves_the_old_file_and_nothing_else(made: Path, tmp_path: Path) -> None:
    target = tmp_path / "images.npy"
    target.write_bytes(b"the old one")
    command = [sys.executable, "-m", "grader", "data", "import", str(made), "-o", str(target)]
    limited = "ulimit -f 2000; exec " + " ".join([*command, "--manifest", str(batches.manifest(made))])
    process = subprocess.run(["/bin/sh", "-c", limited], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert process.returncode == 2, process.stderr
    assert "cannot be written" in process.stderr
    assert target.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [target]


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    manifest = batches.write(tmp_path / "few", 0)
    process = fetched(tmp_path / "few", tmp_path / "images.npy", "--manifest", manifest)
    assert process.returncode == 2
    assert "too few" in process.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a data file"),
        (b"\x93NUMPY\x01\x00" + struct.pack("<H", 10) + b"{'a': 1 }\n", "not a data file"),
        (None, "cannot be read"),
    ],
)
def test_a_data_file_that_is_none_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "images.npy").write_bytes(content)
    with pytest.raises(UsageError, match=said):
        cifar10.describe(tmp_path / "images.npy")


def test_a_part_of_a_data_file_is_refused(made: Path, tmp_path: Path) -> None:
    target = tmp_path / "images.npy"
    cifar10.import_batches(made, target, batches.manifest(made), READER)
    cifar10.describe(target)
    with target.open("r+b") as file:
        file.truncate(target.stat().st_size - 1)
    with pytest.raises(UsageError, match="only a part"):
        cifar10.describe(target)


@pytest.mark.parametrize("content", ["", "c99cafc152244af753f735de768cd75f  data_batch_1\n"])
def test_a_manifest_names_all_six(made: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "sums").write_text(content, "utf-8")
    process = fetched(made, tmp_path / "images.npy", "--manifest", tmp_path / "sums")
    assert process.returncode == 2
    assert "test_batch" in process.stderr
