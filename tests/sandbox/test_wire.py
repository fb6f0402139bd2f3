"""The wire carries plain data: every value comes back as it was, and whatever else is sent comes out as plain data or a name."""

from __future__ import annotations

import collections
import enum
from typing import Any, Never

import numpy as np
import pytest
from hypothesis import example, given

from grader.sandbox import forms
from grader.sandbox.inside import wire
from tests.sandbox.values import FUZZ, VALUES, fingerprint, there_and_back


@FUZZ
@given(VALUES)
@example([float("nan"), float("-inf"), -0.0, "\ud800", np.float32("nan")])
@example(np.zeros((1,) * wire.MAX_NDIM))
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert fingerprint(there_and_back(value)) == fingerprint(value)


@FUZZ
@given(VALUES)
def test_an_encoded_value_is_frozen(value: Any) -> None:
    before = fingerprint(value)
    holder = [value]
    frozen = wire.encoded(holder)
    holder.append("later")
    (back,) = there_and_back({"sent": [frozen]})["sent"]
    assert [fingerprint(item) for item in back] == [before]


def test_decoded_arrays_are_fresh_and_writable() -> None:
    body = wire.frame(np.arange(3.0))[wire.HEADER.size :]
    first, second = wire.decode(body), wire.decode(body)
    first += 1
    assert second.tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3).T,
        np.arange(6.0)[::-2],
        np.arange(6, dtype=">i4"),
        np.arange(6, dtype=">c16"),
        np.arange(6, dtype="longlong"),
        np.broadcast_to(np.float32(2), (3, 2)),
        np.array(1.5),
        np.zeros((3, 0, 2)),
        np.zeros(2, dtype=np.dtype("f8", metadata={"note": 1})),
    ],
    ids=["transposed", "reversed", "big-endian", "big-endian complex", "longlong", "broadcast", "0-d", "empty", "metadata"],
)
def test_layout_does_not_matter(array: Any) -> None:
    back = there_and_back(array)
    assert type(back) is np.ndarray
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("<")
    assert back.tolist() == array.tolist()


def lie(*_args: object, **_kwargs: object) -> Never:
    raise AssertionError("the wire asked an object what it is")


class LyingArray(np.ndarray[Any, Any]):
    """Would pass every comparison made through it."""

    shape = dtype = property(lie)
    __array__ = __array_function__ = __array_ufunc__ = __eq__ = tobytes = astype = __len__ = __iter__ = lie


class LyingFloat64(np.float64):
    __array__ = __eq__ = __float__ = tobytes = lie


class LyingText(str):
    __slots__ = ()
    __hash__ = str.__hash__
    encode = __str__ = __eq__ = __len__ = lie


class LyingList(list[Any]):
    __len__ = __iter__ = __getitem__ = __eq__ = lie


class LyingTuple(tuple[Any, ...]):
    __slots__ = ()
    __len__ = __iter__ = __getitem__ = __eq__ = lie


class LyingDict(dict[str, Any]):
    __len__ = __iter__ = items = keys = __getitem__ = __eq__ = lie


