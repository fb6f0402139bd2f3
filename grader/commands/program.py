"""The program: finds the command that was typed, runs it, and turns what went wrong into one line and an exit code.

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
from types import ModuleType
from typing import Any, NoReturn

from .. import __version__
from ..errors import ConfigurationError, UsageError
from ..grading.homework import active
from ..grading.invocation import command, through_script
from ..sandbox.errors import SandboxUnavailable
from ..submission.text import quoted
from .common import EXIT_GRADER, EXIT_USAGE, complain

_AUDIENCES = {  # what can be typed, by who types it: `--help` shows it so
    "students": ("check", "build submission"),
    "one submission": ("grade",),
    "a class": ("batch", "explain", "adjust", "grades", "compare"),
    "a course": ("build autograder", "build handout", "doctor", "data import", "gradescope"),
}
_STUDENTS = ("check", "build")  # each is a module beside this one, the others are in `staff/`, which students' copies lack


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; nothing but `KeyboardInterrupt` escapes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a letter the terminal lacks is no reason to fail
    typed = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if typed == ["gradescope"] and _has_staff():  # has to leave a results.json, whatever may be broken in the commands
            return int(importlib.import_module(f"{__package__}.staff.gradescope").run())
        options = _parser(typed).parse_args(typed)
        return int(options.run(options))
    except UsageError as error:
        complain(str(error))
        return EXIT_USAGE
    except (ConfigurationError, SandboxUnavailable) as error:
        complain(str(error))
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
        from ..grading.rubric import did_you_mean

        hint = ""
        if choice := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message):
            hint = did_you_mean(choice[1], re.findall(r"[\w-]+", choice[2]))
        elif option := re.search(r"arguments:.* (--?[\w-]+)", message):
            hint = did_you_mean(option[1], [option for action in self._actions for option in action.option_strings])
        self.exit(EXIT_USAGE, f"grader: {quoted(message, 2_000)}{hint}\nTry '{self.prog} --help'.\n")


class _Help(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal. Argparse makes one of these for each option, and would load `shutil` to find that out."""

    def __init__(self, prog: str) -> None:
        asked = os.environ.get("COLUMNS", "")
        columns = int(asked) if asked.isdecimal() else 0
        if not columns:  # as some shells have it
            try:
                columns = os.get_terminal_size(1).columns
            except OSError:
                pass
        super().__init__(prog, width=(columns or 80) - 2)


def _parser(typed: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for what was typed: it knows all commands only where that names none.

    Commands import what they need, so that `--help` and mistakes answer at once.
    """
    modules = _modules(typed)
    parser = _Parser(
        prog=command(),
        usage=f"%(prog)s {'PATH | COMMAND' if through_script() else 'COMMAND'} ...",
        description=f"Grades the homework {active().title}.",
        epilog=_overview({typed: does for module in modules.values() for typed, does in module.HELP.items()}),
        formatter_class=_Help,
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)  # whoever reads it has found it; all fits a screen
    parser.add_argument("--version", action="version", version=f"grader {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", prog=command(), help=argparse.SUPPRESS)
    for name, module in modules.items():
        own = commands.add_parser(name, allow_abbrev=False, formatter_class=_Help)
        module.add_options(own)
        if hasattr(module, "run"):
            own.set_defaults(run=module.run)
    return parser


def _overview(known: dict[str, str]) -> str:
    """What can be typed in this copy and what it does, by who types it."""
    lines = []
    for audience, commands in _AUDIENCES.items():
        if rows := [f"    {typed:<18}{known[typed]}" for typed in commands if typed in known]:
            lines += [f"{audience}:", *rows]
    return "\n".join(lines)


def _modules(typed: Sequence[str]) -> dict[str, ModuleType]:
    """The command that was typed, or else all that this copy has, by name."""
    names = dict.fromkeys(typed.partition(" ")[0] for commands in _AUDIENCES.values() for typed in commands)
    places = {name: __package__ if name in _STUDENTS else f"{__package__}.staff" for name in names}
    here = {name: place for name, place in places.items() if place == __package__ or _has_staff()}
    wanted = [typed[0]] if typed and typed[0] in here else list(here)
    return {name: importlib.import_module(f"{here[name]}.{name}") for name in wanted}


def _has_staff() -> bool:
    return importlib.util.find_spec(f"{__package__}.staff") is not None
