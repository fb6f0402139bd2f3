"""`grade`: one submission, and everything there is to say about it."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...errors import SubmissionError, UsageError
from ...grading import memory
from ...grading.homework import Homework
from ...grading.signals import uninterrupted
from ...report.output import say
from ..common import EXIT_PASSED, add_grading_options, colour, exit_code, kind, start_early, warn_of_reduced_isolation
from . import course_starter
from .arguments import seconds

if TYPE_CHECKING:  # commands import what they need, so that `--help` and mistakes answer at once
    from ...grading.results import Report
    from ...replay.replay import Replay
    from ...sandbox.policy import Level
    from ...submission.collect import Submission

_MOST_NAMED: Final = 5
_LIKELY: Final = "likely"
_RENAME: Final = f"as if this file, folder or zip in it were called so; may be repeated; '{_LIKELY}' for what looks like it"
HELP = {"grade": "grade it and show everything, as staff see it"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("path", type=Path, metavar="PATH", help="a folder or a zip")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="also write Gradescope's results.json there")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write the notebook there as a page, without running it")
    add_grading_options(parser)
    course_starter.add_option(parser)
    parser.add_argument("--rename", action="append", metavar="FROM=TO", default=[], help=_RENAME)
    parser.add_argument("--replay", action="store_true", help="also run the experiments again and compare the curves (Linux)")
    parser.add_argument("--data", type=Path, metavar="FILE", help="the data for --replay, made by 'data import'")
    parser.add_argument(
        "--replay-seconds", type=seconds, metavar="S", default=1800.0, help="time limit of one replayed run; default: 1800"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write a page with recorded and replayed curves there")


def run(options: argparse.Namespace) -> int:
    """Grade and print."""
    for wish in options.rename:
        if wish != _LIKELY and not all(wish.rpartition("=")):
            raise UsageError(f"--rename takes FROM=TO or '{_LIKELY}', not '{wish}'")
    homework = course_starter.mounted(options, kind(options))
    if options.html is not None:
        from ...classroom import notebook_page

        notebook_page.require()
    replay = _replay_asked(homework, options)
    if replay is not None and not replay.grades:
        from ...replay.replay import run as run_again

        run_again(replay, options.path)
        return EXIT_PASSED
    report = _graded(homework, options)
    warn_of_reduced_isolation(options)
    try:
        if options.output is not None:
            _write(report, options.output)
    except OSError as error:
        raise UsageError(f"{options.output} cannot be written ({error.strerror}); name another file") from error
    finally:
        from ...report import terminal

        say(terminal.render(report, staff=True, colour=colour()))
    if options.html is not None:
        _write_page(homework, options)
    if replay is not None:
        from ...replay.replay import run as run_again

        told = run_again(replay, options.path)
        if options.output is not None and options.output.is_file():  # what is no file has got its one document
            _write(dataclasses.replace(report, staff_notes=(*report.staff_notes, *told)), options.output)
    return exit_code(report)


def _level(options: argparse.Namespace) -> Level:
    from ...sandbox.policy import Level

    return Level.STUDENT if options.sandbox == "spawn" else Level.STAFF


def _graded(homework: Homework, options: argparse.Namespace) -> Report:
    memory.require()
    start_early(options)
    from ...grading.apart import cpus
    from ...grading.grade import grade, sandbox
    from ...grading.selection import selected
    from ...grading.shipped_logs import rubric_with

    submission = _collected(homework, options)
    with sandbox(homework, _level(options), kind=kind(options)) as jail:
        _, rubric = rubric_with(homework, options.rubric, options.known)
        only = selected([item.id for item in rubric.graded], options.only)
        return grade(homework, submission, rubric, jail, only=only, in_child=True, beside=cpus() > 1)


def _collected(homework: Homework, options: argparse.Namespace) -> Submission:
    """The submission to grade, renamed as the options ask for.

    Raises:
        UsageError: there is none, it is several, or it cannot be renamed so.
    """
    from ...grading.grade import collected
    from ...submission.siblings import homeworks

    found = homeworks(options.path, homework.layout)
    if len(found) > 1:
        names = ", ".join(found[:_MOST_NAMED]) + (", …" if len(found) > _MOST_NAMED else "")
        raise UsageError(f"{options.path} holds {len(found)} homeworks: {names}; use batch to grade each, or name one of them")
    wishes = [tuple(wish.rpartition("=")[::2]) for wish in options.rename]
    submission = collected(homework, options.path, [(old, new) for old, new in wishes if old])
    if ("", _LIKELY) in wishes:
        if submission.likely is None:
            raise UsageError(f"--rename {_LIKELY}: nothing in {options.path} looks like a file that is missing")
        return submission.likely
    return submission


def _write(report: Report, output: Path) -> None:
    """Write Gradescope's results.json."""
    from ...report import gradescope

    with uninterrupted():
        gradescope.write(gradescope.render(report), output)


def _write_page(homework: Homework, options: argparse.Namespace) -> None:
    """The submission's notebook as one HTML file.

    Raises:
        UsageError: there is no notebook to show, or the file cannot be written.
    """
    from ...classroom.notebook_page import render
    from ...sandbox.supervisor import Sandbox
    from ...submission.collect import collect

    try:
        submission = collect(options.path, homework.layout)
    except SubmissionError as error:
        raise UsageError(f"there is no page: {error}") from None
    with Sandbox(_level(options), kind=kind(options), secrets=homework.secrets()) as sandbox:
        page = render(homework, submission, sandbox)
    try:
        options.html.write_bytes(page.encode("utf-8", "replace"))
    except OSError as error:
        raise UsageError(f"{options.html} cannot be written ({error.strerror}); name another file") from error


def _replay_asked(homework: Homework, options: argparse.Namespace) -> Replay | None:
    """The replay that the options ask for, if they do.

    Raises:
        UsageError: they ask for one that cannot be.
    """
    if not options.replay:
        if options.data is not None or options.plot is not None:
            raise UsageError(f"{'--data' if options.data is not None else '--plot'} goes with --replay")
        return None
    memory.require()
    from ...grading.rubric import load_rubric
    from ...replay.replay import asked

    term = load_rubric(options.rubric or homework.rubric, homework.checks, homework.terms).term
    found = asked(homework, options.data, options.only, options.replay_seconds, options.plot, options.sandbox, term)
    if options.output is not None and not found.grades:
        raise UsageError(f"--only {options.only} grades nothing, so there is no verdict for {options.output}")
    return found
