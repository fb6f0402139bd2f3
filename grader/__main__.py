"""`python -m grader`, and the installed script `grader`."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older one is to read this, not a traceback
    sys.stderr.write("grader: this needs Python 3.11 or newer; this is Python " + sys.version.split()[0] + "\n")
    sys.exit(3)

import os

from .grading.signals import in_order

_RUN_STUDENT_CODE_AT_ONCE = ("check", "grade", "gradescope")


def _main() -> int:
    # The grader's own products are small: more BLAS threads only wait, on the cores that others want.
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    if sys.platform == "linux" and sys.argv[1:2] and sys.argv[1] in _RUN_STUDENT_CODE_AT_ONCE:
        from .sandbox import launch

        launch.begin()  # before anything else is loaded: it takes as long as all of that
    from .commands.program import main  # loaded under the guard, so that a signal finds it from the first moment on

    return main()


def main() -> int:
    """Run the command that was typed; signals end it in order."""
    return in_order(_main)


if __name__ == "__main__":
    sys.exit(main())
