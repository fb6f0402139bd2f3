"""The C library, opened once: a new process pays for opening it again."""

from __future__ import annotations

import ctypes
from functools import cache

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h


def keep_memory() -> None:
    """Have this process and its children reuse freed memory, as a long-lived process does, instead of giving it back at once.

    A child lives for a few arrays of a megabyte: handing each back to the kernel and faulting the next one in costs more than
    computing it. What a process may have at most is limited as before.
    """
    for option, size in ((_M_MMAP_THRESHOLD, 32 * 2**20), (_M_TRIM_THRESHOLD, 64 * 2**20), (_M_TOP_PAD, 4 * 2**20)):
        if hasattr(libc(), "mallopt"):  # glibc's; musl has none
            libc().mallopt(option, size)


@cache
def libc() -> ctypes.CDLL:
    """It, with errno kept (`ctypes.get_errno`)."""
    return ctypes.CDLL(None, use_errno=True)
