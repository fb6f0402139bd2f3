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
    """One test's outcome: what it looked at, in words, and its p-value."""

    name: str
    what: str
    p: float


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
    unit = []
    for name, matrix, std in weights:
        scaled = matrix.astype(np.float64) / std
        n = scaled.size
        found, mean = float(scaled.std()) * std, float(scaled.mean())
        yield Test(name, f"the mean is {mean * std:.3g}", normal_p(mean * math.sqrt(n)))
        yield Test(name, f"the standard deviation is {found:.4g}", chi_square_p(float(np.sum((scaled - mean) ** 2)), n - 1))
        for axis, lines in ((1, "rows"), (0, "columns")):
            sums = scaled.sum(axis=axis) / math.sqrt(scaled.shape[axis])
            if sums.size >= 40:
                text = f"the {lines} are not drawn independently of each other"
                yield Test(name, text, chi_square_p(float(np.sum(sums**2)), sums.size))
        unit.append((name, scaled))
    yield from _anew(unit)
    first, rest = unit[0], unit[1:]
    shape = "the values do not follow a normal distribution"
    yield Test(first[0], shape, normality_p(first[1].ravel(), 1.0))
    if rest:
        pooled = np.concatenate([values.ravel() for _, values in rest])
        name = rest[0][0] if len(rest) == 1 else f"{rest[0][0]} to {rest[-1][0]}"
        yield Test(name, shape, normality_p(pooled, 1.0))
        spread = "the spread of all values together is off"
        yield Test(name, spread, chi_square_p(float(np.sum(pooled**2)), pooled.size))


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