Pair = collections.namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.arange(2.0).view(LyingArray), np.arange(2.0)),
        (np.ma.array([1.0, 2.0], mask=[True, False]), np.array([1.0, 2.0])),
        (LyingFloat64(1.5), np.float64(1.5)),
        (LyingText("a\ud800"), "a?"),
        (np.str_("text"), "text"),
        (LyingList([1, [2]]), [1, [2]]),
        (LyingTuple((1, 2)), (1, 2)),
        (Pair(1, 2), (1, 2)),
        (LyingDict(a=1, b=[2]), {"a": 1, "b": [2]}),
        (collections.defaultdict(int, a=1), {"a": 1}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_subclass_comes_out_as_the_data_of_its_base(value: Any, expected: Any) -> None:
    assert fingerprint(there_and_back(value)) == fingerprint(expected)


def pretending(base: type) -> object:
    """An object that only says that it is a `base`."""
    return type("Pretender", (), {"__class__": property(lambda _: base)})()


class LyingInt(int):
    __eq__ = __index__ = lie


class LyingFloat(float):
    __eq__ = __float__ = lie


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize(
    "value",
    [
        *map(pretending, (list, tuple, dict, str, int, float, np.ndarray, np.float64)),
        LyingInt(1), LyingFloat(1.0), Colour.RED, 2**63, -(2**63) - 1, 1j,
        np.array([None]), np.array(["text"]), np.array([b"x"]), np.zeros(2, dtype=[("a", "f8")]), np.void(b"abc"),
        np.longdouble(1), np.datetime64("2020"), np.zeros((1,) * (wire.MAX_NDIM + 1)),
        {1: 2}, {LyingText("a"): 1},
        dict.fromkeys(map(chr, (0xD800, 0xD801))), set(), bytearray(b"x"), memoryview(b"x"), float, lie,
    ],
    ids=lambda value: f"{type(value).__name__}",
)  # fmt: skip
def test_what_cannot_cross_comes_out_as_an_opaque_name(value: Any) -> None:
    back = there_and_back([value])[0]
    assert type(back) is wire.Opaque
    assert back.type_name


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def test_what_is_nested_too_deep_is_refused_on_either_side() -> None:
    at_limit = nested(wire.MAX_DEPTH)
    assert there_and_back(at_limit) == at_limit
    with pytest.raises(wire.WireError, match="nested"):
        wire.frame([at_limit])
    with pytest.raises(wire.WireError, match="nested"):
        wire.decode(b"l\1\0\0\0" + wire.frame(at_limit)[wire.HEADER.size :])
    looped: list[Any] = []
    looped.append(looped)
    with pytest.raises(wire.WireError, match="nested"):
        wire.frame(looped)


def test_what_could_be_encoded_fits_into_a_reply() -> None:
    deepest = nested(wire.MAX_DEPTH - 2)
    assert there_and_back({"sent": [wire.encoded(deepest)]}) == {"sent": [deepest]}
    with pytest.raises(wire.WireError, match="nested"):
        wire.encoded([deepest])
    half = wire.encoded([None] * (wire.MAX_VALUES // 2 - 2))
    assert len(there_and_back([half, half])) == 2
    with pytest.raises(wire.WireError, match="parts"):
        wire.frame([half, half, half])
    with pytest.raises(wire.WireError, match="parts"):
        wire.encoded([None] * wire.MAX_VALUES)


def test_a_frame_has_a_largest_size() -> None:
    largest = wire.frame(bytes(wire.MAX_FRAME - 5))
    assert wire.body_size(largest[: wire.HEADER.size]) == wire.MAX_FRAME
    for encode in (wire.frame, wire.encoded):
        with pytest.raises(wire.WireError, match="larger than the limit"):
            encode(bytes(wire.MAX_FRAME - 4))
    with pytest.raises(wire.WireError, match="limit"):
        wire.body_size(wire.HEADER.pack(wire.MAGIC, wire.MAX_FRAME + 1))
    with pytest.raises(wire.WireError, match="magic"):
        wire.body_size(wire.HEADER.pack(b"QOI0", 1))


@pytest.mark.parametrize("array", [np.zeros(0), np.zeros((0, 3)), np.float64(1.0), np.zeros(2)])
def test_plain_data_without_entries_has_no_arrays_not_even_empty_ones(array: Any) -> None:
    for value in (array, {"a": [array]}):
        assert isinstance(forms.decode(wire.frame(value)[wire.HEADER.size :], forms.Plain(entries=0)), forms.Unfit)
    plain = {"a": [1.0, "x", None, (2, True)]}
    assert forms.decode(wire.frame(plain)[wire.HEADER.size :], forms.Plain(entries=0)) == plain
