"""No bytes whatever make the wire's decoder do more than raise WireError, nor allocate what they only announce."""

from __future__ import annotations

import struct
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grader.sandbox.inside import wire
from tests.sandbox.values import FUZZ, HUGE, VALUES, fingerprint, there_and_back


def decoded_or_refused(body: bytes) -> None:
    """Decode; what comes out must itself be a value that can cross, and only WireError may be raised."""
    try:
        value = wire.decode(body)
    except wire.WireError:
        return
    assert fingerprint(there_and_back(value)) == fingerprint(value)


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused(body: bytes) -> None:
    decoded_or_refused(body)


@FUZZ
@given(VALUES, st.data())
def test_mutated_frames_decode_or_are_refused(value: Any, data: st.DataObject) -> None:
    body = bytearray(wire.frame(value)[wire.HEADER.size :])
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        end = min(len(body), start + data.draw(st.integers(0, 8)))
        body[start:end] = data.draw(st.binary(max_size=8) | st.sampled_from([b"\xff" * 8, b"\0" * 8, b"\0\0\0\4\0\0\0\0"]))
    decoded_or_refused(bytes(body))


@FUZZ
@given(st.integers(0, 15), st.lists(st.sampled_from([0, 1, 2, 2**26, 2**26 + 1, 2**31, 2**32, 2**63, 2**64 - 1]), max_size=17))
@example(11, [2**26] * 5 + [0])
@example(0, [2])
def test_any_announced_shape_decodes_or_is_refused(code: int, shape: list[int]) -> None:
    header = bytes((code, len(shape))) + struct.pack(f"<{len(shape)}Q", *shape)
    for tag in (b"a", b"g"):
        decoded_or_refused(tag + header)
        decoded_or_refused(tag + header + b"\2" * 16)


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_shape_that_breaks_off_is_refused(cut: int) -> None:
    whole = b"a" + bytes((0, 2)) + struct.pack("<2Q", 3, 4)
    with pytest.raises(wire.WireError):
        wire.decode(whole[:-cut])


def peak(body: bytes) -> int:
    """Bytes allocated at most while decoding; NumPy's own are counted too."""
    tracemalloc.start()
    try:
        decoded_or_refused(body)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_measure_of_allocation_sees_what_is_really_there() -> None:
    assert peak(wire.frame(np.zeros(2**17))[wire.HEADER.size :]) > 2**20


@pytest.mark.parametrize("tag", [b"s", b"b", b"l", b"t", b"m", b"o", b"m\1\0\0\0", b"l\1\0\0\0l", b"t\2\0\0\0N"])
@pytest.mark.parametrize("announced", [1000, wire.MAX_FRAME, HUGE])
def test_nothing_is_allocated_by_an_announced_length(tag: bytes, announced: int) -> None:
    body = tag + struct.pack("<I", announced) + b"N" * 30
    with pytest.raises(wire.WireError):
        wire.decode(body)
    assert peak(body) < 2**16


@pytest.mark.parametrize("shape", [(2**26,), (2**13, 2**13), (2**63, 2), (2**26, 2**26, 0), (2**26,) * 15 + (0,)])
def test_nothing_is_allocated_by_an_announced_shape(shape: tuple[int, ...]) -> None:
    for code in range(len(wire.DTYPES)):
        assert peak(b"a" + bytes((code, len(shape))) + struct.pack(f"<{len(shape)}Q", *shape) + b"\0" * 16) < 2**16


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "ends before"),
        (b"NN", "left over"),
        (b"x", "unknown tag"),
        (b"i\0\0", "ends before"),
        (b"s\1\0\0\0\xff", "not UTF-8"),
        (b"m\2\0\0\0" + b"\1\0\0\0aN" * 2, "same key twice"),
        (b"l\1\0\0\0" * 5000 + b"N", "too deep"),
        (b"l" + struct.pack("<I", wire.MAX_VALUES) + b"N" * wire.MAX_VALUES, "too many"),
        (b"a\x0e\0", "unknown dtype"),
        (b"a\0\x11" + b"\0" * 200, "dimensions"),
        (b"g\0\1" + b"\0" * 8, "dimensions"),
    ],
)
def test_each_malformation_is_named(body: bytes, why: str) -> None:
    with pytest.raises(wire.WireError, match=why):
        wire.decode(body)


def test_a_bool_array_holds_nothing_but_true_and_false() -> None:
    back = wire.decode(b"a\0\1" + struct.pack("<Q", 3) + b"\0\1\7")
    assert back.tobytes() == b"\0\1\1"
