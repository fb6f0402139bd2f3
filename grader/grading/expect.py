"""Comparisons that explain themselves. Each returns quietly or raises `Mismatch` with a sentence for the student and one for staff.

Values come from the sandbox, read in the form that the question declared (`sandbox/forms.py`). Beyond that nothing about them is
assumed: type, dtype and shape are settled before any arithmetic, and every comparison is phrased so that NaN fails it. No other
module converts an answer: tests/grading/test_answers.py holds that.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..sandbox.forms import Unfit, is_plain_number
from ..sandbox.inside.wire import Opaque
from ..submission.text import name as shown
from .findings import Comparison, Mismatch

Array = NDArray[Any]


def describe(value: Any) -> str:
    """What a value is, in a student's words: "an array of shape (4, 5) and dtype float64", "None", "a str"."""
    if value is None:
        return "None"
    if isinstance(value, Unfit):
        return value.what
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if isinstance(value, bool | int | float | np.generic):
        return f"the number {value}"
    if isinstance(value, Opaque):
        return f"an object of type {shown(value.type_name, 80)}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)} items"
    return f"a {type(value).__name__}"


def real(value: Any) -> Array | None:
    """An answer that is an array of real numbers or a single one, as an array; None for everything else."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind in "fiu" else None
    return np.asarray(value) if is_plain_number(value) else None


def contents(held: Any) -> str:
    """SHA-256 (hex) of what a log holds, however it was saved: arrays by name, by shape and value, or the data of JSON.

    Empty where that cannot be said, as of an array that is larger than its form.
    """
    whole = hashlib.sha256()
    arrays = held if isinstance(held, Mapping) and any(isinstance(one, np.ndarray) for one in held.values()) else None
    if arrays is None:
        try:
            whole.update(json.dumps(held, sort_keys=True).encode())
        except (TypeError, ValueError):
            return ""
        return whole.hexdigest()
    for name in sorted(arrays):
        array = arrays[name]
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
            return ""
        whole.update(json.dumps([name, array.shape]).encode())
        whole.update(np.ascontiguousarray(array, np.float64).tobytes())
    return whole.hexdigest()


def rel_error(found: Array, wanted: Array) -> float:
    """Largest |x - y| / max(1e-8, |x| + |y|), the handout's measure; NaN if any entry is NaN, 0 for empty arrays."""
    if found.size == 0:
        return 0.0
    return float(np.max(_relative_errors(found, wanted)))


def _relative_errors(found: Array, wanted: Array) -> Array:
    x, y = 0.5 * found.astype(np.float64), 0.5 * wanted.astype(np.float64)  # halves: the sum of two finite ones stays finite
    with np.errstate(invalid="ignore"):
        errors: Array = np.abs(x - y) / np.maximum(0.5e-8, np.abs(x) + np.abs(y))
    return errors


def array(value: Any, name: str, *, shape: tuple[int, ...] | None = None, dtype: Any = None) -> Array:
    """Check that `value` is a real floating-point array (of `shape`, of `dtype`) and return it.

    Raises:
        Mismatch: it is something else.
    """
    if isinstance(value, np.floating) and shape == ():
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        form = f" of shape {shape}" if shape is not None and isinstance(value, Unfit) else ""
        raise Mismatch(f"{name} is {describe(value)}; it should be a NumPy array{form}.")
    if shape is not None and value.shape != shape:
        raise Mismatch(f"{name} has shape {value.shape}; it should have shape {shape}.")
    if value.dtype.kind != "f":
        raise Mismatch(f"{name} has dtype {value.dtype}; it should hold floating-point numbers.")
    if dtype is not None and value.dtype != np.dtype(dtype):
        raise Mismatch(f"{name} has dtype {value.dtype}; it should have dtype {np.dtype(dtype)}.")
    return value


def close(value: Any, wanted: Array, limit: float, name: str, *, published: bool = False) -> None:
    """Check type, shape and finiteness, then that `rel_error(value, wanted) < limit`.

    Raises:
        Mismatch: with the largest error and where it is; where what is wanted is `published` (one axis or two), it stands beside
            what was found.
    """
    found = array(value, name, shape=wanted.shape)
    finite = np.isfinite(found)
    if not finite.all():
        where = _index(~finite)
        raise Mismatch(f"{name} holds {found[where]} at {_place(where)}; every entry should be finite.")
    error = rel_error(found, wanted)
    if not error < limit:
        errors = _relative_errors(found, wanted)
        where = tuple(int(i) for i in np.unravel_index(int(np.argmax(errors)), errors.shape))
        wrong = int(np.sum(~(errors < limit)))
        raise Mismatch(
            f"{name} is not right: relative error {error:.2g}, allowed is less than {limit:g} "
            f"({wrong} of {errors.size} entries are off, the most at {_place(where)}).",
            f"{name}{_place(where)}: found {float(found[where])!r}, expected {float(wanted[where])!r}",
            Comparison(name, found.astype(np.float64).tolist(), wanted.tolist(), where) if published else None,
            missed_by=error / limit,
        )


