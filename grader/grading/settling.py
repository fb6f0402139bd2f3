"""In which process a submission's items are settled: here, in children that may come to harm, and some of them beside the others.

Student code and what judges its answers take turns, so that one core is idle at any time. Where there are two, a helper, forked
once the sandbox is up, settles the items on some of the student's files while this process settles those on the others.

A class has one judge for each worker instead, forked once: what it takes to fork, and to touch memory for the first time, is as
much as judging. It hears of nothing but submissions, and resigns where an answer may have cost it what the next one would lack.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from ..sandbox.errors import SandboxUnavailable
from ..sandbox.supervisor import Sandbox
from ..submission.collect import Submission
from . import apart
from .homework import Homework
from .results import ItemResult
from .rubric import Item
from .student import Student

Tell = Callable[[object], None]

_NOTHING: Final[tuple[frozenset[str], frozenset[str]]] = (frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Begun:
    """What is told when an item is begun."""

    item: Item


@dataclass(frozen=True, slots=True)
class Settled:
    """What is told when one is settled.

    Attributes:
        absent, printed: as `Student` has them by then.
        server: the process id of the sandbox's server, which may have been replaced.
    """

    result: ItemResult
    absent: dict[str, set[str]]
    printed: dict[str, str]
    server: int | None


@dataclass(slots=True)
class Work:
    """What there is to settle, and what has become of it.

    Attributes:
        items: in the order in which they are reported.
        settle: settles one of them, into `results`.
        give_up: what becomes of one that took its process with it twice, or that the deadline met; and whether it had been begun.
        beside: ids of those that may be settled beside others, and of those others; see `side_by_side`.
    """

    items: Sequence[Item]
    settle: Callable[[Item], None]
    give_up: Callable[[Item, apart.Lost | None, bool], ItemResult]
    results: dict[str, ItemResult]
    student: Student
    sandbox: Sandbox
    deadline: float
    beside: tuple[frozenset[str], frozenset[str]] = _NOTHING

    @property
    def left(self) -> list[Item]:
        """What is not settled yet."""
        return [item for item in self.items if item.id not in self.results]

    def take(self, settled: Settled) -> None:
        """Note what another process settled."""
        self.results[settled.result.id] = settled.result
        self.student.absent.update(settled.absent)
        self.student.printed.update(settled.printed)


def side_by_side(homework: Homework, items: Sequence[Item]) -> tuple[frozenset[str], frozenset[str]]:
    """The ids of items for a helper, and of those to be settled meanwhile; both empty where one of them needs one of the others."""
    files = {item.id: homework.code_of(item.id)[0] for item in items}
    beside = frozenset(name for name, file in files.items() if file in homework.beside)
    others = frozenset(name for name, file in files.items() if file and file not in homework.beside)
    for part in (beside, others):
        if not part or any(need in files and need not in part for item in items if item.id in part for need in item.needs):
            return _NOTHING
    return beside, others


def settle(work: Work, tell: Tell) -> None:
    """Settle here what is left, a part of it in a helper if `work.beside` says so; what a helper came to harm with is done here."""
    theirs, ours = work.beside
    with _helper(work, [item for item in work.left if item.id in theirs]) as helper:
        if helper is not None:
            for item in work.left:
                if item.id in ours:
                    _settle_one(work, item, tell)
            try:
                for one in helper.told(work.deadline):
                    if isinstance(one, Settled):
                        work.take(one)
                        one = replace(one, server=work.sandbox.server_pid)
                    tell(one)
            except apart.Lost:
                pass
    for item in work.left:
        _settle_one(work, item, tell)


def settle_in_children(work: Work, tell: Tell) -> None:
    """Settle all that is left in one child, unless it is lost; an item that loses its child twice is given up."""
    lost_by: set[str] = set()
    while left := work.left:

        def judge(tell_parent: Tell) -> None:
            settle(work, tell_parent)
            work.student.close()

        at, server = left[0], _server(work.sandbox)
        try:
            with closing(apart.Child(judge)) as child:
                for one in child.told(work.deadline):
                    tell(one)
                    if isinstance(one, Begun):
                        at = one.item
                    elif isinstance(one, Settled):
                        work.take(one)
                        server = one.server
        except apart.Lost as lost:
            server = None
            if time.monotonic() >= work.deadline:
                for item in work.left:
                    work.results[item.id] = work.give_up(item, None, item.id == at.id)
            elif at.id in lost_by:
                work.results[at.id] = work.give_up(at, lost, True)
            lost_by.add(at.id)
        if server != work.sandbox.server_pid:  # the child's own is gone with it, and ours may still have an answer for it
            work.sandbox.close()


class Judge:
    """A process that settles the items of one submission after the other. Close it when there are no more.

    What it gets no verdict on is left to be settled as if there were none; then the next submission meets a new process.
    """

    def __init__(self, prepared: Callable[[Submission, Sequence[str], float], Work]) -> None:
        """`prepared`: what there is to settle of a submission, of items with these ids, until a deadline; called in there."""
        self._prepared = prepared
        self._process: apart.Standing | None = None

    def settle(self, work: Work, tell: Tell) -> None:
        """Settle what it can."""
        asked = (work.student.submission, [item.id for item in work.items], work.deadline)
        server, done = _server(work.sandbox), False
        if self._process is None:
            try:
                self._process = apart.Standing(self._attend)
            except OSError:  # what this means for the submission is told where it needs a process of its own
                return
        try:
            for one in self._process.told(asked, work.deadline):
                tell(one)
                if isinstance(one, Settled):
                    work.take(one)
                    server = one.server
            done = True
        except apart.Lost:
            pass
        finally:
            if not done or server != work.sandbox.server_pid:  # what is in the sandbox for it goes with it
                self.close()
                work.sandbox.close()

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.close()

    def _attend(self, asked: tuple[Submission, Sequence[str], float], tell: Tell) -> None:
        work = self._prepared(*asked)
        settle(work, tell)
        work.student.close()


def _server(sandbox: Sandbox) -> int | None:
    """The process id of the sandbox's server, which runs now if it can; where it cannot, the items tell."""
    with suppress(SandboxUnavailable):
        sandbox.ready()
    return sandbox.server_pid


@contextmanager
def _helper(work: Work, items: Sequence[Item]) -> Iterator[apart.Child | None]:
    """A forked process that settles these items; None where there are none, or it cannot have its own way into the sandbox.

    Nor where there are threads, e.g. one that draws a progress bar: a lock that one of them holds would be held for ever in there.
    """
    connection = work.sandbox.connection() if items and _threads() == 1 else None
    if connection is None:
        yield None
        return

    def help_with(tell: Tell) -> None:
        work.sandbox.use(connection)
        work.student.reads_ahead = frozenset()
        for item in items:
            _settle_one(work, item, tell)
        work.student.close()

    try:
        child = apart.Child(help_with)
    finally:
        connection.close()  # it is the helper's alone
    with closing(child):
        yield child


def _threads() -> int:
    return len(sys._current_frames())  # without loading `threading`, which a check does not need


def _settle_one(work: Work, item: Item, tell: Tell) -> None:
    tell(Begun(item))
    work.settle(item)
    tell(Settled(work.results[item.id], work.student.absent, work.student.printed, work.sandbox.server_pid))
