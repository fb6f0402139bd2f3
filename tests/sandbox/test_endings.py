"""Every way in which code can fail to answer has its name, leaves no process behind and does not harm the next session."""

from __future__ import annotations

import contextlib
import os
import signal
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from grader.sandbox.errors import Ending, SandboxUnavailable, SessionEnded
from grader.sandbox.policy import Kind, Layer, Level, Limits
from grader.sandbox.session import Session
from grader.sandbox.supervisor import Sandbox
from tests.sandbox.asking import ask, ended, has_ended, load, processes_of

RAISED, TIMED_OUT, OUT_OF_MEMORY, CRASHED = Ending.RAISED, Ending.TIMED_OUT, Ending.OUT_OF_MEMORY, Ending.CRASHED
BRIEF = Limits(wall=0.5, cpu=60)  # for code that never ends by itself
ROOMY = Limits(wall=60, cpu=60, memory=192 * 2**20)  # for code that must end for another reason than time


@dataclass(frozen=True)
class Case:
    """What `f` does, and how that must end."""

    body: str
    ending: Ending
    reason: str
    limits: Limits = ROOMY
    either_kind: bool = True  # whether plain processes, which have no memory limit and do not fork, end the same way


CASES = {
    "raises": Case("raise ValueError('x')", RAISED, "raised ValueError"),
    "asserts": Case("assert 1 == 2", RAISED, "raised AssertionError"),
    "sys.exit": Case("import sys; sys.exit(0)", RAISED, "raised SystemExit"),
    "KeyboardInterrupt": Case("raise KeyboardInterrupt", RAISED, "raised KeyboardInterrupt"),
    "recursion": Case("f()", RAISED, "raised RecursionError"),
    "reads stdin": Case("input()", RAISED, "raised EOFError"),
    "50 MB message": Case("raise ValueError('m' * 50_000_000)", RAISED, "raised ValueError"),
    "__str__ raises": Case("class E(Exception):\n    def __str__(self): raise self\nraise E", RAISED, "raised E"),
    "nested groups": Case(
        "e = ValueError(1)\nfor _ in range(2000): e = ExceptionGroup('g', [e])\nraise e", RAISED, "raised ExceptionGroup"
    ),
    "answer is too large": Case("return bytes(65 * 2**20)", RAISED, "raised WireError"),
    "answer has too many parts": Case("return [0.0] * 200_000", RAISED, "raised WireError"),
    "infinite loop": Case("while True: pass", TIMED_OUT, "did not finish within 0.5 s", BRIEF),
    "sleeps": Case("import time; time.sleep(600)", TIMED_OUT, "did not finish within 0.5 s", BRIEF),
    "deadlock": Case("import threading; threading.Lock().acquire() and threading.Event().wait()", TIMED_OUT, "within", BRIEF),
    "ignores signals": Case(
        """
        import signal
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        while True: pass
        """, TIMED_OUT, "did not finish", BRIEF,
    ),
    "__str__ loops": Case("class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E", TIMED_OUT, "", BRIEF),
    "uses up its CPU time": Case("while True: pass", TIMED_OUT, "more than 1 s of processor time", Limits(wall=60, cpu=1)),
    "memory bomb": Case("x = []\nwhile True: x.append(bytearray(2**20))", OUT_OF_MEMORY, "192 MB", either_kind=False),
    "small memory bomb": Case("x = []\nwhile True: x.append([0] * 99)", OUT_OF_MEMORY, "192 MB", either_kind=False),
    "giant array": Case("import numpy as np; np.ones(2**40)", OUT_OF_MEMORY, "192 MB", either_kind=False),
    "raises MemoryError": Case("raise MemoryError", OUT_OF_MEMORY, "192 MB"),
    "os._exit": Case("import os; os._exit(0)", CRASHED, "ended by itself (exit status 0)"),
    "os._exit with a claim": Case("import os; print('all passed'); os._exit(5)", CRASHED, "(exit status 5)"),
    "segfault": Case("import ctypes; ctypes.string_at(0)", CRASHED, "crashed (SIGSEGV)"),
    "stack overflow": Case(
        "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n    def __repr__(self): return repr([self])\nrepr(A())",
        CRASHED, "crashed (SIGSEGV)",
    ),
    "stdout flood": Case("while True: print('x' * 10_000)", CRASHED, "printed more than 16 MB"),
    "stderr flood": Case("import os\nwhile True: os.write(2, b'x' * 10_000)", CRASHED, "printed more than 16 MB"),
    "closes all files": Case("import os; os.closerange(0, 4096)", CRASHED, "ended by itself"),
    "closes all files and stays": Case("import os, time; os.closerange(0, 4096); time.sleep(600)", CRASHED, "did not end"),
}  # fmt: skip
FORKED = [pytest.param(Kind.FORK, name, id=f"{name} (fork)") for name in CASES]
SPAWNED = [pytest.param(Kind.SPAWN, name, id=f"{name} (spawn)") for name, case in CASES.items() if case.either_kind]


@pytest.fixture(scope="module")
def spawning() -> Iterator[Sandbox]:
    with Sandbox(Level.STUDENT, kind=Kind.SPAWN) as made:
        yield made


def source(body: str) -> str:
    return "def f():\n" + textwrap.indent(textwrap.dedent(body).strip(), "    ") + "\ndef g(): return 'fine'\n"


