"""`doctor`: whether the grader can work here, or with a course's own starter."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...grading import memory
from ...grading.homework import active
from ...report.output import say
from ..common import EXIT_GRADER, EXIT_PASSED, EXIT_USAGE, kind

HELP = {"doctor": "show whether the grader can work on this system"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("--sandbox", choices=("fork", "spawn"), help="how to make sandboxed processes")
    parser.add_argument("--starter", type=Path, metavar="FOLDER", help="only check a course's own starter: can it be graded on?")
    parser.add_argument("--rubric", type=Path, metavar="FILE", help="with --starter: a rubric other than the built-in one")


def run(options: argparse.Namespace) -> int:
    """Print a table."""
    if options.starter is not None:
        return _starter(options)
    from ...grading.doctor import examine

    text, healthy = examine(active(), kind(options))
    say(text)
    return EXIT_PASSED if healthy else EXIT_GRADER


def _starter(options: argparse.Namespace) -> int:
    memory.require()
    from ...packaging.starter_check import examine

    found = examine(active(), options.starter, options.rubric, kind(options))
    say(found.table())
    return EXIT_PASSED if found.usable else EXIT_USAGE
