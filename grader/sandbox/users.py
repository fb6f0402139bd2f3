"""A user id for one grader's sandboxes, which no other grader on this machine has as long as it lives.

The kernel counts processes and threads by user: two graders with one id would share the limit, and one submission could leave
another one no threads. An id is held by a socket with its name in the abstract namespace, which goes with the process however
that ends. Containers do not see each other's names, and process ids in them are much alike: where to begin is drawn at random.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Final

from .policy import is_root

IDS: Final = range(61000, 62000)  # unassigned by Debian's and Docker's schemes
_NAME: Final = "\0autograder-sandbox-user-{}"

_held: dict[int, tuple[int, socket.socket | None]] = {}  # by process id: a forked process draws its own


def private_uid() -> int | None:
    """The user id for this process's sandboxes, the same each time; None if it is not root."""
    if not is_root():
        return None
    process = os.getpid()
    if process not in _held:
        _held.clear()
        _held[process] = _drawn()
    return _held[process][0]


def _drawn() -> tuple[int, socket.socket | None]:
    """An id, and what holds it; nothing does where all are taken or there are no such sockets."""
    first = int.from_bytes(os.urandom(4), "little") % len(IDS)
    for uid in (*IDS[first:], *IDS[:first]):
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            holder.bind(_NAME.format(uid))
        except OSError as error:
            holder.close()
            if error.errno != errno.EADDRINUSE:
                break
        else:
            return uid, holder
    return IDS[first], None
