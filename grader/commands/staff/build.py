"""`build autograder` and `build handout`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ...grading.homework import active
from ...report.output import say
from ..common import EXIT_PASSED, KNOWN
from . import course_starter

HELP = {
    "build autograder": "make the zip to upload to Gradescope",
    "build handout": "make the zip for students: homework and self-check",
}


def add_options(what: Any) -> None:
    """Add both to what `build` can make."""
    for name, told, run in (
        ("autograder", "the zip to upload to Gradescope: setup.sh, run_autograder and all they need", _autograder),
        ("handout", "the homework with the public half of this grader, for students", _handout),
    ):
        maker = what.add_parser(name, help=told, allow_abbrev=False)
        maker.add_argument("-o", "--output", type=Path, metavar="FILE", required=True, help="the zip to write")
        maker.add_argument("--rubric", type=Path, metavar="FILE", help="put this rubric in place of the built-in one")
        maker.add_argument("--known", type=Path, metavar="FOLDER", help=KNOWN)
        if run is _autograder:  # what students get holds our own starter
            course_starter.add_option(maker)
        maker.set_defaults(run=run)


def _autograder(options: argparse.Namespace) -> int:
    from ...grading import preflight
    from ...packaging import archive, autograder

    homework = course_starter.mounted(options)
    preflight.rubric(homework, options.rubric, options.known)
    made = autograder.autograder(homework, options.rubric, options.known)
    archive.write(made.data, options.output)
    say(f"{options.output}: {made}")
    return EXIT_PASSED


def _handout(options: argparse.Namespace) -> int:
    from ...grading import preflight
    from ...packaging import archive, handout

    preflight.rubric(active(), options.rubric, options.known)
    made = handout.handout(active(), options.rubric, options.known)
    archive.write(made.data, options.output)
    say(f"{options.output}: {made}")
    return EXIT_PASSED
