"""The one core: a submission, a rubric and a sandbox in, a report out. Every door goes through here."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Collection
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

from . import fixtures, scoring, wording
from .errors import SandboxUnavailable
from .exam import Check, Exam, registered
from .finding import Mismatch
from .result import ItemResult, Outcome, Report
from .rubric import Item, Rubric
from .sandbox.ending import SessionEnded
from .sandbox.policy import Limits
from .sandbox.supervisor import Sandbox
from .student import Missing, Student
from .submission import STUDENT_FILES, Submission
from .text import clean

NOT_YOUR_FAULT = "The grader failed on this item. That is not your fault; staff have been told and will regrade it."
_UNANSWERED = (Outcome.MISSING, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY, Outcome.CRASHED, Outcome.SKIPPED)


@cache
def support_files() -> dict[str, bytes]:
    """Staff's `deeplearning` package as handed out, "deeplearning/layers.py" -> bytes; a submission is mounted on it."""
    root = fixtures.ROOT / "student_src"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted((root / "deeplearning").rglob("*.py"))}


def secret_paths() -> list[Path]:
    """Files a sandbox must not be able to read; its self-test tries to."""
    here = Path(__file__).resolve()
    hidden = sorted(here.with_name("hidden").rglob("*.*")) if here.with_name("hidden").is_dir() else []
    return [fixtures.GOLDEN, fixtures.DIGESTS, here, *hidden]


def refused(label: str, why: str) -> Submission:
    """A submission that was refused as a whole: every file it should have held is missing for that reason."""
    return Submission(clean(label, 120), {}, {}, None, (), dict.fromkeys(STUDENT_FILES, why), "refused")


def grade(
    submission: Submission,
    rubric: Rubric,
    sandbox: Sandbox,
    *,
    only: Collection[str] | None = None,
    progress: Callable[[Item], None] | None = None,
) -> Report:
    """Ask every check about one submission.

    Args:
        only: ids of the items to grade; the rest is left out of the report.
        progress: called with each item before it is graded.

    A fault of the grader itself shows as that item's outcome and never raises; `KeyboardInterrupt` and the like pass.
    """
    started = time.monotonic()
    checks = registered()
    student = Student(submission, sandbox, support_files(), Limits())
    results: dict[str, ItemResult] = {}
    staff_notes: list[str] = []
    try:
        for item in rubric.graded:
            if only is not None and item.id not in only:
                continue
            if progress is not None:
                progress(item)
            student.limits = replace(Limits(), wall=item.seconds, memory=rubric.memory_mb * 2**20)
            results[item.id] = _grade_item(item, checks[item.id], student, results)
    finally:
        student.close()
    for file, text in student.printed.items():
        staff_notes.append(f"{file} printed: {clean(text, 1000)}")
    return Report(
        label=submission.label,
        items=tuple(results.values()),
        left_out={item.id: scoring.rounded(item.points) for item in rubric.graded if item.id not in results},
        planned={item.id: scoring.rounded(item.points) for item in rubric.items if item.planned},
        notes=(*submission.notes, *dict.fromkeys(submission.refused.values()), *_absent_notes(student)),
        staff_notes=tuple(staff_notes),
        submission_digest=submission.digest,
        rubric_digest=rubric.digest,
        fixtures_digest=fixtures.digest(),
        layers=sandbox.self_test.layers,
        isolation=sandbox.kind,
        seconds=time.monotonic() - started,
    )


def _grade_item(item: Item, check: Check, student: Student, before: dict[str, ItemResult]) -> ItemResult:
    started = time.monotonic()
    exam = Exam(student, item.tolerance)
    unmet = [name for name in item.needs if name in before and before[name].outcome in _UNANSWERED]
    if unmet:
        exam.note(f"Not asked, because {unmet[0]} got no answer ({before[unmet[0]].outcome}).")
        ended = Outcome.SKIPPED
    else:
        try:
            ended = _ask(check, exam)
        except SandboxUnavailable:  # e.g. the system killed the fork server: a new one is started for a second try
            student.close()
            exam = Exam(student, item.tolerance)
            try:
                ended = _ask(check, exam)
            except SandboxUnavailable as error:
                ended = _failed(exam, str(error))
    return _scored(item, check, exam, ended, time.monotonic() - started)


def _ask(check: Check, exam: Exam) -> Outcome:
    """Run one check; the outcome it ends with where not all parts are right."""
    try:
        check.function(exam)
    except Mismatch as mismatch:
        exam.note(mismatch.student, mismatch.staff)
    except Missing as missing:
        exam.note(str(missing))
        return Outcome.MISSING
    except SessionEnded as error:
        exam.findings.append(wording.told(error))
        return Outcome(error.ending.value)
    except SandboxUnavailable:
        raise
    except Exception:
        return _failed(exam, traceback.format_exc())
    return Outcome.WRONG


def _failed(exam: Exam, why_staff: str) -> Outcome:
    exam.note(NOT_YOUR_FAULT, why_staff)
    return Outcome.GRADER_ERROR


def _scored(item: Item, check: Check, exam: Exam, ended: Outcome, seconds: float) -> ItemResult:
    earned = scoring.share(item, check.parts, exam.passed)
    counting = scoring.counts(item, check.parts)
    outcome = ended
    if ended is not Outcome.GRADER_ERROR:
        if all(part in exam.passed for part in counting):
            outcome = Outcome.PASSED
        elif any(part in exam.passed for part in counting):
            outcome = Outcome.PARTIAL
        elif _nothing_there(exam, check):
            outcome = Outcome.MISSING
    else:
        earned = Fraction(0)
    return ItemResult(
        id=item.id,
        title=check.title,
        outcome=outcome,
        score=scoring.points(item, earned),
        maximum=scoring.rounded(item.points),
        shown_only=item.points == 0 and item.bonus == 0,
        visibility=item.visibility,
        tags=item.tags,
        parts={part: part in exam.passed for part in check.parts},
        findings=tuple(exam.findings),
        seconds=seconds,
    )


def _nothing_there(exam: Exam, check: Check) -> bool:
    """Whether no part could be judged, because none of the files was handed in."""
    return exam.missing >= set(check.parts)


def _absent_notes(student: Student) -> list[str]:
    notes = []
    for file, names in sorted(student.absent.items()):
        shown = ", ".join(clean(name, 40) for name in sorted(names))
        are = "is" if len(names) == 1 else "are"
        notes.append(
            f"{file} imports {shown}, which {are} not installed where this is graded; only what really uses it is affected."
        )
    return notes
