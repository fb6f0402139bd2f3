"""Landlock: which paths a sandboxed process can reach at all (kernel documentation: userspace-api/landlock).

The rule set is built once, in the fork server, while paths can still be opened; every child puts it on itself. Denied is the
default for everything this kernel's version of Landlock knows: files, TCP, signals and abstract sockets of other domains.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from typing import Final

from .libc import libc

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_VERSION_FLAG, _RULE_PATH_BENEATH = 1, 1

_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_FS_BY_ABI: Final = (0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1)
_NET_ALL: Final = 0b11  # bind, connect: ABI 4
_SCOPE_ALL: Final = 0b11  # abstract unix sockets, signals: ABI 6


def _syscall(number: int, *arguments: object) -> int:
    ctypes.set_errno(0)
    result = int(libc().syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def abi() -> int:
    """Landlock's version in the running kernel; 0 where it is absent, switched off or hidden by a container."""
    try:
        return _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    except OSError:
        return 0


def ruleset(readable: Iterable[str], writable: Iterable[str]) -> int:
    """Return the file descriptor of a rule set that leaves only these paths; paths that do not exist are passed over.

    Raises:
        OSError: the kernel has no Landlock or refuses a rule.
    """
    version = abi()
    if version < 1:
        raise OSError("this kernel offers no Landlock")
    filesystem = _FS_BY_ABI[min(version, len(_FS_BY_ABI) - 1)]
    fields = [filesystem]
    if version >= 4:
        fields.append(_NET_ALL)
    if version >= 6:
        fields.append(_SCOPE_ALL)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    handle = _syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    for paths, folder_rights, file_rights in (
        (readable, _READ_FILE | _READ_DIR, _READ_FILE),
        (writable, 0, _READ_FILE | _WRITE_FILE),
    ):
        for path in paths:
            _allow(handle, path, folder_rights, file_rights)
    return handle


def restrict(handle: int) -> None:
    """Put the rule set on this thread for good; no_new_privs must be set.

    Raises:
        OSError: the kernel refused.
    """
    _syscall(_RESTRICT_SELF, ctypes.c_int(handle), ctypes.c_uint32(0))


def _allow(handle: int, path: str, folder_rights: int, file_rights: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rights = folder_rights if stat.S_ISDIR(os.fstat(target).st_mode) else file_rights
        if rights:
            rule = struct.pack("=Qi", rights, target)
            _syscall(_ADD_RULE, ctypes.c_int(handle), ctypes.c_int(_RULE_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(target)
