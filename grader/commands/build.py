"""`build`: zips. A student makes the one to hand in; staff also make what Gradescope and the students get."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
from pathlib import Path

from ..errors import UsageError
from ..grading import memory
from ..grading.homework import active
from ..report.output import say
from .common import EXIT_PASSED, add_sandbox_option, colour, kind, start_early

HELP = {"build submission": "check a last time and make the zip to hand in"}
_STAFFS = importlib.util.find_spec(f"{__package__}.staff") and importlib.import_module(f"{__package__}.staff.build")
if _STAFFS:
    HELP |= _STAFFS.HELP


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what can be made, each with its options."""
    what = parser.add_subparsers(title="what to make", required=True, metavar="WHAT")
    submission = what.add_parser("submission", help="the zip to hand in, from your homework folder", allow_abbrev=False)
    submission.add_argument("path", type=Path, metavar="PATH", nargs="?", default=Path(), help="the homework; default: this folder")
    submission.add_argument(
        "-o", "--output", type=Path, metavar="FILE", default=Path("submission.zip"), help="default: submission.zip"
    )
    submission.add_argument("--force", action="store_true", help="also where a more complete zip lies there already")
    add_sandbox_option(submission)
    submission.set_defaults(run=_submission)
    if _STAFFS:
        _STAFFS.add_options(what)


def _submission(options: argparse.Namespace) -> int:
    """Check, write the zip unless a more complete one lies there, and tell what is in it; 0 if it was written."""
    memory.require()
    start_early(options)
    from ..grading.self_check import SelfCheck
    from ..packaging import archive, submission
    from ..report.progress import ProgressLine

    homework = active()
    made = submission.submission(homework, options.path)
    with SelfCheck(homework, kind=kind(options)) as selfcheck:
        old = None if options.force else submission.made_before(homework, options.output)
        with ProgressLine() as progress:
            report = selfcheck.last_look(made.submission, progress)
            before = selfcheck.graded(old, progress) if old is not None and old.digest != made.submission.digest else None
        if old is not None and before is not None and (loss := submission.lost(old, before, made.submission, report)):
            raise UsageError(f"{options.output} was left as it is: {loss}; add --force to replace it, or name another file")
    archive.write(made.data, options.output)
    say(f"{options.output}: {made.told(report, colour=colour())}")
    return EXIT_PASSED
