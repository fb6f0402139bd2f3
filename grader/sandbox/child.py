"""One sandboxed process seen from the trusted side: bytes in, frames out, and a death that can be relied on.

Two ways to have one: `ForkedChild` (made by the fork server, watched with poll, killed by pidfd) and, for systems without fork,
`spawned_child.SpawnedChild` (a plain subprocess with pipes and threads). Neither ever blocks beyond the deadline it is given.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .errors import Ending, SandboxUnavailable, SessionEnded, from_status
from .inside import wire
from .policy import Limits

GRACE = 2.0  # seconds a process that closed its channel gets to finish dying, so that its own exit status is seen


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended.

    Attributes:
        status: as `Popen.returncode`.
        cpu, memory: CPU seconds and peak resident memory in KiB; 0 where unknown.
        lost: nobody can say, because the fork server ended too; then it was not the process's own doing.
    """

    status: int
    cpu: float
    memory: int
    lost: bool = False


class Child(Protocol):
    """What a session needs of a sandboxed process."""

    pid: int

    def exchange(self, data: bytes, deadline: float, meanwhile: Callable[[], object] | None = None) -> memoryview:
        """Send `data` (may be empty) and return the body of the next frame; `meanwhile` is called once as much is sent as can be.

        Raises:
            SessionEnded: no whole frame by `deadline` (`time.monotonic`), too much output, a malformed frame, or the end.
        """

    def collect(self) -> None:
        """Take what it has printed by now, as far as it can be had without waiting."""

    def close(self) -> Exit:
        """Kill whatever is left and say how it ended; calling it again gives the same answer."""

    @property
    def output(self) -> bytes:
        """What the process printed so far, up to the cap."""


