"""The layers a child puts on itself, outermost first, before it reads a byte of anybody's request.

The order matters (credentials(7), prctl(2), seccomp(2)): only root may enter the jail; changing the uid clears the parent-death
signal; Landlock and seccomp need no_new_privs; Landlock's own calls are not on the seccomp list, so seccomp comes last.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from dataclasses import dataclass
from typing import Any

from . import jail, landlock, library, seccomp
from .libc import libc

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is built once for all children: a Landlock rule set or else a jail's path, and a seccomp program; None where absent."""

    ruleset: int | None
    jail: str | None
    program: bytes | None
    base_memory: int  # bytes of address space the fork server itself occupies


def prepare(readable: list[str], writable: list[str], jail_path: str | None, uid: int | None, disabled: list[str]) -> Prepared:
    """Build the shared parts, and keep in memory what children will not be able to open, as user `uid` or in a jail.

    `disabled` names layers to leave out, so that tests can play a kernel that lacks them.
    """
    ruleset = None
    if "landlock" not in disabled and landlock.abi() > 0:
        ruleset = landlock.ruleset(readable, writable)
    in_jail = ruleset is None and jail_path is not None and "jail" not in disabled and jail.prepare(jail_path)
    if in_jail or (uid is not None and not library.readable_by(uid)):
        library.keep()
    program = None
    if "seccomp" not in disabled and seccomp.supported():
        program = seccomp.compile_filter(deny_writes=ruleset is None)
    with open("/proc/self/statm", encoding="ascii") as statm:
        pages = int(statm.read().split()[0])
    return Prepared(ruleset, jail_path if in_jail else None, program, pages * resource.getpagesize())


def harden(plan: dict[str, Any], prepared: Prepared, parent: int) -> list[str]:
    """Lock this process down as `plan` says; return the names of the layers that are on.

    `plan`: "uid" (int or None), "memory" (bytes beyond the fork server's own), "cpu" (seconds), "files" (descriptors),
    "required" (layer names). Raises `OSError` when a required layer cannot be put on; the caller must then exit.
    """
    layers = ["process", "environment"]
    required = set(plan["required"])
    os.setsid()
    if prepared.jail is not None:
        jail.enter(prepared.jail)
        layers.append("jail")
    private_uid = _drop_user(plan["uid"])
    if private_uid:
        layers.append("uid")
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    prctl(_PR_SET_DUMPABLE, 0)
    layers.append("no_new_privs")
    _limit(plan, prepared.base_memory, private_uid)
    layers.append("rlimits")
    if prepared.ruleset is not None:
        landlock.restrict(prepared.ruleset)
        os.close(prepared.ruleset)
        layers.append("landlock")
    if prepared.program is not None:
        seccomp.load(prepared.program)
        layers.append("seccomp")
    missing = required - set(layers) - ({"landlock"} if "jail" in layers else set())
    if missing:
        raise OSError(f"required but not available: {', '.join(sorted(missing))}")
    return layers


def prctl(option: int, value: int) -> None:
    """Call prctl(2) with one argument.

    Raises:
        OSError: the kernel refused.
    """
    if libc().prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends."""
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def close_memory() -> None:
    """Keep other processes of this user out of this one's memory; its own files under /proc/self are closed to it as well."""
    prctl(_PR_SET_DUMPABLE, 0)


def _drop_user(uid: int | None) -> bool:
    if uid is None:
        return False
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError:  # a user namespace that maps a single id: the layer is absent, and policy decides
        return False
    return True


def _limit(plan: dict[str, Any], base_memory: int, private_uid: bool) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # else the first write to a file kills instead of raising
    cpu = int(plan["cpu"])
    limits = {
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (plan["files"], plan["files"]),
        resource.RLIMIT_CPU: (cpu, cpu + 1),
        resource.RLIMIT_AS: (base_memory + plan["memory"], base_memory + plan["memory"]),
        resource.RLIMIT_STACK: (8 * 2**20, 8 * 2**20),
        resource.RLIMIT_MEMLOCK: (0, 0),
        resource.RLIMIT_MSGQUEUE: (0, 0),
    }
    if private_uid:  # counts every process of a uid: for a person's own uid it would hit their desktop
        limits[resource.RLIMIT_NPROC] = (64, 64)
    for which, (soft, hard) in limits.items():
        ceiling = resource.getrlimit(which)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(which, (soft, hard))
