"""What the training loop may record, and what each slip records, on gradients drawn once: the numbers of `fixtures/norms.json`,
which the handout has, and of `fixtures/unseen_norms.json`, which it has not.

The check compares with those numbers, so that the line a student writes stands nowhere in what is handed out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, pairwise
from typing import Any, Final

import numpy as np

from ...grading.expect import Array
from ..published import Family
from .norm_formulas import READINGS, SLIPS, has_effect, history
from .slip_combinations import Choices, up_to_two

_FEATURES, _CLASSES = 6, 3
_FACTORS: Final = (1.0, 4.0, 0.3, 9.0, 0.7, 2.0)


def families() -> tuple[Family, ...]:
    """What the loop is run on, everywhere: other widths, numbers of parameters, types and seeds.

    Scales are far apart, and different in every step and parameter, so that sums, squares, the last gradient or all entries
    in one give other numbers than the mean of the norms. Every family's parameters are W1, b1, … up to its number of layers, as
    the network's are, because a loop over the layers is right too.
    """
    two_layers = {"W1": (_FEATURES, 4), "b1": (4,), "W2": (4, _CLASSES), "b2": (_CLASSES,)}
    three_layers = {"W1": (3, 7), "b1": (7,), "W2": (7, 5), "b2": (5,), "W3": (5, 2), "b3": (2,)}
    return (
        _of_short_numbers(_family(5, two_layers, "float64", steps=4)),  # students may type them
        _family(8, three_layers, "float32", steps=2),
        _family(9, {"W1": (_FEATURES, _CLASSES), "b1": (_CLASSES,)}, "float64", steps=2),
        _family(10, two_layers, "float64", steps=2, factors=(0.5, 0.3, 6.0, 2.0)),  # here W2 is the largest, elsewhere b2 or W1
    )


def unseen_families() -> tuple[Family, ...]:
    """What it is run on where staff grade: once more other widths, numbers of layers and of steps."""
    return (
        _family(31, _layers(_FEATURES, 9, 5, 4, _CLASSES), "float32", steps=6),
        _family(32, _layers(_FEATURES, 8, 3, 7, 5, _CLASSES), "float64", steps=2),
        _family(33, _layers(_FEATURES, 11, 2, _CLASSES), "float64", steps=4),
    )


def _layers(*sizes: int) -> dict[str, tuple[int, ...]]:
    """Parameters W1, b1, … of a network of these sizes, as the network's are named: a loop over the layers is right too."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(sizes), start=1):
        shapes |= {f"W{layer}": (fan_in, fan_out), f"b{layer}": (fan_out,)}
    return shapes


def recorded(*sets: Sequence[Family]) -> list[dict[str, dict[str, Any]]]:
    """For each set of families what each reading, and each slip and pair of slips, records over all their steps, one after another.

    Pairs go by both names, "a + b"; of several forms of a slip each has its numbers. What is in all sets what an accepted reading
    gives, or fewer slips, is left out.
    """
    readings = {reading: [_history(drawn, {}, reading) for drawn in sets] for reading in READINGS}
    slips: dict[str, list[list[list[float]]]] = {}
    known = {_key((), numbers) for numbers in readings.values()}
    for names, choices in up_to_two(SLIPS):
        rows = slips.setdefault(" + ".join(f"grad_norm.{name}" for name in names), [])
        for reading in (reading for reading in READINGS if has_effect(choices, reading)):
            numbers = [_short(_history(drawn, choices, reading)) for drawn in sets]
            if numbers not in rows and _key(names, numbers) not in known:
                rows.append(numbers)
        known |= {_key(names, numbers) for numbers in rows if len(names) == 1}
    return [
        {
            "readings": {reading: numbers[at] for reading, numbers in readings.items()},
            "slips": {names: [numbers[at] for numbers in rows] for names, rows in slips.items() if rows},
        }
        for at in range(len(sets))
    ]


def _key(names: Sequence[str], numbers: Sequence[Sequence[float]]) -> tuple[bool, tuple[tuple[float, ...], ...]]:
    """What is the same for the same history: the same numbers, and lists of them or not."""
    return "lists" in names, tuple(tuple(_short(one)) for one in numbers)


def _history(drawn: Sequence[Family], choices: Choices, reading: str) -> list[float]:
    return [number for family in drawn for number in history(family, choices, reading)]


def _short(numbers: Sequence[float]) -> list[float]:
    """To 9 digits, so that what is one function has the same numbers."""
    return [float(f"{number:.9g}") for number in numbers]


def _family(
    seed: int, shapes: Mapping[str, tuple[int, ...]], dtype: str, steps: int, factors: Sequence[float] = _FACTORS
) -> Family:
    draw = np.random.default_rng(seed)
    gradients = tuple(
        {
            name: (scale * factor * draw.normal(size=shape)).astype(dtype)
            for (name, shape), factor in zip(shapes.items(), cycle(factors), strict=False)
        }
        for scale in (1.0, 0.01, 30.0, 2.5, 0.4, 7.0)[:steps]
    )
    return Family({name: draw.normal(size=shape).astype(dtype) for name, shape in shapes.items()}, gradients)


def _of_short_numbers(family: Family) -> Family:
    """The same, every number to three significant digits."""

    def short(arrays: Mapping[str, Array]) -> dict[str, Array]:
        return {name: np.array([float(f"{x:.3g}") for x in a.ravel()]).reshape(a.shape) for name, a in arrays.items()}

    return Family(short(family.params), tuple(map(short, family.gradients)))
