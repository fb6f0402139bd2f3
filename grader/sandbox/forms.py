"""What an answer may look like: each question declares the form of its answer, and an answer is read in that form or not at all.

A form bounds everything whose size the answering side could choose: entries of arrays, lengths of lists and texts, keys. What
does not fit is passed over on the wire, before a byte of it is converted or copied; in its place stands an `Unfit` that says
what it was. None, truth values and single numbers have a fixed size and fit every form: what kind of number it must be is for
the check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np

from .inside import wire

_SINGLE: Final = frozenset(b"NTFidg")
_OPAQUE: Final = ord("o")
_LONGEST_NAME: Final = 100  # bytes of a key or of a type's name
_NOUNS = {**dict.fromkeys(b"idg", "numbers"), **dict.fromkeys(b"s", "texts"), **dict.fromkeys(b"a", "arrays")}
_NOUNS |= {**dict.fromkeys(b"l", "lists"), **dict.fromkeys(b"t", "tuples"), **dict.fromkeys(b"m", "dicts")}


@dataclass(frozen=True, slots=True)
class Unfit:
    """Stands for an answer, or a part of one, that has another form than was asked for.

    Attributes:
        what: its name: "a list of 9 texts".
        larger: whether it is of the kind that was asked for, and too large.
    """

    what: str
    larger: bool = False


class Form(Protocol):
    """What a value may look like."""

    def read(self, reader: wire.Reader, depth: int) -> Any:
        """The next value of `reader` if it has this form, `Unfit` if not; the reader stands behind it in both cases.

        Raises:
            WireError: the bytes are no value at all.
        """


def decode(body: bytes | memoryview, form: Form) -> Any:
    """The one value in `body`, in this form.

    Raises:
        WireError: anything that is not exactly one well-formed value within the limits of the wire.
    """
    reader = wire.Reader(body)
    value = form.read(reader, 0)
    reader.end()
    return value


@dataclass(frozen=True, slots=True)
class Number:
    """One number, also as an array without dimensions."""

    def read(self, reader: wire.Reader, depth: int) -> Any:
        """See `Form`."""
        return ArrayOf(1).read(reader, depth) if reader.peek() == ord("a") else _single_or_unfit(reader, depth)


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """An array of any shape with at most so many entries; with `rows`, of exactly so many along its first axis."""

    entries: int
    rows: int | None = None

    def read(self, reader: wire.Reader, depth: int) -> Any:
        """See `Form`."""
        if reader.peek() != ord("a"):
            return _single_or_unfit(reader, depth)
        at = reader.at
        reader.begin(depth)
        dtype, shape, size = reader.header(scalar=False)
        if size <= self.entries and (self.rows is None or shape[:1] == (self.rows,)):
            return reader.entries(dtype, shape, size)
        reader.at, reader.values = at, reader.values - 1
        return _unfit(reader, depth, larger=size > self.entries)


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list or tuple of at most so many items of one form; with `exactly`, of neither more nor fewer."""

    item: Form
    most: int
    exactly: bool = False

    def read(self, reader: wire.Reader, depth: int) -> Any:
        """See `Form`."""
        at, values = reader.at, reader.values
        tag = reader.peek()
        if tag not in b"lt":
            return _single_or_unfit(reader, depth)
        reader.begin(depth)
        count = reader.count()
        if count > self.most or (self.exactly and count != self.most):
            reader.at, reader.values = at, values
            return _unfit(reader, depth, larger=count > self.most)
        items = [self.item.read(reader, depth + 1) for _ in range(count)]
        return items if tag == ord("l") else tuple(items)


@dataclass(frozen=True, slots=True)
class Row:
    """A list or tuple with one item for each of these forms."""

    items: Sequence[Form]

    def read(self, reader: wire.Reader, depth: int) -> Any:
        """See `Form`."""
        at, values = reader.at, reader.values
        tag = reader.peek()
        if tag not in b"lt":
            return _single_or_unfit(reader, depth)
        reader.begin(depth)
        if reader.count() != len(self.items):
            reader.at, reader.values = at, values
            return _unfit(reader, depth)
        items = [item.read(reader, depth + 1) for item in self.items]
        return items if tag == ord("l") else tuple(items)


@dataclass(frozen=True, slots=True)
class Either:
    """Two forms: one for an array, the other for all else."""

    array: Form
    other: Form

    def read(self, reader: wire.Reader, depth: int) -> Any:
        """See `Form`."""
        return (self.array if reader.peek() == ord("a") else self.other).read(reader, depth)


def series(most: int) -> Form:
    """A list or tuple of at most so many single numbers, or an array of so many entries."""
    return Either(ArrayOf(most), ListOf(Number(), most))


