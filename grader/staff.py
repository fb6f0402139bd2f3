"""Staff's doors: `grade`, `gradescope`, `doctor`, and what they build. Students' copies of the grader have no such module."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import desk, memory
from .doors import EXIT_GRADER, EXIT_PASSED, colour, common, exit_code, show, start_early
from .errors import SubmissionError, UsageError
from .stopping import uninterrupted

if TYPE_CHECKING:  # the commands import what they need, so that `--help` and mistakes answer at once
    from .result import Report
    from .sandbox.policy import Level


def add(commands: Any) -> dict[str, tuple[str, Callable[[argparse.Namespace], int]]]:
    """Add the commands to a parser's subcommands; returned is what `build` can make here: name -> (help, function)."""
    grade = commands.add_parser("grade", help="grade one submission and show everything, as staff sees it", allow_abbrev=False)
    grade.add_argument("path", type=Path, metavar="PATH", help="a folder or a zip")
    grade.add_argument("-o", "--output", type=Path, metavar="FILE", help="also write Gradescope's results.json there")
    grade.add_argument("--rubric", type=Path, metavar="FILE", help="a rubric other than the built-in one")
    grade.add_argument("--html", type=Path, metavar="FILE", help="also write the notebook there as a page, without running it")
    grade.set_defaults(run=_grade)
    common(grade)
    desk.add_replay(grade)

    container = commands.add_parser("gradescope", help="grade what lies in Gradescope's container", allow_abbrev=False)
    container.set_defaults(run=_gradescope)

    doctor = commands.add_parser(
        "doctor", help="show what this system offers and whether the grader can work here", allow_abbrev=False
    )
    doctor.add_argument("--sandbox", choices=("fork", "spawn"), help="how to make sandboxed processes")
    doctor.set_defaults(run=_doctor)
    for command in desk.add(commands):
        common(command)
    return {
        "autograder": ("the zip to upload to Gradescope: setup.sh, run_autograder and all they need", _autograder),
        "handout": ("the homework with the public half of this grader, for students", _handout),
    }


def _grade(options: argparse.Namespace) -> int:
    from .report import gradescope, terminal
    from .sandbox.policy import Level

    if options.html is not None:
        from . import notebook_page

        notebook_page.require()
    replay = desk.replay_asked(options)
    if replay is not None and not replay.grades:
        desk.replay(replay, options.path)
        return EXIT_PASSED
    report = _run(options, Level.STUDENT if options.sandbox == "spawn" else Level.STAFF, options.rubric)
    if options.sandbox == "spawn":
        print("Reduced isolation: student code ran with your rights. Use this only for code you trust.", file=sys.stderr)
    try:
        if options.output is not None:
            with uninterrupted():
                gradescope.write(gradescope.render(report), options.output)
    except OSError as error:
        raise UsageError(f"{options.output} cannot be written ({error.strerror}); name another file") from error
    finally:
        show(terminal.render(report, staff=True, colour=colour()))
    if options.html is not None:
        _write_page(options)
    if replay is not None:
        told = desk.replay(replay, options.path)
        if options.output is not None and options.output.is_file():  # what is no file has got its one document
            with uninterrupted():
                noted = dataclasses.replace(report, staff_notes=(*report.staff_notes, *told))
                gradescope.write(gradescope.render(noted), options.output)
    return exit_code(report)


def _run(options: argparse.Namespace, level: Level, rubric_path: Path | None) -> Report:
    memory.require()
    start_early(options)
    from . import rubric as rubrics
    from .exam import registered
    from .grading import collected, grade, sandbox
    from .sandbox.policy import Kind
    from .selection import selected

    checks = registered()
    rubric = rubrics.load(rubric_path or rubrics.DEFAULT, checks)
    only = selected([item.id for item in rubric.graded], options.only)
    submission = collected(options.path)
    with sandbox(level, kind=Kind(options.sandbox) if options.sandbox else None) as jail:
        return grade(submission, rubric, jail, only=only)


def _write_page(options: argparse.Namespace) -> None:
    """The submission's notebook as one HTML file.

    Raises:
        UsageError: there is no notebook to show, or the file cannot be written.
    """
    from .grading import secret_paths
    from .notebook_page import render
    from .sandbox.policy import Kind, Level
    from .sandbox.supervisor import Sandbox
    from .submission import collect

    level = Level.STUDENT if options.sandbox == "spawn" else Level.STAFF
    try:
        submission = collect(options.path)
    except SubmissionError as error:
        raise UsageError(f"there is no page: {error}") from None
    with Sandbox(level, kind=Kind(options.sandbox) if options.sandbox else None, secrets=secret_paths()) as sandbox:
        page = render(submission, sandbox)
    try:
        options.html.write_bytes(page.encode("utf-8", "replace"))
    except OSError as error:
        raise UsageError(f"{options.html} cannot be written ({error.strerror}); name another file") from error


def _gradescope(_options: argparse.Namespace) -> int:
    from .container import run

    return run()


def _autograder(options: argparse.Namespace) -> int:
    from . import archive, build

    made = build.autograder(options.rubric)
    archive.write(made.data, options.output)
    show(f"{options.output}: {made}")
    return EXIT_PASSED


def _handout(options: argparse.Namespace) -> int:
    from . import archive, handout

    made = handout.handout(options.rubric)
    archive.write(made.data, options.output)
    show(f"{options.output}: {made}")
    return EXIT_PASSED


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import examine
    from .sandbox.policy import Kind

    text, healthy = examine(Kind(options.sandbox) if options.sandbox else None)
    show(text)
    return EXIT_PASSED if healthy else EXIT_GRADER
