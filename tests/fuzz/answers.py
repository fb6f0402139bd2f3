"""A student's process that answers every question with generated values: no process, no code, only frames.

The stand-in holds the answers that the reference gives (recorded once, in the real sandbox) and changes them where a throw of
the dice says so; a question that the reference was never asked is answered in the form that the grader declared for it. All
randomness of an attempt comes from its seed, so an attempt can be repeated alone.
"""

from __future__ import annotations

import random
import string
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import numpy as np

from grader.sandbox import forms
from grader.sandbox.child import Child, Exit
from grader.sandbox.inside import wire
from grader.sandbox.policy import Kind, Limits
from grader.sandbox.session import Asked, Remote, Session
from grader.sandbox.supervisor import Sandbox
from tests.fuzz.texts import NASTY

Key = tuple[tuple[str, ...], int, int]  # what was queued, how often that was asked since the files were mounted, bytes of it
_MOUNT: Final = "mount the files"
_NUMBERS: Final = (0, 1, -1, 2, 7, 2**31, 2**63 - 1, -(2**63), 0.0, -0.0, 1.0, 0.5, -1.5, 1e-300, 5e-324, 1e38, 1e308, -1e308)
_NOT_FINITE: Final = (float("nan"), float("inf"), float("-inf"))
_WORDS: Final = (
    "W1", "W01", "w1", "b1", "W11", "W0", "m", "v", "t", "cache", "velocity", "velocities", "next_w", "config", "dw", "columns",
    "steps", "raised", "kept", "note", "learning_rate", "arrays", "value", "error", "sent", "failed", "loss", "grads", "cells",
    "__class__", "epsilon", "beta1", "train_accs", "val_accs", "train_losses",
)  # fmt: skip
_SHAPES: Final = (
    (),
    (0,),
    (1,),
    (2,),
    (4, 5),
    (5, 4),
    (20,),
    (1, 20),
    (0, 3),
    (3, 0, 2),
    (2, 3, 4),
    (1,) * 16,
    (0, 2**26),
    (7, 1, 7),
)


# What is generated


def odd(draw: random.Random, depth: int = 0) -> Any:
    """A value of any kind that can stand on the wire."""
    kind = draw.randrange(20 if depth < 6 else 12)
    if kind < 2:
        return draw.choice((None, True, False))
    if kind < 4:
        return number(draw)
    if kind < 8:
        return array(draw)
    if kind == 8:
        return text(draw)
    if kind == 9:
        return draw.choice((b"", b"\0", draw.randbytes(draw.randrange(40))))
    if kind == 10:
        return draw.choice((wire.Opaque("object"), wire.Opaque(text(draw)[:90]), wire.Opaque("ndarray of object")))
    if kind == 11:
        return wire.Register(draw.choice((0, 1, 2**32 - 1))) if draw.random() < 0.8 else draw.choice(huge())
    if kind < 16:
        items = [odd(draw, depth + 1) for _ in range(draw.choice((0, 1, 1, 2, 2, 3, 4, 9)))]
        if draw.random() < 0.3 and items and not isinstance(items[0], wire.Raw | list | tuple | dict):  # many alike
            items = items[:1] * draw.choice((2, 5, 83, 300))
        return items if draw.random() < 0.6 else tuple(items)
    if kind < 19:
        return {key(draw): odd(draw, depth + 1) for _ in range(draw.choice((0, 1, 2, 3, 8)))}
    inner = odd(draw, 6)
    for _ in range(draw.randrange(1, 11 if depth == 0 else 4)):
        inner = draw.choice(([inner], (inner,), {"a": inner}, [inner, inner] if draw.random() < 0.2 else [inner]))
    return inner


