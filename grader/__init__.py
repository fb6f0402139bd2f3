"""Sandboxed, fair, explained autograding of a homework.

In Python: `grader.grade(path)` gives a `Report`; docs/for-courses.md tells how to write a check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

    from .grading.results import Report

__version__ = "0.1.0"


def grade(path: str | PathLike[str], *, only: str | None = None, rubric: str | PathLike[str] | None = None) -> Report:
    """Grade one submission, as `./run_autograder PATH` does; in a student's copy, the public items.

    Args:
        path: a folder or a zip.
        only: some items alone, by id, group or enough of either, with commas between.
        rubric: a file other than the built-in rubric.

    Raises:
        errors.UsageError: `path` or `rubric` is nothing that can be graded, or `only` names no item.
        errors.ConfigurationError: the rubric is not in order.
        sandbox.errors.SandboxUnavailable: student code cannot be shut in here as staff's grading requires.

    >>> report = grade("fixtures/submissions/reference")
    >>> report.score, report.maximum, report.all_passed
    (Decimal('100'), Decimal('100'), True)
    """
    from pathlib import Path  # here, because whatever loads this package would wait for it first

    from .grading.grade import collected, sandbox
    from .grading.grade import grade as graded
    from .grading.homework import active
    from .grading.selection import selected
    from .grading.shipped_logs import rubric_with
    from .sandbox.policy import Level

    homework = active()
    policy = rubric_with(homework, Path(rubric) if rubric is not None else None, None)[1]
    student = not homework.hidden.is_dir()
    policy = policy.public if student else policy
    names = selected([item.id for item in policy.graded], only)
    with sandbox(homework, Level.STUDENT if student else Level.STAFF) as jail:
        return graded(homework, collected(homework, Path(path)), policy, jail, only=names)


def check(*items: str, path: str = ".") -> None:
    """Check yourself from a notebook's cell: `from grader import check`, then `check()`; see `commands.notebook`."""
    from .commands.notebook import check as in_notebook

    in_notebook(*items, path=path)
