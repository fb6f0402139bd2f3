"""What grading would cost without isolation: the same checks on the same core, with the student's code in this very process.

`Bare` stands in for `grader.sandbox.supervisor.Sandbox`. A session of it runs the same programs on the same worker, but nothing is
forked, hardened, sent or received: arguments are copied (student code may write into them) and answers are handed over. For
measuring only: code that misbehaves takes everything with it.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from grader.sandbox import supervisor
from grader.sandbox.inside import wire as trusted_wire
from grader.sandbox.policy import Kind, Limits
from grader.sandbox.session import Asked, Remote, Session
from grader.sandbox.supervisor import SelfTest

# The worker's side is a package of its own there, named `inside`, as in every sandboxed process.
sys.path.insert(0, str(Path(supervisor.__file__).parent))

from inside import wire
from inside.worker import Worker


class _Frozen(tuple[Any, ...]):
    """A copy of an answer, in place of its bytes."""


def _encoded(value: Any) -> Any:
    made = copy.deepcopy(value)
    return _Frozen(made) if type(made) is tuple else made


wire.encoded = _encoded  # an answer is frozen as it is, not turned into bytes


class _Nobody:
    """A child process that is none."""

    pid = 0
    output = b""

    def exchange(self, data: bytes, deadline: float) -> bytes:
        raise NotImplementedError

    def collect(self) -> None:
        """What is printed goes where it goes."""

    def close(self) -> None:
        """Nothing is left behind but modules."""


class BareSession(Session):
    """A session whose programs run here."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(_Nobody(), limits, ())  # type: ignore[arg-type]
        self._worker = Worker()

    def fetch(self, *asked: Asked | Remote, meanwhile: Callable[[], object] | None = None) -> tuple[Any, ...]:
        assert meanwhile is None
        for one in asked:
            remote = one.remote if isinstance(one, Asked) else one
            self._queue_silent("send", remote.label, remote._number)
        program, labels = self._program, self._labels
        self._program, self._labels = [], []
        reply = self._worker.run([_own(step) for step in program])
        if reply["failed"] is not None:
            raise self._raised(reply["failed"], labels)
        return tuple(reply["sent"])

    def close(self) -> None:
        importer = self._worker.importer
        if importer in sys.meta_path:
            sys.meta_path.remove(importer)
        for name in importer.files:
            sys.modules.pop(name, None)


class Bare:
    """In place of a sandbox."""

    kind = Kind.SPAWN
    server_pid = None
    self_test = SelfTest((), {}, np.__version__)

    def session(self, limits: Limits | None = None) -> BareSession:
        return BareSession(limits or Limits())

    def close(self) -> None:
        """Nothing to end."""

    def __enter__(self) -> Bare:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


@cache
def _decoded(body: bytes, values: int) -> Any:
    return trusted_wire.decode(trusted_wire.frame(trusted_wire.Raw(body, values))[trusted_wire.HEADER.size :])


def _own(value: Any) -> Any:
    """A copy of an instruction with this side's register class, and its arrays and containers its own."""
    if isinstance(value, trusted_wire.Register):
        return wire.Register(value.number)
    if isinstance(value, trusted_wire.Raw):  # encoded once for all submissions; here it is decoded once
        return _own(_decoded(value.body, value.values))
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple):
        return type(value)(map(_own, value))
    if isinstance(value, Mapping):
        return {key: _own(item) for key, item in value.items()}
    return copy.copy(value)