def number(draw: random.Random) -> Any:
    """A single number, of any type."""
    value = draw.choice(_NUMBERS + _NOT_FINITE) if draw.random() < 0.7 else draw.gauss(0.0, 10.0)
    if draw.random() < 0.5:
        return value
    dtype = draw.choice(wire.DTYPES)
    with np.errstate(all="ignore"):
        found = np.float64(value).astype(dtype)
    return found if draw.random() < 0.7 else np.asarray(found)


def array(draw: random.Random, shape: tuple[int, ...] | None = None) -> np.ndarray[Any, Any]:
    """An array of any dtype, filled with something."""
    shape = draw.choice(_SHAPES) if shape is None else shape
    dtype = draw.choice(wire.DTYPES)
    fill = draw.randrange(4)
    with np.errstate(all="ignore"):
        if fill == 0:
            return np.zeros(shape, dtype)
        if fill == 1:
            return np.full(shape, draw.choice(_NUMBERS + _NOT_FINITE)).astype(dtype)
        made = np.random.default_rng(draw.randrange(2**32)).normal(0.0, draw.choice((1e-3, 1.0, 1e3)), shape)
        if fill == 2 and made.size:
            made.flat[draw.randrange(made.size)] = draw.choice(_NOT_FINITE)
        return made.astype(dtype)


def text(draw: random.Random) -> str:
    """A text."""
    kind = draw.randrange(4)
    if kind == 0:
        return draw.choice(NASTY)
    if kind == 1:
        return draw.choice(_WORDS)
    if kind == 2:
        return "".join(draw.choices(string.printable, k=draw.randrange(12)))
    return draw.choice(NASTY) * draw.choice((1, 2, 50, 2_000))


def key(draw: random.Random) -> str:
    """A key: a right one, a misspelt one, anything."""
    word = draw.choice(_WORDS)
    kind = draw.randrange(4)
    if kind == 0:
        return word
    if kind == 1:
        return misspelt(draw, word)
    return text(draw)


def misspelt(draw: random.Random, word: str) -> str:
    """Nearly the same word."""
    at = draw.randrange(len(word) + 1)
    return draw.choice((word[:at] + word[at + 1 :], word[:at] + "x" + word[at:], word.upper(), word + " ", word + "s", word[::-1]))


@cache
def huge() -> tuple[wire.Raw, ...]:
    """Values of many parts or bytes, encoded once."""
    values = [
        ["x"] * 20_000,
        ["x" * 50_000] * 20,
        [["x"] * 5_000 + ["y" * 50_000]] * 2,
        [[0.5] * 4] * 4_000,
        tuple(range(30_000)),
        {f"velocity_of_the_parameter_{n}": None for n in range(8_000)},
        {f"W{n}": np.zeros(3) for n in range(2_000)},
        "x" * 2**20,
        b"\0" * 2**20,
        np.zeros(2**20, "i1"),
        np.zeros((2**19, 2), "<f2"),
        np.zeros((120_000, 1), "i1"),
        np.full(2**17, np.nan),
        [np.zeros(0)] * 20_000,
        np.zeros(2**18, "<c16"),
        [True] * 30_000,
    ]
    return tuple(wire.encoded(value) for value in values)


# What is changed


