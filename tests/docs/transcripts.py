"""Transcripts in the documentation: what is typed after "$ ", and what that prints.

In what is shown, a line "…" stands for any lines, "…" in a line for the rest of a line, and numbers that are never twice the same
(seconds, sizes, digests, times left) for any of their kind. A program that is left out ends with "…" too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.conftest import ROOT

_BLOCK: Final = re.compile(r"^```\n(\$ .*?)^```$", re.DOTALL | re.MULTILINE)
_PASSING: Final = {  # what differs from run to run, by what it looks like
    r"\b[0-9a-f]{64}\b": "<digest>",
    r"\d+\.\d+ s\b": "<seconds>",
    r"\b\d{4}-\d\d-\d\d\b": "<date>",
    r"\d+:\d\d\b": "<time>",
    r"\d+ [kM]B\b": "<size>",
    r"\d+ files\b": "<files>",
    r"with /\S+/python[\d.]*": "with <python>",
    r"  +": "  ",
}
RENEWS: Final = "TESTS_RENEW_DOCS"  # a variable of the environment: what is played is written into its page
_OF_PIP: Final = "WARNING: "  # on how a machine is set up
_FIGURES: Final = re.compile(r"\b[0-9a-f]{64}\b|\b\d+\.\d+ s\b|\b\d+ [kM]B\b|\b\d+ files\b")


@dataclass(frozen=True)
class Typed:
    """One command of a transcript, and what is shown of its output."""

    command: str
    shown: str


def typed(page: Path) -> list[Typed]:
    """The commands of a page, in their order."""
    found = []
    for block in _BLOCK.findall(page.read_text("utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append(Typed(command, shown))
    return found


def desk(folder: Path) -> Path:
    """A folder in which commands work as in the repository, and what they write stays apart from it."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name not in (".git", "__pycache__"):
            (folder / path.name).symlink_to(path)
    return folder


def printed(command: str, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """What a command line prints, errors included, each line as it comes; with the packages of the tests, already set up."""
    process = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "COLUMNS": "100", **_set_up(), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return process.stdout


def _set_up() -> dict[str, str]:
    """Where these tests' own packages are what `./bootstrap` would set up, that they are used."""
    return {"GRADER_VENV": sys.prefix} if Path(sys.prefix, ".installed-test").exists() else {}


def difference(shown: str, found: str) -> str:
    """The first line that is shown and was not printed where it stands; empty where all was printed as it is shown."""
    pattern, said = "", _lasting(found)
    for line in _lasting(shown).splitlines():
        pattern += r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", ".*") + r"\n"
        if not re.match(pattern, said):
            return f"{line!r} is shown; printed was:\n{found}"
    return "" if re.fullmatch(pattern, said) else f"more was printed than is shown:\n{found}"


def renewed(shown: str, found: str) -> str:
    """What is shown, with the figures that were printed this time; it has to agree otherwise."""
    said = [line for line in found.splitlines() if not line.startswith(_OF_PIP)]
    at, lines = 0, []
    for line in shown.splitlines():
        if line.strip() != "…":
            pattern = re.escape(_lasting(line).rstrip("\n")).replace("…", ".*")
            at += next(step for step, other in enumerate(said[at:], 1) if re.fullmatch(pattern, _lasting(other).rstrip("\n")))
            figures = iter(_FIGURES.findall(said[at - 1]))
            if len(_FIGURES.findall(line)) == len(_FIGURES.findall(said[at - 1])):
                line = _FIGURES.sub(lambda _, figures=figures: next(figures), line)  # type: ignore[misc]
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def _lasting(text: str) -> str:
    """Without what is never twice the same, and without blanks at the ends of lines."""
    for looks, word in _PASSING.items():
        text = re.sub(looks, word, text)
    lines = [line.rstrip() for line in text.splitlines() if not line.startswith(_OF_PIP)]
    return "".join(f"{line}\n" for line in lines)
