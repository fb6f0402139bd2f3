"""Arbitrary bytes in place of answers: a channel with nobody behind it."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.sandbox.child import Exit, ForkedChild
from grader.sandbox.errors import SessionEnded
from grader.sandbox.inside import wire
from grader.sandbox.policy import Limits
from grader.sandbox.session import Session


@pytest.fixture(scope="module")
def dead() -> Iterator[tuple[int, int]]:
    """The id of a process that has ended and is not reaped meanwhile, and a descriptor for it: killing it harms nobody."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    handle = os.pidfd_open(pid)
    yield pid, handle
    os.close(handle)
    os.waitpid(pid, 0)


@contextmanager
def fake(dead: tuple[int, int], limits: Limits) -> Iterator[tuple[ForkedChild, socket.socket, int]]:
    """A child whose channel and output the test writes itself."""
    ours, theirs = socket.socketpair()
    read, write = os.pipe()
    os.set_blocking(write, False)
    theirs.setblocking(False)
    child = ForkedChild(dead[0], os.dup(dead[1]), ours, read, limits, lambda _pid: Exit(0, 0.0, 0))
    try:
        yield child, theirs, write
    finally:
        child.close()
        theirs.close()
        os.close(write)


def _reply(sent: Any, failed: Any = None, absent: Any = ()) -> bytes:
    return wire.frame({"sent": sent, "failed": failed, "absent": list(absent)})


def _values() -> st.SearchStrategy[Any]:
    numbers = (
        st.integers(-(2**63), 2**63 - 1) | st.floats() | st.booleans() | st.none() | st.text(max_size=9) | st.binary(max_size=9)
    )
    return st.recursive(
        numbers, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4), max_leaves=12
    )


def _mutated(data: bytes, changes: list[tuple[int, int]], cut: int) -> bytes:
    changed = bytearray(data)
    for at, byte in changes:
        changed[at % len(changed)] = byte
    return bytes(changed[: len(changed) - cut % len(changed)])


STREAMS = st.one_of(
    st.binary(max_size=400),
    st.builds(lambda size, body: wire.HEADER.pack(wire.MAGIC, size) + body, st.integers(0, 2**32 - 1), st.binary(max_size=400)),
    st.builds(lambda body: wire.HEADER.pack(wire.MAGIC, len(body)) + body, st.binary(max_size=400)),
    st.builds(wire.frame, _values()),
    st.builds(_reply, st.lists(_values(), max_size=3), _values(), st.lists(st.text(max_size=5), max_size=3)),
    st.builds(
        _mutated,
        st.builds(_reply, st.lists(_values(), max_size=2)),
        st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=3),
        st.integers(0, 20),
    ),
)


@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(parts=st.lists(STREAMS, max_size=3), printed=st.binary(max_size=200), hang_up=st.booleans())
def test_any_stream_of_bytes_gives_an_answer_or_a_named_ending(
    dead: tuple[int, int], parts: list[bytes], printed: bytes, hang_up: bool
) -> None:
    limits = Limits(wall=0.02)
    stream = b"".join(parts)
    tracemalloc.start()
    try:
        with fake(dead, limits) as (child, theirs, write):
            theirs.sendall(stream)
            os.write(write, printed)
            if hang_up:
                theirs.shutdown(socket.SHUT_WR)
            session = Session(child, limits, ())
            value = session.put(1)
            started = time.monotonic()
            try:
                answer = session.fetch(value)
            except SessionEnded:  # the only thing that may come out beside an answer
                answer = (None,)
            assert len(answer) == 1
            assert time.monotonic() - started < 30, "the deadline did not hold"
            assert printed.startswith(child.output)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20, "memory grew with what was announced, not with what came"


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"", "protocol"),
        (wire.HEADER.pack(wire.MAGIC, wire.MAX_FRAME), "protocol"),
        (wire.HEADER.pack(wire.MAGIC, wire.MAX_FRAME) + b"b" + struct.pack("<I", wire.MAX_FRAME - 5), "protocol"),
    ],
    ids=["zeros", "a whole frame and more", "one value of all the frame"],
)
def test_a_flood_is_held_within_a_few_frames_of_memory(dead: tuple[int, int], head: bytes, told: str) -> None:
    with fake(dead, Limits(wall=60)) as (child, theirs, _write):
        theirs.setblocking(True)
        flood = threading.Thread(target=_flood, args=(theirs, head))
        flood.start()
        tracemalloc.start()
        try:
            session = Session(child, Limits(wall=60), ())
            with pytest.raises(SessionEnded, match=told):
                session.fetch(session.put(1))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            flood.join()
    assert peak < 5 * wire.MAX_FRAME


def _flood(end: socket.socket, head: bytes) -> None:
    try:
        end.sendall(head)
        while True:
            end.sendall(bytes(2**20))
    except OSError:  # the other side has had enough
        pass


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(body=st.binary(max_size=300) | st.builds(lambda value: wire.frame(value)[wire.HEADER.size :], _values()))
def test_decoding_gives_plain_data_or_one_kind_of_error(body: bytes) -> None:
    try:
        value = wire.decode(body)
    except wire.WireError:
        return
    assert _plain(value)


def _plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    if isinstance(value, dict):
        return all(type(key) is str and _plain(item) for key, item in value.items())
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype in wire.DTYPES
    return type(value) in (type(None), bool, int, float, str, bytes, wire.Register, wire.Opaque)