class Changed:
    """Makes other answers of honest ones; what is left as it was is encoded only once."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Any, wire.Raw]] = {}

    def raw(self, value: Any) -> Any:
        """An honest value, encoded."""
        if not isinstance(value, np.ndarray | list | tuple | dict | str):
            return value
        found = self._kept.get(id(value))
        if found is None:
            found = self._kept[id(value)] = (value, wire.encoded(value))  # with the value, so that its id stays its own
        return found[1]

    def value(self, draw: random.Random, value: Any) -> Any:
        """Another value in the place of `value`, changed somewhere within or altogether."""
        if isinstance(value, dict | list | tuple) and value and draw.random() < 0.93:
            return self._within(draw, value)
        if draw.random() < 0.25:
            return odd(draw, 3)
        if isinstance(value, np.ndarray) and value.size:
            return self._array(draw, value)
        if isinstance(value, dict):
            return self._dict(draw, value)
        if isinstance(value, list | tuple):
            return self._list(draw, value)
        if isinstance(value, str):
            return draw.choice((text(draw), value + text(draw), value[: len(value) // 2], value * draw.choice((0, 2, 300))))
        return self._number(draw, value)

    def _within(self, draw: random.Random, value: Any) -> Any:
        places = list(value) if isinstance(value, dict) else range(len(value))
        some = {draw.choice(places) for _ in range(draw.choice((1, 1, 1, 2, 4)))}
        if isinstance(value, dict):
            return {name: self.value(draw, item) if name in some else self.raw(item) for name, item in value.items()}
        items = [self.value(draw, item) if at in some else self.raw(item) for at, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)

    def _array(self, draw: random.Random, value: np.ndarray[Any, Any]) -> Any:
        kind = draw.randrange(16)
        with np.errstate(all="ignore"):
            if kind == 0:
                return value.astype(draw.choice(wire.DTYPES))
            if kind == 1:
                return draw.choice((value.ravel(), value[None], value[..., None], value.T, np.squeeze(value), value.reshape(-1, 1)))
            if kind == 2:
                return draw.choice(
                    (value[:0], value[:1], value[1:], value[::-1], value[..., :-1], value.ravel()[0]) if value.ndim else (value,)
                )
            if kind == 3:
                return np.concatenate([value.ravel()] * draw.choice((2, 3, 5))) if value.size < 2**17 else value
            if kind == 4:
                return value * draw.choice((-1.0, 0.0, 2.0, 0.5, 1 + 1e-3, 1 + 1e-9, 1e30, float("nan")))
            if kind == 5:
                return value.ravel()[:3000].tolist() if draw.random() < 0.5 else tuple(value.ravel()[:300].tolist())
            if kind == 6 and value.size < 1000:
                return value.tolist()
            if kind == 7:
                return np.zeros_like(value)
            if kind == 8:
                return array(draw, value.shape if value.size < 5_000 else None)
            other = value.copy()
            other.flat[draw.randrange(other.size)] = draw.choice((*_NOT_FINITE, 0.0, 1e30)) if other.dtype.kind == "f" else 1
            return other

    def _dict(self, draw: random.Random, value: Mapping[str, Any]) -> Any:
        items = {name: self.raw(item) for name, item in value.items()}
        kind = draw.randrange(7)
        if kind == 0 or not items:
            return {**items, **{key(draw): odd(draw, 3) for _ in range(draw.choice((1, 3, 20)))}}
        name = draw.choice(list(items))
        if kind == 1:
            del items[name]
        elif kind == 2:
            items[misspelt(draw, name)] = items.pop(name)
        elif kind == 3:
            other = draw.choice(list(items))
            items[name], items[other] = items[other], items[name]
        elif kind == 4:
            return list(items.items())
        elif kind == 5:
            return {f"{misspelt(draw, name)}{n}": None for n in range(draw.choice((1, 70, 500)))}
        else:
            return {}
        return items

    def _list(self, draw: random.Random, value: Sequence[Any]) -> Any:
        items = [self.raw(item) for item in value]
        kind = draw.randrange(8)
        if kind == 0 or not items:
            return [*items, odd(draw, 3)]
        if kind == 1:
            del items[draw.randrange(len(items))]
        elif kind == 2 and sum(len(item.body) for item in items if isinstance(item, wire.Raw)) < 2**18:
            items *= draw.choice((2, 3, 40)) if len(items) < 200 else 2
        elif kind == 3:
            draw.shuffle(items)
        elif kind == 4:
            return tuple(items) if isinstance(value, list) else items
        elif kind == 5:
            items = items[: draw.randrange(len(items))]
        elif kind == 6:
            return [items]
        else:
            items[draw.randrange(len(items))] = odd(draw, 3)
        return items if isinstance(value, list) else tuple(items)

    def _number(self, draw: random.Random, value: Any) -> Any:
        if isinstance(value, int | float | np.number) and not isinstance(value, bool):
            with np.errstate(all="ignore"):
                other = [value + 1, -value, value * 1.001, float(np.real(value)), np.float32(value), np.float16(value)]
                other += [np.asarray(value), np.array([value]), str(value), [value], np.complex128(value), *_NOT_FINITE]
            found = draw.choice(other)
            return found if not isinstance(found, int) or -(2**63) <= found < 2**63 else float(found)
        return number(draw)


def formed(draw: random.Random, form: forms.Form) -> Any:
    """A value for a question that the reference was never asked: mostly in the form that is asked for, with any numbers."""
    if draw.random() < 0.003:
        return odd(draw)
    match form:
        case forms.Number():
            return number(draw) if draw.random() < 0.1 else draw.choice((1, 0.5, True, False, False))
        case forms.ArrayOf(entries, rows):
            size = max(0, (entries // (rows or 1) - 1_000) // 4)  # what `answers.array` allows for that
            shape = (*((rows,) if rows else ()), *draw.choice(((size,), (size, 1), (1, size))))
            made = np.random.default_rng(draw.randrange(2**32)).normal(size=shape if size < 5_000 else (3,))
            return made.astype(draw.choice(("<f8", "<f8", "<f8", "<f4", "<f2", "<i8")))
        case forms.ListOf(item, most, exactly):
            count = most if exactly else min(most, draw.choice((0, 1, 2, 3, 4, 5, 12)))
            return [formed(draw, item) for _ in range(count)]
        case forms.Row(items):
            row = [formed(draw, item) for item in items]
            return row if items and isinstance(items[0], forms.OneOf | forms.Keys) else tuple(row)  # as `rule_driver` puts it
        case forms.Either(array_form, other):
            return formed(draw, array_form if draw.random() < 0.5 else other)
        case forms.Keys(known, others, _):
            found = {name: formed(draw, one) if name != "raised" else draw.random() < 0.2 for name, one in known.items()}
            return found if draw.random() < 0.98 else {**found, key(draw): formed(draw, others)}
        case forms.OneOf(by_key):
            return formed(draw, by_key[draw.choice(list(by_key))]) if by_key else {}
        case forms.Text():
            return text(draw)[:50]
    return draw.choice((None, {}, [], 0.5, {"value": {"value": {}}}, odd(draw)))


# Who answers


@dataclass(slots=True)
class Recorded:
    """The reference's answers: what was sent back to each message."""

    sent: dict[Key, list[Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Attempt:
    """One grading: what was answered in it, and whether all that was sent is what the reference sends.

    Attributes:
        draw: where all chances come from; None answers honestly.
        answers: how many generated answers were given.
        keys: what was asked, message by message.
        frames: the replies' bodies, so that they can be kept; None for one of the reference's.
        seconds: of processor time that making them took.
    """

    draw: random.Random | None
    answers: int = 0
    keys: list[Key] = field(default_factory=list)
    frames: list[bytes | None] = field(default_factory=list)
    seconds: float = 0.0


class Labelled(Session):
    """A session that tells its other end what is asked, and in which form."""

    def __init__(self, end: End | Ear, limits: Limits, layers: tuple[str, ...]) -> None:
        super().__init__(end, limits, layers)
        self._end = end
        self._before: dict[tuple[tuple[str, ...], int], int] = {}

    def fetch(self, *asked: Asked | Remote, meanwhile: Callable[[], object] | None = None) -> tuple[Any, ...]:
        """See `Session`."""
        wanted = [one if isinstance(one, Asked) else one.like(forms.Plain()) for one in asked]
        if _MOUNT in self._labels:
            self._before.clear()
        self._end.asked = _Question(
            (*self._labels, *(one.remote.label for one in wanted)), [one.form for one in wanted], self._before
        )
        return super().fetch(*wanted, meanwhile=meanwhile)


@dataclass(frozen=True, slots=True)
class _Question:
    """A message: what was queued, the forms of what is to be sent, and how often the session was asked what."""

    labels: tuple[str, ...] = ()
    wanted: Sequence[forms.Form] = ()
    before: dict[tuple[tuple[str, ...], int], int] = field(default_factory=dict)

    def key(self, size: int) -> Key:
        """Which question it is, given its number of bytes; counts it."""
        count = self.before.get((self.labels, size), 0)
        self.before[self.labels, size] = count + 1
        return self.labels, size, count


class End:
    """The other end where there is no process."""

    pid = 0
    output = b""

    def __init__(self, stand_in: StandIn) -> None:
        self.asked = _Question()
        self._stand_in = stand_in

    def exchange(self, data: bytes, *_: object) -> memoryview:
        """See `sandbox.child.Child`."""
        return memoryview(self._stand_in.answer(self.asked.key(len(data)), self.asked.wanted))

    def collect(self) -> None:
        """Nothing is printed."""

    def close(self) -> Exit:
        """There is nothing to end."""
        return Exit(0, 0.0, 0)


class StandIn:
    """Takes the place of a sandbox."""

    kind = Kind.SPAWN
    server_pid = None

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.changed = Changed()
        self.attempt = Attempt(None)
        self.replayed: Iterator[bytes | None] | None = None
        self.self_test = _SelfTest()

    def session(self, limits: Limits) -> Session:
        """See `Sandbox`."""
        return Labelled(End(self), limits, self.self_test.layers)

    def close(self) -> None:
        """See `Sandbox`."""

    def answer(self, key: Key, wanted: Sequence[forms.Form]) -> bytes:
        """The body of a reply."""
        if self.replayed is not None and (body := next(self.replayed, None)) is not None:
            return body
        before, told = time.process_time(), self.attempt.answers
        body = self._body(key, wanted)
        self.attempt.seconds += time.process_time() - before
        self.attempt.frames.append(None if self.attempt.answers == told else body)
        self.attempt.keys.append(key)
        return body

    def _body(self, key: Key, wanted: Sequence[forms.Form]) -> bytes:
        draw = self.attempt.draw
        honest = self.recorded.sent.get(key)
        if draw is None:
            return _frame({"sent": [self.changed.raw(one) for one in honest or ()], "failed": None, "absent": []})
        if draw.random() < (0.01 if wanted else 0.002):
            self.attempt.answers += 1
            return _other_reply(draw, honest or [])
        sent: list[Any] = []
        if honest is None:
            self.attempt.answers += sum(map(_answers_in, wanted))
            sent = [formed(draw, form) for form in wanted]
        else:
            often = draw.choice((0.5, 1.0) if len(honest) <= 3 else (0.02, 0.1, 0.5, 1.0))
            for one, form in zip(honest, wanted, strict=True):
                if draw.random() >= often:
                    sent.append(self.changed.raw(one))
                elif isinstance(form, forms.Row) and isinstance(one, list) and len(one) > 9:  # an answer for each of many questions
                    some = draw.choice((0.0, 0.0, 0.0, 0.02, 0.3, 1.0))
                    at = draw.randrange(len(one))
                    chosen = [number == at or draw.random() < some for number in range(len(one))]
                    self.attempt.answers += sum(chosen)
                    sent.append(
                        [
                            self.changed.value(draw, item) if yes else self.changed.raw(item)
                            for item, yes in zip(one, chosen, strict=True)
                        ]
                    )
                else:
                    self.attempt.answers += 1
                    sent.append(self.changed.value(draw, one))
        absent = [text(draw) for _ in range(draw.choice((0, 0, 0, 0, 0, 1, 20)))] if draw.random() < 0.02 else []
        return _frame({"sent": sent, "failed": None, "absent": absent})


@dataclass(frozen=True, slots=True)
class _SelfTest:
    layers: tuple[str, ...] = ("process",)


def _answers_in(form: forms.Form) -> int:
    return len(form.items) if isinstance(form, forms.Row) and len(form.items) > 9 else 1


def _frame(reply: Any) -> bytes:
    try:
        return wire.frame(reply)[wire.HEADER.size :]
    except wire.WireError:  # larger than a worker can send; then it sends this
        return wire.frame({"sent": [], "failed": _failure(0, "WireError"), "absent": []})[wire.HEADER.size :]


def _failure(at: Any, kind: Any) -> dict[str, Any]:
    return {"at": at, "type": kind, "kind": kind, "message": "a message", "frames": []}


def sent_in(body: bytes) -> list[Any] | None:
    """What a reply sends; None for one that only a form reads, which passes over what it does not keep."""
    try:
        reply = wire.decode(body)
        return list(reply["sent"])
    except (wire.WireError, TypeError, KeyError, IndexError):
        return None


def _other_reply(draw: random.Random, honest: list[Any]) -> bytes:
    """A reply that says it failed, a forged one, or bytes."""
    kind = draw.randrange(6)
    if kind == 0:
        return draw.randbytes(draw.randrange(200))
    if kind == 1:
        whole = _frame({"sent": honest[:3], "failed": None, "absent": []})[: 2**16]
        at = draw.randrange(len(whole))
        return whole[:at] + draw.randbytes(draw.randrange(5)) + whole[at + draw.randrange(4) :]
    if kind == 2:
        return _frame(odd(draw))
    failed = _failure(
        0, draw.choice(("ValueError", "MemoryError", "ImportError", "SystemExit", "RecursionError", "NotImplementedError"))
    )
    failed["message"] = text(draw)
    failed["frames"] = [
        ("deeplearning/optim.py", draw.choice((0, 1, 30, -1, 2**40)), text(draw), text(draw)) for _ in range(draw.randrange(7))
    ]
    if kind == 3:
        failed[draw.choice(list(failed))] = odd(draw)
    if kind == 4:
        return _frame(
            {
                "sent": odd(draw),
                "failed": draw.choice((None, failed, odd(draw))),
                "absent": odd(draw),
                **({"more": 1} if draw.random() < 0.3 else {}),
            }
        )
    return _frame({"sent": honest[: draw.randrange(len(honest) + 1)], "failed": failed, "absent": []})


# The reference's answers


class Ear:
    """A real process, whose answers are taken down."""

    def __init__(self, child: Child, recorded: Recorded) -> None:
        self.asked = _Question()
        self.pid = child.pid
        self._child, self._recorded = child, recorded

    @property
    def output(self) -> bytes:
        """See `sandbox.child.Child`."""
        return self._child.output

    def exchange(self, data: bytes, deadline: float, meanwhile: Callable[[], object] | None = None) -> memoryview:
        """See `sandbox.child.Child`."""
        body = self._child.exchange(data, deadline, meanwhile)
        self._recorded.sent[self.asked.key(len(data))] = wire.decode(bytes(body))["sent"]
        return body

    def collect(self) -> None:
        """See `sandbox.child.Child`."""
        self._child.collect()

    def close(self) -> Exit:
        """See `sandbox.child.Child`."""
        return self._child.close()


class Listening:
    """The real sandbox, with an ear at each of its sessions."""

    def __init__(self, sandbox: Sandbox, recorded: Recorded) -> None:
        self._sandbox, self._recorded = sandbox, recorded
        self.kind, self.self_test = sandbox.kind, sandbox.self_test

    @property
    def server_pid(self) -> int | None:
        """See `Sandbox`."""
        return self._sandbox.server_pid

    def session(self, limits: Limits) -> Session:
        """See `Sandbox`."""
        real = self._sandbox.session(limits)
        return Labelled(Ear(real._child, self._recorded), limits, real.layers)

    def close(self) -> None:
        """See `Sandbox`."""
        self._sandbox.close()
