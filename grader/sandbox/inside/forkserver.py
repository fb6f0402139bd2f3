"""The warm fork server: has NumPy and nothing else, and makes one hardened child per request.

It talks with the supervisor over a SOCK_SEQPACKET socket, one JSON object a packet, and sees limits and file descriptors only,
never a submission, so no submission can find another's bytes in memory inherited from it. First it is told what it is to be,
for which it can be started before that is known:

    {"readable": …, "writable": …, "jail": …, "uid": …, "disabled": …, "share": …, "preload": …, "ahead": …}  ->  {"ready": true}
    {"do": "spawn", "plan": {…}} + [channel, output]   ->  {"pid": n} + [pidfd]   or {"error": text}
    {"do": "reap", "pid": n}                           ->  {"status": wait status, "cpu": seconds, "memory": KiB}
    {"do": "attach"} + [connection]                        another connection, on which the last two can be asked for as well

It ends with the first connection. With another one only the children that were asked for on it end.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from . import hardening, importer, shared, stand_ins, worker
from .libc import keep_memory, use_large_pages

_MAX_PACKET = 65536
_GARBAGE = 10_000  # objects made until the collector looks at them: most processes end before, and each look touches many pages
# What most homework and our own files in there import. Anything else a child loads itself, if its code asks for it.
# fmt: off
_PRELOAD = [
    "abc", "ast", "bisect", "collections", "copy", "dataclasses", "enum", "functools", "heapq", "importlib.util", "inspect", "io",
    "itertools", "json", "linecache", "math", "operator", "os", "pathlib", "pickle", "platform", "random", "re", "string",
    "struct", "time", "traceback", "types", "typing", "warnings", "zipfile", "numpy.linalg", "numpy.random", "numpy.lib.npyio",
]
# fmt: on


def main(control_fd: str) -> None:
    """Serve until the supervisor closes the control socket."""
    gc.disable()  # nothing that is loaded here is given back; children collect what they make themselves
    hardening.die_with_parent()
    os.closerange(int(control_fd) + 1, 4096)
    os.chdir("/")
    keep_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=int(control_fd))
    for name in _PRELOAD:
        __import__(name)
    settings: dict[str, Any] = json.loads(control.recv(_MAX_PACKET) or b"{}")
    if not settings:  # nobody wants it any more
        return
    for name in settings["preload"]:
        __import__(name)
    sys.dont_write_bytecode = True
    np.dot(np.ones((2, 2)), np.ones((2, 2)))
    importer.restore_dropped_numpy_names()
    importer.admit(settings["preload"])
    stand_ins.offer_notebook_names()
    shared.offer(settings["share"])
    _compile(settings["ahead"])
    prepared = hardening.prepare(
        settings["readable"], settings["writable"], settings["jail"], settings["uid"], settings["disabled"]
    )
    settings.clear()  # children find it in the frames below theirs
    hardening.close_memory()
    gc.freeze()
    control.send(json.dumps({"ready": True}).encode())
    _serve(control, prepared)


def _serve(control: socket.socket, prepared: hardening.Prepared) -> None:
    children: dict[socket.socket, set[int]] = {control: set()}
    while True:
        for connection in select.select([*children], [], [])[0]:
            packet, fds, _, _ = socket.recv_fds(connection, _MAX_PACKET, 2)
            if not packet and connection is control:
                return
            if not packet:
                for pid in children.pop(connection):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                connection.close()
                continue
            request = json.loads(packet)
            if request["do"] == "spawn":
                children[connection] |= _spawn(connection, request["plan"], fds, prepared)
            elif request["do"] == "attach":
                children[socket.socket(fileno=fds[0])] = set()
            else:
                _reap(connection, request["pid"])
                children[connection].discard(request["pid"])


def _compile(ahead: dict[str, str]) -> None:
    for name, path in ahead.items():
        with open(path, "rb") as source:
            importer.compiled(name, source.read())


def _spawn(control: socket.socket, plan: dict[str, Any], fds: list[int], prepared: hardening.Prepared) -> set[int]:
    """The process id of the new child; none if it could not be made."""
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:
        control.send(json.dumps({"error": f"fork failed: {error.strerror}"}).encode())
        return set()
    if pid == 0:
        _child(plan, fds, prepared, parent)
    for fd in fds:
        os.close(fd)
    pidfd = os.pidfd_open(pid)
    socket.send_fds(control, [json.dumps({"pid": pid}).encode()], [pidfd])
    os.close(pidfd)
    return {pid}


def _child(plan: dict[str, Any], fds: list[int], prepared: hardening.Prepared, parent: int) -> None:
    """Never returns: whatever happens, this process ends here."""
    try:
        channel, output = (os.dup(fd) for fd in fds)
        ruleset = prepared.ruleset
        null = os.open("/dev/null", os.O_RDONLY)
        for source, target in ((null, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        keep = 3
        if ruleset is not None:
            high = os.dup2(ruleset, 250)
            prepared = replace(prepared, ruleset=high)
        os.dup2(channel, keep)
        os.closerange(keep + 1, 250)
        os.closerange(251 if ruleset is not None else 250, 4096)
        use_large_pages()
        gc.set_threshold(_GARBAGE)
        gc.enable()
        layers = hardening.harden(plan, prepared, parent)
        worker.serve(keep, keep, {"layers": layers, "numpy": np.__version__, "python": sys.version.split()[0]})
    except BaseException as error:
        try:
            os.write(2, f"sandbox: {type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(97)
    finally:
        os._exit(0)


def _reap(control: socket.socket, pid: int) -> None:
    try:
        _, status, usage = os.wait4(pid, 0)
    except ChildProcessError:
        control.send(json.dumps({"error": "no such child"}).encode())
        return
    reply = {"status": status, "cpu": usage.ru_utime + usage.ru_stime, "memory": usage.ru_maxrss}
    control.send(json.dumps(reply).encode())
