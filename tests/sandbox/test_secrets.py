"""No expected value is in the memory of any process that student code shares or inherits."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from grader.homework import HOMEWORK, published
from grader.sandbox.errors import SessionEnded
from grader.sandbox.forms import Plain
from grader.sandbox.policy import Kind, Layer, Level, Limits
from grader.sandbox.session import Remote, Session
from grader.sandbox.supervisor import Sandbox
from tests.sandbox.asking import load

CONTROL = 0.58214907336150421  # sent as an input: a search that does not find it proves nothing
SAMPLE = Path(__file__).resolve().parents[2] / "fixtures" / "submissions" / "reference" / "deeplearning" / "optim.py"
GOLDEN = HOMEWORK.fixtures.folder / published.GOLDEN
ROOMY = Limits(wall=60, cpu=60, memory=1024 * 2**20)

Dump = Iterator[bytes]


def secrets() -> list[float]:
    """Golden numbers with so many digits that they turn up nowhere by chance, nor by computing the answer in full precision."""

    def numbers(value: object) -> Iterator[float]:
        match value:
            case float():
                yield value
            case list():
                for item in value:
                    yield from numbers(item)
            case dict():
                for item in value.values():
                    yield from numbers(item)

    found = [number for number in numbers(json.loads(GOLDEN.read_text("utf-8"))) if len(repr(abs(number))) >= 10]
    return found[:: max(1, len(found) // 16)]


def needles() -> dict[str, bytes]:
    """What to look for: each number as a double and as text."""
    texts = {f"text {number!r}": repr(abs(number)).encode() for number in secrets()}
    return texts | {f"double {number!r}": struct.pack("<d", number) for number in secrets()}


def seen(dump: Dump) -> set[str]:
    """Which needles, and whether the control, are in a dump."""
    wanted = {"control": struct.pack("<d", CONTROL), **needles()}
    return {name for region in dump for name, needle in wanted.items() if needle in region}


def memory(pid: int) -> Dump:
    """Every readable region of a process; a foreign one can be read by root only, and not by every container's."""
    try:
        mem = open(f"/proc/{pid}/mem", "rb", buffering=0)  # noqa: SIM115
        maps = Path(f"/proc/{pid}/maps").read_text("ascii")
    except PermissionError:
        pytest.skip("reading another process's memory takes root with CAP_SYS_PTRACE")
    with mem:
        for line in maps.splitlines():
            span, access, *_ = line.split()
            start, end = (int(edge, 16) for edge in span.split("-"))
            if "r" not in access or line.endswith(("[vvar]", "[vvar_vclock]", "[vsyscall]")):
                continue
            region = bytearray()
            while start + len(region) < end:
                try:
                    part = os.pread(mem.fileno(), end - start - len(region), start + len(region))
                except OSError:  # a page that is mapped but not there, e.g. beyond the end of a file
                    break
                region += part
            yield bytes(region)


@pytest.fixture
def begun() -> Iterator[Callable[..., tuple[Sandbox, Session, Remote]]]:
    """Begin a session in the middle of a golden check, in a sandbox started by a process that knows the answers already."""
    assert published.golden()["adam"].next_w.size
    made: list[Sandbox | Session] = []

    def begin(level: Level, *disabled: Layer) -> tuple[Sandbox, Session, Remote]:
        sandbox = Sandbox(level, kind=Kind.FORK, secrets=HOMEWORK.secrets(), disabled=disabled)
        made.append(sandbox)
        session = sandbox.session(ROOMY)
        made.append(session)
        session.load({**HOMEWORK.support, "deeplearning/optim.py": SAMPLE.read_bytes(), "dump.py": DUMPS})
        rules = session.module("deeplearning.optim")
        for rule, case in published.golden().items():
            session.fetch(rules.attr(rule)(case.w, case.dw, case.config))
        session.fetch(session.put(np.full(4, CONTROL)))
        return sandbox, session, session.module("dump")

    yield begin
    for opened in reversed(made):
        opened.close()


PIECE = Plain(texts=2**24)  # of memory
DUMPS = b"""
import ctypes

def take():
    global TAKEN
    with open("/proc/self/maps") as maps:
        lines = maps.read().splitlines()
    TAKEN = []
    for line in lines:
        span, access, _, _, inode, *name = line.split()
        start, end = (int(edge, 16) for edge in span.split("-"))
        special = name and name[0].startswith(("[vvar", "[vdso", "[vsyscall"))
        if access[0] == "r" and not special and ("w" in access or inode == "0"):
            TAKEN += [ctypes.string_at(at, min(2**24, end - at)) for at in range(start, end, 2**24)]
    return len(TAKEN)

def piece(number):
    return TAKEN[number]
"""


def test_the_needles_are_what_the_grader_holds() -> None:
    assert len(needles()) >= 24
    own = np.concatenate([case.next_w.ravel() for case in published.golden().values()])
    assert len(seen(iter([own.tobytes()]))) >= 4
    assert len(seen(iter([GOLDEN.read_bytes()]))) == len(secrets())


def test_the_graders_own_memory_holds_them() -> None:
    assert published.golden()["adam"].next_w.size
    found = seen(memory(os.getpid()))
    assert any(name.startswith("double") for name in found)
    assert "control" in found


def test_a_session_and_its_server_hold_no_golden_value(begun: Callable[..., tuple[Sandbox, Session, Remote]]) -> None:
    sandbox, session, _ = begun(Level.STAFF)
    assert sandbox.server_pid is not None
    assert seen(memory(session.pid)) == {"control"}
    assert seen(memory(sandbox.server_pid)) == set()


def test_code_that_searches_its_own_memory_finds_no_golden_value(begun: Callable[..., tuple[Sandbox, Session, Remote]]) -> None:
    _, session, dump = begun(Level.STUDENT, Layer.LANDLOCK, Layer.JAIL)
    (count,) = session.fetch(dump.attr("take")())
    pieces = (session.fetch(dump.attr("piece")(number).like(PIECE))[0] for number in range(count))
    assert seen(pieces) == {"control"}


def test_at_full_isolation_not_even_the_map_of_memory_can_be_read(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        load(session, "def f(): open('/proc/self/maps')")
        with pytest.raises(SessionEnded) as caught:
            session.fetch(session.module("m").attr("f")())
        assert caught.value.kind == "PermissionError"
