"""`explain`: everything on record about one verdict."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...errors import UsageError
from ...grading import memory
from ...grading.homework import active
from ...report.output import say
from ..common import EXIT_PASSED, colour, exit_code
from . import course_starter

HELP = {"explain": "show everything on record about one verdict"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder of a class run")
    parser.add_argument("who", metavar="WHO", help="a submission's id, or a student's SID, e-mail or name")
    parser.add_argument("item", metavar="ITEM", help=f"an item, e.g. {active().example[0]}, a group of items, or enough of its id")
    parser.add_argument("--student", action="store_true", help="only what may be sent to the student")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write it there as a page instead")
    parser.add_argument("--again", action="store_true", help="ask the submission again now, and show that verdict")
    parser.add_argument("--rubric", type=Path, metavar="FILE", help="a rubric other than the one the run was made with")
    course_starter.add_option(parser)


def run(options: argparse.Namespace) -> int:
    """Print it."""
    memory.require()
    from ...classroom import dispute
    from ...report import terminal

    case = dispute.opened(course_starter.mounted(options), options.out, options.who, options.item, options.rubric)
    if options.again:
        report = dispute.asked_again(case)
        say(terminal.render(report, staff=not options.student, colour=colour()))
        return exit_code(report)
    explanations = dispute.explained(case, student=options.student)
    if options.html is None:
        say("\n\n".join(explanation.as_text() for explanation in explanations))
        return EXIT_PASSED
    try:
        options.html.write_bytes(dispute.as_page(case, explanations).encode("utf-8", "replace"))
    except OSError as error:
        raise UsageError(f"{options.html} cannot be written ({error.strerror}); name another file") from error
    say(str(options.html))
    return EXIT_PASSED
