"""Runs `python -m grader …` and, at the n-th step the grader takes, tells the world outside and waits until it may go on.

    python pace.py TELL LEAVE N ARGUMENTS…        TELL, LEAVE: descriptors of pipes; N = 0 never stops; N = w7: 7th step of writing

A step is a call or a return, of Python or C, in `tempfile` or in the grader's own code; but not where it only computes, which
would be nearly all of them. At each stop "here\n" goes to TELL; then one byte is awaited from LEAVE: "." runs to the end, "+" to
the next step. A run that comes to an end tells its number of steps, and how many of them were spent on writing results.
The process that the grader forks to judge in takes its steps in the same count, and while one stops the other does not go on.
"""

from __future__ import annotations

import atexit
import fcntl
import mmap
import os
import runpy
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any

_COMPUTES = {"inside", "hidden", "expect.py", "sampling.py", "fixtures.py"}


def main() -> None:
    tell, leave = int(sys.argv[1]), int(sys.argv[2])
    only_writing, stop = sys.argv[3].startswith("w"), int(sys.argv[3].removeprefix("w"))
    sys.argv = ["grader", *sys.argv[4:]]
    sys.path[0] = str(Path.cwd())
    files = {str(path) for path in Path.cwd().glob("grader/**/*.py") if not set(path.parts) & _COMPUTES}
    files.add(str(tempfile.__file__))
    count = memoryview(mmap.mmap(-1, 4096)).cast("q")  # shared: steps, those that write, where to stop
    count[2] = stop
    lock = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as the process lives

    def step(frame: FrameType, _event: str, _arg: Any) -> None:
        code = frame.f_code
        if code.co_filename not in files:
            return
        writes = code.co_filename.endswith(("tempfile.py", "stopping.py")) or code.co_name in ("write", "_write", "_replace")
        fcntl.lockf(lock, fcntl.LOCK_EX)
        count[0] += 1
        count[1] += writes
        if (writes and count[1] == count[2]) if only_writing else count[0] == count[2]:
            os.write(tell, b"here\n")
            if os.read(leave, 1) == b"+":
                count[2] += 1
        fcntl.lockf(lock, fcntl.LOCK_UN)

    def end() -> None:
        sys.setprofile(None)
        os.write(tell, b"%d %d\n" % (count[0], count[1]))

    atexit.register(end)  # the grader's last line ends the process
    sys.setprofile(step)
    runpy.run_module("grader", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
