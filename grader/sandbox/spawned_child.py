"""A sandboxed process where there is no fork server: a file of its own, because what it needs takes time to load."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from .child import GRACE, Collector, Exit, ending_of, hung_up, out_of_time
from .errors import SessionEnded
from .policy import Limits


class SpawnedChild:
    """A plain subprocess; reduced isolation. On POSIX it leads a session of its own, and the whole session is killed."""

    def __init__(self, command: list[str], environment: dict[str, str], limits: Limits) -> None:
        self._process = subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=os.path.abspath(os.sep),  # not the homework's: messages would quote its lines
            start_new_session=sys.platform != "win32",
        )
        self.pid = self._process.pid
        self._limits = limits
        self._collector = Collector(limits)
        self._events: queue.Queue[tuple[str, bytes]] = queue.Queue(maxsize=64)
        self._exit: Exit | None = None
        self._writer: threading.Thread | None = None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._pumps = [
            threading.Thread(target=self._pump, args=(name, stream.fileno()), daemon=True)
            for name, stream in (("answer", self._process.stdout), ("output", self._process.stderr))
        ]
        for pump in self._pumps:
            pump.start()

    @property
    def output(self) -> bytes:
        return bytes(self._collector.printed)

    def exchange(self, data: bytes, deadline: float, meanwhile: Callable[[], object] | None = None) -> memoryview:
        if data:
            self._writer = threading.Thread(target=self._write, args=(data,), daemon=True)
            self._writer.start()
        if meanwhile is not None:
            meanwhile()
        while True:
            body = self._collector.frame()
            if body is not None:
                return body
            try:
                name, part = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise out_of_time(self._limits) from None
            if name == "output":
                self._collector.add_output(part)
            elif part:
                self._collector.received += part
            else:
                try:
                    self._process.wait(GRACE)
                except subprocess.TimeoutExpired:
                    self.close()
                    raise hung_up() from None
                raise SessionEnded(*ending_of(self.close(), self._limits))

    def collect(self) -> None:
        """Its output comes through threads, in its own time: nothing to be had at once."""

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._process.stdin.fileno(), view) :]
        except OSError:  # closed by the other end
            pass

    def _pump(self, name: str, fd: int) -> None:
        while True:
            try:
                data = os.read(fd, 2**16)
            except OSError:  # pragma: no cover - a pipe that is open can be read
                data = b""
            self._events.put((name, data))
            if not data:
                return

    def close(self) -> Exit:
        if self._exit is None:
            if sys.platform == "win32":  # pragma: no cover - Windows
                self._process.kill()
            else:
                try:
                    os.killpg(self._process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            status = self._process.wait()
            self._exit = Exit(status, 0.0, 0)
            self._drain()
            self._close_pipes()
        return self._exit

    def _close_pipes(self) -> None:
        """Close each pipe whose thread is done with it; one that a stray process holds open stays with its thread."""
        streams = (self._process.stdin, self._process.stdout, self._process.stderr)
        for thread, stream in zip((self._writer, *self._pumps), streams, strict=True):
            if thread is not None:
                thread.join(GRACE)
            if stream is not None and (thread is None or not thread.is_alive()):
                stream.close()

    def _drain(self) -> None:
        """Take what is still in the queue until both pumps have seen the end, so that neither is left waiting for room.

        A process that got away and goes on printing must not hold us here, hence the limit.
        """
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and (any(pump.is_alive() for pump in self._pumps) or not self._events.empty()):
            try:
                name, data = self._events.get(timeout=GRACE)
                if name == "output":
                    self._collector.add_output(data)
            except queue.Empty:
                return
            except SessionEnded:
                continue
