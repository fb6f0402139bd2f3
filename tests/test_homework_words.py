"""The core knows no homework: outside `grader/homework/` no word stands that belongs to ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

WORDS = re.compile(r"optim|fc_net|solver|adam|momentum|cifar|submission_logs|deeplearning|rmsprop", re.IGNORECASE)
SCRIPTS = ("run_autograder", "bootstrap", "run_tests", "gradescope/setup.sh")
OURS = ROOT / "grader/homework"


def files(folder: Path) -> Iterator[Path]:
    """Every file below a folder but Python's own caches."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)


def spoken(path: Path) -> Iterator[str]:
    """The places where a file says one of the words, its name among them."""
    name = path.relative_to(ROOT).as_posix()
    lines = [name, *path.read_text("utf-8").splitlines()]
    return (f"{name}:{number}: {line}" for number, line in enumerate(lines) if WORDS.search(line))


def test_the_core_names_nothing_of_a_homework() -> None:
    core = [path for path in files(ROOT / "grader") if not path.is_relative_to(OURS)] + [ROOT / script for script in SCRIPTS]
    assert len(core) > 100
    assert [place for path in core for place in spoken(path)] == []


def test_the_words_are_found_where_they_belong() -> None:
    assert len({place.partition(":")[0] for path in OURS.glob("*.py") for place in spoken(path)}) > 5
