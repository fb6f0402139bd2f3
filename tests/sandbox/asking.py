"""Short ways to ask a sandbox about a few lines of code."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from grader.sandbox.errors import SessionEnded
from grader.sandbox.policy import Limits
from grader.sandbox.session import Session
from grader.sandbox.supervisor import Sandbox
from grader.sandbox.users import private_uid
from tests.conftest import ROOT

NOBODY = 65534


def load(session: Session, source: str | bytes, **others: str) -> None:
    """Mount `source` as m.py, and `others` as further modules."""
    mounts = {"m.py": source, **{f"{name}.py": text for name, text in others.items()}}
    session.load({path: text if isinstance(text, bytes) else textwrap.dedent(text).encode() for path, text in mounts.items()})


def ask(sandbox: Sandbox, source: str | bytes, *args: Any, limits: Limits | None = None) -> Any:
    """What `f(*args)` of `source` returns, in a session of its own."""
    with sandbox.session(limits or Limits()) as session:
        load(session, source)
        (answer,) = session.fetch(session.module("m").attr("f")(*args))
        return answer


def ended(sandbox: Sandbox, source: str | bytes, limits: Limits | None = None) -> SessionEnded:
    """How a session ends in which `f()` of `source` is called."""
    with pytest.raises(SessionEnded) as caught:
        ask(sandbox, source, limits=limits)
    return caught.value


def as_ordinary_user(code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code as nobody if the tests run as root, else as whoever runs them; skips if nobody cannot read all it needs."""
    identity: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}

    def python(code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-B", "-c", code],
            cwd=ROOT,
            env={"PATH": os.defpath},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **identity,
        )

    try:
        readable = python("import numpy, grader").returncode == 0
    except PermissionError:
        readable = False
    if not readable:
        pytest.skip(f"an ordinary user cannot read {sys.executable} or {ROOT}")
    return python(code)


def kill(pid: int) -> None:
    """Kill a process and wait until it is dead, without reaping it."""
    pidfd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert has_ended(pidfd)
    os.close(pidfd)


def has_ended(pidfd: int) -> bool:
    """Wait until the process behind `pidfd` is dead (being killed takes the kernel a moment); False after ten seconds."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(10_000))


def processes_of(sandbox: Sandbox) -> set[int]:
    """Ids of processes that the fork server made, alive or not yet reaped, or that live as the sandbox's private user.

    What a spawned process leaves behind dead is another's to reap: init's, in its own time.
    """
    found = set()
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = path.read_text("ascii", "replace").splitlines()
        except (FileNotFoundError, ProcessLookupError):  # ended while we looked
            continue
        status = dict(line.split(":", 1) for line in lines if ":" in line)
        alive = status["State"].split()[0] != "Z"
        if int(status["PPid"]) == sandbox.server_pid or (alive and int(status["Uid"].split()[0]) == private_uid()):
            found.add(int(path.parent.name))
    return found
