"""Where things lie: beside this package in the repository and in an autograder's zip, inside it in a copy of the package alone."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_WITHIN = Path(__file__).resolve().with_name("given")
FOLDER = _WITHIN / "fixtures" if _WITHIN.is_dir() else ROOT / "fixtures"
HANDED_OUT = _WITHIN if _WITHIN.is_dir() else ROOT / "student_src"  # the folder that holds `deeplearning/` as handed out
MOUNTED = Path(__file__).resolve().with_name("checks") / "mounted"  # staff's modules that run inside the sandbox


def handed_out() -> dict[str, Path]:
    """The files of the `deeplearning` package as handed out, by name ("deeplearning/layers.py")."""
    return {path.relative_to(HANDED_OUT).as_posix(): path for path in sorted((HANDED_OUT / "deeplearning").rglob("*.py"))}


def ahead() -> dict[str, Path]:
    """All of staff's sources that are mounted in a sandbox, by the name they are mounted under."""
    return handed_out() | {path.name: path for path in sorted(MOUNTED.glob("*.py"))}
