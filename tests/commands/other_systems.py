"""Plays a system that is not Linux, as far as that can be done on Linux: for the grader and for every process it starts.

What Windows' or macOS' Python does not have is taken away: modules, functions of `os`, `signal`, `socket`, `select` and of the C
library, and `rich`, which few have; `sys.platform` is set. `os.name`, paths and the file system stay Linux's.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.commands.conftest import plain

_NOT_ON_WINDOWS = {
    "modules": "resource fcntl pwd grp termios pty tty syslog posix _posixshmem nis crypt spwd rich",
    "os": (
        "fork forkpty getuid geteuid getgid getegid getgroups setuid seteuid setgid setegid setgroups setreuid setresuid setresgid "
        "getresuid setsid getsid setpgid getpgid getpgrp killpg wait wait3 wait4 waitid pidfd_open posix_spawn posix_spawnp mkfifo "
        "mknod chroot chown lchown fchown fchmod fchdir nice uname sysconf getloadavg openpty ttyname set_blocking get_blocking "
        "sched_getaffinity sched_setaffinity sched_yield pread pwrite sendfile memfd_create eventfd statvfs fstatvfs pathconf "
        "register_at_fork O_NOFOLLOW O_NONBLOCK O_CLOEXEC O_NOCTTY O_DIRECTORY O_SYNC O_DSYNC"
    ),
    "signal": "SIGKILL SIGXCPU SIGXFSZ SIGALRM SIGCHLD SIGPIPE SIGHUP SIGUSR1 SIGUSR2 SIGSTOP alarm setitimer pidfd_send_signal",
    "socket": "AF_UNIX SOCK_SEQPACKET send_fds recv_fds SCM_RIGHTS",
    "select": "poll epoll",
}
_NOT_ON_MACOS = {
    "modules": "_posixshmem spwd rich",
    "os": "fork forkpty pidfd_open setresuid setresgid getresuid memfd_create eventfd sched_getaffinity sched_setaffinity",
    "signal": "pidfd_send_signal",
    "socket": "SOCK_SEQPACKET",
    "select": "epoll",
}
_LACKS = {"win32": _NOT_ON_WINDOWS, "darwin": _NOT_ON_MACOS}

# Runs in every process before anything of the grader. What the standard library itself needs here is loaded first.
_PLAY = """
import asyncio, ctypes, json, os, pathlib, platform, select, shutil, signal, socket, subprocess, sys, tempfile
import threading, types, zipfile
if len(sys.argv) > 2 and os.path.basename(sys.argv[1]) == "sandbox":  # a sandboxed process: it is told where to find things
    sys.path[:0] = sys.argv[1:3]
import numpy, numpy.random, numpy.ma

SYSTEM, LACKS = {system!r}, {lacks!r}
_end = os._exit
subprocess.Popen.kill = lambda process: process.send_signal(9)
_told_to, _CDLL = os.kill, ctypes.CDLL

def _kill(pid, number):
    if number == 0:  # on Windows this is Ctrl-C for everybody on the console
        _end(99)
    _told_to(pid, number)

class _Lacking:
    def __init__(self, library, names):
        self._library, self._names = library, names
    def __getattr__(self, name):
        if name in self._names:
            raise AttributeError(name)
        return getattr(self._library, name)

def _library(name, *args, **kwargs):
    if name is None and SYSTEM == "win32":
        raise TypeError("argument of type 'NoneType' is not iterable")
    library = _CDLL(name, *args, **kwargs)
    return _Lacking(library, ("unshare", "prctl", "syscall", "mallopt")) if name is None else library

ctypes.CDLL = _library
for module in (os, signal, socket, select):
    for name in LACKS[module.__name__].split():
        if hasattr(module, name):
            delattr(module, name)
for name in LACKS["modules"].split():
    sys.modules[name] = None
if SYSTEM == "win32":
    os.kill, os.O_BINARY = _kill, 0
    sys.modules["msvcrt"] = types.SimpleNamespace(setmode=lambda fd, mode: 0)
sys.platform = SYSTEM
"""
_RUN = """
sys.path.insert(0, "")
from grader.sandbox import launch
launch._BOOT = {play!r}.replace("{{", "{{{{").replace("}}", "}}}}") + launch._BOOT
sys.argv[0] = "grader"
import runpy
runpy.run_module("grader", run_name="__main__", alter_sys=True)
"""


def command(system: str, *arguments: str | Path) -> list[str]:
    """The command line of `python -m grader …` as if on that system."""
    play = _PLAY.format(system=system, lacks=_LACKS[system])
    return [sys.executable, "-c", play + _RUN.format(play=play), *map(str, arguments)]


def played(system: str, folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What that command does in `folder`."""
    return subprocess.run(
        command(system, *arguments),
        cwd=folder,
        env=plain(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
