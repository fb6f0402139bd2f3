"""Judging in a process of its own: whatever an answer makes the comparisons cost, it is that process that pays.

The child is forked for a submission, or once for many, with what is worked out already. It may use so much more memory than it has
at the start, and so much processor time for an item; the deadline interrupts it wherever it is. The parent touches no value of a
student's: it takes down what is settled, and ends the child if all that does not help. What is left is then judged in a new child.
"""

from __future__ import annotations

import gc
import math
import os
import pickle
import select
import signal
import struct
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, NoReturn

from ..sandbox.inside.libc import keep_memory, use_large_pages

MEMORY: Final = 300 * 2**20  # bytes of address space beyond what the process has when it begins
CPU: Final = 10.0  # seconds of processor time an item
_GRACE: Final = 2.0  # seconds after the deadline in which the child is to see to it by itself
_GARBAGE: Final = 10_000  # objects made until the collector looks at them: in a short life nearly all are in use or gone
_HEADER: Final = struct.Struct("<I")
_MOST_TOLD: Final = 64 * 2**20  # bytes of one verdict; a larger one is not believed

_armed: list[bool] = []  # not empty while a block is bounded
_room: list[bool] = []  # whether `MEMORY` was to be had, of each process down to this one; after the first it is that one's bound


class TooLong(BaseException):
    """Judging an answer took more processor time than an item may; passes everything but what is meant for it."""


class DeadlineCame(BaseException):
    """The deadline for the whole submission came while an item was judged."""


class Resigned(BaseException):
    """A process that judges many met what one is to judge that was forked for it."""


class Lost(Exception):
    """The child went away without a verdict on the item it had begun.

    Attributes:
        killed: by the system or by us, as memory or time ran out; else it crashed.
    """

    def __init__(self, *, killed: bool) -> None:
        super().__init__("the judging process ended before it had settled the item")
        self.killed = killed


def possible() -> bool:
    """Whether this system can fork as it is needed here."""
    return sys.platform == "linux"


def cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_short_of_memory() -> bool:
    """Whether this process may have less than was promised: what it then cannot judge is not the answer's fault."""
    return _room[:1] == [False]


@contextmanager
def bounded(seconds_left: float) -> Iterator[None]:
    """In the child: let the block take `CPU` seconds of processor time, and `seconds_left` of wall time.

    Raises:
        TooLong, DeadlineCame: it took more.
    """
    _armed.append(True)
    signal.setitimer(signal.ITIMER_PROF, CPU, 1.0)  # again each second, should somebody have swallowed the first
    if math.isfinite(seconds_left):
        signal.setitimer(signal.ITIMER_REAL, max(seconds_left, 1e-3), 1.0)
    try:
        yield
    finally:
        _armed.clear()  # one that is on its way comes too late
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


class Child:
    """A forked process that does `work(tell)`; what it tells can be read here, in order. Close it when nothing more is wanted."""

    def __init__(self, work: Callable[[Callable[[Any], None]], None]) -> None:
        """Fork it. Linux only.

        Raises:
            OSError: no process can be made.
        """
        self._ours, theirs = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of threads that the child does not need
                self._pid = os.fork()
        except BaseException:
            os.close(self._ours)
            os.close(theirs)
            raise
        if self._pid == 0:
            os.close(self._ours)
            _child(work, theirs, parent)
        os.close(theirs)
        self._status: int | None = None

    def told(self, deadline: float) -> Iterator[Any]:
        """What it tells, to its end.

        Raises:
            Lost: it ended before `work` returned, or had not ended soon after `deadline` (`time.monotonic`).
        """
        while (told := _read(self._ours, deadline + _GRACE)) is not None:
            yield told
        status = self._ended()
        if status:
            raise Lost(killed=os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL)

    def close(self) -> None:
        """Kill it if it has not ended."""
        if self._status is None:
            os.kill(self._pid, signal.SIGKILL)
            self._ended()

    def _ended(self) -> int:
        if self._status is None:
            _, self._status = os.waitpid(self._pid, 0)
            os.close(self._ours)
        return self._status


