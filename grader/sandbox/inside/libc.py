"""The C library, opened once: a new process pays for opening it again."""

from __future__ import annotations

import ctypes
from functools import cache

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h
_MADV_HUGEPAGE = 14  # asm-generic/mman-common.h
_LARGE_PAGE = 2 * 2**20
_ROOM = 8 * _LARGE_PAGE  # what a submission's answers and their comparison take, and most networks


def keep_memory() -> None:
    """Have this process and its children reuse freed memory, as a long-lived process does, instead of giving it back at once.

    A child lives for a few arrays of a megabyte: handing each back to the kernel and faulting the next one in costs more than
    computing it. What a process may have at most is limited as before.
    """
    for option, size in ((_M_MMAP_THRESHOLD, 32 * 2**20), (_M_TRIM_THRESHOLD, 64 * 2**20), (_M_TOP_PAD, 4 * 2**20)):
        if hasattr(libc(), "mallopt"):  # glibc's; musl has none
            libc().mallopt(option, size)


def use_large_pages() -> None:
    """Have what this process allocates next lie in large pages, where the system has them on request (madvise(2)).

    For a process that was just forked: a new page of 4 KiB costs it some microseconds at its first touch, one of 2 MiB hardly more.
    """
    library = libc()
    if not all(hasattr(library, name) for name in ("mallopt", "madvise", "sbrk")):
        return
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.sbrk.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    end = library.sbrk(0)  # what the parent had of the heap already has small pages
    room = library.malloc(_ROOM + 4 * _LARGE_PAGE)
    if room is None or not room <= end < room + 3 * _LARGE_PAGE:
        return
    library.free(room)  # `keep_memory` keeps it: this is where the heap goes on
    first = -(-end // _LARGE_PAGE) * _LARGE_PAGE
    library.madvise(first, _ROOM, _MADV_HUGEPAGE)
    others: list[int] = []  # gaps further down that were large enough, too
    while (unused := library.malloc(first - room - 64)) not in (room, None) and len(others) < 8:
        others.append(unused)
    for other in others:
        library.free(other)


@cache
def libc() -> ctypes.CDLL:
    """It, with errno kept (`ctypes.get_errno`)."""
    return ctypes.CDLL(None, use_errno=True)
