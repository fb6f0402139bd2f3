"""How a person calls this program where they are, for messages that name a command: it has to work as it stands."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

_DISTRIBUTION = "sandboxed-homework-grader"  # its name in pyproject.toml


def command(*words: str) -> str:
    """The command that runs this program, as it was typed, with `words` behind it: "./run_autograder data import"."""
    return " ".join((_program(), *words))


def through_script() -> bool:
    """Whether this is run by ./run_autograder, which needs no command where a path is given, and sets itself up."""
    return bool(os.environ.get("GRADER_COMMAND"))


def how_to_get(extra: str) -> str:
    """What brings packages that only some commands need, with the script and where this was installed as a package."""
    return f"./run_autograder sets it up by itself, an installed grader gets it with: pip install '{_DISTRIBUTION}[{extra}]'"


def _program() -> str:
    if script := os.environ.get("GRADER_COMMAND"):  # the script says how it was called
        return shlex.quote(script)
    own = Path(sys.argv[0]).name.removesuffix(".exe")
    if own == "grader":
        return own
    python = sys.orig_argv[0] if sys.orig_argv else "python"
    return f"{'python' if not python or ' ' in python else python} -m grader"
