"""Forms of answers, read from the wire: what fits is the value; what does not is passed over and named, what follows is intact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grader.sandbox import forms
from grader.sandbox.forms import ArrayOf, Form, Keys, ListOf, Number, OneOf, Plain, Row, Text, Unfit
from grader.sandbox.inside import wire

A = np.arange(6.0).reshape(2, 3)


def read(value: Any, form: Form) -> Any:
    """What comes of a value in this form; a number behind it has to be read as it was sent."""
    found, after = forms.decode(wire.frame((value, 7))[wire.HEADER.size :], Row((form, Number())))
    assert after == 7
    return found


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (3, Number()),
        (None, Number()),
        ([1, 2.5, True], forms.series(3)),
        ((1, 2), forms.series(3)),
        ("velocity", Text(8)),
        ({"a": 1, "b": 2.0}, Keys(others=Number())),
        ({"t": 3}, OneOf({"t": Keys({"t": Number()}, most=0)})),
        ([1, [2, {"three": "3"}]], Plain()),
        ([], ListOf(Number(), 0)),
    ],
)
def test_what_fits_is_read_as_it_was_sent(value: Any, form: Form) -> None:
    assert read(value, form) == value


def test_arrays_are_read_as_they_were_sent() -> None:
    for form in (ArrayOf(6), ArrayOf(6, rows=2), forms.series(6), Plain(entries=6)):
        assert np.array_equal(read(A, form), A)


@pytest.mark.parametrize(
    ("value", "form", "what"),
    [
        (A, ArrayOf(5), "an array of shape (2, 3)"),
        (A, ArrayOf(6, rows=3), "an array of shape (2, 3)"),
        (A, Number(), "an array of shape (2, 3)"),
        (A, forms.series(5), "an array of shape (2, 3)"),
        (["x"] * 9, ArrayOf(6), "a list of 9 texts"),
        ([1] * 4, forms.series(3), "a list of 4 numbers"),
        ([1], ListOf(Number(), 2, exactly=True), "a list of 1 number"),
        ((1, 2), Row((Number(),)), "a tuple of 2 numbers"),
        ("velocity", Text(7), "a text"),
        ("1", Number(), "a text"),
        ({"a": 1}, Number(), "a dict"),
        ([1, [2]], Plain(parts=2), "a list of 2"),
        (A, Plain(entries=5), "an array of shape (2, 3)"),
    ],
)
def test_what_does_not_fit_is_named_and_passed_over(value: Any, form: Form, what: str) -> None:
    found = read(value, form)
    assert isinstance(found, Unfit)
    assert found.what.startswith(what)


def test_what_is_ignored_is_passed_over_whatever_it_is() -> None:
    for value in (A, [1, {"a": "b"}], "text", None):
        assert read(value, forms.IGNORED) is None


def test_a_key_that_comes_twice_is_no_dict() -> None:
    data = bytearray(wire.frame({"a": 1, "b": 2})[wire.HEADER.size :])
    data[data.index(b"b")] = ord("a")
    with pytest.raises(wire.WireError, match="twice"):
        forms.decode(bytes(data), Keys({"a": Number()}))
