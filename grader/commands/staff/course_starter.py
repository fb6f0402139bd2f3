"""`--starter`: the course's own starter, checked before it stands in place of ours."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from ...errors import UsageError
from ...grading import memory
from ...grading.homework import Homework, active
from ...sandbox.policy import Kind

HELP_TEXT: Final = "the course's own starter; its support files are checked and stand in place of ours"


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add it."""
    parser.add_argument("--starter", type=Path, metavar="FOLDER", help=HELP_TEXT)


def mounted(options: argparse.Namespace, kind: Kind | None = None) -> Homework:
    """The homework, on the support files of the starter that the options name; without one as it is.

    What is different from what the checks expect is told on standard error.

    Raises:
        UsageError: that starter cannot be used; the message holds the whole table.
    """
    if options.starter is None:
        return active()
    memory.require()
    from ...packaging.starter_check import examine

    found = examine(active(), options.starter, options.rubric, kind)
    if not found.usable:
        raise UsageError(f"{found.advice}\n\n{found.table()}")
    print(found.brief(), file=sys.stderr)
    return found.homework
