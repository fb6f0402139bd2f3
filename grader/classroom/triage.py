"""What a TA has to do before the grades can be handed on: read from the verdicts, what is most urgent first.

Each kind of task says why somebody has to look, and each task how many points hang on it. A task is no verdict: docs/for-tas.md
says what to do about each kind, docs/logs.md what an honest student may have done to cause a finding about logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from ..grading.results import Outcome
from ..report import wording
from ..submission.text import name as shown
from .adjustments import TOTAL
from .gradebook import Line, Member

NEAR: Final = 1.1  # a limit that was missed by no more than this factor is told
_CONSISTENCY: Final = re.compile(r"(?:\w+: )?consistency: (\w+): (.*)", re.DOTALL)
_BROKEN_OFF: Final = (Outcome.CRASHED, Outcome.TIMED_OUT, Outcome.OUT_OF_MEMORY)
_TEXT: Final = 140


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of task: a word by which the page filters, a title, and what a TA does about it."""

    word: str
    title: str
    advice: str


GRADER_ERROR: Final = Kind(
    "grader-error", "Grader errors", "Not the student's fault: mend the grader and give the same command again."
)
NAMES: Final = Kind("file-names", "Points lost to a file's name or place", "To accept them: adjust OUT WHO --rename likely.")
BROKEN_OFF: Final = Kind(
    "broken-off", "Crashes and timeouts", "Run it again; what is slow on one machine may be in time on another."
)
BLANKS: Final = Kind("blank-with-logs", "Blanks beside logs", "The logs earned points, the code that makes them is not written.")
CONTRADICTION: Final = Kind(
    "logs-against-code", "Logs that contradict the code", "The logs earned points, the code as handed in could not make them."
)
BORDERLINE: Final = Kind("borderline", "Barely missed", f"A value lies at most {NEAR - 1:.0%} on the wrong side of its limit.")
LOGS: Final = Kind("odd-logs", "Records that do not fit together", "See docs/logs.md for what an honest student may have done.")
NO_POINTS: Final = Kind("no-points", "No points at all", "Something was handed in and nothing was right: read it once.")
MISSING: Final = Kind("missing", "Nothing to grade", "An empty, refused or unrecognised submission: ask the student.")
KINDS: Final = (GRADER_ERROR, NAMES, BROKEN_OFF, BLANKS, CONTRADICTION, BORDERLINE, LOGS, NO_POINTS, MISSING)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why to look, at which item (empty for the whole submission), and how many points hang on it.

    `finding` is the name of what was found in the logs, `rank` its place in the homework's order; lower ranks are more telling.
    """

    kind: Kind
    item: str
    text: str
    points: Decimal = Decimal(0)
    finding: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Task:
    """One kind of reason to look at one submission, the most telling first."""

    member: Member
    kind: Kind
    reasons: tuple[Reason, ...]

    @property
    def points(self) -> Decimal:
        """How many points hang on it; an item counts once."""
        return sum({reason.item: reason.points for reason in self.reasons}.values(), Decimal(0))

    def order(self) -> tuple[Decimal, int]:
        """Those first on which most points hang, of equal ones the most telling."""
        return -self.points, self.reasons[0].rank

    @property
    def notes(self) -> tuple[str, ...]:
        """The words by which the page filters."""
        return tuple(dict.fromkeys([self.kind.word, *(reason.finding for reason in self.reasons if reason.finding)]))


@dataclass(frozen=True, slots=True)
class Queue:
    """All tasks of one kind, those first on which most points hang."""

    kind: Kind
    tasks: tuple[Task, ...]

    @property
    def points(self) -> Decimal:
        """How many points hang on all of them."""
        return sum((task.points for task in self.tasks), Decimal(0))


def tasks(line: Line, found: Mapping[str, Any], order: Sequence[str]) -> list[Task]:
    """What there is to do about one submission with the verdict `found`; `order`: names of findings, the most telling first."""
    reasons = list(_reasons(line, found, order))
    if not line.total and not any(reason.points for reason in reasons):
        if line.outcome == Outcome.MISSING:
            reasons.append(Reason(MISSING, "", _first_line(found) or "nothing was graded", _maximum(found)))
        elif _maximum(found):
            reasons.append(Reason(NO_POINTS, "", "nothing that was handed in is right", _maximum(found)))
    by_kind = {kind: sorted((one for one in reasons if one.kind == kind), key=lambda one: one.rank) for kind in KINDS}
    return [Task(line.member, kind, tuple(ones)) for kind, ones in by_kind.items() if ones]


def queues(found: Iterable[Task]) -> list[Queue]:
    """All tasks of a class by kind; kinds without any are left out."""
    by_kind: dict[Kind, list[Task]] = {kind: [] for kind in KINDS}
    for task in found:
        by_kind[task.kind].append(task)
    return [Queue(kind, tuple(sorted(ones, key=Task.order))) for kind, ones in by_kind.items() if ones]


def _reasons(line: Line, found: Mapping[str, Any], order: Sequence[str]) -> Iterator[Reason]:
    general = found["extra_data"]
    if "grader_error" in general:
        yield Reason(GRADER_ERROR, "", shown(" ".join(str(general["grader_error"]).split()), _TEXT), _maximum(found) - line.total)
        return
    yield from _as_if_renamed(general.get("as_if_renamed"), line)
    blanks = [str(test["extra_data"]["id"]) for test in found["tests"] if test["extra_data"].get("blank")]
    for test in found["tests"]:
        own, score, maximum = test["extra_data"], _number(test.get("score")), _number(test.get("max_score"))
        item, outcome, lost = str(own["id"]), own["outcome"], max(maximum - score, Decimal(0))
        if outcome == Outcome.GRADER_ERROR:
            yield Reason(GRADER_ERROR, item, item, lost)
        elif outcome in _BROKEN_OFF and lost:
            yield Reason(BROKEN_OFF, item, f"{item} {outcome}", lost)
        missed = own.get("missed_by")
        if isinstance(missed, int | float) and 1 <= missed <= NEAR and lost:
            yield Reason(BORDERLINE, item, f"{item} missed its limit by {max(missed - 1, 0):.1%}", lost)
        for name, text in _consistency(own):
            known = [one for one in line.marks if one in text]
            kind = BLANKS if set(known) & set(blanks) else CONTRADICTION if known else LOGS
            rank = order.index(name) if name in order else len(order)
            told = shown(" ".join(text.split()), _TEXT)
            yield Reason(kind, item, f"{name}: {told}", score, name, rank)


def _as_if_renamed(told: Any, line: Line) -> Iterator[Reason]:
    """Points that likely renames would bring: {"mapping": [[from, to], …], "score": …, "items": {id: score}}.

    Beside what staff decided on an item, or on the whole, these bring no more.
    """
    if not isinstance(told, Mapping) or any(one.item == TOTAL and one.signed for one in line.applied):
        return
    decided = {one.item for one in line.applied}
    held = {item: mark.score for item, mark in line.marks.items() if item not in decided and mark.score is not None}
    more = sum((_number(score) - held[item] for item, score in told.get("items", {}).items() if item in held), Decimal(0))
    if more > 0:
        names = ", ".join(f"{found} as {meant}" for found, meant in told.get("mapping", ()))
        yield Reason(NAMES, "", shown(names, _TEXT), more)


def _consistency(own: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for told in map(_CONSISTENCY.fullmatch, map(str, own.get("staff", ()))):
        if told is not None:
            yield told[1], told[2]


def _first_line(found: Mapping[str, Any]) -> str:
    """The verdict's first sentence that is no count of points."""
    lines = [line for line in str(found.get("output", "")).splitlines() if " points" not in line]
    return shown(lines[0].removeprefix(wording.NOTE), _TEXT) if lines else ""


def _maximum(found: Mapping[str, Any]) -> Decimal:
    return sum((_number(test.get("max_score")) for test in found["tests"]), Decimal(0))


def _number(value: Any) -> Decimal:
    try:
        return Decimal(str(value or 0))
    except InvalidOperation:
        return Decimal(0)
