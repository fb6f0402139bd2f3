"""Whether this process may have the memory the grader needs: loading NumPy with too little ends it in C, without a word."""

from __future__ import annotations

import sys

from ..errors import ConfigurationError

_NEEDED = 256 * 2**20  # NumPy's libraries, its buffers and the grader's own data; what sandboxes need is seen to there


def require() -> None:
    """Look at the limit on address space, where the system has one.

    Raises:
        ConfigurationError: it is too low to load NumPy.
    """
    if sys.platform == "win32":
        return
    import resource

    allowed = resource.getrlimit(resource.RLIMIT_AS)[0]
    if allowed != resource.RLIM_INFINITY and allowed < _NEEDED:
        raise ConfigurationError(
            f"this system lets a process have {allowed // 2**20} MB of memory (ulimit -v), but the grader needs "
            f"{_NEEDED // 2**20} MB"
        )
