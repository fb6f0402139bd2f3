"""The one core: a submission, a rubric and a sandbox in, a report out. Every door goes through here."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

from . import fixtures, places, scoring, wording
from .errors import SandboxUnavailable, SubmissionError
from .exam import Check, Exam, registered
from .finding import Mismatch
from .result import ItemResult, Outcome, Report
from .rubric import Item, Rubric
from .sandbox.ending import SessionEnded
from .sandbox.policy import Kind, Layer, Level, Limits
from .sandbox.supervisor import Sandbox
from .student import AskAgain, Missing, Student, TimeUsedUp
from .submission import STUDENT_FILES, Submission, collect
from .text import clean

NOT_YOUR_FAULT = "The grader failed on this item. That is not your fault; staff have been told and will regrade it."
NOT_RUN = "Not run: the time for grading was used up."
NOT_FINISHED = "Not run to its end: the time for grading was used up."
_TIME_NOTE = "The time for grading was used up, so not everything was run; slow or endless code takes the time of what follows."
_OUT_OF_TIME = "the deadline for the whole submission had come"
_LEAST_SECONDS = 1.0  # with less than this until the deadline an item is not begun
_UNANSWERED = (Outcome.MISSING, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY, Outcome.CRASHED, Outcome.SKIPPED)


@cache
def support_files() -> dict[str, bytes]:
    """Staff's `deeplearning` package as handed out, "deeplearning/layers.py" -> bytes; a submission is mounted on it."""
    return {name: path.read_bytes() for name, path in places.handed_out().items()}


def secret_paths() -> list[Path]:
    """Files a sandbox must not be able to read; its self-test tries to."""
    here = Path(__file__).resolve()
    hidden = sorted(here.with_name("hidden").rglob("*.*")) if here.with_name("hidden").is_dir() else []
    return [path for path in (fixtures.GOLDEN, fixtures.TRAJECTORIES, fixtures.DIGESTS, here, *hidden) if path.exists()]


def sandbox(level: Level, *, kind: Kind | None = None, secrets: Collection[Path] = (), disabled: Sequence[Layer] = ()) -> Sandbox:
    """A sandbox for this homework: it must not reach the answers, nor `secrets`, and has staff's files compiled ahead.

    Raises:
        SandboxUnavailable: as `Sandbox`.
    """
    return Sandbox(level, kind=kind, secrets=[*secret_paths(), *secrets], disabled=disabled, ahead=places.ahead())


def refused(label: str, why: str) -> Submission:
    """A submission that was refused as a whole: every file it should have held is missing for that reason."""
    return Submission(clean(label, 120), {}, {}, None, (), dict.fromkeys(STUDENT_FILES, why), "refused")


def collected(path: Path) -> Submission:
    """The submission at `path`, also where it is refused as a whole.

    Raises:
        UsageError: there is nothing that could be graded.
    """
    try:
        return collect(path, support=support_files())
    except SubmissionError as error:
        return refused(path.resolve().name, str(error))


def grade(
    submission: Submission,
    rubric: Rubric,
    sandbox: Sandbox,
    *,
    only: Collection[str] | None = None,
    progress: Callable[[Item], None] | None = None,
    deadline: float = math.inf,
) -> Report:
    """Ask every check about one submission.

    Args:
        only: ids of the items to grade; the rest is left out of the report.
        progress: called with each item before it is graded.
        deadline: `time.monotonic` at which no student code may run any more; what is not asked by then is skipped.

    A fault of the grader itself shows as that item's outcome and never raises; `KeyboardInterrupt` and the like pass.
    """
    started = time.monotonic()
    checks = registered()
    student = Student(submission, sandbox, support_files(), Limits(), deadline)
    asked = [item for item in rubric.graded if only is None or item.id in only]
    student.reads_ahead = frozenset[str]().union(*(checks[item.id].reads for item in asked))
    results: dict[str, ItemResult] = {}
    staff_notes: list[str] = []
    try:
        for item in asked:
            if progress is not None:
                progress(item)
            student.limits = replace(Limits(), wall=item.seconds, memory=rubric.memory_mb * 2**20)
            student.cut_short = student.reused = False
            results[item.id] = _grade_item(item, checks[item.id], student, results)
    finally:
        student.close()
    for file, text in student.printed.items():
        staff_notes.append(f"{file} printed: {clean(text, 1000)}")
    short_of_time = [name for name, result in results.items() if any(found.staff == _OUT_OF_TIME for found in result.findings)]
    if short_of_time:
        staff_notes.append(f"The deadline passed before these were done: {', '.join(short_of_time)}.")
    return Report(
        label=submission.label,
        items=tuple(results.values()),
        left_out={item.id: scoring.rounded(item.points) for item in rubric.graded if item.id not in results},
        planned={item.id: scoring.rounded(item.points) for item in rubric.items if item.planned},
        notes=(
            *submission.notes,
            *dict.fromkeys(submission.refused.values()),
            *_absent_notes(student),
            *([_TIME_NOTE] if short_of_time else []),
        ),
        staff_notes=tuple(staff_notes),
        submission_digest=submission.digest,
        rubric_digest=rubric.digest,
        fixtures_digest=fixtures.digest(),
        elsewhere=(rubric.elsewhere[0], scoring.rounded(rubric.elsewhere[1])),
        layers=sandbox.self_test.layers,
        isolation=sandbox.kind,
        seconds=time.monotonic() - started,
    )


