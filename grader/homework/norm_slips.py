"""Which slips explain what a training loop recorded of its gradients: one, or two together, in all runs alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ..grading import expect
from ..grading.expect import Array
from .misconceptions import Misconception, agreed, catalogue
from .published import Norms

_NOTHING: Final = "grad_norm.nothing"
_LISTS: Final = "grad_norm.lists"


def of(histories: Sequence[Any], asked: Norms, limit: float) -> list[Misconception]:
    """The slips, at most two, that give exactly these histories, and no others do; empty if that cannot be told.

    Args:
        histories: what was recorded in the runs on `asked.families`, in their order.
        limit: relative error up to which a number is the same.
    """
    if all(isinstance(history, list) and not history for history in histories):
        return [catalogue()[_NOTHING]]
    return [catalogue()[slip] for slip in agreed(explaining(histories, asked, limit))]


def explaining(histories: Sequence[Any], asked: Norms, limit: float) -> list[tuple[str, ...]]:
    """Every combination of slips that gives these histories, the more common ones first; see `of`."""
    found = [_numbers(history) for history in histories]
    numbers = [flat for flat, _ in found if flat is not None]
    if len(numbers) < len(found):
        return []
    recorded, nested = np.concatenate(numbers), {lists for _, lists in found}
    named = ((tuple(names.split(" + ")), rows) for names, rows in asked.slips.items())
    return [slips for slips, rows in named if nested == {_LISTS in slips} and any(_same(recorded, row, limit) for row in rows)]


def _numbers(history: Any) -> tuple[Array | None, bool]:
    """All numbers of a history one after the other, and whether it holds lists of them; None if it holds anything else."""
    items = history if isinstance(history, list | tuple) else np.atleast_1d(history) if _is_number(history) else [history]
    if isinstance(history, np.ndarray) and history.ndim:
        items = list(history)
    nested = bool(len(items)) and all(isinstance(item, list | tuple) or _is_row(item) for item in items)
    flat = [number for item in items for number in item] if nested else list(items)
    if not all(_is_number(number) for number in flat):
        return None, nested
    try:
        return np.array([float(number) for number in flat]), nested
    except OverflowError:  # an integer beyond all floats
        return None, nested


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) or (
        isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "fiu"
    )


def _is_row(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 1


def _same(found: Array, row: Sequence[float], limit: float) -> bool:
    return len(found) == len(row) and bool(expect.rel_error(found, np.array(row)) < limit)
