"""What breaks around student code: servers that die or do not answer, processes that cannot be made, kernels that refuse.

None of it is ever blamed on the code, nothing is left behind, and what comes next works again.
"""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import resource
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.sandbox import launch, supervisor, surroundings, users
from grader.sandbox.child import ForkedChild
from grader.sandbox.errors import Ending, SandboxUnavailable, SessionEnded
from grader.sandbox.inside import hardening, jail, landlock, libc, library, seccomp, spawned, wire, worker
from grader.sandbox.policy import Kind, Layer, Level, Limits
from grader.sandbox.supervisor import Sandbox, SelfTest
from tests.sandbox.asking import NOBODY, as_ordinary_user, ask, kill, load, processes_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork servers are Linux's")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def made() -> Iterator[Sandbox]:
    """A sandbox to break."""
    with Sandbox(Level.STUDENT, kind=Kind.FORK) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    """No test leaves one open that was not there before."""
    launch.unwanted()
    private = users.private_uid()  # held by a socket from its first use on
    before = len(os.listdir("/proc/self/fd"))
    yield
    launch.unwanted()
    assert users.private_uid() == private
    assert len(os.listdir("/proc/self/fd")) == before


def in_a_fork(work: Callable[[], object], user: int | None = None) -> int:
    """The exit code of a forked process that does `work`, as `user`: 0 if that is true."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            if user is not None:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
            code = 0 if work() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class TestServers:
    def test_one_that_died_before_it_was_told_what_to_be_is_no_sandbox(self) -> None:
        launch.begin()
        kill(launch._waiting[0].pid)
        with pytest.raises(SandboxUnavailable, match="server did not start: no message"):
            Sandbox(Level.STAFF, kind=Kind.FORK)
        with Sandbox(Level.STAFF, kind=Kind.FORK) as next_one:
            assert ask(next_one, "def f(): return 1") == 1

    def test_one_that_somebody_else_reaped_can_be_ended(self) -> None:
        launch.begin()
        (begun,) = launch._waiting
        os.kill(begun.pid, signal.SIGKILL)
        os.waitpid(begun.pid, 0)
        launch.unwanted()

    def test_where_none_can_be_begun_that_shows_when_one_is_wanted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(*_args: object, **_options: object) -> int:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

        monkeypatch.setattr(os, "posix_spawn", refused)
        surroundings.early()
        assert not launch._waiting
        with pytest.raises(SandboxUnavailable, match=r"could not be started: .*temporarily unavailable"):
            Sandbox(Level.STAFF, kind=Kind.FORK)

    def test_without_numpy_none_is_begun(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
        launch.begin()
        surroundings.early()
        assert not launch._waiting
        with pytest.raises(ImportError, match="NumPy is not installed"):
            launch.numpy_folder()

    def test_one_that_goes_away_before_it_is_asked_is_replaced(self, made: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        assert made.server_pid is not None
        kill(made.server_pid)
        monkeypatch.setattr(made, "_runs", lambda: True)
        with pytest.raises(SandboxUnavailable, match="went away"):
            made.session()
        monkeypatch.undo()
        assert ask(made, "def f(): return 1") == 1

    def test_one_that_goes_away_gives_no_further_connection(self, made: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        connection = made.connection()
        assert connection is not None
        connection.close()
        assert made.server_pid is not None
        kill(made.server_pid)
        assert made.connection() is None
        monkeypatch.setattr(made, "_runs", lambda: True)
        assert made.connection() is None

    def test_one_that_does_not_answer_is_replaced(self, made: Sandbox) -> None:
        stopped = made.server_pid
        assert stopped is not None
        assert made._server is not None
        os.kill(stopped, signal.SIGSTOP)
        made._server.control.settimeout(0.1)
        with pytest.raises(SandboxUnavailable, match="does not answer"):
            made.session()
        assert ask(made, "def f(): return 1") == 1
        assert made.server_pid != stopped

    def test_one_that_was_interrupted_while_it_answered_is_replaced(self, made: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted() -> None:
            raise KeyboardInterrupt

        first = made.server_pid
        monkeypatch.setattr(made, "_receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            made.session()
        monkeypatch.undo()
        assert ask(made, "def f(): return 1") == 1
        assert made.server_pid != first

    def test_a_process_that_nobody_waits_for_any_more_is_ended(self, made: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(ForkedChild, "exchange", interrupted)
        with pytest.raises(KeyboardInterrupt):
            made.session()
        assert processes_of(made) == set()

    def test_what_it_knows_nothing_of_counts_as_lost(self, made: Sandbox) -> None:
        assert made._reap(1).lost
        assert ask(made, "def f(): return 1") == 1


class TestSandboxes:
    def test_data_cannot_be_shared_with_plain_processes(self, tmp_path: Path) -> None:
        with pytest.raises(SandboxUnavailable, match="needs Linux"):
            Sandbox(Level.STUDENT, kind=Kind.SPAWN, share={"data": tmp_path / "data.npy"})

    def test_a_limit_on_memory_is_told_as_that(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = resource.getrlimit
        little = (200 * 2**20, 200 * 2**20)
        monkeypatch.setattr(resource, "getrlimit", lambda which: little if which == resource.RLIMIT_AS else real(which))
        with pytest.raises(SandboxUnavailable, match=r"lets a process have 200 MB of memory \(ulimit -v\)"):
            Sandbox(Level.STUDENT, kind=Kind.FORK)

    @pytest.mark.parametrize("probe", ["raise OSError('of the probe')", "import os\nos._exit(3)"])
    def test_without_a_self_test_there_is_none(self, probe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "probe.py").write_text(probe, "utf-8")
        monkeypatch.setattr(supervisor, "_HERE", tmp_path)
        with pytest.raises(SandboxUnavailable, match="self-test failed"):
            Sandbox(Level.STAFF, kind=Kind.FORK)

    def test_a_null_device_is_not_asked_for_where_only_root_can_make_one(self) -> None:
        attempts = {"needs_null_device": False, "needs_threads": True}
        assert SelfTest((Layer.JAIL,), attempts, "2").unmet == ()
        assert SelfTest((Layer.LANDLOCK,), attempts, "2").unmet == ("needs_null_device",)


FORK_IS_REFUSED = """
import json, resource
from grader.sandbox.errors import SandboxUnavailable
from grader.sandbox.policy import Kind, Level
from grader.sandbox.supervisor import Sandbox

