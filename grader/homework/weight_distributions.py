"""Whether weights may be draws from a distribution of a given size, by tests with a known probability to reject a true one.

    spread  sums of squares of normal values are chi-square: Wilson and Hilferty (1931), see `sampling.chi_square_p`; those of
            bounded values stay near their mean: Hoeffding (1963), theorem 2, P(|mean - E| >= d) <= 2 exp(-2 n d² / R²) for n
            independent values in [0, R]
    shape   Dvoretzky, Kiefer and Wolfowitz, see `sampling.distance_p`; normal values meet all of `sampling.tests`

Each is taken at the level `DOUBT`: with about that probability at most it rejects what is true.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ..grading import sampling
from ..grading.expect import Array

DOUBT: Final = 1e-9
EXACT: Final = 1e-5  # relative: the same but for rounding, to float32 at the coarsest
_END: Final = math.sqrt(3.0)  # of a uniform distribution around 0 or from 0 on, in units of its root mean square
_GRID: Final = np.linspace(-4.0, 4.0, 65)


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a layer's weights may be drawn from.

    Attributes:
        slips: what is wrong with it; nothing with the normal distribution.
        share: its root mean square, in units of the standard deviation that goes into it.
        low: of its values, in units of their root mean square.
        high: likewise; infinite for the normal ones.
        cdf: of its values in those units.
    """

    slips: tuple[str, ...]
    share: float
    low: float
    high: float
    cdf: Callable[[float], float]

    def may_spread(self, squares: float, count: int, std: float) -> bool:
        """Whether `count` values drawn with `std` may have this sum of squares."""
        if not std > 0:
            return False
        total = squares / (self.share * std) ** 2
        if math.isinf(self.high):
            return sampling.chi_square_p(total, count) > DOUBT
        if self.low == self.high:
            return abs(total / count - 1) < 2 * EXACT
        return 2 * math.exp(-2 * count * ((total / count - 1) / self.high**2) ** 2) > DOUBT

    def may_be(self, layers: Sequence[tuple[Array, float]]) -> bool:
        """Whether independent layers, each with the `std` that goes into it, may be drawn from it."""
        if not self.slips:
            drawn = [(str(number), values, std) for number, (values, std) in enumerate(layers)]
            return all(test.p > DOUBT for test in sampling.tests(drawn))
        unit = np.concatenate([values.ravel() / (self.share * std) for values, std in layers])
        if unit.min() < self.low - EXACT or unit.max() > self.high + EXACT:
            return False
        return self.low == self.high or sampling.distance_p(unit, _GRID, np.array([self.cdf(x) for x in _GRID.tolist()])) > DOUBT


def _uniform(low: float, high: float) -> Callable[[float], float]:
    return lambda x: min(max((x - low) / (high - low), 0.0), 1.0)


def _normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


# The more common one stands first.
DISTRIBUTIONS: Final = (
    Distribution((), 1.0, -math.inf, math.inf, _normal),
    Distribution(("uniform",), 1.0, -_END, _END, _uniform(-_END, _END)),
    Distribution(("uniform_narrow",), 1 / _END, -_END, _END, _uniform(-_END, _END)),
    Distribution(("uniform_positive",), 1 / _END, 0.0, _END, _uniform(0.0, _END)),
    Distribution(("uniform_half",), 0.5 / _END, -_END, _END, _uniform(-_END, _END)),
    Distribution(("positive",), 1.0, 0.0, math.inf, lambda x: max(2 * _normal(x) - 1, 0.0)),
    Distribution(("constant",), 1.0, 1.0, 1.0, lambda x: float(x >= 1.0)),
)
