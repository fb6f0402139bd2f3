"""What a check is given: the submission to ask, its rubric row's limits, and where it settles parts.

A check asks the student's code questions through `context.student` and settles each part in a `with context.part(name):` block.
What `expect` raises there fails that part and the check goes on; raised outside, it fails what is still open. Parts that are
never reached count as failed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from ..errors import ConfigurationError
from .expect import Array
from .findings import Finding, Mismatch, Slip
from .results import ItemResult
from .student import Student

WHOLE: Final = "all"  # the one part of a check that declares none


@dataclass(slots=True)
class Context:
    """One check of one submission while it runs.

    Attributes:
        student: the submission, to ask.
        tolerance: the named limits of the item's rubric row.
        passed: parts settled as right.
        missing: parts that are wrong because their file was not handed in.
        findings: what there is to say, in order.
        section: the place of the handout that asks for this, as messages call it; empty if none does.
        counted: the parts that can change the score; a check tells the student nothing about a quiet part that is not among them.
        shipped_logs: the SHA-256 of each log that the course handed out itself, of its bytes or of what it holds.
        before: the verdicts on the items that were asked before.
        term: the homework's term that the submission is taken to be of, where the rubric names one.
        more_elsewhere: whether there are further items that are graded elsewhere only: this is a student's own check.
        measured: numbers of the submission's own that a view may show, by name; they settle nothing.
        curves: histories of the submission's own that a view may show, by log file: arrays of equal kind by name.
    """

    student: Student
    tolerance: Mapping[str, float]
    passed: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    section: str = ""
    counted: Collection[str] = ()
    shipped_logs: frozenset[str] = frozenset()
    before: Mapping[str, ItemResult] = field(default_factory=dict)
    term: str = ""
    more_elsewhere: bool = False
    measured: dict[str, float] = field(default_factory=dict)
    curves: dict[str, Mapping[str, Array]] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str = WHOLE) -> Iterator[None]:
        """Settle one part: right if the block ends quietly, wrong if it raises `Mismatch`."""
        try:
            yield
        except Mismatch as mismatch:
            if mismatch.student or mismatch.staff:
                self.findings.append(
                    Finding(mismatch.student, mismatch.staff, name, comparison=mismatch.comparison, missed_by=mismatch.missed_by)
                )
        else:
            self.passed.add(name)

    def note(self, student: str = "", staff: str = "", code: str = "") -> None:
        """Add an observation that settles nothing; `code` asks in a cell what was asked."""
        self.findings.append(Finding(student, staff, code=code))

    def diagnose(self, slip: Slip | None, *, hint: bool = True) -> None:
        """Name the slip that was recognised, if one was; settles nothing. Without `hint` for staff only."""
        if slip is not None:
            self.findings.append(Finding(slip.hint if hint else "", f"slip: {slip.id} ({slip.name})", slip=slip.id))

    def is_shipped(self, log: bytes, contents: str = "") -> bool:
        """Whether a log is one that the course handed out itself: by its bytes, or by what it holds (`expect.contents`)."""
        return bool(self.shipped_logs) and not self.shipped_logs.isdisjoint((hashlib.sha256(log).hexdigest(), contents))

    def limit(self, name: str) -> float:
        """The tolerance `name` of the rubric row.

        Raises:
            ConfigurationError: the row does not give it.
        """
        try:
            return self.tolerance[name]
        except KeyError:
            raise ConfigurationError(f"the rubric row gives no tolerance '{name}'") from None
