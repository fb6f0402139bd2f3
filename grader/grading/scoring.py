"""From settled parts to points, in exact arithmetic."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from .rubric import Item

_CENT = Decimal("0.01")


def share(item: Item, parts: Collection[str], passed: Collection[str]) -> Fraction:
    """The share of an item that is right, between 0 and 1: the weights of the passed parts over the weights of all."""
    weights: Mapping[str, Fraction] = item.parts or dict.fromkeys(parts, Fraction(1))
    return sum((weights[part] for part in parts if part in passed), Fraction(0)) / sum(weights.values(), Fraction(0))


def counts(item: Item, parts: Collection[str]) -> list[str]:
    """The parts that can change the score: those with a weight above 0."""
    return [part for part in parts if not item.parts or item.parts[part] > 0]


def points(item: Item, earned: Fraction) -> Decimal:
    """Score for a share: rounded half up to 2 decimals, once, so that the displayed scores add up to the displayed total."""
    return rounded((item.points + item.bonus) * earned)


def rounded(value: Fraction) -> Decimal:
    """An exact fraction as a decimal with at most 2 places, half up.

    >>> rounded(Fraction(8, 3)), rounded(Fraction(1, 200)), rounded(Fraction(10))
    (Decimal('2.67'), Decimal('0.01'), Decimal('10'))
    """
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(_CENT, ROUND_HALF_UP).normalize() + 0