def number(value: Any, name: str) -> float:
    """Check that `value` is one real number (Python, NumPy scalar or a 0-d array) and return it as a float; NaN passes.

    Raises:
        Mismatch: it is something else.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not is_plain_number(value):
        raise Mismatch(f"{name} is {describe(value)}; it should be a number.")
    return float(value)


def numbers(value: Any, name: str, *, length: int | None = None) -> Array:
    """Check that `value` is a list, tuple or 1-D array of real numbers and return it as float64.

    Raises:
        Mismatch: it is something else, or not of `length`.
    """
    if isinstance(value, np.ndarray):
        if value.ndim != 1 or value.dtype.kind not in "fiu":
            raise Mismatch(f"{name} is {describe(value)}; it should be a list of numbers.")
        found = value.astype(np.float64, copy=False)
    elif isinstance(value, list | tuple):
        found = np.array([number(item, f"{name}[{at}]") for at, item in enumerate(value)], dtype=np.float64)
    else:
        form = "a shorter list" if isinstance(value, Unfit) and value.larger else "a list"
        raise Mismatch(f"{name} is {describe(value)}; it should be {form} of numbers.")
    if length is not None and found.size != length:
        raise Mismatch(f"{name} has {found.size} entries; it should have {length}.")
    return found


def finite(values: Array, name: str) -> None:
    """Check that no entry is NaN or infinite.

    Raises:
        Mismatch: naming the first one that is.
    """
    bad = ~np.isfinite(values)
    if bad.any():
        where = int(np.argmax(bad))
        raise Mismatch(f"{name}[{where}] is {values[where]}; it should be finite.")


def item(value: Any, key: str, name: str) -> Any:
    """Check that `value` is a dict with `key` and return what is under it.

    Raises:
        Mismatch: it is no dict, or the key is missing; a misspelt key is pointed out.
    """
    if not isinstance(value, Mapping):
        raise Mismatch(f"{name} is {describe(value)}; it should be a dict.")
    if key not in value:
        from .rubric import did_you_mean

        near = did_you_mean(key, value).replace("did you mean", "it has") or f"; it has {_names(value)}"
        raise Mismatch(f"{name} has no entry '{key}'{shown(near, 200).rstrip('?')}.")
    return value[key]


def only(value: Mapping[str, Any], keys: Collection[str]) -> str:
    """The first key of a dict that is not among these, cleaned and in quotes; empty if there is none."""
    other = min((key for key in value if key not in keys), default=None)
    return "" if other is None else shown(repr(other), 60)


def pair(value: Any, names: tuple[str, str], function: str) -> tuple[Any, Any]:
    """Check that a function returned two values and return them.

    Raises:
        Mismatch: it returned something else.
    """
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise Mismatch(f"{function} returned {describe(value)}; it should return two values, {names[0]} and {names[1]}.")
    return value[0], value[1]


def one_reading(found: Array, readings: Mapping[str, Array], limit: float, name: str, *, noun: str = "entries") -> str:
    """Check that `found` agrees throughout with one of the accepted readings, and return that reading's name.

    Raises:
        Mismatch: none fits; staff see each reading's distance.
    """
    if any(found.shape != wanted.shape for wanted in readings.values()):
        raise Mismatch(f"{name} has shape {found.shape}, which is not what is compared.")
    errors = {reading: rel_error(found, wanted) for reading, wanted in readings.items()}
    for reading, error in errors.items():
        if error < limit:
            return reading
    distances = ", ".join(f"{reading} {error:.3g}" for reading, error in errors.items())
    nearest = min(errors.values(), key=lambda error: math.inf if math.isnan(error) else error)
    raise Mismatch(
        f"{name} is not right: relative error {nearest:.2g}, allowed is less than {limit:g} ({found.size} {noun} compared). It "
        f"begins with {' and '.join(f'{x:.6g}' for x in found.ravel()[:2])}.",
        f"distance from each accepted reading: {distances}; found {found.tolist()}",
        missed_by=nearest / limit,
    )


def _index(mask: Array) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), mask.shape))


def _place(where: Sequence[int]) -> str:
    return f"[{', '.join(map(str, where))}]"


def _names(value: Mapping[str, Any]) -> str:
    names = ", ".join(f"'{key}'" for key in list(value)[:8])
    return f"only {names}" if names else "no entries at all"
