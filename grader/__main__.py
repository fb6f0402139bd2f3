"""`python -m grader`."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older one is to read this, not a traceback
    sys.stderr.write("grader: this needs Python 3.11 or newer; this is Python " + sys.version.split()[0] + "\n")
    sys.exit(3)

from .grading.signals import in_order


def _main() -> int:
    from .commands.program import main  # loaded under the guard, so that a signal finds it from the first moment on

    return main()


if __name__ == "__main__":
    sys.exit(in_order(_main))
