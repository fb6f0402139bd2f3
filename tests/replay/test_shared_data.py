"""What sessions inherit: the same bytes for all, to be read only, without a path, whatever a student's code tries."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.sandbox.errors import Ending, SandboxUnavailable, SessionEnded
from grader.sandbox.policy import Kind, Layer, Level, Limits
from grader.sandbox.supervisor import Sandbox

CODE = b"""
import ctypes, gc, mmap
import numpy as np
from shared_data import numbers

def total():
    return float(numbers.sum())

def write():
    numbers[0] = 99

def insist():
    numbers.flags.writeable = True

def poke():
    ctypes.memset(numbers.ctypes.data, 255, 8)

def unlock():
    libc = ctypes.CDLL(None, use_errno=True)
    start = numbers.ctypes.data & ~(mmap.PAGESIZE - 1)
    return libc.mprotect(ctypes.c_void_p(start), mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE)

def unlock_ones_own():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    page = libc.mmap(None, mmap.PAGESIZE, mmap.PROT_READ, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    return libc.mprotect(ctypes.c_void_p(page), mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE)

def said():
    base, told = numbers, []
    while base is not None:
        told.append(str(getattr(base, "filename", "")) + str(vars(base) if hasattr(base, "__dict__") else ""))
        base = getattr(base, "base", None)
    return told
"""
VALUES = np.arange(3 * 2**20, dtype=np.float64)  # 24 MB


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An array on disk."""
    path = tmp_path_factory.mktemp("private") / "numbers.npy"
    np.save(path, VALUES)
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module", params=["as the system is", "in a jail"])
def sharing(request: pytest.FixtureRequest, numbers: Path) -> Any:
    """A sandbox with that array, with Landlock where there is one, and with a jail in its place."""
    disabled = [Layer.LANDLOCK] if request.param == "in a jail" else []
    try:
        made = Sandbox(Level.STAFF, kind=Kind.FORK, secrets=[numbers], disabled=disabled, share={"numbers": numbers})
    except SandboxUnavailable as error:
        pytest.skip(f"no such sandbox here: {error}")
    with made:
        yield made


def ask(sandbox: Sandbox, function: str, limits: Limits | None = None) -> Any:
    """Call a function of CODE in a session of its own."""
    with sandbox.session(limits or Limits()) as session:
        session.load({"student.py": CODE})
        (answer,) = session.fetch(session.module("student").attr(function)())
        return answer


def test_every_session_sees_the_same_numbers(sharing: Sandbox) -> None:
    assert [ask(sharing, "total") for _ in range(2)] == [float(VALUES.sum())] * 2


@pytest.mark.parametrize(("attempt", "ending"), [("write", Ending.RAISED), ("insist", Ending.RAISED), ("poke", Ending.CRASHED)])
def test_a_write_ends_the_one_who_tries(sharing: Sandbox, numbers: Path, attempt: str, ending: Ending) -> None:
    with pytest.raises(SessionEnded) as caught:
        ask(sharing, attempt)
    assert caught.value.ending is ending
    assert ask(sharing, "total") == float(VALUES.sum())
    assert np.array_equal(np.load(numbers), VALUES)


def test_the_pages_cannot_be_unlocked_though_ones_own_can(sharing: Sandbox) -> None:
    assert ask(sharing, "unlock") != 0
    assert ask(sharing, "unlock_ones_own") == 0


def test_the_file_is_closed_to_a_session_and_its_path_unknown(sharing: Sandbox, numbers: Path) -> None:
    assert "can_read_secrets" not in sharing.self_test.open_doors
    assert not any(numbers.name in part or str(numbers.parent) in part for part in ask(sharing, "said"))


def test_what_is_shared_does_not_count_against_a_session(sharing: Sandbox) -> None:
    small = dataclasses.replace(Limits(), memory=16 * 2**20)
    assert VALUES.nbytes > small.memory
    assert ask(sharing, "total", small) == float(VALUES.sum())


def test_a_session_without_shared_data_has_none(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        session.load({"student.py": b"import shared_data\nfloat(shared_data.numbers[0])\n"})
        with pytest.raises(SessionEnded, match="ImportError"):
            session.fetch(session.module("student"))


def test_without_fork_nothing_is_shared(numbers: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="Linux"):
        Sandbox(Level.STUDENT, kind=Kind.SPAWN, share={"numbers": numbers})


def test_objects_are_not_shared(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(SandboxUnavailable, match="objects"):
        Sandbox(Level.STUDENT, kind=Kind.FORK, share={"numbers": tmp_path / "objects.npy"})
