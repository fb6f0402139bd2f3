"""Points: exact fractions, weights, one rounding, bonus."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.grading.rubric import Item
from grader.grading.scoring import counts, points, rounded, share

PARTS = ("a", "b", "c")


def row(points: str = "10", bonus: str = "0", weights: Mapping[str, int] | None = None) -> Item:
    """A rubric row with these points and weights."""
    parts = {name: Fraction(weight) for name, weight in (weights or {}).items()}
    return Item("x", Fraction(points), Fraction(bonus), False, "visible", (), parts, {}, (), 10.0)


@pytest.mark.parametrize(
    ("weights", "passed", "wanted"),
    [
        ({}, (), Fraction(0)),
        ({}, ("b",), Fraction(1, 3)),
        ({}, ("a", "b"), Fraction(2, 3)),
        ({}, PARTS, Fraction(1)),
        ({"a": 2, "b": 1, "c": 1}, ("a",), Fraction(1, 2)),
        ({"a": 2, "b": 1, "c": 1}, ("b", "c"), Fraction(1, 2)),
        ({"a": 0, "b": 1, "c": 6}, ("b",), Fraction(1, 7)),
        ({"a": 0, "b": 1, "c": 6}, ("b", "c"), Fraction(1)),
        ({"a": 0, "b": 1, "c": 6}, ("a",), Fraction(0)),
        ({}, ("unknown",), Fraction(0)),
    ],
)
def test_a_share_is_the_weight_passed_over_the_weight_of_all(
    weights: dict[str, int], passed: tuple[str, ...], wanted: Fraction
) -> None:
    assert share(row(weights=weights), PARTS, passed) == wanted


def test_a_part_without_weight_does_not_count() -> None:
    assert counts(row(), PARTS) == ["a", "b", "c"]
    assert counts(row(weights={"a": 0, "b": 1, "c": 6}), PARTS) == ["b", "c"]


@pytest.mark.parametrize(
    ("worth", "earned", "wanted"),
    [
        ("10", Fraction(1, 3), "3.33"),
        ("10", Fraction(2, 3), "6.67"),
        ("8", Fraction(1, 2), "4"),
        ("0.01", Fraction(1, 2), "0.01"),  # half a cent goes up
        ("0.01", Fraction(499999, 1000000), "0"),
        ("2.5", Fraction(1, 1), "2.5"),
        ("100", Fraction(1, 1), "100"),
        ("0", Fraction(1, 1), "0"),
    ],
)
def test_a_score_is_rounded_once_and_half_up(worth: str, earned: Fraction, wanted: str) -> None:
    assert points(row(worth), earned) == Decimal(wanted)


def test_a_bonus_is_earned_beyond_the_points() -> None:
    assert points(row("0", "2"), Fraction(1)) == 2
    assert points(row("8", "2"), Fraction(1)) == 10
    assert points(row("8", "2"), Fraction(0)) == 0


@settings(database=None, derandomize=True, deadline=None)
@given(st.fractions(min_value=0, max_value=1000, max_denominator=10**6))
def test_rounding_stays_within_half_a_cent_and_never_shows_an_exponent(value: Fraction) -> None:
    shown = rounded(value)
    assert abs(Fraction(shown) - value) <= Fraction(1, 200)
    assert shown == shown.quantize(Decimal("0.01"))
    assert "E" not in f"{shown:f}"


@settings(database=None, derandomize=True, deadline=None)
@given(
    st.integers(0, 10_000),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 20), min_size=1).filter(lambda weights: any(weights.values())),
    st.sets(st.sampled_from("abcdef")),
)
def test_no_score_leaves_its_bounds_and_more_passed_is_never_less(cents: int, weights: dict[str, int], passed: set[str]) -> None:
    item = row(str(Fraction(cents, 100)), weights=weights)
    earned = points(item, share(item, tuple(weights), passed))
    whole = points(item, share(item, tuple(weights), tuple(weights)))
    assert 0 <= earned <= whole == Decimal(cents) / 100
    for more in weights:
        assert points(item, share(item, tuple(weights), passed | {more})) >= earned
