"""Starts what runs untrusted code: the fork server, or a plain process.

A fork server takes as long to load NumPy as the grader itself. So one can be on its way (`begin`) before anything else is done,
and is told later what it is to be (`early`, `server`). That is why this file loads next to nothing.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any

START_SECONDS = 60.0  # a cold disk cache on a small machine takes several seconds to load NumPy
_BOOT = (  # what it was started with is not left for those who are forked from it
    "import sys; sys.dont_write_bytecode, sys.pycache_prefix = {bytecode}; del sys.orig_argv[1:]; "
    "sys.path += [sys.argv.pop(1), sys.argv.pop(1)]; "
    "from inside import {module}; {module}.main(*[sys.argv.pop(1) for _ in sys.argv[1:]])"
)
_CONTROL = 3  # the descriptor by which a fork server knows its end of the connection


class Server:
    """A fork server on its way: it says so on `control` once it is what its settings want.

    Attributes:
        pid: its process id.
        control: the connection with it.
        settings: what it has been told to be; None as long as it waits for that.
    """

    def __init__(self, pid: int, control: socket.socket, output: int) -> None:
        """`output` is the descriptor on which it says what goes wrong."""
        self.pid = pid
        self.control = control
        self.settings: Mapping[str, Any] | None = None
        self._output = output
        self._starter = os.getpid()

    def tell(self, settings: Mapping[str, Any]) -> None:
        """Say what it is to be, as `inside/forkserver.py` wants it; what has gone wrong shows when its answer is read."""
        import json

        self.settings = settings
        try:
            self.control.send(json.dumps(settings).encode())
        except OSError:
            pass

    def end(self) -> None:
        """Kill it; its children die with it. In a process that was forked from its starter only the connection is closed."""
        self.control.close()
        if self._starter == os.getpid():
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):  # somebody else has taken note of its end
                pass
        os.close(self._output)

    def last_words(self) -> str:
        """Kill it, and the last line of what it has said."""
        os.kill(self.pid, signal.SIGKILL)
        said = b""
        while part := os.read(self._output, 2**16):
            said += part
        lines = said.decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "no message"


_waiting: list[Server] = []


def begin() -> None:
    """Start a fork server that waits to be told what it is to be; where that fails, another is started when one is wanted."""
    try:
        _waiting.append(start())
    except (OSError, ImportError):
        pass


def early(wanted: Mapping[str, Any]) -> None:
    """Have a fork server become what the first sandbox will want; where that fails, it will be told then."""
    if not _waiting:
        begin()
    if _waiting:
        _waiting[-1].tell(wanted)


def unwanted() -> None:
    """End what was begun and is not needed after all."""
    while _waiting:
        _waiting.pop().end()


def server(wanted: Mapping[str, Any]) -> Server:
    """A fork server with these settings: the one that is on its way, if it fits.

    Raises:
        OSError: it could not be started.
    """
    found = None
    while _waiting and found is None:
        found = _waiting.pop()
        if found.settings not in (None, wanted):
            found.end()
            found = None
    found = found or start()
    if found.settings is None:
        found.tell(wanted)
    return found


def start() -> Server:
    """Start a fork server, without waiting for it. Linux only.

    Raises:
        OSError: no process can be made.
        ImportError: NumPy is not installed.
    """
    from fcntl import F_DUPFD_CLOEXEC, fcntl  # Windows has none, and no fork server

    line = command("forkserver", str(_CONTROL))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    output, said = os.pipe()
    # Two that none of the descriptors is which they become in the new process, not even where the grader's own 0 to 2 are closed.
    free = [fcntl(fd, F_DUPFD_CLOEXEC, _CONTROL + 1) for fd in (theirs.fileno(), said)]
    try:
        pid = os.posix_spawn(  # as `subprocess` would do it, which takes as long to load as all of this file
            line[0],
            line,
            environment(),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, free[0], _CONTROL),
                (os.POSIX_SPAWN_DUP2, free[1], 2),
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            ],
            setsid=True,  # Ctrl-C in a terminal is the grader's
        )
    except BaseException:
        ours.close()
        os.close(output)
        raise
    finally:
        theirs.close()
        for fd in (said, *free):
            os.close(fd)
    ours.settimeout(START_SECONDS)
    return Server(pid, ours, output)


def numpy_folder() -> str:
    """Where NumPy is installed.

    Raises:
        ImportError: nowhere.
    """
    found = importlib.util.find_spec("numpy")
    if found is None or found.origin is None:
        raise ImportError("NumPy is not installed")
    return os.path.dirname(found.origin)


def command(module: str, *arguments: str) -> list[str]:
    """The command line of an interpreter that runs `main` of `inside/<module>.py`."""
    # -P -s -S: nothing is imported from the working directory, the user's site or .pth files. NumPy's folder is named instead,
    # behind the standard library, which nothing that is installed can hide; once NumPy is loaded it is taken away again.
    # -B holds for student code. Our own files are compiled once and for all, where the grader's are: its bytecode lies there.
    bytecode = (sys.dont_write_bytecode, sys.pycache_prefix)
    path = [os.path.dirname(os.path.abspath(__file__)), os.path.dirname(numpy_folder())]
    return [sys.executable, "-P", "-s", "-S", "-B", "-c", _BOOT.format(module=module, bytecode=bytecode), *path, *arguments]


def environment() -> dict[str, str]:
    """All of the environment student code gets. One BLAS thread: blocked thread creation would hang OpenBLAS, and forking
    with threads is unsafe. A fixed hash seed: the same submission must take the same path every time."""
    environment = {
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    if "SYSTEMROOT" in os.environ:  # Windows cannot start Python without it
        environment["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
    return environment
