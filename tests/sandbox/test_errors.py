"""What the end of a process is called, by the status that the system gives."""

from __future__ import annotations

import signal

import pytest

from grader.sandbox.errors import Ending, from_status


@pytest.mark.parametrize(
    ("status", "used", "ending", "said"),
    [
        (0, 0.1, Ending.CRASHED, "exit status 0"),
        (-signal.SIGXCPU, 0.1, Ending.TIMED_OUT, "more than 10 s of processor time"),
        (-signal.SIGKILL, 10.0, Ending.TIMED_OUT, "more than 10 s of processor time"),
        (-signal.SIGKILL, 0.1, Ending.OUT_OF_MEMORY, "too much memory"),
        (-signal.SIGSEGV, 0.1, Ending.CRASHED, "crashed (SIGSEGV)"),
        (-63, 0.1, Ending.CRASHED, "crashed (signal 63)"),
    ],
)
def test_an_end_has_its_name(status: int, used: float, ending: Ending, said: str) -> None:
    found, reason = from_status(status, used, 10.0)
    assert found is ending
    assert said in reason
