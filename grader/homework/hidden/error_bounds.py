"""Arithmetic that knows how far a correct computation may be off.

A `Near` is a float64 array with, for each entry, a bound on the distance at which any correct floating-point evaluation in a
given precision may lie. An operation propagates the operands' slack (exactly for sums and products, by monotonicity for
roots, with the smallest possible divisor for quotients) and adds its own rounding: `unit` times the magnitudes involved.

`unit` is 32 machine epsilons where IEEE 754 guarantees half of one for a single operation (Higham, "Accuracy and Stability
of Numerical Algorithms", 2nd ed., section 2.2). The factor of 64 leaves room for algebraically equal forms, which take a few
more operations on the same magnitudes, and for the reference's own rounding; a real mistake is larger by nine orders of
magnitude in float64. Results in the subnormal range may be off by the smallest subnormal, whatever their magnitude.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ...grading.expect import Array

_EPSILONS: Final = 32.0


@dataclass(frozen=True, slots=True)
class Precision:
    """Rounding of one floating-point type: `unit` relative to the magnitudes, `tiny` absolute."""

    unit: float
    tiny: float


def precision(dtype: object) -> Precision:
    """The precision of a NumPy floating-point type."""
    info = np.finfo(np.dtype(dtype))  # type: ignore[call-overload]
    return Precision(_EPSILONS * float(info.eps), float(info.smallest_subnormal))


DOUBLE: Final = precision(np.float64)


class Near:
    """A float64 array (any shape) known up to `slack` (same shape, not negative)."""

    __slots__ = ("precision", "slack", "value")

    def __init__(self, value: Array | float, precision: Precision = DOUBLE, slack: Array | float = 0.0) -> None:
        self.value = np.asarray(value, dtype=np.float64)
        self.slack = np.asarray(slack, dtype=np.float64)
        self.precision = precision

    def __add__(self, other: Near) -> Near:
        return self._sum(other, self.value + other.value)

    def __sub__(self, other: Near) -> Near:
        return self._sum(other, self.value - other.value)

    def __mul__(self, other: Near) -> Near:
        a, b = np.abs(self.value), np.abs(other.value)
        value = self.value * other.value
        return self._rounded(other, value, a * other.slack + b * self.slack + self.slack * other.slack, np.abs(value))

    def __truediv__(self, other: Near) -> Near:
        value = self.value / other.value
        size, smallest = np.abs(value), np.abs(other.value) - other.slack
        carried = self.slack + size * other.slack
        carried = carried / smallest if np.all(smallest > 0) else np.where(smallest > 0, carried / smallest, np.inf)
        return self._rounded(other, value, carried, size)

    def power(self, exponent: int) -> Near:
        """This, which is exact, to a whole power."""
        value = self.value**exponent
        return Near(value, self.precision, self.precision.unit * max(exponent, 1) * np.abs(value))

    def sqrt(self) -> Near:
        """Square root of something that cannot be negative."""
        root = np.sqrt(self.value)
        above = np.sqrt(self.value + self.slack) - root
        below = root - np.sqrt(np.maximum(self.value - self.slack, 0.0))
        return self._rounded(self, root, np.maximum(above, below), root)

    def or_as(self, other: Near) -> Near:
        """This value, with the slack of whichever of two equal ways to compute it rounds worse."""
        return Near(self.value, self.precision, np.maximum(self.slack, other.slack))

    def explains(self, found: Array) -> bool:
        """Whether `found` (same shape) lies within the slack everywhere; NaN never does."""
        return bool((np.abs(found - self.value) <= self.slack).all())

    def _sum(self, other: Near, value: Array) -> Near:
        return self._rounded(other, value, self.slack + other.slack, np.abs(self.value) + np.abs(other.value))

    def _rounded(self, other: Near, value: Array, slack: Array, magnitude: Array) -> Near:
        coarser = self.precision if self.precision.unit >= other.precision.unit else other.precision
        made = Near.__new__(Near)  # both are float64 already
        made.value, made.slack, made.precision = value, slack + coarser.unit * magnitude + coarser.tiny, coarser
        return made


ONE: Final = Near(1.0)