def gone(session: Session) -> bool:
    """Whether the session's process is dead and reaped."""
    try:
        os.kill(session.pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(("kind", "name"), FORKED + SPAWNED)
def test_an_ending_has_its_name_and_leaves_nothing_behind(kind: Kind, name: str, sandbox: Sandbox, spawning: Sandbox) -> None:
    used = sandbox if kind is Kind.FORK else spawning
    case = CASES[name]
    with used.session(case.limits) as session:
        load(session, source(case.body))
        module = session.module("m")
        with pytest.raises(SessionEnded) as caught:
            session.fetch(module.attr("f")())
        error = caught.value
        assert error.ending is case.ending, error
        assert case.reason in error.reason
        assert len(error.message) <= 4000
        if case.ending is RAISED:
            assert session.fetch(module.attr("g")()) == ("fine",)
            assert not gone(session)
        else:
            assert case.ending is OUT_OF_MEMORY or gone(session)
    assert gone(session)
    assert kind is Kind.SPAWN or processes_of(used) == set()
    assert ask(used, "def f(): return 'next'") == "next"


def test_processes_are_seen_while_they_live(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        assert session.pid in processes_of(sandbox)
        assert not gone(session)


def test_time_is_counted_over_all_calls_of_a_session(sandbox: Sandbox) -> None:
    with sandbox.session(BRIEF) as session:
        load(session, "import time\nf = time.sleep")
        sleep = session.module("m").attr("f")

        def sleep_a_lot_in_short_calls() -> None:
            for _ in range(1000):
                session.fetch(sleep(0.05))

        with pytest.raises(SessionEnded, match="did not finish within"):
            sleep_a_lot_in_short_calls()


def test_an_ending_at_import_is_named_too(sandbox: Sandbox) -> None:
    error = ended(sandbox, "while True: pass", BRIEF)
    assert error.ending is TIMED_OUT
    assert ended(sandbox, "raise LookupError('early')").doing == "import m"


@pytest.mark.parametrize("forged", ["b'garbage!'", "b'QOI1\\xff\\xff\\xff\\xff'", "b'QOI1\\1\\0\\0\\0N'", "b'QOI1\\1\\0\\0\\0z'"])
def test_a_forged_answer_is_refused(sandbox: Sandbox, forged: str) -> None:
    error = ended(sandbox, source(f"import os; os.write(3, {forged}); os._exit(0)"), ROOMY)
    assert error.ending is CRASHED
    assert "did not keep to the protocol" in error.reason


STOPS_READING = """
    import sys, time
    def f():
        sys.modules["inside.worker"]._read = lambda *_: time.sleep(600)
        return 1
    """


def test_code_that_never_reads_its_next_question_is_ended(sandbox: Sandbox) -> None:
    with sandbox.session(Limits(wall=1, cpu=60)) as session:
        load(session, STOPS_READING)
        assert session.fetch(session.module("m").attr("f")()) == (1,)
        with pytest.raises(SessionEnded, match="did not finish"):
            session.fetch(session.put(bytes(2**25)))


def test_printed_output_is_kept_up_to_its_cap(sandbox: Sandbox) -> None:
    limits = Limits(output_kept=1000)
    with sandbox.session(limits) as session:
        load(session, "def f(): print('x' * 100_000); return 1")
        assert session.fetch(session.module("m").attr("f")()) == (1,)
    assert session.output == "x" * 1000


def test_an_answer_that_leaves_a_thread_running_counts_and_the_thread_dies(sandbox: Sandbox) -> None:
    with sandbox.session() as session:
        load(session, "import threading, time\ndef f(): threading.Thread(target=time.sleep, args=(600,)).start(); return 1")
        assert session.fetch(session.module("m").attr("f")()) == (1,)
    assert gone(session)


LEAVES_A_PROCESS = """
    import ctypes, time
    def f():
        pid = ctypes.CDLL(None).fork()  # past the good manners that Python keeps where nothing is forked
        if pid == 0:
            while True: time.sleep(600)
        return pid
    """


@pytest.mark.parametrize("kind", list(Kind))
def test_a_forked_process_dies_with_its_session_where_forking_is_possible(kind: Kind) -> None:
    with Sandbox(Level.STUDENT, kind=kind, disabled=[Layer.SECCOMP]) as open_:
        with open_.session() as session:
            load(session, LEAVES_A_PROCESS)
            (left,) = session.fetch(session.module("m").attr("f")())
            pidfd = os.pidfd_open(left)
        try:
            assert has_ended(pidfd)
        finally:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)


def test_a_dead_fork_server_is_replaced_and_its_children_died_with_it() -> None:
    with Sandbox(Level.STUDENT, kind=Kind.FORK) as made:
        first = made.server_pid
        assert first is not None
        with made.session() as session:
            pidfd = os.pidfd_open(session.pid)
            assert not gone(session)
            os.kill(first, signal.SIGKILL)
            assert has_ended(pidfd)
            os.close(pidfd)
            load(session, "def f(): return 1")
            with pytest.raises(SandboxUnavailable):  # nothing the session's own code did
                session.fetch(session.module("m").attr("f")())
        assert ask(made, "def f(): return 2") == 2
        assert made.server_pid != first


def test_closing_a_sandbox_ends_its_server_and_its_sessions() -> None:
    made = Sandbox(Level.STUDENT, kind=Kind.FORK)
    session = made.session()
    server = made.server_pid
    assert server is not None
    made.close()
    session.close()
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
