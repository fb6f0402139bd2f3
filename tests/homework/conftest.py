"""What the tests of checks share: one item's verdict on the reference with edits, and what was said about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from grader.grading.grade import grade
from grader.grading.results import ItemResult, Outcome, Report
from grader.grading.rubric import Rubric
from grader.homework import HOMEWORK
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import collect

Ask = Callable[..., ItemResult]
AtHome = Callable[[Path, str], ItemResult]


@pytest.fixture
def ask(graded: Callable[..., Report], make: Callable[..., Path]) -> Ask:
    """One item's verdict on an edited sample: `ask("optim.adam.golden", (file, old, new), base="reference")`."""

    def asker(name: str, *edits: tuple[str, str | None, str | bytes | None], base: str = "reference") -> ItemResult:
        (found,) = graded(make(*edits, base=base), name).items
        assert found.outcome is not Outcome.GRADER_ERROR, found.findings
        return found

    return asker


@pytest.fixture
def at_home(rubric: Rubric, sandbox: Sandbox) -> AtHome:
    """An item's verdict where only the public items are asked, as in the handout."""

    def ask(path: Path, name: str) -> ItemResult:
        submission = collect(path, HOMEWORK.layout, support=HOMEWORK.support)
        (found,) = grade(HOMEWORK, submission, rubric.public, sandbox, only=[name]).items
        return found

    return ask


def right(item: ItemResult) -> set[str]:
    """The parts that were found right."""
    return {part for part, passed in item.parts.items() if passed}


def said(item: ItemResult, part: str | None = None) -> str:
    """All that the student reads about an item, or about one part of it."""
    return "\n".join(found.student for found in item.findings if found.student and (part is None or found.part == part))


def assert_full_marks(item: ItemResult) -> None:
    """Passed in every part, with all points, and nothing held against it."""
    assert (item.outcome, item.score, right(item)) == (Outcome.PASSED, item.maximum, set(item.parts)), said(item)


def assert_no_marks(item: ItemResult, outcome: Outcome = Outcome.WRONG) -> None:
    """Ended in this way, with no part right and no points."""
    assert item.outcome is outcome, said(item)
    assert not right(item)
    assert item.score == 0


def judged(ask: Ask, item: str, files: Mapping[str, bytes | None]) -> ItemResult:
    """The item's verdict on a submission with exactly these log files; None leaves one out."""
    edits = [(f"submission_logs/{name}", None, data) for name, data in files.items() if data is not None]
    return ask(f"logs.{item}", *edits, base="untouched")


def lost(item: ItemResult) -> set[str]:
    """The parts that are not right."""
    return set(item.parts) - right(item)
