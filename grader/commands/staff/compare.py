"""`compare`: what changed between two class runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...errors import UsageError
from ...report.output import say
from ..common import EXIT_FAILED, EXIT_PASSED

HELP = {"compare": "show what changed between two class runs"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("old", type=Path, metavar="OLD", help="the folder of a class run")
    parser.add_argument("new", type=Path, metavar="NEW", help="the folder of another one")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write the changes there")


def run(options: argparse.Namespace) -> int:
    """Print the changes; 1 if there are any."""
    from ...classroom.compare import as_csv, as_text, compared

    found = compared(options.old, options.new)
    if options.csv is not None:
        try:
            options.csv.write_text("".join(as_csv(found)), "utf-8")
        except OSError as error:
            raise UsageError(f"{options.csv} cannot be written ({error.strerror}); name another file") from error
    say(as_text(found))
    return EXIT_FAILED if found.changes else EXIT_PASSED
