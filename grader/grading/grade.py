"""The one core: a submission, a rubric and a sandbox in, a report out. Every command goes through here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from ..errors import ConfigurationError, SubmissionError
from ..sandbox.errors import SandboxUnavailable, SessionEnded
from ..sandbox.policy import Kind, Layer, Level, Limits
from ..sandbox.supervisor import Sandbox
from ..submission.collect import Submission, collect
from ..submission.layout import Layout
from ..submission.received import Rename
from ..submission.text import name as shown
from ..submission.text import quoted
from . import apart, failures, scoring, settling
from .check import Check
from .context import Context
from .findings import Mismatch
from .homework import Homework
from .results import ItemResult, Outcome, Report
from .rubric import Item, Rubric
from .student import AskAgain, Missing, Student, TimeUsedUp

NOT_YOUR_FAULT = "The grader failed on this item. That is not your fault; staff have been told and will regrade it."
TOO_LONG = f"Comparing what your code answered took more than {apart.CPU:g} s of processor time, so it was given up."
TOO_LARGE = f"Comparing what your code answered takes more than {apart.MEMORY // 2**20} MB of memory, so it was given up."
NOT_RUN = "Not run: the time for grading was used up."
NOT_FINISHED = "Not run to its end: the time for grading was used up."
_TIME_NOTE = "The time for grading was used up, so not everything was run; slow or endless code takes the time of what follows."
_OUT_OF_TIME = "the deadline for the whole submission had come"
_LEAST_SECONDS = 1.0  # with less than this until the deadline an item is not begun
Bounded = Callable[[float], AbstractContextManager[None]]  # what may interrupt a check, given the seconds until the deadline
_EXPECTED = (Mismatch, Missing, SessionEnded, TimeUsedUp, AskAgain, SandboxUnavailable)  # what a check may end with by itself
_UNANSWERED = (Outcome.MISSING, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY, Outcome.CRASHED, Outcome.SKIPPED)


def sandbox(
    homework: Homework,
    level: Level,
    *,
    kind: Kind | None = None,
    secrets: Collection[Path] = (),
    disabled: Sequence[Layer] = (),
    many: bool = False,
) -> Sandbox:
    """A sandbox for a homework, whose checks are loaded while it starts: it must not reach the answers, nor `secrets`.

    With `many` it has all of staff's files compiled ahead, which takes longer than compiling what one submission needs.

    Raises:
        SandboxUnavailable: as `Sandbox`.
        ConfigurationError: as `Homework.checks`.
    """
    hidden = [*homework.secrets(), *secrets]
    ahead = homework.ahead() if many else None
    return Sandbox(level, kind=kind, secrets=hidden, disabled=disabled, ahead=ahead, meanwhile=lambda: homework.checks)


def refused(layout: Layout, label: str, why: str) -> Submission:
    """A submission that was refused as a whole: every file it should have held is missing for that reason."""
    return Submission(shown(label), {}, {}, None, (), dict.fromkeys(layout.files, why), "refused")


def collected(homework: Homework, path: Path, renames: Sequence[Rename] = ()) -> Submission:
    """The submission at `path`, also where it is refused as a whole; `renames` as in `submission.received`.

    Raises:
        UsageError: there is nothing that could be graded.
    """
    try:
        return collect(path, homework.layout, support=homework.originals, known_support=homework.known_support, renames=renames)
    except SubmissionError as error:
        return refused(homework.layout, path.resolve().name, str(error))


def grade(
    homework: Homework,
    submission: Submission,
    rubric: Rubric,
    sandbox: Sandbox,
    *,
    only: Collection[str] | None = None,
    progress: Callable[[Item], None] | None = None,
    deadline: float = math.inf,
    in_child: bool = False,
    beside: bool = False,
    judge: settling.Judge | None = None,
) -> Report:
    """Ask every check about one submission.

    Args:
        only: ids of the items to grade; the rest is left out of the report.
        progress: called with each item before it is graded.
        deadline: `time.monotonic` at which no student code may run any more; what is not asked by then is skipped.
        in_child: judge in a process of its own, within bounds (see `apart`), where the system and the sandbox can fork.
        beside: where they can, have a second process settle some items meanwhile (see `settling`): for who waits and has a core
            to spare.
        judge: made by `judge_of_many`; judges instead of a process of the submission's own what is nothing out of the ordinary.

    A fault of the grader itself shows as that item's outcome and never raises; `KeyboardInterrupt` and the like pass.
    """
    started = time.monotonic()
    can_fork = apart.possible() and sandbox.kind is Kind.FORK
    in_child = (in_child or judge is not None) and can_fork
    work = _work(homework, rubric, sandbox, submission, only, deadline, apart.bounded if in_child else lambda _: nullcontext())
    asked, results, student = work.items, work.results, work.student
    staff_notes = [homework.mounted_starter] if homework.course else []
    if built_on := homework.built_on(submission, rubric.term):
        staff_notes.append(f"{built_on[0].upper()}{built_on[1:]}.")

    def tell(told: object) -> None:
        if progress is not None and isinstance(told, settling.Begun):
            progress(told.item)

    if beside and can_fork:
        work.beside = settling.side_by_side(homework, asked)
    try:
        if judge is not None and can_fork:
            judge.settle(work, tell)
        (settling.settle_in_children if in_child else settling.settle)(work, tell)
    finally:
        student.close()
    printed = student.printed
    staff_notes += [f"{file} printed: {quoted(printed[file], 1000)}" for file in homework.layout.files if file in printed]
    short_of_time = [item.id for item in asked if any(found.staff == _OUT_OF_TIME for found in results[item.id].findings)]
    if short_of_time:
        staff_notes.append(f"The deadline passed before these were done: {', '.join(short_of_time)}.")
    return Report(
        label=submission.label,
        items=tuple(results[item.id] for item in asked),
        left_out={item.id: scoring.rounded(item.points) for item in rubric.graded if item.id not in results},
        planned={item.id: scoring.rounded(item.points) for item in rubric.items if item.planned},
        notes=(
            *submission.notes,
            *dict.fromkeys(submission.refused.values()),
            *submission.received.lines,
            *_absent_notes(student),
            *([_TIME_NOTE] if short_of_time else []),
        ),
        staff_notes=tuple(staff_notes),
        submission_digest=submission.digest,
        rubric_digest=rubric.digest,
        fixtures_digest=homework.fixtures.digest(),
        starter_digest=homework.course.digest if homework.course else "",
        elsewhere=(rubric.elsewhere[0], scoring.rounded(rubric.elsewhere[1])),
        layers=sandbox.self_test.layers,
        isolation=sandbox.kind,
        seconds=time.monotonic() - started,
        received=submission.received,
        renames=submission.renames,
        likely=submission.likely.renames if submission.likely is not None else (),
    )


def judge_of_many(homework: Homework, rubric: Rubric, sandbox: Sandbox) -> settling.Judge:
    """One process for what `grade` is to judge of many submissions, given the same homework, rubric and sandbox each time.

    What any of them makes judging cost beyond the bounds, and a fault of ours, is not its to tell: it resigns, and a process that
    has met no other submission says what becomes of that one.
    """

    @contextmanager
    def bounded(seconds_left: float) -> Iterator[None]:
        with apart.bounded(seconds_left):
            try:
                yield
            except _EXPECTED:
                raise
            except (apart.TooLong, Exception) as error:
                raise apart.Resigned from error

    def prepared(submission: Submission, only: Collection[str], deadline: float) -> settling.Work:
        return _work(homework, rubric, sandbox, submission, only, deadline, bounded)

    return settling.Judge(prepared)


def _work(
    homework: Homework,
    rubric: Rubric,
    sandbox: Sandbox,
    submission: Submission,
    only: Collection[str] | None,
    deadline: float,
    bounded: Bounded,
) -> settling.Work:
    """What there is to settle of a submission, and how."""
    checks = homework.checks
    student = Student(submission, sandbox, homework, Limits(), deadline)
    asked = [item for item in rubric.graded if only is None or item.id in only]
    student.reads_ahead = frozenset[str]().union(*(checks[item.id].reads for item in asked))
    results: dict[str, ItemResult] = {}

    def settle(item: Item) -> None:
        student.limits = replace(Limits(), wall=item.seconds, memory=rubric.memory_mb * 2**20)
        student.cut_short = student.reused = False
        student.item, student.hidden = item.id, not item.public
        results[item.id] = _grade_item(homework, rubric, item, checks[item.id], student, results, bounded)

    def give_up(item: Item, lost: apart.Lost | None, begun: bool) -> ItemResult:
        return _given_up(item, checks[item.id], student, lost, begun)

    return settling.Work(asked, settle, give_up, results, student, sandbox, deadline)


def _given_up(item: Item, check: Check, student: Student, lost: apart.Lost | None, begun: bool) -> ItemResult:
    """An item that took its process with it, or, where none is `lost`, that the deadline met."""
    if lost is None:
        outcome, why, why_staff = Outcome.SKIPPED, NOT_FINISHED if begun else NOT_RUN, _OUT_OF_TIME
    elif lost.killed:
        outcome, why, why_staff = Outcome.OUT_OF_MEMORY, TOO_LARGE, str(lost)
    else:
        outcome, why, why_staff = Outcome.GRADER_ERROR, NOT_YOUR_FAULT, str(lost)
    context = Context(student, item.tolerance)
    context.note(why, why_staff)
    return _scored(item, check, context, outcome, 0.0)


def _grade_item(
    homework: Homework,
    rubric: Rubric,
    item: Item,
    check: Check,
    student: Student,
    before: dict[str, ItemResult],
    bounded: Bounded,
) -> ItemResult:
    started = time.monotonic()
    counted = scoring.counts(item, _parts(item, check)) if item.points or item.bonus else []

    def begun() -> Context:
        section = homework.sections.get(check.section, "")
        return Context(
            student,
            item.tolerance,
            section=section,
            counted=counted,
            before=before,
            term=rubric.term,
            shipped_logs=rubric.shipped_logs,
            more_elsewhere=rubric.elsewhere[0] > 0,
        )

    context = begun()
    unmet = [name for name in item.needs if name in before and before[name].outcome in _UNANSWERED]
    if student.seconds_left < _LEAST_SECONDS:
        context.note(NOT_RUN, _OUT_OF_TIME)
        ended = Outcome.SKIPPED
    elif unmet:
        context.note(f"Not asked, because {unmet[0]} got no answer ({before[unmet[0]].outcome}).")
        ended = Outcome.SKIPPED
    else:
        try:
            ended = _ask(check, context, homework, bounded)
            again = student.reused and not _all_right(item, check, context)  # no item is failed for what another one left behind
        except AskAgain:
            again = True
        except SandboxUnavailable:  # e.g. the system killed the fork server: a new one is started for a second try
            again = True
        if again:
            student.close()
            student.reused = False
            context = begun()
            try:
                ended = _ask(check, context, homework, bounded)
            except SandboxUnavailable as error:
                ended = _failed(context, str(error))
        stopped = student.cut_short and student.seconds_left <= 0
        if stopped and ended is not Outcome.GRADER_ERROR and not _all_right(item, check, context):
            context.note(NOT_FINISHED, _OUT_OF_TIME)
            ended = Outcome.SKIPPED
    return _scored(item, check, context, ended, time.monotonic() - started)


def _ask(check: Check, context: Context, homework: Homework, bounded: Bounded) -> Outcome:
    """Run one check; the outcome it ends with where not all parts are right."""
    try:
        with bounded(context.student.seconds_left):
            check.function(context)
    except Mismatch as mismatch:
        context.note(mismatch.student, mismatch.staff)
    except Missing as missing:
        context.note(str(missing))
        return Outcome.MISSING
    except SessionEnded as error:
        context.findings.append(failures.told(error, homework.layout, homework.mounted))
        return Outcome(error.ending.value)
    except TimeUsedUp:
        return Outcome.SKIPPED
    except apart.DeadlineCame:
        context.student.cut_short = True
        return Outcome.SKIPPED
    except apart.TooLong:
        context.note(TOO_LONG, "judging took too much processor time")
        return Outcome.TIMED_OUT
    except MemoryError:
        if apart.is_short_of_memory():
            return _failed(context, f"a limit on this process leaves less than {apart.MEMORY // 2**20} MB for judging")
        context.note(TOO_LARGE, "judging took too much memory")
        return Outcome.OUT_OF_MEMORY
    except (SandboxUnavailable, AskAgain):
        raise
    except ConfigurationError as error:  # its sentence names the file and what to do
        return _failed(context, str(error))
    except Exception:
        import traceback  # the grader fails rarely

        return _failed(context, traceback.format_exc())
    return Outcome.WRONG


def _failed(context: Context, why_staff: str) -> Outcome:
    context.note(NOT_YOUR_FAULT, why_staff)
    return Outcome.GRADER_ERROR


def _scored(item: Item, check: Check, context: Context, ended: Outcome, seconds: float) -> ItemResult:
    earned = scoring.share(item, _parts(item, check), context.passed)
    counting = scoring.counts(item, _parts(item, check))
    outcome = ended
    if ended is not Outcome.GRADER_ERROR:
        if _all_right(item, check, context):
            outcome = Outcome.PASSED
        elif any(part in context.passed for part in counting):
            outcome = Outcome.PARTIAL
        elif context.missing >= set(_parts(item, check)):  # none of the files was handed in, so no part could be judged
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
        parts={part: part in context.passed for part in _parts(item, check)},
        findings=tuple(context.findings),
        seconds=seconds,
        measured=context.measured,
        curves=context.curves,
    )


def _all_right(item: Item, check: Check, context: Context) -> bool:
    return all(part in context.passed for part in scoring.counts(item, _parts(item, check)))


def _parts(item: Item, check: Check) -> list[str]:
    """The parts that are reported: all but the quiet ones that the rubric gives no weight."""
    return [part for part in check.parts if part not in check.quiet or item.parts.get(part)]


def _absent_notes(student: Student) -> list[str]:
    notes = []
    for file, names in sorted(student.absent.items()):
        listed = ", ".join(shown(name, 40) for name in sorted(names))
        are, them = ("is", "it") if len(names) == 1 else ("are", "them")
        notes.append(
            f"{file} imports {listed}, which {are} not there when this is graded; that costs nothing unless an answer needs {them}."
        )
    return notes