@dataclass(frozen=True, slots=True)
class Text:
    """A text of at most so many bytes."""

    most: int = _LONGEST_NAME

    def read(self, reader: wire.Reader, depth: int) -> Any:
        """See `Form`."""
        at = reader.at
        if reader.peek() != ord("s"):
            return _single_or_unfit(reader, depth)
        reader.begin(depth)
        length = reader.length()
        reader.at, reader.values = at, reader.values - 1
        return reader.value(depth) if length <= self.most else _unfit(reader, depth)


@dataclass(frozen=True, slots=True)
class Keys:
    """A dict. Of `known` keys each value has its own form; of others the first `most` are kept, in the form `others`.

    The names of other keys are cut to 100 bytes.
    """

    known: Mapping[str, Form] = field(default_factory=dict)
    others: Form = Text()
    most: int = 64

    def read(self, reader: wire.Reader, depth: int) -> Any:
        """See `Form`."""
        if reader.peek() != ord("m"):
            return _single_or_unfit(reader, depth)
        reader.begin(depth)
        found: dict[str, Any] = {}
        room = self.most
        for _ in range(reader.count()):
            key = _name(reader)
            form = self.known.get(key)
            if form is not None:
                if key in found:
                    raise wire.WireError("a dict has the same key twice")
                found[key] = form.read(reader, depth + 1)
            elif room > 0:
                room -= 1
                found[key] = self.others.read(reader, depth + 1)
            else:
                reader.skip(depth + 1)
        return found


@dataclass(frozen=True, slots=True)
class OneOf:
    """A dict in whichever of several forms has the first key that it holds; anything else is unfit."""

    by_key: Mapping[str, Form]

    def read(self, reader: wire.Reader, depth: int) -> Any:
        """See `Form`."""
        at, values = reader.at, reader.values
        if reader.peek() != ord("m"):
            return _single_or_unfit(reader, depth)
        reader.begin(depth)
        form = self.by_key.get(_name(reader)) if reader.count() else None
        reader.at, reader.values = at, values
        return (form or Keys()).read(reader, depth)


@dataclass(frozen=True, slots=True)
class Plain:
    """Plain data of any structure, as long as it is no more than this altogether."""

    parts: int = 10_000
    texts: int = 2**20
    entries: int = 2**20

    def read(self, reader: wire.Reader, depth: int) -> Any:
        """See `Form`."""
        at, values = reader.at, reader.values
        size = reader.skip(depth)
        after, reader.at, reader.values = reader.at, at, values
        if size.parts <= self.parts and size.texts <= self.texts and size.entries <= self.entries:
            return reader.value(depth)
        found = _unfit(reader, depth)
        assert reader.at == after
        return found


@dataclass(frozen=True, slots=True)
class Ignored:
    """Anything; nothing of it is kept."""

    def read(self, reader: wire.Reader, depth: int) -> Any:
        """See `Form`."""
        reader.skip(depth)


IGNORED: Final = Ignored()


def _single_or_unfit(reader: wire.Reader, depth: int) -> Any:
    if reader.peek() in _SINGLE:
        return reader.value(depth)
    if reader.peek() == _OPAQUE:
        return _opaque(reader, depth)
    return _unfit(reader, depth)


def _opaque(reader: wire.Reader, depth: int) -> wire.Opaque:
    reader.begin(depth)
    return wire.Opaque(_name(reader))


def _name(reader: wire.Reader) -> str:
    """A key or a type's name, cut to what a name has."""
    name = reader.take(reader.length())[:_LONGEST_NAME]
    return str(name, "utf-8", "replace")


def _unfit(reader: wire.Reader, depth: int, *, larger: bool = False) -> Unfit:
    """Pass over the next value, which does not fit, and say what it was."""
    at, values = reader.at, reader.values
    reader.skip(depth)
    after, reader.at, reader.values = reader.at, at, values
    what = _what(reader)
    reader.at = after
    return Unfit(what, larger)


def _what(reader: wire.Reader) -> str:
    tag = reader.peek()
    reader.at += 1
    match chr(tag):
        case "a":
            dtype, shape, _ = reader.header(scalar=False)
            return f"an array of shape {shape} and dtype {dtype}"
        case "l" | "t":
            count = reader.count()
            nouns = set()
            for _ in range(count):
                nouns.add(_NOUNS.get(reader.peek(), "items"))
                reader.skip(0)
            return f"a {'list' if tag == ord('l') else 'tuple'} of {count:,} {nouns.pop() if len(nouns) == 1 else 'items'}"
        case "m":
            return f"a dict of {reader.length():,} entries"
        case "s":
            return f"a text of {reader.length():,} bytes"
        case "b":
            return "bytes"
    return "an object of another kind"


def is_plain_number(value: Any) -> bool:
    """Whether a value that was read is a single real number: no truth value, no complex one."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
