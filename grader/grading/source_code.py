"""Values as source code, so that what was asked can be asked again in a cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from .expect import Array

_WIDTH: Final = 84
_LONG: Final = 200  # entries; an array of more is told by what it repeats, where it does


def assigned(name: str, value: Any) -> str:
    """The statement that gives a name its value, in lines of a width that can be read; `value` as `literal` takes it."""
    return wrapped(f"{name} = {literal(value)}")


def literal(value: Any) -> str:
    """An expression that makes the value: an array of floats, a dict or list of such things, or what Python writes itself."""
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {literal(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return repr(value)


def wrapped(statement: str) -> str:
    """A statement broken behind commas, where it is too long; only within brackets are there commas to break behind."""
    lines = [""]
    for piece in statement.split(", "):
        if lines[-1] and len(lines[-1]) + len(piece) + 2 > _WIDTH:
            lines[-1] += ","
            lines.append(f"    {piece}")
        else:
            lines[-1] += f", {piece}" if lines[-1] else piece
    return "\n".join(lines)


def _array(values: Array) -> str:
    dtype = "" if values.dtype == np.float64 else f", dtype=np.{values.dtype}"
    if not values.size:
        return f"np.zeros({values.shape}{dtype})"
    if values.size > _LONG and (part := _repeated(values.ravel())) is not None:
        return f"np.resize({_array(part)}, {values.shape})"
    return f"np.array({_entries(values)}{dtype})"


def _repeated(values: Array) -> Array | None:
    """The few entries that all others repeat in their order; None if there are none."""
    parts = (values[:count] for count in range(1, _LONG))
    return next((part for part in parts if np.array_equal(np.resize(part, values.size), values)), None)


def _entries(values: Array) -> str:
    if values.ndim == 0:
        return str(values[()])  # as short as its own type allows
    return "[" + ", ".join(_entries(row) for row in values) + "]"
