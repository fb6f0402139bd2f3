"""An empty root directory, for kernels without Landlock: what cannot be reached needs no rule.

What its processes import comes from memory (`library.py`). Root may change the root directory as it is; anybody else does it in a
user namespace of their own, where the kernel offers one (user_namespaces(7)).
"""

from __future__ import annotations

import os
from pathlib import Path

from .libc import libc

_CLONE_NEWUSER = 0x10000000


def prepare(path: str) -> bool:
    """Make this process's children able to live in `path`; whether that will work here."""
    if os.geteuid() != 0 and not _own_user_namespace():
        return False
    return Path(path).is_dir()


def enter(path: str) -> None:
    """Make `path` the root directory of this process; there must be no open descriptor of a folder outside.

    Raises:
        OSError: the kernel refused.
    """
    os.chroot(path)
    os.chdir("/")


def _own_user_namespace() -> bool:
    """Enter a user namespace in which this user is the only one, and may change its root directory."""
    uid, gid = os.geteuid(), os.getegid()
    if libc().unshare(_CLONE_NEWUSER) != 0:
        return False
    try:
        for file, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{file}", "w", encoding="ascii") as setting:
                setting.write(line)
    except OSError:
        return False
    return True
