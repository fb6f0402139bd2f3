"""What grading a submission came to: plain records, from which every view is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from ..submission.received import Received, Rename
from .findings import Finding


class Outcome(StrEnum):
    """The one word an item ends with."""

    PASSED = "passed"
    PARTIAL = "partial"
    WRONG = "wrong"
    RAISED = "raised"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    CRASHED = "crashed"
    MISSING = "missing"
    SKIPPED = "skipped"
    GRADER_ERROR = "grader error"


@dataclass(frozen=True, slots=True)
class ItemResult:
    """One item's verdict and score.

    Attributes:
        id, title, tags, visibility: as the check and its rubric row say.
        outcome: how it ended.
        score, maximum: points, exact to 2 decimals; a bonus row has maximum 0.
        shown_only: the row carries no points at all.
        parts: name -> whether it is right, in the check's order.
        findings: what there is to say.
        seconds: wall-clock time the check took.
        measured: numbers of the submission's own that a view may show, e.g. an accuracy; finite.
        curves: recorded histories by log file, 1-D arrays by name, for views; any numbers.
    """

    id: str
    title: str
    outcome: Outcome
    score: Decimal
    maximum: Decimal
    shown_only: bool
    visibility: str
    tags: tuple[str, ...]
    parts: dict[str, bool]
    findings: tuple[Finding, ...]
    seconds: float
    measured: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """The whole verdict on one submission.

    Attributes:
        label: the submission's name.
        items: in the rubric's order, planned rows left out.
        planned: ids of the rubric's planned rows, with their points.
        notes: sentences about the submission as a whole, for the student.
        warnings: sentences on what the student hardly means to hand in; only where they are about to.
        staff_notes: sentences for staff only.
        submission_digest, rubric_digest, fixtures_digest: SHA-256 hex.
        layers: the sandbox's layers of isolation; `isolation` one word on how a process came to be.
        seconds: wall-clock time of the whole grading.
        left_out: ids of items that the rubric grades and this report does not hold, with their points.
        elsewhere: how many items are graded elsewhere only, and their points.
        starter_digest: SHA-256 hex of the course's own starter; empty where ours was mounted.
        received: what of the submission was taken for what, and what was not.
        renames: what was taken as if it had been renamed; `likely` what would have to be for more to be there.
    """

    label: str
    items: tuple[ItemResult, ...]
    planned: dict[str, Decimal]
    notes: tuple[str, ...]
    staff_notes: tuple[str, ...]
    submission_digest: str
    rubric_digest: str
    fixtures_digest: str
    layers: tuple[str, ...]
    isolation: str
    seconds: float
    left_out: Mapping[str, Decimal] = field(default_factory=dict)
    elsewhere: tuple[int, Decimal] = (0, Decimal(0))
    starter_digest: str = ""
    warnings: tuple[str, ...] = ()
    received: Received = field(default_factory=Received)
    renames: tuple[Rename, ...] = ()
    likely: tuple[Rename, ...] = ()

    @property
    def score(self) -> Decimal:
        """Sum of the items' scores."""
        return sum((item.score for item in self.items), Decimal(0))

    @property
    def maximum(self) -> Decimal:
        """Sum of the items' maxima: the rubric's total without planned rows."""
        return sum((item.maximum for item in self.items), Decimal(0))

    @property
    def grader_failed(self) -> bool:
        """Whether any item could not be graded through a fault of the grader."""
        return any(item.outcome is Outcome.GRADER_ERROR for item in self.items)

    @property
    def all_passed(self) -> bool:
        """Whether every item that carries points is passed; where none does, every item."""
        counting = [item for item in self.items if not item.shown_only] or self.items
        return all(item.outcome is Outcome.PASSED for item in counting)

    def to_json(self, *, staff: bool = False) -> str:
        """The verdict as a JSON object, for programs of a course's own.

        It has "label", "score", "maximum", "notes" and "items", each of these with "id", "title", "outcome", "score", "maximum",
        "parts" (name: whether it is right) and "findings" ("text", "part", "slip", "code"). With `staff` there are "staff_notes"
        and each finding's "staff" as well, which students must not see. Points are numbers.
        """

        def told(finding: Finding) -> dict[str, str]:
            texts = {"text": finding.student, "part": finding.part, "slip": finding.slip, "code": finding.code}
            return {**texts, "staff": finding.staff} if staff else texts

        items = [
            {
                "id": item.id,
                "title": item.title,
                "outcome": str(item.outcome),
                "score": float(item.score),
                "maximum": float(item.maximum),
                "parts": item.parts,
                "findings": [told(finding) for finding in item.findings if finding.student or staff],
            }
            for item in self.items
        ]
        whole = {
            "label": self.label,
            "score": float(self.score),
            "maximum": float(self.maximum),
            "notes": self.notes,
            "items": items,
        }
        return json.dumps({**whole, "staff_notes": self.staff_notes} if staff else whole, allow_nan=False)
