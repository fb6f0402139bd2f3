"""`batch`: a whole class."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...grading import memory
from ...grading.homework import Homework
from ...report.output import say
from ..common import add_grading_options, kind, warn_of_reduced_isolation
from . import course_starter
from .arguments import seconds, submissions, workers

if TYPE_CHECKING:
    from ...classroom.class_replay import Wish

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
    parser.add_argument("--replay", type=submissions, metavar="N", help="then run the experiments of N submissions again (Linux)")
    parser.add_argument("--data", type=Path, metavar="FILE", help="the data for --replay, made by 'data import'")
    parser.add_argument(
        "--replay-seed", metavar="TEXT", default="", help="what the N are chosen by; default: as before, else drawn, and told"
    )
    parser.add_argument(
        "--replay-seconds", type=seconds, metavar="S", default=1800.0, help="time limit of one replayed run; default: 1800"
    )
    parser.add_argument("--html", action="store_true", help="also make a page of each notebook, without running it")
    add_grading_options(parser)
    course_starter.add_option(parser)


def run(options: argparse.Namespace) -> int:
    """Grade the class and say where the results lie."""
    memory.require()
    from ...classroom.run import GRADES, PAGE, Wish, exit_code, grade_class, replay_class

    homework = course_starter.mounted(options, kind(options))
    replay = _replay_asked(homework, options)
    wish = Wish(
        homework,
        options.paths,
        options.output,
        options.jobs,
        options.rubric,
        _graded(options.only) if replay is not None else options.only,
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
    if replay is not None:
        from ...classroom.class_replay import TABLE

        replay_class(homework, options.output, replay)
        say(str(options.output / TABLE))
    return exit_code(counts)


def _replay_asked(homework: Homework, options: argparse.Namespace) -> Wish | None:
    """The replay that the options ask for, if they do.

    Raises:
        UsageError: they ask for one that cannot be.
    """
    if options.replay is None:
        for name in ("data", "replay_seed"):
            if getattr(options, name):
                raise UsageError(f"--{name.replace('_', '-')} goes with --replay")
        return None
    from ...classroom.class_replay import Wish
    from ...grading.rubric import load_rubric
    from ...replay.replay import asked

    term = load_rubric(options.rubric or homework.rubric, homework.checks, homework.terms).term
    found = asked(homework, options.data, options.only, options.replay_seconds, None, options.sandbox, term)
    return Wish(options.replay, options.replay_seed, found, options.jobs)


def _graded(only: str | None) -> str | None:
    """What `--only` leaves to be graded: the parts that name replays choose among these alone."""
    from ...replay.replay import is_replay

    parts = [part.strip() for part in (only or "").split(",") if part.strip() and not is_replay(part.strip())]
    return ",".join(parts) or None
