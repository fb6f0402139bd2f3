"""A fork server on its way: who gets it, who ends it, and what it leaves behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.sandbox import launch, surroundings
from grader.sandbox.policy import Kind, Level
from grader.sandbox.supervisor import Sandbox
from tests.sandbox.asking import ask

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork servers are Linux's")


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """What a test began and did not use is ended."""
    launch.unwanted()
    yield
    launch.unwanted()


def alive(pid: int) -> bool:
    """Whether a child of this process is still there."""
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return False


def test_a_sandbox_gets_the_server_that_was_begun() -> None:
    launch.begin()
    (begun,) = launch._waiting
    with Sandbox(Level.STUDENT, kind=Kind.FORK) as made:
        assert made.server_pid == begun.pid
        assert ask(made, "def f(): return 1") == 1
    assert not alive(begun.pid)


def test_a_sandbox_gets_the_server_that_was_told_early_what_it_is_to_be() -> None:
    launch.begin()
    surroundings.early()
    (told,) = launch._waiting
    with Sandbox(Level.STUDENT, kind=Kind.FORK) as made:
        assert made.server_pid == told.pid


def test_a_server_that_was_told_something_else_is_ended(tmp_path: Path) -> None:
    surroundings.early()
    (told,) = launch._waiting
    with Sandbox(Level.STUDENT, kind=Kind.FORK, readable=[tmp_path]) as made:
        assert made.server_pid != told.pid
        assert not alive(told.pid)


def test_a_server_that_is_not_wanted_is_ended() -> None:
    launch.begin()
    (begun,) = launch._waiting
    launch.unwanted()
    assert not alive(begun.pid)


def test_a_server_does_not_hold_what_the_grader_has_open() -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)
    with Sandbox(Level.STUDENT, kind=Kind.FORK):
        os.close(write)
        assert os.read(read, 1) == b""  # nobody else has the other end
    os.close(read)


@pytest.mark.parametrize("kind", list(Kind))
def test_bytecode_lies_where_the_grader_has_its_own_and_student_code_writes_none(
    kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import sys\ndef f(): return sys.dont_write_bytecode"
    for unwritten in (True, False):
        monkeypatch.setattr(sys, "dont_write_bytecode", unwritten)
        monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
        with Sandbox(Level.STUDENT, kind=kind) as made:
            assert ask(made, source) is True
        assert bool(list(tmp_path.rglob("worker.*.pyc"))) is not unwritten


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_to_be_done_meanwhile_is_done_once(kind: Kind) -> None:
    done: list[str] = []
    with Sandbox(Level.STUDENT, kind=kind, meanwhile=lambda: done.append("done")) as made:
        assert done == ["done"]
        assert ask(made, "def f(): return 1") == 1
    assert done == ["done"]


def test_where_that_fails_nothing_is_left_running() -> None:
    launch.begin()
    (begun,) = launch._waiting

    def fails() -> None:
        raise LookupError("no such rubric")

    with pytest.raises(LookupError, match="no such rubric"):
        Sandbox(Level.STUDENT, kind=Kind.FORK, meanwhile=fails)
    assert not alive(begun.pid)
