"""The doors: `python -m grader …`. Each parses its options, calls the core, prints, and returns an exit code.

Exit codes: 0 every graded item passed, 1 some did not, 2 usage, 3 the grader itself failed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import __version__, memory
from .doors import EXIT_FAILED, EXIT_GRADER, EXIT_PASSED, EXIT_USAGE, colour, common, exit_code, show, start_early
from .errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from .result import Report
    from .selfcheck import SelfCheck


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
        if isinstance(error, ModuleNotFoundError) and error.name == "numpy":
            print(f"grader: NumPy is missing; install it with: {sys.executable} -m pip install numpy", file=sys.stderr)
            return EXIT_GRADER
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
    """Commands import what they need, so that `--help` and mistakes answer at once."""
    parser = _Parser(prog="python -m grader", description="Grades the homework q_optimizer_init.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"grader {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="check yourself before you submit", allow_abbrev=False)
    check.add_argument("path", type=Path, metavar="PATH", nargs="?", default=Path(), help="a folder or a zip; default: this folder")
    check.add_argument("--watch", action="store_true", help="check again whenever a file is saved, until Ctrl-C")
    check.add_argument("--json", action="store_true", help="print the report as JSON, one line each")
    check.set_defaults(run=_check)
    common(check)

    makers = {"submission": ("the zip to hand in, from your homework folder", _submission)}
    if importlib.util.find_spec(f"{__package__}.staff") is not None:
        makers |= importlib.import_module(f"{__package__}.staff").add(commands)
    build = commands.add_parser("build", help=f"make a zip: {', '.join(makers)}", allow_abbrev=False)
    what = build.add_subparsers(title="what to make", required=True, metavar="WHAT")
    for name, (told, run) in makers.items():
        maker = what.add_parser(name, help=told, allow_abbrev=False)
        if name == "submission":
            maker.add_argument(
                "path", type=Path, metavar="PATH", nargs="?", default=Path(), help="the homework; default: this folder"
            )
            maker.add_argument(
                "-o", "--output", type=Path, metavar="FILE", default=Path("submission.zip"), help="default: submission.zip"
            )
        else:
            maker.add_argument("-o", "--output", type=Path, metavar="FILE", required=True, help="the zip to write")
            maker.add_argument("--rubric", type=Path, metavar="FILE", help="put this rubric in place of the built-in one")
        maker.set_defaults(run=run)
    return parser


def _check(options: argparse.Namespace) -> int:
    memory.require()
    start_early(options)
    from .report.progress_line import ProgressLine
    from .sandbox.policy import Kind
    from .selfcheck import SelfCheck

    with SelfCheck(options.only, Kind(options.sandbox) if options.sandbox else None) as selfcheck:
        if options.watch:
            return _watch(selfcheck, options)
        with ProgressLine() as progress:
            report = selfcheck.check(options.path, progress)
        _tell(report, selfcheck.note, as_json=options.json)
        return exit_code(report)


def _watch(selfcheck: SelfCheck, options: argparse.Namespace) -> int:
    """Check again and again until Ctrl-C; the exit code is that of the last report."""
    code = EXIT_FAILED
    try:
        for found in selfcheck.watch(options.path):
            if isinstance(found, UsageError):
                print(f"grader: {found}", file=sys.stderr, flush=True)
                continue
            code = exit_code(found)
            if not _tell(found, selfcheck.note, as_json=options.json):
                break
            print("Waiting for you to save a file; Ctrl-C ends.", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        pass
    return code


def _tell(report: Report, note: str, *, as_json: bool) -> bool:
    """Print a report, and say whether anybody reads it."""
    from .report import terminal

    if as_json:
        import json

        from .report import student

        return show(json.dumps(student.as_data(report, note=note)))
    text = terminal.render(report, staff=False, colour=colour())
    return show(f"{text}\n{note}" if note else text)


def _submission(options: argparse.Namespace) -> int:
    memory.require()
    from . import archive, upload

    made = upload.submission(options.path)
    archive.write(made.data, options.output)
    show(f"{options.output}: {made}")
    return EXIT_FAILED if made.missing else EXIT_PASSED
