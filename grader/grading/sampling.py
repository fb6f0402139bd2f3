"""Is this array a fair draw from N(0, std²)? Tests whose false-alarm probability is known, so that an honest draw is safe.

Every test returns a two-sided p-value, or an upper bound of it, under the hypothesis that the entries are independent
N(0, std²). With k tests at level a/k each, a correct draw is failed with probability at most a (union bound); nothing about
the tests needs to be independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .expect import Array

_GRID = np.linspace(-4.0, 4.0, 65)  # in units of std; the bound below holds for any grid, finer ones only gain power
_GRID_CDF = np.array([0.5 * math.erfc(-z / math.sqrt(2.0)) for z in _GRID])


@dataclass(frozen=True, slots=True)
class Test:
    """One test's outcome: what it looked at, in words with room for the value that was found, and its p-value."""

    name: str
    text: str
    p: float
    found: float = 0.0

    @property
    def what(self) -> str:
        """What it looked at, in words."""
        return self.text.format(self.found)


def normal_p(z: float) -> float:
    """Two-sided p-value of a standard normal variable."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def chi_square_p(value: float, degrees: int) -> float:
    """Two-sided p-value of a chi-square variable, by Wilson and Hilferty's cube-root normal approximation (1931).

    For 40 degrees or more and p above 1e-10 it is between 0.998 and 3.2 times the exact one, which the tests measure (the 3.2
    is the lower tail at 40 degrees). So it errs on the student's side: a correct draw is failed no oftener than promised.
    """
    spread = 2.0 / (9.0 * degrees)
    z = ((max(value, 0.0) / degrees) ** (1.0 / 3.0) - (1.0 - spread)) / math.sqrt(spread)
    return normal_p(z)


def normality_p(values: Array, std: float) -> float:
    """Upper bound on the p-value of the distance between the values' distribution and N(0, std²)."""
    return distance_p(values, _GRID * std, _GRID_CDF)


def distance_p(values: Array, grid: Array, cdf: Array) -> float:
    """Upper bound on the p-value of the distance between the values' distribution and the one that has `cdf` on `grid`.

    The Dvoretzky-Kiefer-Wolfowitz inequality with Massart's constant (1990), P(sup |F_n - F| > d) <= 2 exp(-2 n d²), holds for
    every n and F; looking at the distance on a grid only makes it smaller.
    """
    n = values.size
    counts, _ = np.histogram(values, bins=np.concatenate(([-np.inf], grid, [np.inf])))
    distance = float(np.max(np.abs(np.cumsum(counts)[:-1] / n - cdf)))
    return min(1.0, 2.0 * math.exp(-2.0 * n * distance**2))


def tests(weights: Sequence[tuple[str, Array, float]]) -> Iterator[Test]:
    """All tests for one network's weights.

    Args:
        weights: for each layer its name, its matrix (fan_in, fan_out) and the standard deviation it should have.
    """
    scaled = [np.divide(matrix, std, dtype=np.float64) for _, matrix, std in weights]
    for (name, _, std), layer in zip(weights, _looked_at(scaled), strict=True):
        n = layer.size
        yield Test(name, "the mean is {:.3g}", normal_p(layer.mean * math.sqrt(n)), layer.mean * std)
        yield Test(name, "the standard deviation is {:.4g}", chi_square_p(layer.squares, n - 1), math.sqrt(layer.squares / n) * std)
        for lines, (squares, count) in (("rows", layer.rows), ("columns", layer.columns)):
            if count >= 40:
                yield Test(name, f"the {lines} are not drawn independently of each other", chi_square_p(squares, count))
    names = [name for name, _, _ in weights]
    yield from _anew(list(zip(names, scaled, strict=True)))
    shape = "the values do not follow a normal distribution"
    yield Test(names[0], shape, normality_p(scaled[0].ravel(), 1.0))
    if rest := names[1:]:
        pooled = np.concatenate([values.ravel() for values in scaled[1:]])
        name = rest[0] if len(rest) == 1 else f"{rest[0]} to {rest[-1]}"
        yield Test(name, shape, normality_p(pooled, 1.0))
        spread = "the spread of all values together is off"
        yield Test(name, spread, chi_square_p(float(np.sum(np.square(pooled, out=pooled))), pooled.size))


@dataclass(frozen=True, slots=True)
class _Layer:
    """Sums over one matrix in units of its standard deviation.

    Attributes:
        squares: of the distances from the mean.
        rows, columns: squares of their sums, each sum in units of its own standard deviation, and how many there are.
    """

    size: int
    mean: float
    squares: float
    rows: tuple[float, int]
    columns: tuple[float, int]


def _looked_at(scaled: Sequence[Array]) -> list[_Layer]:
    """Each matrix; those of one shape together, because many small sums take longer than a few large ones."""
    alike: dict[tuple[int, ...], list[int]] = {}
    for number, matrix in enumerate(scaled):
        alike.setdefault(matrix.shape, []).append(number)
    found: dict[int, _Layer] = {}
    for (rows, columns), numbers in alike.items():
        stack = np.stack([scaled[number] for number in numbers]) if len(numbers) > 1 else scaled[numbers[0]][None]
        means = stack.mean(axis=(1, 2))
        by_row = np.sum((stack.sum(axis=2) / math.sqrt(columns)) ** 2, axis=1)
        by_column = np.sum((stack.sum(axis=1) / math.sqrt(rows)) ** 2, axis=1)
        centred = stack - means[:, None, None]
        squares = np.square(centred, out=centred).sum(axis=(1, 2))
        for at, number in enumerate(numbers):
            row, column = (float(by_row[at]), rows), (float(by_column[at]), columns)
            found[number] = _Layer(rows * columns, float(means[at]), float(squares[at]), row, column)
    return [found[number] for number in range(len(scaled))]


def _anew(unit: Sequence[tuple[str, Array]]) -> Iterator[Test]:
    """For each matrix but the first: is it drawn independently of those before it, as it is, and turned where it fits so?

    Given `a`, the product a·b/|a| with an independent b of N(0, 1) entries is itself N(0, 1), exactly. A matrix's p-value is the
    smallest over those before it, times their number.
    """
    for at, (name, matrix) in enumerate(unit[1:], start=1):
        found = [
            (normal_p(_along(other, turned)), before)
            for before, other in unit[:at]
            for turned in (matrix, *((matrix.T,) if matrix.T.shape == other.shape else ()))
        ]
        p, before = min(found, key=lambda one: one[0])
        yield Test(name, f"the values go along with those of {before}", min(1.0, len(found) * p))


def _along(one: Array, other: Array) -> float:
    """How far two matrices go along with each other, in standard deviations; the larger one is cut off where the smaller ends."""
    count = min(one.size, other.size)
    a, b = one.ravel()[:count], other.ravel()[:count]
    return float(a @ b) / max(float(np.linalg.norm(a)), 1e-300)


def alarms(found: Iterable[Test], false_alarm: float, count: int) -> list[Test]:
    """The tests that fail when `count` tests share the probability `false_alarm`; a NaN p-value fails."""
    return [test for test in found if not test.p >= false_alarm / count]
