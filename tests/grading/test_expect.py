"""Comparisons: nothing that merely looks right passes, and what the student reads never holds what was expected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from grader.grading import expect
from grader.grading.findings import Mismatch
from grader.sandbox.inside.wire import Opaque

WANTED = np.array([[0.123456789, -2.5, 3.0], [4.0, 5.0, 6.0]])
NAN, INF = float("nan"), float("inf")


def but(value: Any, at: tuple[int, int] = (1, 2), dtype: Any = np.float64) -> NDArray[Any]:
    """`WANTED` with another value at one place."""
    found = WANTED.astype(dtype)
    found[at] = value
    return found


def mismatch(value: Any, wanted: NDArray[Any] = WANTED, limit: float = 1e-7) -> Mismatch:
    with pytest.raises(Mismatch) as caught:
        expect.close(value, wanted, limit, "next_w")
    assert caught.value.student.startswith("next_w ")
    return caught.value


@pytest.mark.parametrize(
    "value",
    [
        WANTED,
        WANTED.copy(order="F"),
        WANTED * (1 + 1e-9),
        WANTED.astype(np.longdouble),
        np.broadcast_to(WANTED, WANTED.shape),
    ],
)
def test_what_is_right_passes_in_any_memory_layout(value: Any) -> None:
    expect.close(value, WANTED, 1e-7, "next_w")


def test_float32_is_measured_like_any_other_answer() -> None:
    expect.close(WANTED.astype(np.float32), WANTED, 1e-6, "next_w")
    assert "relative error" in mismatch(WANTED.astype(np.float32), limit=1e-12).student


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "is None; it should be a NumPy array."),
        (WANTED.tolist(), "is a list of 2 items; it should be a NumPy array."),
        ("array", "is a str; it should be a NumPy array."),
        (3.0, "is the number 3.0; it should be a NumPy array."),
        (True, "is the number True; it should be a NumPy array."),
        ({}, "is a dict; it should be a NumPy array."),
        (Opaque("Tensor\x1b[31m"), "is an object of type Tensor\ufffd; it should be a NumPy array."),
        (WANTED[0], "has shape (3,); it should have shape (2, 3)."),
        (WANTED[:1], "has shape (1, 3); it should have shape (2, 3)."),
        (WANTED.T, "has shape (3, 2); it should have shape (2, 3)."),
        (WANTED[None], "has shape (1, 2, 3); it should have shape (2, 3)."),
        (np.array(1.0), "has shape (); it should have shape (2, 3)."),
        (np.zeros((0, 3)), "has shape (0, 3); it should have shape (2, 3)."),
        (WANTED.astype(complex), "has dtype complex128; it should hold floating-point numbers."),
        (WANTED.astype(object), "has dtype object; it should hold floating-point numbers."),
        (WANTED.astype(bool), "has dtype bool; it should hold floating-point numbers."),
        (WANTED.astype(int), "has dtype int64; it should hold floating-point numbers."),
        (WANTED.astype(str), "; it should hold floating-point numbers."),
    ],
)
def test_a_look_alike_is_refused_by_what_it_is(value: Any, said: str) -> None:
    assert mismatch(value).student.endswith(said)


def test_an_object_equal_to_everything_is_no_array() -> None:
    class Everything:
        __array_priority__ = 1e9

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 0

        def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
            return WANTED

    assert "should be a NumPy array" in mismatch(Everything()).student


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_what_is_not_finite_never_passes_and_its_place_is_named(value: float, dtype: Any) -> None:
    said = mismatch(but(value, (0, 1), dtype), limit=1e9).student
    assert said == f"next_w holds {value} at [0, 1]; every entry should be finite."


def test_all_nan_never_passes_even_where_nan_was_expected() -> None:
    nans = np.full((2, 3), NAN)
    assert "every entry should be finite" in mismatch(nans, nans).student


def test_the_largest_error_and_its_place_are_told_and_the_expected_value_is_for_staff_only() -> None:
    found = mismatch(but(0.25, (0, 0)))
    assert "1 of 6 entries are off, the most at [0, 0]" in found.student
    assert "relative error 0.34, allowed is less than 1e-07" in found.student
    assert found.missed_by == pytest.approx(0.339 / 1e-7, rel=0.01)
    assert "0.1234" not in found.student
    assert "expected 0.123456789" in found.staff
    assert "found 0.25" in found.staff


def test_the_limit_itself_does_not_pass() -> None:
    wanted = np.array([1.0])
    assert mismatch(np.array([3.0]), wanted, 0.5)  # |3 - 1| / (3 + 1) is 0.5 exactly
    expect.close(np.array([3.0]), wanted, 0.5000001, "next_w")


def test_a_limit_that_is_nan_lets_nothing_pass() -> None:
    assert mismatch(WANTED, WANTED, NAN)


def test_tiny_numbers_are_measured_against_the_floor_of_the_handouts_formula() -> None:
    expect.close(np.array([0.0]), np.array([1e-16]), 1e-7, "next_w")
    assert mismatch(np.array([0.0]), np.array([1e-7]))


@settings(database=None, derandomize=True, deadline=None)
@given(st.integers(0, 5), st.floats(width=64))
def test_one_changed_entry_passes_only_if_it_is_close(at: int, value: float) -> None:
    place = divmod(at, 3)
    wanted = float(WANTED[place])
    error = abs(value - wanted) / max(1e-8, abs(value) + abs(wanted))  # the handout's formula; NaN for infinities
    if error < 1e-7:
        expect.close(but(value, place), WANTED, 1e-7, "next_w")
    else:
        assert mismatch(but(value, place))


@pytest.mark.parametrize(
    ("value", "wanted"), [(3, 3.0), (2.5, 2.5), (np.float32(0.5), 0.5), (np.int64(4), 4.0), (np.array(1.5), 1.5)]
)
def test_a_number_is_taken_in_any_real_form(value: Any, wanted: float) -> None:
    found = expect.number(value, "loss")
    assert type(found) is float
    assert found == wanted


@pytest.mark.parametrize(
    "value",
    [
        True,
        np.bool_(True),
        np.array(True),
        None,
        "3",
        3j,
        np.complex64(3),
        np.array([3.0]),
        [3.0],
        Opaque("Tensor"),
        np.array("3"),
        {},
    ],
)
def test_what_is_no_real_number_is_refused(value: Any) -> None:
    with pytest.raises(Mismatch, match=r"^loss is .*; it should be a number\.$"):
        expect.number(value, "loss")


@pytest.mark.parametrize("value", [[1, 2.0, np.float32(3)], (1, 2, 3), np.array([1, 2, 3]), np.array([1, 2, 3], np.float16)])
def test_a_series_is_taken_as_list_tuple_or_array(value: Any) -> None:
    found = expect.numbers(value, "losses", length=3)
    assert found.dtype == np.float64
    assert found.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "value",
    [None, 3.0, "123", {1: 2}, [1, True], [1, "2"], [[1, 2]], [None], [1j], np.ones((3, 1)), np.ones(3, bool), np.ones(3, complex)],
)
def test_what_is_no_series_of_numbers_is_refused(value: Any) -> None:
    with pytest.raises(Mismatch, match="it should be a"):
        expect.numbers(value, "losses")


def test_a_series_of_another_length_is_refused() -> None:
    with pytest.raises(Mismatch, match="losses has 2 entries; it should have 3"):
        expect.numbers([1, 2], "losses", length=3)


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_the_first_entry_that_is_not_finite_is_named(value: float) -> None:
    with pytest.raises(Mismatch, match=r"losses\[1\] is .*; it should be finite"):
        expect.finite(np.array([1.0, value, value]), "losses")
    expect.finite(np.array([]), "losses")


def test_a_misspelt_key_is_pointed_out_and_made_harmless() -> None:
    assert expect.item({"m": 1}, "m", "config") == 1
    with pytest.raises(Mismatch, match="config has no entry 'velocity'; it has 'velocty'"):
        expect.item({"velocty": 1, "x": 2}, "velocity", "config")
    with pytest.raises(Mismatch, match="it has no entries at all"):
        expect.item({}, "m", "config")
    with pytest.raises(Mismatch, match="config is None; it should be a dict"):
        expect.item(None, "m", "config")
    with pytest.raises(Mismatch) as caught:
        expect.item({"\x1b[2Jevil": 1}, "m", "config")
    assert "\x1b" not in caught.value.student


@pytest.mark.parametrize("value", [None, 3.0, (1,), (1, 2, 3), np.ones(2), "ab", {1: 1, 2: 2}])
def test_what_is_not_two_values_is_refused(value: Any) -> None:
    with pytest.raises(Mismatch, match=r"adam returned .*; it should return two values, next_w and config"):
        expect.pair(value, ("next_w", "config"), "adam")
    assert expect.pair([1, 2], ("next_w", "config"), "adam") == (1, 2)


def test_one_reading_has_to_fit_throughout() -> None:
    readings = {"frobenius": np.array([1.0, 2.0]), "spectral": np.array([3.0, 4.0])}
    assert expect.one_reading(np.array([3.0, 4.0]), readings, 1e-6, "norms") == "spectral"
    for mixed in ([1.0, 4.0], [NAN, 2.0], [NAN, NAN], [INF, 2.0]):
        with pytest.raises(Mismatch) as caught:
            expect.one_reading(np.array(mixed), readings, 1e-6, "norms")
        assert "frobenius" not in caught.value.student
        assert "frobenius" in caught.value.staff
