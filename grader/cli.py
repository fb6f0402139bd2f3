"""The doors: `python -m grader …`. Each parses its options, calls the core, prints, and returns an exit code.

Exit codes: 0 every graded item passed, 1 some did not, 2 usage, 3 the grader itself failed.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import __version__, desk, memory
from .errors import ConfigurationError, SubmissionError, UsageError
from .stopping import uninterrupted

if TYPE_CHECKING:  # the commands import what they need, so that `--help` and mistakes answer at once
    from .result import Report
    from .sandbox.policy import Level

EXIT_PASSED, EXIT_FAILED, EXIT_USAGE, EXIT_GRADER = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; nothing but `KeyboardInterrupt` escapes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a letter the terminal lacks is no reason to fail
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        return int(options.run(options))
    except UsageError as error:
        print(f"grader: {error}", file=sys.stderr)
        return EXIT_USAGE
    except ConfigurationError as error:
        print(f"grader: {error}", file=sys.stderr)
        return EXIT_GRADER
    except Exception as error:
        if os.environ.get("GRADER_DEBUG"):
            raise
        print(
            f"grader: the grader itself failed ({type(error).__name__}: {error}); this is not the submission's fault. "
            "Set GRADER_DEBUG=1 for details and report it.",
            file=sys.stderr,
        )
        return EXIT_GRADER


class _Parser(argparse.ArgumentParser):
    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As usual, but a command speaks up about what is not its own, because it knows what is."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown and self._subparsers is None:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line, with a near match for a misspelt option, command or choice."""
        from .rubric import did_you_mean

        hint = ""
        if choice := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message):
            hint = did_you_mean(choice[1], re.findall(r"[\w-]+", choice[2]))
        elif option := re.search(r"arguments:.* (--?[\w-]+)", message):
            hint = did_you_mean(option[1], [option for action in self._actions for option in action.option_strings])
        self.exit(EXIT_USAGE, f"grader: {message}{hint}\nTry '{self.prog} --help'.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m grader", description="Grades the homework q_optimizer_init.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"grader {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    grade = commands.add_parser("grade", help="grade one submission and show everything, as staff sees it", allow_abbrev=False)
    grade.add_argument("path", type=Path, metavar="PATH", help="a folder or a zip")
    grade.add_argument("-o", "--output", type=Path, metavar="FILE", help="also write Gradescope's results.json there")
    grade.add_argument("--rubric", type=Path, metavar="FILE", help="a rubric other than the built-in one")
    grade.set_defaults(run=_grade)
    _common(grade)

    check = commands.add_parser("check", help="check yourself before you submit", allow_abbrev=False)
    check.add_argument("path", type=Path, metavar="PATH", nargs="?", default=Path(), help="a folder or a zip; default: this folder")
    check.set_defaults(run=_check)
    _common(check)

    container = commands.add_parser("gradescope", help="grade what lies in Gradescope's container", allow_abbrev=False)
    container.set_defaults(run=_gradescope)

    doctor = commands.add_parser(
        "doctor", help="show what this system offers and whether the grader can work here", allow_abbrev=False
    )
    doctor.add_argument("--sandbox", choices=("fork", "spawn"), help="how to make sandboxed processes")
    doctor.set_defaults(run=_doctor)
    for command in desk.add(commands):
        _common(command)

    build = commands.add_parser("build", help="make the zip that a course uploads to Gradescope", allow_abbrev=False)
    build.add_argument("what", choices=("autograder",), help="autograder: setup.sh, run_autograder and all they need")
    build.add_argument("-o", "--output", type=Path, metavar="FILE", required=True, help="the zip to write")
    build.add_argument("--rubric", type=Path, metavar="FILE", help="put this rubric in place of the built-in one")
    build.set_defaults(run=_build)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", metavar="ITEM", help="only the items whose id starts with this, e.g. optim.adam")
    parser.add_argument(
        "--sandbox", choices=("fork", "spawn"), help="how to make sandboxed processes; default: what suits the system"
    )


def _grade(options: argparse.Namespace) -> int:
    from .report import gradescope, terminal
    from .sandbox.policy import Level

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
        _show(terminal.render(report, staff=True, colour=_colour()))
    return _exit_code(report)


def _check(options: argparse.Namespace) -> int:
    from .report import terminal
    from .sandbox.policy import Level, missing_layers

    report = _run(options, Level.STUDENT, None, public=True)
    _show(terminal.render(report, staff=False, colour=_colour()))
    if missing_layers(Level.STAFF, report.layers):
        _show("Your code ran in a process of its own, with less isolation than on Gradescope; the checks are the same.")
    return _exit_code(report)


def _run(options: argparse.Namespace, level: Level, rubric_path: Path | None, *, public: bool = False) -> Report:
    memory.require()
    from . import rubric as rubrics
    from .exam import registered
    from .grading import grade, refused, secret_paths, support_files
    from .sandbox.policy import Kind
    from .sandbox.supervisor import Sandbox
    from .selection import selected
    from .submission import collect

    checks = registered()
    rubric = rubrics.load(rubric_path or rubrics.DEFAULT, checks)
    asked = [item.id for item in rubric.graded if item.public or not public]
    only = selected(asked, options.only)
    try:
        submission = collect(options.path, support=support_files())
    except SubmissionError as error:
        submission = refused(options.path.resolve().name, str(error))
    with Sandbox(level, kind=Kind(options.sandbox) if options.sandbox else None, secrets=secret_paths()) as sandbox:
        return grade(submission, rubric, sandbox, only=only)


def _gradescope(_options: argparse.Namespace) -> int:
    from .container import run

    return run()


def _build(options: argparse.Namespace) -> int:
    from . import build

    archive = build.autograder(options.rubric)
    build.write(archive, options.output)
    _show(f"{options.output}: {archive}")
    return EXIT_PASSED


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import examine
    from .sandbox.policy import Kind

    text, healthy = examine(Kind(options.sandbox) if options.sandbox else None)
    _show(text)
    return EXIT_PASSED if healthy else EXIT_GRADER


def _exit_code(report: Report) -> int:
    if report.grader_failed:
        return EXIT_GRADER
    return EXIT_PASSED if report.all_passed else EXIT_FAILED


def _show(text: str) -> None:
    """Print; where the reader has left, nobody is there to be told, and the verdict stays what it is."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _colour() -> bool:
    return (
        isinstance(sys.stdout, io.TextIOWrapper)
        and sys.stdout.isatty()
        and "NO_COLOR" not in os.environ
        and sys.platform != "win32"
    )
