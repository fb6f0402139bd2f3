"""`batch`: a whole class."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...grading import memory
from ...report.output import say
from ..common import add_grading_options, kind, warn_of_reduced_isolation
from . import course_starter
from .arguments import seconds, workers

HELP = {"batch": "grade everybody"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument(
        "paths", type=Path, nargs="+", metavar="EXPORT", help="a Gradescope export, a folder of submissions, or submissions"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", required=True, help="the folder for the results")
    parser.add_argument("-j", "--jobs", type=workers, metavar="N", help="workers; default: one a core")
    parser.add_argument("--dask", metavar="ADDRESS", default="", help="grade on the Dask cluster whose scheduler is there")
    parser.add_argument("--roster", type=Path, metavar="FILE", help="the course's roster in CSV, to list who is absent")
    parser.add_argument(
        "--seconds", type=seconds, metavar="S", default=540.0, help="time limit of one submission; default: 540, as on Gradescope"
    )
    parser.add_argument("--adjustments", type=Path, metavar="FILE", help="the adjustments.toml of another run, to be taken over")
    parser.add_argument(
        "--attempt",
        choices=("latest", "best", "first", "all"),
        default="latest",
        help="which of a student's submissions counts; default: latest. The others are graded as well",
    )
    parser.add_argument("--html", action="store_true", help="also make a page of each notebook, without running it")
    add_grading_options(parser)
    course_starter.add_option(parser)


def run(options: argparse.Namespace) -> int:
    """Grade the class and say where the results lie."""
    memory.require()
    from ...classroom.run import GRADES, PAGE, Wish, exit_code, grade_class

    homework = course_starter.mounted(options, kind(options))
    wish = Wish(
        homework,
        options.paths,
        options.output,
        options.jobs,
        options.rubric,
        options.only,
        options.roster,
        options.sandbox,
        options.seconds,
        options.known,
        options.html,
        options.dask,
        options.adjustments,
        options.attempt,
    )
    if options.html:
        from ...classroom import notebook_page

        notebook_page.require()
    warn_of_reduced_isolation(options)
    counts = grade_class(wish)
    say(f"{options.output / GRADES}\n{options.output / PAGE}")
    return exit_code(counts)
