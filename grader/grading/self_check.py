"""A student checks themselves: the public items with the real checks, once, or again whenever a file is saved."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import UsageError
from ..sandbox.errors import SessionEnded
from ..sandbox.policy import Kind, Level, Limits, missing_layers
from ..submission.collect import Submission
from .grade import collected, grade, sandbox
from .homework import Homework
from .results import Report
from .rubric import Item
from .selection import selected
from .shipped_logs import rubric_with
from .student import Student

LESS_ISOLATED = "Your code ran in a process of its own, with less isolation than on Gradescope; the checks are the same."
_PAUSE = 0.4  # seconds between two looks at the files


class SelfCheck:
    """The public checks, ready to be asked about a submission again and again. A context manager."""

    def __init__(
        self,
        homework: Homework,
        only: str | None = None,
        kind: Kind | None = None,
        rubric: Path | None = None,
        known: Path | None = None,
        *,
        beside: bool = False,
    ) -> None:
        """Load the rubric and start a sandbox, with whatever isolation this system offers.

        `rubric` and `known` as in `shipped_logs.rubric_with`, `beside` as in `grade`: not for a process with threads, such as a
        notebook's kernel, which must not be forked.

        Raises:
            UsageError: `only` names no public item, or `known` cannot be used.
            ConfigurationError: the grader's own files are not in order, or no process can be made here.
        """
        self._homework = homework
        self._beside = beside
        self._sandbox = sandbox(homework, Level.STUDENT, kind=kind)
        try:
            self._rubric = rubric_with(homework, rubric, known)[1].public
            self._whole = only is None
            self._only = selected([item.id for item in self._rubric.graded], only)
        except BaseException:
            self._sandbox.close()
            raise

    def __enter__(self) -> SelfCheck:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._sandbox.close()

    @property
    def note(self) -> str:
        """One line on how far the code is isolated here; empty where it is as on Gradescope."""
        return LESS_ISOLATED if missing_layers(self._sandbox.self_test.layers) else ""

    def check(self, path: Path, progress: Callable[[Item], None] | None = None) -> Report:
        """Grade what lies at `path`; a whole zip as what is about to be handed in.

        Raises:
            UsageError: there is nothing that could be graded.
        """
        found = collected(self._homework, path)
        return self.last_look(found, progress) if self._whole and not path.is_dir() else self.graded(found, progress)

    def last_look(self, submission: Submission, progress: Callable[[Item], None] | None = None) -> Report:
        """Grade what is about to be handed in, with `Homework.warnings` in the report."""
        report = self.graded(submission, progress)
        student = Student(submission, self._sandbox, self._homework, Limits())

        def opened(module: str, function: str, data: bytes) -> Any:
            try:
                return student.read(function, data, module)
            except SessionEnded:
                return None

        try:
            return replace(report, warnings=tuple(self._homework.warnings(submission, report, opened)))
        finally:
            student.close()

    def graded(self, submission: Submission, progress: Callable[[Item], None] | None = None) -> Report:
        """Grade a submission."""
        return grade(
            self._homework, submission, self._rubric, self._sandbox, only=self._only, progress=progress, beside=self._beside
        )

    def watch(self, path: Path) -> Iterator[Report | UsageError]:
        """A report now, and another after every change of a file that is graded; in between it waits. Endless.

        What cannot be read at the moment, e.g. a folder that is just being replaced, comes as the error it is.
        """
        seen: object = None
        while True:
            found: Submission | UsageError
            try:
                found = collected(self._homework, path)
                now: object = (found.digest, tuple(found.refused.items()))
            except UsageError as error:
                found, now = error, str(error)
            if now != seen:
                seen = now
                yield found if isinstance(found, UsageError) else self.graded(found)
            time.sleep(_PAUSE)
