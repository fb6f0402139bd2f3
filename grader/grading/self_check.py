"""A student checks themselves: the public items with the real checks, once, or again whenever a file is saved."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from . import rubric as rubrics
from .errors import UsageError
from .exam import registered
from .grading import collected, grade, sandbox
from .result import Report
from .rubric import Item
from .sandbox.policy import Kind, Level, missing_layers
from .selection import selected
from .submission import Submission

LESS_ISOLATED = "Your code ran in a process of its own, with less isolation than on Gradescope; the checks are the same."
_PAUSE = 0.4  # seconds between two looks at the files


class SelfCheck:
    """The public checks, ready to be asked about a submission again and again. A context manager."""

    def __init__(self, only: str | None = None, kind: Kind | None = None) -> None:
        """Load the rubric and start a sandbox, with whatever isolation this system offers.

        Raises:
            UsageError: `only` names no public item.
            ConfigurationError: the grader's own files are not in order, or no process can be made here.
        """
        self._rubric = rubrics.load(rubrics.DEFAULT, registered()).public
        self._only = selected([item.id for item in self._rubric.graded], only)
        self._sandbox = sandbox(Level.STUDENT, kind=kind)

    def __enter__(self) -> SelfCheck:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._sandbox.close()

    @property
    def note(self) -> str:
        """One line on how far the code is isolated here; empty where it is as on Gradescope."""
        return LESS_ISOLATED if missing_layers(Level.STAFF, self._sandbox.self_test.layers) else ""

    def check(self, path: Path, progress: Callable[[Item], None] | None = None) -> Report:
        """Grade what lies at `path`.

        Raises:
            UsageError: there is nothing that could be graded.
        """
        return self._graded(collected(path), progress)

    def watch(self, path: Path) -> Iterator[Report | UsageError]:
        """A report now, and another after every change of a file that is graded; in between it waits. Endless.

        What cannot be read at the moment, e.g. a folder that is just being replaced, comes as the error it is.
        """
        seen: object = None
        while True:
            found: Submission | UsageError
            try:
                found = collected(path)
                now: object = (found.digest, tuple(found.refused.items()))
            except UsageError as error:
                found, now = error, str(error)
            if now != seen:
                seen = now
                yield found if isinstance(found, UsageError) else self._graded(found, None)
            time.sleep(_PAUSE)

    def _graded(self, submission: Submission, progress: Callable[[Item], None] | None) -> Report:
        return grade(submission, self._rubric, self._sandbox, only=self._only, progress=progress)
