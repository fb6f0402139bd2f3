"""What the doors share: exit codes, printing, and the options of everything that grades."""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .result import Report

EXIT_PASSED, EXIT_FAILED, EXIT_USAGE, EXIT_GRADER = 0, 1, 2, 3


def common(parser: argparse.ArgumentParser) -> None:
    """Add the options that everything that grades has."""
    parser.add_argument("--only", metavar="ITEM", help="only the items whose id starts with this, e.g. optim.adam or fc_net,solver")
    parser.add_argument(
        "--sandbox", choices=("fork", "spawn"), help="how to make sandboxed processes; default: what suits the system"
    )


def start_early(options: argparse.Namespace) -> None:
    """Have the sandbox's server load NumPy while this process does."""
    from . import places
    from .sandbox import launch
    from .sandbox.policy import Kind, default_kind

    if (Kind(options.sandbox) if options.sandbox else default_kind()) is Kind.FORK:
        launch.early(places.ahead())


def exit_code(report: Report) -> int:
    """The exit code of one graded submission."""
    if report.grader_failed:
        return EXIT_GRADER
    return EXIT_PASSED if report.all_passed else EXIT_FAILED


def show(text: str) -> bool:
    """Print, and say whether anybody reads: where the reader has left, nobody is there to be told, and the verdict stays."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return False
    return True


def colour() -> bool:
    """Whether standard output takes ANSI colours."""
    return (
        isinstance(sys.stdout, io.TextIOWrapper)
        and sys.stdout.isatty()
        and "NO_COLOR" not in os.environ
        and sys.platform != "win32"
    )
