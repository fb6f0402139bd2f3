"""What a worker on another machine does. It has the installed package and nothing else: rubric and submission come as bytes."""

from __future__ import annotations

import platform
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from .. import __version__
from ..errors import ConfigurationError
from ..grading.homework import Homework
from ..submission.collect import Submission
from . import worker
from .worker import Done, Job, Settings


@dataclass(frozen=True, slots=True)
class Order:
    """One submission to be graded elsewhere: `settings.rubric` is replaced by the file's content."""

    settings: Settings
    rubric: bytes
    job: Job
    submission: Submission


def versions(homework: Homework) -> str:
    """What this process grades with, in words."""
    return (
        f"grader {__version__} ({worker.grader_digest(homework)[:12]}), Python {platform.python_version()}, NumPy {np.__version__}"
    )


def ready(settings: Settings, rubric: bytes, wanted: str) -> str:
    """Make this process's sandbox, to be kept for all that follows; why it cannot grade, or ""."""
    homework = settings.loaded()
    if settings.grader_digest != worker.grader_digest(homework):
        return f"it has {versions(homework)}; needed is {wanted}"
    try:
        worker.prepare(_at_home(settings, rubric))
    except ConfigurationError as error:
        return str(error)
    return ""


def work(order: Order) -> Done:
    """Grade one submission.

    Raises:
        ConfigurationError: this process cannot grade.
    """
    job = replace(order.job, path=None, submission=order.submission)
    return worker.work(_at_home(order.settings, order.rubric), job)


def _at_home(settings: Settings, rubric: bytes) -> Settings:
    return replace(settings, rubric=_placed(rubric))


@cache
def _placed(rubric: bytes) -> Path:
    """A file of this process's own with the rubric."""
    folder = tempfile.TemporaryDirectory(prefix="rubric-")
    _KEPT.append(folder)
    place = Path(folder.name) / "rubric.toml"
    place.write_bytes(rubric)
    return place


_KEPT: list[tempfile.TemporaryDirectory[str]] = []  # removed when the process ends
