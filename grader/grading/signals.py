"""SIGTERM and SIGINT end the grader in order: one plain line, nothing left running, and no write cut in two.

The first signal is raised as `Stopped` wherever the program is, so that every `with` and `finally` on the way out does its work.
A second one, or one raised where Python drops exceptions (a weak reference's callback, say), ends the process at once; its
sandboxed processes die with it, because each asks the kernel for that.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

_NUMBERS = (signal.SIGTERM, signal.SIGINT)


class Stopped(KeyboardInterrupt):
    """A signal asks the grader to end; a `KeyboardInterrupt`, because everything already lets that pass."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class _Signals:
    """What has arrived, and whether it has to wait."""

    def __init__(self) -> None:
        self.arrived = 0
        self.waiting = 0  # depth of `uninterrupted` blocks
        self.over = False  # the command is done: there is nothing left to stop
        self.told = False

    def receive(self, number: int, _frame: FrameType | None) -> None:
        if self.over:
            return
        if self.arrived:
            self.end_at_once()
        self.arrived = number
        if not self.waiting:
            raise Stopped(number)

    def tell(self) -> None:
        if not self.told:
            self.told = True
            try:
                os.write(2, f"grader: stopped by {signal.Signals(self.arrived).name} before it had finished\n".encode())
            except OSError:  # nobody is there to be told
                pass

    def end_at_once(self) -> NoReturn:
        self.tell()
        os._exit(128 + self.arrived)


_signals = _Signals()


def in_order(command: Callable[[], int]) -> int:
    """Run `command` from the main thread and return its exit code, or 128 + the number of the signal that stopped it.

    A signal that this process was told to ignore stays ignored.
    """
    hook = sys.unraisablehook

    def dropped(what: sys.UnraisableHookArgs) -> None:
        if isinstance(what.exc_value, Stopped):
            _signals.end_at_once()
        hook(what)

    sys.unraisablehook = dropped
    try:
        for number in _NUMBERS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _signals.receive)
        code = command()
        _signals.over = True
        return code
    except Stopped:
        _signals.tell()
        return 128 + _signals.arrived
    finally:
        _signals.over = True


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a signal wait until the block is done.

    Raises:
        Stopped: at the end of the block, if one arrived.
    """
    _signals.waiting += 1
    try:
        yield
    finally:
        _signals.waiting -= 1
        if _signals.arrived and not _signals.waiting and not _signals.over:
            raise Stopped(_signals.arrived)
