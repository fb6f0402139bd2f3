"""System calls a sandboxed process may make: an allow-list, compiled to classic BPF and loaded with one `prctl`.

Anything not listed fails with EPERM, so a traceback points at the offending line; another architecture's calls (32-bit, x32)
kill the process, because a filter that only returns errors can be walked around through their numbers. `clone3` fails with
ENOSYS, so that libc falls back to `clone`, whose flags a filter can read: threads are allowed, processes are not.

The table holds (x86-64, aarch64) numbers, from the kernel's arch/x86/entry/syscalls/syscall_64.tbl and
include/uapi/asm-generic/unistd.h; the program layout follows linux/filter.h and linux/seccomp.h.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from typing import Final

from .libc import libc

# fmt: off
_CALLS: Final[dict[str, tuple[int | None, int | None]]] = {
    # files, read side
    "read": (0, 63),
    "readv": (19, 65),
    "pread64": (17, 67),
    "write": (1, 64),
    "writev": (20, 66),
    "pwrite64": (18, 68),
    "close": (3, 57),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "stat": (4, None),
    "lstat": (6, None),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "getcwd": (79, 17),
    "getdents64": (217, 61),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "pipe2": (293, 59),
    "select": (23, None),
    "pselect6": (270, 72),
    "poll": (7, None),
    "ppoll": (271, 73),
    # memory
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "brk": (12, 214),
    "madvise": (28, 233),
    "mincore": (27, 232),
    "msync": (26, 227),
    # signals of its own
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    # time
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "gettimeofday": (96, 169),
    "nanosleep": (35, 101),
    "time": (201, None),
    "times": (100, 153),
    # about itself
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getppid": (110, 173),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getresuid": (118, 148),
    "getresgid": (120, 150),
    "getgroups": (115, 158),
    "getpgrp": (111, None),
    "getpgid": (121, 155),
    "getsid": (124, 156),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "getcpu": (309, 168),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    # threads and ending
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "get_robust_list": (274, 100),
    "set_tid_address": (218, 96),
    "rseq": (334, 293),
    "sched_yield": (24, 124),
    "membarrier": (324, 283),
    "arch_prctl": (158, None),
    "getrandom": (318, 278),
    "exit": (60, 93),
    "exit_group": (231, 94),
    # decided by their arguments
    "open": (2, None),
    "openat": (257, 56),
    "clone": (56, 220),
    "clone3": (435, 435),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "fcntl": (72, 25),
    "ioctl": (16, 29),
}
# fmt: on
_BY_ARGUMENT: Final = ("open", "openat", "clone", "clone3", "prctl", "prlimit64", "fcntl", "ioctl")

# column of _CALLS, AUDIT_ARCH_* from linux/audit.h
_MACHINES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NR, _ARCH, _ARGS = 0, 4, 16  # offsets in struct seccomp_data
_X32_BIT: Final = 0x40000000

_CLONE_THREAD: Final = 0x00010000
_CLONE_NEW_ANY: Final = 0x7E020000  # every namespace clone(2) can make (CLONE_NEWTIME needs clone3 or unshare)
_WRITE_FLAGS: Final = 0o1 | 0o2 | 0o100 | 0o1000 | 0o2000 | 0o20000000  # WRONLY RDWR CREAT TRUNC APPEND TMPFILE
_FCNTL_ALLOWED: Final = (0, 1, 2, 3, 4, 1030)  # DUPFD GETFD SETFD GETFL SETFL DUPFD_CLOEXEC
_IOCTL_ALLOWED: Final = (0x5401, 0x5413, 0x541B, 0x5451, 0x5450)  # TCGETS TIOCGWINSZ FIONREAD FIOCLEX FIONCLEX
_PRCTL_ALLOWED: Final = (3, 15, 16, 39)  # GET_DUMPABLE SET_NAME GET_NAME GET_NO_NEW_PRIVS

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2

Instruction = tuple[int, int, int, int]


def supported() -> bool:
    """Whether a filter for this machine's architecture can be built."""
    return platform.machine() in _MACHINES


def compile_filter(*, deny_writes: bool) -> bytes:
    """Return the BPF program as the bytes of `struct sock_filter[]`.

    `deny_writes` also refuses to open any file for writing: for kernels where no other layer does.

    Raises:
        KeyError: no system call table for this architecture (see `supported`).
    """
    column, audit_arch = _MACHINES[platform.machine()]
    numbers = {name: row[column] for name, row in _CALLS.items()}
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCH),
        (_JEQ, 1, 0, audit_arch),
        (_RET, 0, 0, _KILL),
        (_LOAD, 0, 0, _NR),
        (_JGE, 0, 1, _X32_BIT),
        (_RET, 0, 0, _KILL),
    ]
    for name, number in numbers.items():
        if number is not None:
            body = _rule(name, deny_writes) if name in _BY_ARGUMENT else [_ret(_ALLOW)]
            program += [(_JEQ, 0, len(body), number), *body]
    program.append(_ret(_ERRNO | errno.EPERM))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def load(program: bytes) -> None:
    """Put the filter on this thread for good; it must be the only thread, and no_new_privs must be set.

    Raises:
        OSError: the kernel refused it.
    """
    code = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
    header = ctypes.create_string_buffer(fprog, len(fprog))
    if libc().prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.c_ulong(ctypes.addressof(header)), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_SECCOMP) failed")


def _ret(verdict: int) -> Instruction:
    return (_RET, 0, 0, verdict)


def _argument(index: int, *, high: bool = False) -> Instruction:
    return (_LOAD, 0, 0, _ARGS + 8 * index + (4 if high else 0))


def _rule(name: str, deny_writes: bool) -> list[Instruction]:
    """The body for a call decided by its arguments; entered only when the number matches, always ends in a return."""
    denied = _ret(_ERRNO | errno.EPERM)
    if name == "clone3":
        return [_ret(_ERRNO | errno.ENOSYS)]
    if name == "clone":
        return [_argument(0), (_JSET, 2, 0, _CLONE_NEW_ANY), (_JSET, 0, 1, _CLONE_THREAD), _ret(_ALLOW), denied]
    if name in ("open", "openat"):
        if not deny_writes:
            return [_ret(_ALLOW)]
        return [_argument(1 if name == "open" else 2), (_JSET, 1, 0, _WRITE_FLAGS), _ret(_ALLOW), denied]
    if name == "prlimit64":  # reading is fine: the new limit must be a null pointer
        return [
            _argument(2), (_JEQ, 0, 3, 0), _argument(2, high=True), (_JEQ, 0, 1, 0), _ret(_ALLOW), denied,
        ]  # fmt: skip
    allowed, index = {
        "prctl": (_PRCTL_ALLOWED, 0),
        "fcntl": (_FCNTL_ALLOWED, 1),
        "ioctl": (_IOCTL_ALLOWED, 1),
    }[name]
    tests = [(_JEQ, len(allowed) - at, 0, value) for at, value in enumerate(allowed)]
    return [_argument(index), *tests, denied, _ret(_ALLOW)]
