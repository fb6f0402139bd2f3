"""A conversation with one sandboxed process: objects stay inside, plain data comes out.

Operations are queued and travel together when something is fetched, so a whole check costs one round trip:

    filters = session.module("signals.filters")
    average = filters.attr("moving_average")(values, 3)
    (found,) = session.fetch(average.like(forms.ArrayOf(100)))
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from . import forms
from .child import Child, garbled
from .errors import Ending, Frame, SessionEnded
from .inside import wire
from .policy import Limits

_MAX_FRAMES, _MAX_ABSENT, _MAX_MESSAGE = 5, 16, 16_000  # what the worker keeps to, in items and in bytes of UTF-8
_FRAME = forms.Row((forms.Text(1000), forms.Number(), forms.Text(1000), forms.Text(_MAX_MESSAGE)))
_FAILURE = forms.Keys(
    {
        "at": forms.Number(),
        "type": forms.Text(1000),
        "kind": forms.Text(1000),
        "message": forms.Text(_MAX_MESSAGE),
        "frames": forms.ListOf(_FRAME, _MAX_FRAMES),
    }
)
_ABSENT = forms.ListOf(forms.Text(1000), _MAX_ABSENT)


class Remote:
    """An object inside the sandbox. Every method only queues; `Session.fetch` brings values."""

    def __init__(self, session: Session, number: int, label: str) -> None:
        self._session = session
        self._number = number
        self.label = label

    def attr(self, name: str) -> Remote:
        """The attribute `name`."""
        return self._session._queue("getattr", f"{self.label}.{name}", self._number, name)

    def item(self, key: str | int) -> Remote:
        """The item under `key`."""
        return self._session._queue("getitem", f"{self.label}[{key!r}]", self._number, key)

    def set_attr(self, name: str, value: Any) -> None:
        """Assign an attribute; `value` may contain `Remote`s."""
        self._session._queue_silent("setattr", f"{self.label}.{name} = …", self._number, name, value)

    def set_item(self, key: str | int, value: Any) -> None:
        """Assign an item; `value` may contain `Remote`s."""
        self._session._queue_silent("setitem", f"{self.label}[{key!r}] = …", self._number, key, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Remote:
        """Call it; arguments may contain `Remote`s."""
        return self.call_as(f"{self.label}(…)", *args, **kwargs)

    def call_as(self, label: str, /, *args: Any, **kwargs: Any) -> Remote:
        """Call it, as `label` ("name(…)") to whoever reads of it."""
        return self._session._queue("call", label, self._number, list(args), kwargs)

    def like(self, form: forms.Form) -> Asked:
        """What to hand to `Session.fetch`: the form in which its value is read."""
        return Asked(self, form)


@dataclass(frozen=True, slots=True)
class Asked:
    """A value to be fetched, and the form that it is read in; what does not fit comes as `forms.Unfit`."""

    remote: Remote
    form: forms.Form


class Session:
    """Owns one process; use it as a context manager so that the process is gone afterwards whatever happens.

    Attributes:
        layers: the layers of isolation this process put on before it read anything.
        absent: packages the mounted code imports that are not there for it, as far as seen; a claim.
        secret: set once it is asked something that students are not shown; every ending from then on says so.
    """

    def __init__(self, child: Child, limits: Limits, layers: tuple[str, ...]) -> None:
        self._child = child
        self._limits = limits
        self._left = limits.wall
        self._program: list[tuple[Any, ...]] = []
        self._labels: list[str] = []
        self._next = 0
        self._told = 0
        self._hurried: Mapping[str, float] = {}
        self._ended: SessionEnded | None = None
        self.layers = layers
        self.absent: tuple[str, ...] = ()
        self.secret = False

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @property
    def output(self) -> str:
        """What the code printed so far, up to the cap; untrusted text."""
        return self._child.output.decode("utf-8", "replace")

    def printed(self) -> str:
        """What was printed since this was last asked; untrusted text."""
        self._child.collect()
        text = self.output[self._told :]
        self._told += len(text)
        return text

    @property
    def pid(self) -> int:
        """The process's id, for tests and diagnostics."""
        return self._child.pid

    @property
    def spent(self) -> float:
        """Seconds it spent answering since it began or was renewed."""
        return self._limits.wall - self._left

    @property
    def usable(self) -> bool:
        """Whether it can still answer."""
        return self._ended is None

    def renew(self, limits: Limits) -> None:
        """Let it spend `limits.wall` seconds from now on; `load` then begins anew with other files, in the same process."""
        self._limits, self._left = limits, limits.wall
        self._program, self._labels = [], []
        self.absent = ()

    def hurry(self, seconds: Mapping[str, float]) -> None:
        """From now on, let a message that makes one of these calls (see `called`) take so many seconds at most."""
        self._hurried = dict(seconds)

    def load(self, sources: Mapping[str, bytes]) -> None:
        """Mount files ("package/module.py" -> bytes) for importing, nothing else any more, and seed the random generators."""
        self._queue_silent("load", "mount the files", dict(sources))

    def module(self, name: str) -> Remote:
        """Import a mounted module."""
        return self._queue("import", f"import {name}", name)

    def put(self, value: Any, label: str = "value") -> Remote:
        """Make an object inside from plain data; changes the code makes to it stay visible through this `Remote`."""
        return self._queue("put", label, value)

    def fetch(self, *asked: Asked | Remote, meanwhile: Callable[[], object] | None = None) -> tuple[Any, ...]:
        """Carry out what is queued and return the values that are asked for, as they are at the end, each in its form.

        A `Remote` without a form may be plain data of `forms.Plain()`'s size. `meanwhile` is called while the process works.

        Raises:
            SessionEnded: the code raised, or the process timed out, ran out of memory or crashed. After raising, the session
                can go on; after any other ending every further fetch raises the same.
        """
        wanted = [one if isinstance(one, Asked) else one.like(forms.Plain()) for one in asked]
        for one in wanted:
            self._queue_silent("send", one.remote.label, one.remote._number)
        program, labels = self._program, self._labels
        self._program, self._labels = [], []
        if self._ended is not None:
            raise self._ended
        calls = [label for label in labels if label.endswith(")")] or [label for label in labels if label.startswith("import ")]
        called_for = tuple(dict.fromkeys(calls))
        wall = min([self._left, *(self._hurried[name] for name in map(called, called_for) if name in self._hurried)])
        started = time.monotonic()
        try:
            body = self._child.exchange(wire.frame(program), started + wall, meanwhile)
            sent, failed = self._reply(body, [one.form for one in wanted], len(program))
        except SessionEnded as error:
            error.asked = called_for
            error.secret = self.secret
            if error.ending is Ending.TIMED_OUT and wall < self._left:
                error.reason = f"it did not finish within {wall:g} s"
            self._ended = error
            self._child.close()
            raise
        finally:
            self._left -= time.monotonic() - started
        if failed is not None:
            raise self._raised(failed, labels)
        return tuple(sent)

    def close(self) -> None:
        """End the process for good."""
        self._child.close()
        if self._ended is None:
            self._ended = SessionEnded(Ending.CRASHED, "the session is closed")

    def _queue(self, operation: str, label: str, *operands: Any) -> Remote:
        number = self._next
        self._next += 1
        self._queue_silent(operation, label, number, *operands)
        return Remote(self, number, label.removeprefix("import "))

    def _queue_silent(self, operation: str, label: str, *operands: Any) -> None:
        self._program.append((operation, *map(_with_registers, operands)))
        self._labels.append(label)

    def _reply(self, body: memoryview, wanted: Sequence[forms.Form], steps: int) -> tuple[list[Any], dict[str, Any] | None]:
        """Check a reply's form; every part of it may be forged, so nothing here is believed beyond its type."""
        form = forms.Keys({"sent": _Sent(wanted), "failed": _FAILURE, "absent": _ABSENT})
        try:
            reply = forms.decode(body, form)
        except wire.WireError as error:
            raise garbled(str(error)) from None
        match reply:
            case {"sent": list(sent), "failed": None, "absent": list(absent), **rest} if len(sent) == len(wanted) and not rest:
                failed = None
            case {"sent": list(sent), "failed": dict(failed), "absent": list(absent), **rest} if (
                failed.keys() == _FAILURE.known.keys() and not rest
            ):
                step = failed["at"]
                texts = (failed["type"], failed["kind"], failed["message"])
                if type(step) is not int or not 0 <= step < steps or any(type(text) is not str for text in texts):
                    raise garbled("a failure is described in the wrong form")
            case _:
                raise garbled("an answer has the wrong form")
        self.absent = tuple(name for name in absent if type(name) is str)
        return sent, failed

    def _raised(self, failed: dict[str, Any], labels: list[str]) -> SessionEnded:
        frames = []
        for entry in failed["frames"] if isinstance(failed["frames"], list) else ():
            match entry:
                case (str(file), int(line), str(function), str(text)):
                    frames.append(Frame(file, line, function, text))
        type_name = "".join(letter if letter.isprintable() else "\ufffd" for letter in failed["type"][:80])  # stands in sentences
        message = failed["message"]
        ending = Ending.OUT_OF_MEMORY if failed["kind"] == "MemoryError" else Ending.RAISED
        reason = (
            f"it needed more memory than the {self._limits.memory // 2**20} MB it may use"
            if ending is Ending.OUT_OF_MEMORY
            else f"it raised {type_name}"
        )
        ended = SessionEnded(
            ending,
            reason,
            doing=labels[failed["at"]],
            type_name=type_name,
            kind=failed["kind"],
            message=message,
            frames=tuple(frames),
        )
        ended.secret = self.secret
        return ended


@dataclass(frozen=True, slots=True)
class _Sent:
    """The list of what was sent, each in its own form; a program that failed sent only some."""

    wanted: Sequence[forms.Form]

    def read(self, reader: wire.Reader, depth: int) -> Any:
        """See `forms.Form`."""
        if reader.begin(depth) != ord("l") or (count := reader.count()) > len(self.wanted):
            raise wire.WireError("an answer has the wrong form")
        return [form.read(reader, depth + 1) for form in self.wanted[:count]]


def called(label: str) -> str:
    """What a label says is called or imported: "package.module.Class" of "package.module.Class(…).run(…)"."""
    return label.partition("(")[0]


def _with_registers(value: Any) -> Any:
    kind = type(value)
    if kind is Remote:
        return wire.Register(value._number)
    if kind in (list, tuple):
        return kind(_with_registers(item) for item in value)
    if kind is dict:
        return {key: _with_registers(item) for key, item in value.items()}
    return value
