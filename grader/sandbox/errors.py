"""How asking a sandbox comes to nothing: a session that ended other than by answering, and no sandbox at all."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import StrEnum


class SandboxUnavailable(Exception):
    """The sandbox could not be started at the level the policy requires: never a fault of the code it was to run."""


class Ending(StrEnum):
    """The named ways in which asking the sandbox comes to nothing."""

    RAISED = "raised"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of the student's own traceback. All texts are claims of the sandbox and have to be cleaned before display."""

    file: str
    line: int
    function: str
    text: str


class SessionEnded(Exception):
    """The sandbox did not answer; `reason` is a plain clause, `frames` the student's own lines, innermost last.

    Attributes:
        ending: which way it ended.
        reason: what happened, as a clause ("it did not finish within 9 s").
        doing: what was being done, as the session labelled it ("import package.module"), when known.
        asked: where that is not known, the calls of the message that was not answered, as they were labelled, or its imports.
        type_name: the exception's class, when one was raised.
        kind: the nearest built-in class of that exception.
        message: the exception's text.
        frames: where in the mounted files.
        secret: whether the process had been asked something that students are not shown: all its texts are for staff then.
    """

    def __init__(
        self,
        ending: Ending,
        reason: str,
        *,
        doing: str = "",
        asked: tuple[str, ...] = (),
        type_name: str = "",
        kind: str = "",
        message: str = "",
        frames: tuple[Frame, ...] = (),
    ) -> None:
        super().__init__(reason)
        self.ending = ending
        self.reason = reason
        self.doing = doing
        self.asked = asked
        self.type_name = type_name
        self.kind = kind
        self.message = message
        self.frames = frames
        self.secret = False


def from_status(status: int, cpu_used: float, cpu_limit: float) -> tuple[Ending, str]:
    """Name the ending of a process that stopped answering.

    Args:
        status: its exit status as `Popen.returncode` counts it: negative for a signal.
        cpu_used: CPU seconds it took; `cpu_limit`: what it was allowed.
    """
    if status >= 0:
        return Ending.CRASHED, f"its process ended by itself (exit status {status}) before it answered"
    number = -status
    if number == getattr(signal, "SIGXCPU", -1) or (number == 9 and cpu_used >= cpu_limit):
        return Ending.TIMED_OUT, f"it used more than {cpu_limit:g} s of processor time"
    if number == 9:
        return Ending.OUT_OF_MEMORY, "the system ended its process, most likely for using too much memory"
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    return Ending.CRASHED, f"its process crashed ({name})"
