"""The trusted keeper of a sandbox: starts it, tests it, hands out sessions, and never lets a process outlive its session."""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from . import launch
from .child import Child, Exit, ForkedChild
from .errors import SandboxUnavailable, SessionEnded
from .forms import Keys, Number
from .inside import wire
from .policy import Kind, Layer, Level, Limits, default_kind, missing_layers, required_layers
from .session import Session
from .surroundings import settings
from .users import private_uid

DEFAULT_LIMITS = Limits()
# What a self-check does without, one step after the other, where honest code cannot run with it on this system.
_LESS = ((), (Layer.UID,), (Layer.UID, Layer.LANDLOCK, Layer.JAIL), (Layer.UID, Layer.LANDLOCK, Layer.JAIL, Layer.SECCOMP))
_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What the probe found: `layers` in force and, by name, whether each attempt worked (see `probe.py`)."""

    layers: tuple[str, ...]
    attempts: dict[str, bool]
    numpy: str

    @property
    def open_doors(self) -> tuple[str, ...]:
        """Attempts that worked and should not, and needs that are not met, by name."""
        return (*(name for name, worked in self.attempts.items() if worked and name.startswith("can_")), *self.unmet)

    @property
    def unmet(self) -> tuple[str, ...]:
        """Needs of honest code that are not met, by name."""
        unmet = [name for name, worked in self.attempts.items() if not worked and not name.startswith("can_")]
        if Layer.JAIL in self.layers and "needs_null_device" in unmet:  # only root can make one in there
            unmet.remove("needs_null_device")
        return tuple(unmet)


class _NoRoom(SandboxUnavailable):
    """No layer's fault: this system lets processes have too little memory."""