def _grade_item(item: Item, check: Check, student: Student, before: dict[str, ItemResult]) -> ItemResult:
    started = time.monotonic()
    counted = scoring.counts(item, _parts(item, check)) if item.points or item.bonus else []
    exam = Exam(student, item.tolerance, counted=counted, before=before)
    unmet = [name for name in item.needs if name in before and before[name].outcome in _UNANSWERED]
    if student.seconds_left < _LEAST_SECONDS:
        exam.note(NOT_RUN, _OUT_OF_TIME)
        ended = Outcome.SKIPPED
    elif unmet:
        exam.note(f"Not asked, because {unmet[0]} got no answer ({before[unmet[0]].outcome}).")
        ended = Outcome.SKIPPED
    else:
        try:
            ended = _ask(check, exam)
            again = student.reused and not _all_right(item, check, exam)  # no item is failed for what another one left behind
        except AskAgain:
            again = True
        except SandboxUnavailable:  # e.g. the system killed the fork server: a new one is started for a second try
            again = True
        if again:
            student.close()
            student.reused = False
            exam = Exam(student, item.tolerance, counted=counted, before=before)
            try:
                ended = _ask(check, exam)
            except SandboxUnavailable as error:
                ended = _failed(exam, str(error))
        stopped = student.cut_short and student.seconds_left <= 0
        if stopped and ended is not Outcome.GRADER_ERROR and not _all_right(item, check, exam):
            exam.note(NOT_FINISHED, _OUT_OF_TIME)
            ended = Outcome.SKIPPED
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
    except TimeUsedUp:
        return Outcome.SKIPPED
    except (SandboxUnavailable, AskAgain):
        raise
    except Exception:
        return _failed(exam, traceback.format_exc())
    return Outcome.WRONG


def _failed(exam: Exam, why_staff: str) -> Outcome:
    exam.note(NOT_YOUR_FAULT, why_staff)
    return Outcome.GRADER_ERROR


def _scored(item: Item, check: Check, exam: Exam, ended: Outcome, seconds: float) -> ItemResult:
    earned = scoring.share(item, _parts(item, check), exam.passed)
    counting = scoring.counts(item, _parts(item, check))
    outcome = ended
    if ended is not Outcome.GRADER_ERROR:
        if _all_right(item, check, exam):
            outcome = Outcome.PASSED
        elif any(part in exam.passed for part in counting):
            outcome = Outcome.PARTIAL
        elif exam.missing >= set(_parts(item, check)):  # none of the files was handed in, so no part could be judged
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
        parts={part: part in exam.passed for part in _parts(item, check)},
        findings=tuple(exam.findings),
        seconds=seconds,
        measured=exam.measured,
        curves=exam.curves,
    )


def _all_right(item: Item, check: Check, exam: Exam) -> bool:
    return all(part in exam.passed for part in scoring.counts(item, _parts(item, check)))


def _parts(item: Item, check: Check) -> list[str]:
    """The parts that are reported: all but the quiet ones that the rubric gives no weight."""
    return [part for part in check.parts if part not in check.quiet or item.parts.get(part)]


def _absent_notes(student: Student) -> list[str]:
    notes = []
    for file, names in sorted(student.absent.items()):
        shown = ", ".join(clean(name, 40) for name in sorted(names))
        are = "is" if len(names) == 1 else "are"
        notes.append(
            f"{file} imports {shown}, which {are} not installed where this is graded; only what really uses it is affected."
        )
    return notes
