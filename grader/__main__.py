"""`python -m grader`, and the installed script `grader`."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older one is to read this, not a traceback
    sys.stderr.write("grader: this needs Python 3.11 or newer; this is Python " + sys.version.split()[0] + "\n")
    sys.exit(3)

import atexit
import gc
import os

from .grading.signals import in_order

_RUN_STUDENT_CODE_AT_ONCE = ("check", "grade", "gradescope")


def _grades_one() -> bool:
    return bool(sys.argv[1:2]) and sys.argv[1] in _RUN_STUDENT_CODE_AT_ONCE


def _main() -> int:
    # The grader's own products are small: more BLAS threads only wait, on the cores that others want.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    if _grades_one():
        gc.set_threshold(100_000, 10, 10)  # nearly all that is made while it loads stays: to look for garbage finds none
        if sys.platform == "linux":
            from .sandbox import launch

            launch.begin()  # before anything else is loaded: it takes as long as all of that
    from .commands.program import main  # loaded under the guard, so that a signal finds it from the first moment on

    return main()


def main() -> int:
    """Run the command that was typed; signals end it in order."""
    code = in_order(_main)
    if _grades_one():
        _leave(code)
    return code


def _leave(code: int) -> None:
    """End this process, with all that it had loaded: to take that apart piece by piece takes as long as a tenth of a check.

    By now there are neither sandboxes nor threads. Where a stream cannot be written, Python's own way out says so.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    atexit._run_exitfuncs()  # what others left to be done, such as a tool that measures coverage
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