class Sandbox:
    """A place to run code that nobody trusts. Not thread-safe: one per worker.

    Use as a context manager, or call `close`.
    """

    def __init__(
        self,
        level: Level,
        *,
        kind: Kind | None = None,
        secrets: Sequence[Path] = (),
        disabled: Sequence[Layer] = (),
        share: Mapping[str, Path] | None = None,
        preload: Sequence[str] = (),
        readable: Sequence[Path] = (),
        ahead: Mapping[str, Path] | None = None,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        """Start and test it.

        Args:
            level: how much isolation is required; a student's self-check takes what there is, and leaves out what keeps honest
                code from running here.
            kind: fork server or plain processes; None picks what is right for this system.
            secrets: files the self-test must not be able to read, e.g. golden values.
            disabled: layers to leave out, to play a system that lacks them.
            share: .npy files of staff's by name, mapped once and inherited read-only by every session, where the module
                `shared_data` has them as arrays; needs the fork server. Sessions may use that much more address space.
            preload: modules beside NumPy that its processes may import; the fork server loads them ahead.
            readable: more folders and files its children may read, e.g. what such a module loads later.
            ahead: staff's sources by the name they are mounted under, compiled once for all children. Only saves time.
            meanwhile: called once, while the self-test runs: loads what the caller will need next.

        Raises:
            SandboxUnavailable: it does not start, or the self-test finds less than `level` requires. `meanwhile` may raise more.
        """
        self.level = level
        self.kind = kind or default_kind()
        self._disabled = [str(layer) for layer in disabled]
        self._share = {name: str(path.resolve()) for name, path in (share or {}).items()}
        if self._share and self.kind is Kind.SPAWN:
            raise SandboxUnavailable("data can be shared only with processes that are forked, which needs Linux")
        self._preload, self._more_readable = list(preload), [str(path.resolve()) for path in readable]
        self._ahead = dict(ahead or {})
        self._meanwhile = meanwhile
        self._uid = None if Layer.UID in disabled or self.kind is Kind.SPAWN else private_uid()
        self._server: launch.Server | None = None
        try:
            self.self_test = self._found(secrets, may_spawn=kind is None)
            self._require()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def session(self, limits: Limits = DEFAULT_LIMITS) -> Session:
        """A fresh process, hardened before it reads anything.

        Raises:
            SandboxUnavailable: no process could be made, or a required layer is missing.
        """
        child = self._spawned(limits) if self.kind is Kind.SPAWN else self._forked(limits)
        try:
            greeting = wire.decode(child.exchange(b"", time.monotonic() + launch.START_SECONDS))
            layers = tuple(str(layer) for layer in greeting["layers"])
        except (SessionEnded, wire.WireError) as error:
            child.close()
            said = child.output.decode("utf-8", "replace").strip()
            raise SandboxUnavailable(f"a sandboxed process did not start: {error}. {said}".strip()) from None
        except BaseException:
            child.close()
            raise
        return Session(child, limits, layers)

    def ready(self) -> None:
        """See to it that there is a server, also for processes that are forked next: each would start one of its own.

        Raises:
            SandboxUnavailable: none can be started.
        """
        if self.kind is Kind.FORK and not self._runs():
            self.close()
            self._start_server()

    def connection(self) -> socket.socket | None:
        """Another connection with the server, for a process that is forked next and calls `use`; None where there is no server."""
        if self._server is None or not self._runs():
            return None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            socket.send_fds(self._server.control, [json.dumps({"do": "attach"}).encode()], [theirs.fileno()])
        except OSError:
            ours.close()
            return None
        finally:
            theirs.close()
        ours.settimeout(launch.START_SECONDS)
        return ours

    def use(self, connection: socket.socket) -> None:
        """In a forked process: talk with the server by this connection, the other one is that of who forked it."""
        assert self._server is not None
        self._server.control.close()
        self._server.control = connection

    @property
    def server_pid(self) -> int | None:
        """The fork server's process id, for diagnostics."""
        return self._server.pid if self._server else None

    def close(self) -> None:
        """End the fork server; its children die with it."""
        if self._server is not None:
            self._server.end()
            self._server = None

    def _use_the_time(self) -> None:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()

    def _plan(self, limits: Limits) -> dict[str, Any]:
        required = [] if self.level is Level.STUDENT else sorted(required_layers() - set(self._disabled))
        return {
            "uid": self._uid,
            "memory": limits.memory,
            "cpu": limits.cpu,
            "files": limits.files,
            "required": [str(layer) for layer in required],
        }

    def _spawned(self, limits: Limits) -> Child:
        from .spawned_child import SpawnedChild  # on few systems

        return SpawnedChild(launch.command("spawned", json.dumps(self._plan(limits)), *self._preload), launch.environment(), limits)

    def _forked(self, limits: Limits) -> Child:
        self.ready()
        self._require_room(limits)
        ours, theirs = socket.socketpair()
        output_read, output_write = os.pipe()
        try:
            reply, fds = self._ask({"do": "spawn", "plan": self._plan(limits)}, [theirs.fileno(), output_write])
        except BaseException:
            ours.close()
            os.close(output_read)
            raise
        finally:
            theirs.close()
            os.close(output_write)
        if "pid" not in reply or not fds:
            ours.close()
            os.close(output_read)
            raise SandboxUnavailable(f"no sandboxed process could be made: {reply.get('error', 'no reason given')}")
        return ForkedChild(reply["pid"], fds[0], ours, output_read, limits, self._reap)

    def _runs(self) -> bool:
        """Whether the server is there. Its connection tells that also in a process that was forked from the one that started it."""
        if self._server is None:
            return False
        poll = select.poll()
        poll.register(self._server.control, 0)  # an end that was closed is told unasked
        return not poll.poll(0)

    def _require_room(self, limits: Limits) -> None:
        """Refuse where a limit on this process leaves its children less memory than they are promised: code that then ran out
        of it would be blamed for that."""
        import resource

        ceiling = resource.getrlimit(resource.RLIMIT_AS)[1]
        if ceiling == resource.RLIM_INFINITY or self._server is None:
            return
        pages = int(Path(f"/proc/{self._server.pid}/statm").read_text("ascii").split()[0])
        needed = pages * resource.getpagesize() + limits.memory
        if ceiling < needed:
            raise _NoRoom(
                f"this system lets a process have {ceiling // 2**20} MB of memory (ulimit -v), but a sandboxed one needs "
                f"{needed // 2**20} MB"
            )

    def _reap(self, pid: int) -> Exit:
        try:
            reply, _ = self._ask({"do": "reap", "pid": pid}, [])
        except SandboxUnavailable:  # the server is gone, and its children died with it
            return Exit(-9, 0.0, 0, lost=True)
        if "status" not in reply:
            return Exit(-9, 0.0, 0, lost=True)
        return Exit(os.waitstatus_to_exitcode(reply["status"]), reply["cpu"], reply["memory"])

    def _start_server(self) -> None:
        wanted = settings(
            disabled=self._disabled,
            share=self._share,
            preload=self._preload,
            readable=self._more_readable,
            ahead=self._ahead,
        )
        try:
            self._server = launch.server(wanted)
        except OSError as error:
            raise SandboxUnavailable(f"the sandbox's server could not be started: {error}") from error
        try:
            self._receive()
        except SandboxUnavailable:
            said = self._server.last_words()
            self.close()
            raise SandboxUnavailable(f"the sandbox's server did not start: {said}") from None

    def _ask(self, request: dict[str, Any], fds: list[int]) -> tuple[dict[str, Any], list[int]]:
        if self._server is None:
            raise SandboxUnavailable("the sandbox is closed")
        try:
            socket.send_fds(self._server.control, [json.dumps(request).encode()], fds)
            return self._receive()
        except OSError as error:
            self.close()
            raise SandboxUnavailable(f"the sandbox's server went away: {error}") from error
        except BaseException:
            self.close()  # its next answer would be to this question; the next session gets a new server
            raise

    def _receive(self) -> tuple[dict[str, Any], list[int]]:
        assert self._server is not None
        try:
            packet, fds, _, _ = socket.recv_fds(self._server.control, 65536, 4)
        except OSError as error:
            raise SandboxUnavailable(f"the sandbox's server does not answer: {error}") from error
        if not packet:
            raise SandboxUnavailable("the sandbox's server went away")
        return json.loads(packet), fds

    def _found(self, secrets: Sequence[Path], *, may_spawn: bool) -> SelfTest:
        """Test it; for a self-check, with as many layers as honest code can run with."""
        if self.level is not Level.STUDENT or self.kind is Kind.SPAWN:
            return self._test(secrets)
        wanted = self._disabled
        for less in _LESS:
            self._disabled = [*wanted, *(str(layer) for layer in less if layer not in wanted)]
            self._uid = None if Layer.UID in self._disabled else self._uid
            try:
                test = self._test(secrets)
            except _NoRoom:
                raise
            except SandboxUnavailable as error:
                failed = error
            else:
                if not test.unmet:
                    return test
                failed = SandboxUnavailable(f"honest code cannot run in it ({', '.join(test.unmet)})")
            self.close()
        if not may_spawn or self._share:
            raise failed
        self.kind, self._disabled = Kind.SPAWN, wanted
        return self._test(secrets)

    def _test(self, secrets: Sequence[Path]) -> SelfTest:
        source = (_HERE / "probe.py").read_bytes()
        paths = [os.path.abspath(path) for path in secrets]
        folder = str(secrets[0].resolve().parent) if secrets else str(_HERE)
        with self.session() as session:
            session.load({"sandbox_probe.py": source})
            attempts = session.module("sandbox_probe").attr("attempts")(paths, folder, os.getpid())
            try:
                (found,) = session.fetch(attempts.like(Keys(others=Number())), meanwhile=self._use_the_time)
            except SessionEnded as error:
                raise SandboxUnavailable(f"the sandbox's self-test failed: {error.reason} {error.message}") from None
            return SelfTest(session.layers, {str(key): bool(value) for key, value in found.items()}, np.__version__)

    def _require(self) -> None:
        if self.level is Level.STUDENT:
            return
        missing = missing_layers(self.self_test.layers)
        doors = self.self_test.open_doors
        if "needs_lazy_imports" in doors:
            raise SandboxUnavailable(
                f"the sandbox's user cannot read the Python installation under {sys.base_prefix}: use one outside private "
                "folders, e.g. /usr/bin/python3.11"
            )
        if missing or doors:
            lacks = f"missing layers: {', '.join(missing) or 'none'}; open doors: {', '.join(doors) or 'none'}"
            raise SandboxUnavailable(f"this system does not isolate student code as grading requires ({lacks})")
