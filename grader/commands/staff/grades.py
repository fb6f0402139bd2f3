"""`grades`: hand a class's grades on."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...grading.homework import active
from ...grading.invocation import command
from ...report.output import say
from ..common import EXIT_PASSED

if TYPE_CHECKING:
    from ...classroom.final_grades import Grades

HELP = {"grades": "fill the grades into a gradebook, or make a grading sheet"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder of a class run; alone, its grades.csv is written anew")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--into", type=Path, metavar="GRADEBOOK.csv", help="fill a column of a gradebook from Canvas or Gradescope")
    what.add_argument("--sheet", type=Path, metavar="FILE", help="make a sheet for a question that is graded by hand")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="the filled gradebook; default: GRADEBOOK-filled.csv")
    parser.add_argument("--column", metavar="NAME", default="", help="the gradebook's column, or enough of its name")
    parser.add_argument("--question", metavar="NAME", default="written", help="with --sheet: what it is called; default: written")
    parser.add_argument("--points", metavar="N", default="", help="with --sheet: what it is worth")


def run(options: argparse.Namespace) -> int:
    """Write it and say what became of whom."""
    from ...classroom import adjusting, final_grades

    if options.into is None and (options.output is not None or options.column):
        raise UsageError("-o and --column go with --into GRADEBOOK.csv")
    if options.into is None and options.sheet is None:
        adjusting.again(active(), options.out)
        say(f"{options.out / 'grades.csv'}\n{options.out / 'report.html'}")
        return EXIT_PASSED
    grades = final_grades.load(options.out)
    _into(options, grades) if options.into is not None else _sheet(options, grades)
    return EXIT_PASSED


def _into(options: argparse.Namespace, grades: Grades) -> None:
    from ...classroom import lms_gradebook

    source: Path = options.into
    target: Path = options.output or source.with_name(f"{source.stem}-filled{source.suffix}")
    try:
        data = source.read_bytes()
    except OSError as error:
        raise UsageError(f"{source} cannot be read ({error.strerror}); name a gradebook in CSV") from error
    lines = [line for line, _ in grades.lines()]
    done = lms_gradebook.fill(data, lines, grades.book.maximum, column=options.column, title=grades.book.title)
    _write(target, done.data)
    told = [f"{target}: {done.count} grades in '{done.column}', {done.changed} of them in place of another", *done.notes]
    told += _listed("left as they were", done.left) + _listed("graded, but not in the gradebook", done.unmatched)
    say("\n".join([*told, *(f"warning: {warning}" for warning in grades.warnings)]))


def _sheet(options: argparse.Namespace, grades: Grades) -> None:
    from ...classroom import grading_sheet
    from ...classroom.run import NOTEBOOK

    question = grading_sheet.question(grades, options.question, options.points)
    if options.sheet.exists():
        raise UsageError(f"{options.sheet} exists and may hold grades; name another file")
    _write(options.sheet, "".join(grading_sheet.rows(grades, question, NOTEBOOK)).encode())
    back = command("adjust", shlex.quote(str(options.out)), "--sheet", shlex.quote(str(options.sheet)))
    say(f"{options.sheet}: fill in the column '{question.id} ({question.points:f})', then: {back}")


def _listed(what: str, lines: Sequence[str]) -> list[str]:
    return [f"{len(lines)} {what}:", *(f"  {line}" for line in lines)] if lines else []


def _write(path: Path, data: bytes) -> None:
    from ...grading.atomic import replacing

    try:
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); name another file") from error
