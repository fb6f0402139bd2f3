"""What whoever grades a class or builds a zip may have mistaken, found before anything is done."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConfigurationError, UsageError
from ..sandbox.errors import SandboxUnavailable
from ..sandbox.policy import Kind, Level
from .grade import sandbox
from .homework import Homework
from .rubric import Rubric
from .shipped_logs import rubric_with


def rubric(homework: Homework, path: Path | None, known: Path | None) -> tuple[bytes, Rubric]:
    """As `shipped_logs.rubric_with`, where a mistake in the rubric is one of whoever wrote it.

    Raises:
        UsageError: the rubric or `known` cannot be used.
        ConfigurationError: the homework itself is not in order.
    """
    homework.checks  # noqa: B018  what is wrong here is no matter of the rubric
    try:
        return rubric_with(homework, path, known)
    except ConfigurationError as error:
        raise UsageError(str(error)) from None


def isolation(homework: Homework, kind: Kind | None) -> None:
    """Make a sandbox as a class is graded in, and end it.

    Raises:
        UsageError: this machine lacks what staff's grading insists on.
    """
    try:
        sandbox(homework, Level.STUDENT if kind is Kind.SPAWN else Level.STAFF, kind=kind).close()
    except (SandboxUnavailable, ConfigurationError) as error:
        raise UsageError(str(error)) from None