with Sandbox(Level.STUDENT, kind=Kind.FORK) as made:
    limit = resource.prlimit(made.server_pid, resource.RLIMIT_NPROC)
    resource.prlimit(made.server_pid, resource.RLIMIT_NPROC, (0, limit[1]))
    try:
        made.session()
        refused = ""
    except SandboxUnavailable as error:
        refused = str(error)
    resource.prlimit(made.server_pid, resource.RLIMIT_NPROC, limit)
    with made.session() as session:
        session.load({"m.py": b"def f(): return 1"})
        print(json.dumps([refused, *session.fetch(session.module("m").attr("f")())]))
"""


@needs_root  # to be somebody whose processes are counted
def test_a_server_that_cannot_fork_says_so_and_goes_on() -> None:
    process = as_ordinary_user(FORK_IS_REFUSED)
    refused, answer = json.loads(process.stdout)
    assert refused.startswith("no sandboxed process could be made: fork failed: ")
    assert answer == 1


STOPS_READING = """
    import os, select, sys
    def when_asked():
        select.select([3], [], [])
        os._exit(3)
    def f(wait):
        sys.modules["inside.worker"]._read = lambda *_: when_asked() if wait else os._exit(3)
        return 1
    """


class TestConversations:
    @pytest.mark.parametrize("kind", list(Kind))
    @pytest.mark.parametrize("wait", [True, False], ids=["when it is asked", "before it is asked"])
    def test_a_process_that_ends_instead_of_reading_has_ended_by_itself(self, kind: Kind, wait: bool) -> None:
        with Sandbox(Level.STUDENT, kind=kind) as made, made.session() as session:
            load(session, STOPS_READING)
            assert session.fetch(session.module("m").attr("f")(wait and kind is Kind.FORK)) == (1,)
            with pytest.raises(SessionEnded, match=r"ended by itself \(exit status 3\)") as caught:
                session.fetch(session.put(bytes(2**25)))
            assert caught.value.ending is Ending.CRASHED

    def test_one_that_no_longer_reads_but_lives_on_is_ended(self) -> None:
        source = """
            import os, socket, sys, time
            def f():
                sys.modules["inside.worker"]._read = lambda *_: time.sleep(600)
                socket.socket(fileno=os.dup(3)).shutdown(socket.SHUT_RD)
                return 1
            """
        limits = Limits(wall=600, cpu=600)
        with Sandbox(Level.STUDENT, kind=Kind.FORK, disabled=[Layer.SECCOMP]) as made, made.session(limits) as session:
            load(session, source)
            assert session.fetch(session.module("m").attr("f")()) == (1,)
            with pytest.raises(SessionEnded, match="did not end") as caught:
                session.fetch(session.put(bytes(2**25)))
            assert caught.value.ending is Ending.CRASHED

    def test_what_was_printed_last_is_kept(self, sandbox: Sandbox) -> None:
        source = """
            import os, select, sys, time
            def last(*_):
                select.select([3], [], [])  # when the answer has been read for certain
                os.write(1, b"last words")
                time.sleep(600)
            def f():
                sys.modules["inside.worker"]._read = last
                return 1
            """
        with sandbox.session() as session:
            load(session, source)
            assert session.fetch(session.module("m").attr("f")()) == (1,)
            assert session.output == ""
            session._child._channel.send(b"?")  # type: ignore[attr-defined]
            select.select([session._child._output_fd], [], [])  # type: ignore[attr-defined]
        assert session.output == "last words"

    def test_one_that_was_killed_from_outside_is_nobodys_fault_however_often_it_is_asked(self, sandbox: Sandbox) -> None:
        with sandbox.session() as session:
            load(session, "def f(): return 1")
            session.fetch()
            os.kill(session.pid, signal.SIGKILL)
            for _ in range(2):
                with pytest.raises(SandboxUnavailable, match="killed from outside"):
                    session.fetch(session.module("m").attr("f")())

    def test_what_a_process_that_got_away_holds_open_does_not_hold_the_grader(self) -> None:
        source = """
            import ctypes, os
            def f():
                here, there = os.pipe()
                pid = ctypes.CDLL(None).fork()  # past the good manners that Python keeps where nothing is forked
                if pid == 0:
                    ctypes.CDLL(None).setsid()
                    os.write(there, b"gone")
                    while True: ctypes.CDLL(None).pause()
                os.read(here, 4)
                return pid
            """
        with Sandbox(Level.STUDENT, kind=Kind.SPAWN) as made:
            with made.session() as session:
                load(session, source)
                (stray,) = session.fetch(session.module("m").attr("f")())
            os.kill(stray, signal.SIGKILL)
            for pump in session._child._pumps:  # type: ignore[attr-defined]
                pump.join()
            session._child._close_pipes()  # type: ignore[attr-defined]


class TestWorkers:
    def test_answers_that_are_too_large_together_are_a_failure_of_that_call(self, sandbox: Sandbox) -> None:
        with sandbox.session(Limits(memory=2**30)) as session:
            load(session, "def f(): return bytes(40 * 2**20)")
            module = session.module("m")
            with pytest.raises(SessionEnded, match="WireError"):
                session.fetch(module.attr("f")(), module.attr("f")())
            assert session.fetch(session.put(1)) == (1,)

    def test_a_stream_that_cannot_be_flushed_costs_nothing(self, sandbox: Sandbox) -> None:
        assert ask(sandbox, "import sys\nclass Closed:\n    flush = 3\ndef f():\n    sys.stdout = Closed()\n    return 1") == 1

    @pytest.mark.parametrize("sent", [b"", wire.frame([])[: wire.HEADER.size]], ids=["nothing", "half a question"])
    def test_it_ends_with_the_connection(self, sent: bytes) -> None:
        questions, ask_ = os.pipe()
        answers, reply = os.pipe()
        os.write(ask_, sent)
        os.close(ask_)
        worker.serve(questions, reply, {"layers": []})
        os.close(reply)
        assert wire.decode(os.read(answers, 2**16)[wire.HEADER.size :]) == {"layers": []}
        os.close(questions)
        os.close(answers)


class Refusing:
    """A C library on a kernel without the calls that are asked of it."""

    def syscall(self, *_: object) -> int:
        """As where there is no such call."""
        return -1


class TestKernels:
    def test_without_landlock_there_is_no_rule_set(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(landlock, "libc", Refusing)
        assert landlock.abi() == 0
        with pytest.raises(OSError, match="offers no Landlock"):
            landlock.ruleset([], [])

    @pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")
    def test_paths_that_are_not_there_are_passed_over(self, tmp_path: Path) -> None:
        os.close(landlock.ruleset([str(tmp_path / "absent")], [str(tmp_path / "absent")]))

    def test_a_filter_that_the_kernel_refuses_is_an_error(self) -> None:
        with pytest.raises(OSError, match="SECCOMP"):
            seccomp.load(bytes(8))

    def test_a_setting_that_the_kernel_does_not_know_is_an_error(self) -> None:
        with pytest.raises(OSError, match=r"prctl\(9999\)"):
            hardening.prctl(9999, 0)

    def test_a_process_whose_parent_is_gone_ends_before_it_serves(self) -> None:
        plan: dict[str, Any] = {"uid": None, "memory": 2**30, "cpu": 10, "files": 64, "required": []}
        prepared = hardening.prepare([], [], None, None, [Layer.LANDLOCK, Layer.SECCOMP])
        assert in_a_fork(lambda: hardening.harden(plan, prepared, parent=-1)) == 1

    @needs_root
    def test_a_user_that_cannot_be_had_is_a_layer_that_is_absent(self) -> None:
        assert in_a_fork(lambda: hardening._drop_user(users.IDS[0]) is False, NOBODY) == 0
        assert in_a_fork(lambda: library.readable_by(users.IDS[0]), NOBODY) == 0

    def test_a_user_namespace_that_is_refused_is_no_jail(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
        found: list[bool] = []
        thread = threading.Thread(target=lambda: found.append(jail.prepare(str(tmp_path))))  # a process with threads gets none
        thread.start()
        thread.join()
        assert found == [False]

    @needs_root
    def test_a_user_namespace_without_its_own_user_is_no_jail(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: NOBODY - 1)  # whom the kernel does not let nobody be
        assert in_a_fork(lambda: jail.prepare(str(tmp_path)) is False, NOBODY) == 0

    def test_a_c_library_without_glibcs_calls_is_left_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(libc, "libc", object)
        libc.keep_memory()
        libc.use_large_pages()

    def test_a_plain_process_keeps_to_limits_that_were_there_before(self) -> None:
        def limited() -> bool:
            resource.setrlimit(resource.RLIMIT_CPU, (50, 100))
            spawned._limits({"cpu": 500})
            return resource.getrlimit(resource.RLIMIT_CPU) == (100, 100)

        assert in_a_fork(limited) == 0

    def test_windows_cannot_start_python_without_its_root(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "SYSTEMROOT" not in launch.environment()
        monkeypatch.setenv("SYSTEMROOT", r"C:\Windows")
        assert launch.environment()["SYSTEMROOT"] == r"C:\Windows"


class TestSurroundings:
    def test_a_jail_is_made_with_the_installation(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(sys, "prefix", str(tmp_path))
        assert surroundings._jail() == str(tmp_path / "jail")
        null = tmp_path / "jail/dev/null"
        assert not null.exists() or null.is_char_device()  # not everybody may make one
        assert surroundings._jail() == str(tmp_path / "jail")

    def test_where_nothing_can_be_made_there_is_none(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        monkeypatch.setattr(sys, "prefix", str(tmp_path / "file"))
        assert surroundings._jail() is None

    def test_only_root_has_a_private_user_to_give(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(users, "is_root", lambda: False)
        assert users.private_uid() is None

    def test_where_there_are_no_such_sockets_a_user_is_drawn_and_not_held(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(users, "_NAME", "\0" + "x" * 200 + "{}")
        drawn, holder = users._drawn()
        assert drawn in users.IDS
        assert holder is None

    def test_a_library_in_memory_knows_what_it_read(self) -> None:
        kept: Any = library.Library()
        assert kept.find_spec("no_such_module") is None
        assert kept.find_spec("colorsys") is not None