class Collector:
    """Assembles frames from bytes and keeps printed output within its caps."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.received = bytearray()
        self.printed = bytearray()
        self.printed_total = 0

    def add_output(self, data: bytes) -> None:
        self.printed_total += len(data)
        self.printed += data[: max(0, self.limits.output_kept - len(self.printed))]
        if self.printed_total > self.limits.output_max:
            raise SessionEnded(Ending.CRASHED, f"it printed more than {self.limits.output_max // 2**20} MB")

    def frame(self) -> memoryview | None:
        """The body of the first frame once all of it has arrived; surplus bytes are an offence, answers come one at a time."""
        if len(self.received) < wire.HEADER.size:
            return None
        try:
            size = wire.body_size(bytes(self.received[: wire.HEADER.size]))
        except wire.WireError as error:
            raise garbled(str(error)) from None
        end = wire.HEADER.size + size
        if len(self.received) < end:
            return None
        if len(self.received) > end:
            raise garbled("more than one answer arrived")
        whole, self.received = self.received, bytearray()  # handed over as it is: it may be large
        return memoryview(whole)[wire.HEADER.size :]


def garbled(why: str) -> SessionEnded:
    """The ending for a process that does not keep to the protocol; only code that tampers with its own worker gets here."""
    return SessionEnded(Ending.CRASHED, f"its process did not keep to the protocol: {why}")


def hung_up() -> SessionEnded:
    """The ending for a process that lives on but can never answer."""
    return garbled("it closed its connection and did not end")


def out_of_time(limits: Limits) -> SessionEnded:
    return SessionEnded(Ending.TIMED_OUT, f"it did not finish within {limits.wall:g} s")


class ForkedChild:
    """A child of the fork server; `reap` asks the server for its exit once it is dead."""

    def __init__(
        self, pid: int, pidfd: int, channel: socket.socket, output_fd: int, limits: Limits, reap: Callable[[int], Exit]
    ) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._channel = channel
        self._output_fd = output_fd
        self._reap = reap
        self._exit: Exit | None = None
        self._listening = True  # until the other end of its output is closed
        self._fault = ""  # why it ended, if that was not its own doing
        self._collector = Collector(limits)
        self._limits = limits
        self._poll = select.poll()
        channel.setblocking(False)
        os.set_blocking(output_fd, False)
        self._poll.register(output_fd, select.POLLIN)

    @property
    def output(self) -> bytes:
        return bytes(self._collector.printed)

    def exchange(self, data: bytes, deadline: float, meanwhile: Callable[[], object] | None = None) -> memoryview:
        if self._fault:
            raise SandboxUnavailable(self._fault)
        unsent = memoryview(data)
        if meanwhile is not None:
            unsent = unsent[self._write(unsent) :]
            meanwhile()
        while True:
            body = self._collector.frame()
            if body is not None:
                if unsent:
                    raise garbled("an answer arrived before the question was read")
                return body
            left = deadline - time.monotonic()
            if left <= 0:
                raise out_of_time(self._limits)
            self._poll.register(self._channel, select.POLLIN | (select.POLLOUT if unsent else 0))
            for fd, events in self._poll.poll(left * 1000):
                if fd == self._output_fd:
                    self._read_output()
                    continue
                if events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                    self._read_channel()
                elif events & select.POLLOUT:
                    unsent = unsent[self._write(unsent) :]

    def _write(self, data: memoryview) -> int:
        try:
            return self._channel.send(data[: 2**18])
        except BlockingIOError:  # pragma: no cover - asked only where there is room
            return 0
        except OSError:  # nobody reads at the other end any more
            raise self._died() from None

    def _read_channel(self) -> None:
        try:
            data = self._channel.recv(2**20)
        except BlockingIOError:  # pragma: no cover - asked only where there is something
            return
        except OSError:  # it ended before it had read all of the question
            data = b""
        if not data:
            raise self._died()
        self._collector.received += data
        if len(self._collector.received) > wire.MAX_FRAME + wire.HEADER.size:
            raise garbled("an answer is too large")

    def _read_output(self) -> None:
        try:
            data = os.read(self._output_fd, 2**16)
        except BlockingIOError:
            return
        if data:
            self._collector.add_output(data)
        else:
            self._poll.unregister(self._output_fd)
            self._listening = False

    def collect(self) -> None:
        while self._listening and self._exit is None and len(self._collector.printed) < self._limits.output_kept:
            before = self._collector.printed_total
            self._read_output()
            if self._collector.printed_total == before:
                return

    def _died(self) -> SessionEnded:
        dying = select.poll()
        dying.register(self._pidfd, select.POLLIN)
        finished = dying.poll(GRACE * 1000)
        exit_ = self.close()
        if exit_.lost:
            self._fault = "the sandbox's server ended during a session"
        elif finished and ended_from_outside(exit_, self._limits):
            self._fault = "a sandboxed process was killed from outside"
        if self._fault:
            raise SandboxUnavailable(self._fault)
        if not finished:
            return hung_up()
        return SessionEnded(*ending_of(exit_, self._limits))

    def close(self) -> Exit:
        if self._exit is None:
            try:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
                os.killpg(self.pid, signal.SIGKILL)  # where no seccomp forbids forking
            except OSError:
                pass  # a server that ended left it to be reaped by another: then the id may be anybody's, and no group is killed
            self._exit = self._reap(self.pid)
            try:
                while len(self._collector.printed) < self._limits.output_kept and (data := os.read(self._output_fd, 2**16)):
                    self._collector.add_output(data)
            except (BlockingIOError, SessionEnded):
                pass
            os.close(self._pidfd)
            os.close(self._output_fd)
            self._channel.close()
        return self._exit


def ended_from_outside(exit_: Exit, limits: Limits) -> bool:
    """Whether a killed process cannot have brought it upon itself: it had most of its time and of its memory left.

    It may not send signals, so what is left is the system or a person; a system short of memory for other reasons kills too.
    """
    return exit_.status == -9 and exit_.cpu < limits.cpu and 0 < exit_.memory * 1024 < limits.memory // 2


def ending_of(exit_: Exit, limits: Limits) -> tuple[Ending, str]:
    """The name for a process that went away by itself."""
    return from_status(exit_.status, exit_.cpu, limits.cpu)
