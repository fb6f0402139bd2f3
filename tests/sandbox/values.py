"""Values for the wire: how to make every kind, send them there and back, and tell whether two are the same to the bit."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from grader.sandbox.inside import wire

HUGE = 2**32 - 1
FUZZ = settings(deadline=None, database=None, max_examples=200)


def there_and_back(value: Any) -> Any:
    framed = wire.frame(value)
    head, body = framed[: wire.HEADER.size], framed[wire.HEADER.size :]
    assert wire.body_size(head) == len(body)
    return wire.decode(body)


def fingerprint(value: Any) -> Any:
    """Something equal exactly when two values are the same to the bit: types, dtypes, shapes, NaN payloads, signs of zero."""
    match value:
        case np.ndarray() | np.generic():
            return type(value), value.dtype, value.shape, value.tobytes()
        case float():
            return struct.pack("<d", value)
        case list() | tuple():
            return type(value), [fingerprint(item) for item in value]
        case dict():
            return [(key, fingerprint(item)) for key, item in value.items()]
        case str():
            return value.encode("utf-8", "replace")
    return type(value), value


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """Arrays of every dtype made from random bytes, so that every bit pattern occurs; some come out as scalars."""
    dtype = draw(st.sampled_from(wire.DTYPES))
    shape = tuple(draw(st.lists(st.integers(0, 4), max_size=3)))
    size = int(np.prod(shape, dtype=int)) * dtype.itemsize
    data = draw(st.binary(min_size=size, max_size=size))
    if dtype.kind == "b":
        data = bytes(byte & 1 for byte in data)
    array = np.frombuffer(data, dtype).reshape(shape)
    return array[()] if draw(st.booleans()) else array


def containers(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(items, max_size=5)
    return lists | lists.map(tuple) | st.dictionaries(st.text(max_size=5), items, max_size=5)


TEXTS = st.text(st.characters(), max_size=20)  # with surrogates
LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXTS | st.binary(max_size=20) | arrays()
    | st.integers(0, HUGE).map(wire.Register) | st.text(max_size=9).map(wire.Opaque)
)  # fmt: skip
VALUES = st.recursive(LEAVES, containers, max_leaves=12)
