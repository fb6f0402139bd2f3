"""Starts what runs untrusted code: the fork server, or a plain process. Loads no NumPy, so that a server can be on its way first.

Loading NumPy takes the server as long as it takes the grader: `early` has them do it side by side.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .inside import landlock
from .policy import Layer
from .users import private_uid

START_SECONDS = 60.0  # a cold disk cache on a small machine takes several seconds to load NumPy
_HERE = Path(__file__).resolve().parent
_BOOT = (  # what it was started with is not left for those who are forked from it
    "import json, sys; del sys.orig_argv[1:]; sys.path += json.loads(sys.argv.pop(1)); "
    "from inside import {module}; {module}.main(*json.loads(sys.argv.pop()))"
)
_SYSTEM_READABLE = (
    "/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo", "/dev/urandom", "/dev/random", "/dev/zero",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Server:
    """A fork server on its way: it says so on `control` once it is ready."""

    process: subprocess.Popen[bytes]
    control: socket.socket
    settings: Mapping[str, Any]

    def end(self) -> None:
        """Kill it; its children die with it."""
        self.control.close()
        self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()


_waiting: list[Server] = []


def early(ahead: Mapping[str, Path]) -> None:
    """Start the fork server that the first sandbox with these settings will want; where that fails, it will be told then."""
    try:
        _waiting.append(start(settings(ahead=ahead)))
    except (OSError, ImportError):
        pass


def server(wanted: Mapping[str, Any]) -> Server:
    """A fork server with these settings: the one that was started early, if it fits.

    Raises:
        OSError: it could not be started.
    """
    while _waiting:
        found = _waiting.pop()
        if found.settings == wanted:
            return found
        found.end()
    return start(wanted)


def settings(
    *,
    disabled: Sequence[str] = (),
    share: Mapping[str, str] | None = None,
    preload: Sequence[str] = (),
    readable: Sequence[str] = (),
    ahead: Mapping[str, Path] | None = None,
) -> dict[str, Any]:
    """What a fork server has to know; see `supervisor.Sandbox`."""
    return {
        "readable": [*_readable(), *readable],
        "writable": ["/dev/null"],
        "jail": _jail() if Layer.LANDLOCK in disabled or landlock.abi() == 0 else None,
        "uid": None if Layer.UID in disabled else private_uid(),
        "disabled": list(disabled),
        "share": dict(share or {}),
        "preload": list(preload),
        "ahead": {name: str(path) for name, path in (ahead or {}).items()},
    }


def start(wanted: Mapping[str, Any]) -> Server:
    """Start a fork server, without waiting for it.

    Raises:
        OSError: no process can be made.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        process = subprocess.Popen(
            command("forkserver", [theirs.fileno(), wanted]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment(),
            cwd="/",
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    ours.settimeout(START_SECONDS)
    return Server(process, ours, wanted)


@cache
def _numpy() -> Path:
    found = importlib.util.find_spec("numpy")
    if found is None or found.origin is None:
        raise ImportError("NumPy is not installed")
    return Path(found.origin).parent


def command(module: str, arguments: list[Any]) -> list[str]:
    """The command line of an interpreter that runs `inside/<module>.py`."""
    # -P -s -S: nothing is imported from the working directory, the user's site or .pth files. NumPy's folder is named instead,
    # behind the standard library, which nothing that is installed can hide; once NumPy is loaded it is taken away again.
    path = [str(_HERE), str(_numpy().parent)]
    code = _BOOT.format(module=module)
    return [sys.executable, "-P", "-s", "-S", "-B", "-c", code, json.dumps(path), json.dumps(arguments)]


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


def _readable() -> list[str]:
    numpy = _numpy().resolve()
    standard = Path(os.__file__).resolve().parent
    shared = Path(
        sys.base_prefix, "lib"
    )  # where a Python of its own, e.g. conda's, keeps what its compiled modules are linked with
    return [str(standard), str(shared), str(numpy), str(numpy.with_name("numpy.libs")), *_SYSTEM_READABLE]


def _jail() -> str | None:
    """An empty directory that nobody but its owner can write, kept with the installation; None where none can be made."""
    jail = Path(sys.prefix) / "jail"
    try:
        for folder in (jail, jail / "dev"):
            folder.mkdir(mode=0o711, exist_ok=True)
        if os.geteuid() == 0 and not (jail / "dev" / "null").exists():
            os.mknod(jail / "dev" / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            (jail / "dev" / "null").chmod(0o666)
    except OSError:
        return str(jail) if jail.is_dir() else None
    return str(jail)