class Standing:
    """A child that does `work(asked, tell)` for one thing after the other. Close it when it is lost, or nothing more is wanted."""

    def __init__(self, work: Callable[[Any, Callable[[Any], None]], None]) -> None:
        """Fork it. Linux only.

        Raises:
            OSError: no process can be made.
        """
        theirs, self._ours = os.pipe()

        def attend(tell: Callable[[Any], None]) -> None:
            os.close(self._ours)
            while (asked := _read(theirs, math.inf)) is not None:
                work(asked, lambda told: tell((told,)))
                tell(())

        try:
            self._child = Child(attend)
        except BaseException:
            os.close(self._ours)
            raise
        finally:
            os.close(theirs)

    def told(self, asked: Any, deadline: float) -> Iterator[Any]:
        """What it tells of what is `asked`. Nothing else may be asked before that has come to its end.

        Raises:
            Lost: as `Child.told`.
        """
        try:
            _write(self._ours, asked)
        except OSError:
            raise Lost(killed=False) from None
        for told in self._child.told(deadline):
            if not told:
                return
            yield told[0]
        raise Lost(killed=False)

    def close(self) -> None:
        """End it."""
        os.close(self._ours)
        self._child.close()


def _child(work: Callable[[Callable[[Any], None]], None], out: int, parent: int) -> NoReturn:
    code = 1
    try:
        from ..sandbox.inside.hardening import die_with_parent  # which Windows has not what it needs for

        die_with_parent()
        if os.getppid() != parent:
            os._exit(1)
        signal.signal(signal.SIGINT, _stay)  # a handler and not SIG_IGN, which processes it starts would inherit
        signal.signal(signal.SIGTERM, _end)
        signal.signal(signal.SIGPROF, _too_long)
        signal.signal(signal.SIGALRM, _late)
        keep_memory()
        _limit_memory()
        use_large_pages()
        gc.freeze()
        gc.set_threshold(_GARBAGE)
        work(lambda told: _write(out, told))
        code = 0
    except Resigned:
        pass
    except BaseException as error:
        try:
            os.write(2, f"grader: the judging process ended: {type(error).__name__}: {error}\n".encode("utf-8", "replace")[:1000])
        except OSError:
            pass
    finally:
        os._exit(code)


def _limit_memory() -> None:
    import resource

    with open("/proc/self/statm", encoding="ascii") as statm:
        now = int(statm.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = now + MEMORY
    _room.append(soft == resource.RLIM_INFINITY or wanted <= soft)
    if _room[-1]:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))  # the soft one: what a sandbox promises goes by the hard one


def _stay(_number: int, _frame: FrameType | None) -> None:
    """Ctrl-C reaches all processes of a terminal: the parent decides, and ends this one."""


def _end(_number: int, _frame: FrameType | None) -> None:
    os._exit(1)


def _too_long(_number: int, _frame: FrameType | None) -> None:
    if _armed:
        raise TooLong


def _late(_number: int, _frame: FrameType | None) -> None:
    if _armed:
        raise DeadlineCame


def _write(out: int, told: Any) -> None:
    data = pickle.dumps(told, pickle.HIGHEST_PROTOCOL)
    view = memoryview(_HEADER.pack(len(data)) + data)
    while view:
        view = view[os.write(out, view) :]


def _read(fd: int, until: float) -> Any:
    """The next thing that is told; None at the end.

    Raises:
        Lost: there was nothing more until then, or only half of it.
    """
    header = _exactly(fd, _HEADER.size, until)
    if not header:
        return None
    (size,) = _HEADER.unpack(header)
    if size > _MOST_TOLD:
        raise Lost(killed=True)
    return pickle.loads(_exactly(fd, size, until))  # noqa: S301 - of our own code, which has the same rights


def _exactly(fd: int, size: int, until: float) -> bytes:
    """So many bytes, or none if the other end is closed before the first."""
    data = bytearray()
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while len(data) < size:
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000 if math.isfinite(left) else None):
            if left <= 0:
                raise Lost(killed=True)
            continue
        part = os.read(fd, size - len(data))
        if not part:
            if data:
                raise Lost(killed=True)
            return b""
        data += part
    return bytes(data)
