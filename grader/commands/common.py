"""What the commands share: exit codes, and the options of everything that grades."""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..grading.homework import active
from ..sandbox.policy import Kind, default_kind
from ..submission.text import quoted

if TYPE_CHECKING:
    from ..grading.results import Report

EXIT_PASSED, EXIT_FAILED, EXIT_USAGE, EXIT_GRADER = 0, 1, 2, 3
_MAX_COMPLAINT = 10_000
KNOWN = "logs that were handed out with the homework, to be told from a student's own"


def add_grading_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that everything that grades has."""
    item, group = active().example
    parser.add_argument("--only", metavar="ITEM", help=f"only these items, by their id or enough of it, e.g. {item} or {group}")
    parser.add_argument("--rubric", type=Path, metavar="FILE", help="a rubric other than the built-in one")
    parser.add_argument("--known", type=Path, metavar="FOLDER", help=KNOWN)
    add_sandbox_option(parser)


def add_sandbox_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that everything that runs student code has."""
    parser.add_argument(
        "--sandbox", choices=("fork", "spawn"), help="how to make sandboxed processes; default: what suits the system"
    )


def kind(options: argparse.Namespace) -> Kind | None:
    """How sandboxed processes are to be made; None for what suits the system."""
    return Kind(options.sandbox) if options.sandbox else None


def start_early(options: argparse.Namespace) -> None:
    """Have the sandbox's server load NumPy while this process does."""
    from ..sandbox import launch, surroundings

    if (kind(options) or default_kind()) is Kind.FORK:
        surroundings.early()
    else:
        launch.unwanted()


def complain(message: str) -> None:
    """Say on standard error why a command ends; names in it may be of a submission."""
    print(f"grader: {quoted(message, _MAX_COMPLAINT)}", file=sys.stderr, flush=True)


def exit_code(report: Report) -> int:
    """The exit code of one graded submission."""
    if report.grader_failed:
        return EXIT_GRADER
    return EXIT_PASSED if report.all_passed else EXIT_FAILED


def colour() -> bool:
    """Whether standard output takes ANSI colours."""
    return (
        isinstance(sys.stdout, io.TextIOWrapper)
        and sys.stdout.isatty()
        and "NO_COLOR" not in os.environ
        and sys.platform != "win32"
    )


def warn_of_reduced_isolation(options: argparse.Namespace) -> None:
    """Say so where code of others would run with the rights of whoever types."""
    if options.sandbox == "spawn":
        print("Reduced isolation: student code runs with your rights. Use this only for code you trust.", file=sys.stderr)
