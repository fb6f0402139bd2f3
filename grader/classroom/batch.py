"""Many submissions through any `concurrent.futures.Executor`; a class run that loses nothing.

Each slot is an executor with one job at a time, so that a worker's death is charged to the one submission it was at. Jobs carry
paths; the worker collects, grades, and sends the finished results.json back, which is written in one step as it comes. What an
earlier run finished is kept if its key is still the same: all that the verdict depends on. Replays of a class go the same way.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from ..errors import ConfigurationError
from . import worker

TRIES: Final = 2  # a submission that ends its worker twice is not tried again


class _Named(Protocol):
    @property
    def id(self) -> str:
        """Of a submission."""


_Settings = TypeVar("_Settings")
_Job = TypeVar("_Job", bound=_Named)
_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True)
class Trade(Generic[_Settings, _Job, _Done]):
    """What workers do.

    Attributes:
        start: prepares a worker's process.
        work: does a job there; raises `ConfigurationError` where that process cannot do any.
        given_up: what comes of a job that cannot be done, with the reason.
    """

    start: Callable[[_Settings], None]
    work: Callable[[_Settings, _Job], _Done]
    given_up: Callable[[str], _Done]


GRADING: Final = Trade(worker.start, worker.work, lambda why: worker.Done(None, 0.0, why))


def processes(settings: _Settings, trade: Trade[_Settings, _Job, _Done]) -> Callable[[], Executor]:
    """A maker of executors with one process each, which holds one warm sandbox."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # N workers with N BLAS threads each would only fight
    # Spawned, because this process has threads (forking then is unsafe) and so that no worker holds another's pipes open.
    context = multiprocessing.get_context("spawn")

    def make() -> Executor:
        return ProcessPoolExecutor(1, mp_context=context, initializer=trade.start, initargs=(settings,))

    return make


def run(
    jobs: Iterator[_Job],
    slots: int,
    make: Callable[[], Executor],
    settings: _Settings,
    trade: Trade[_Settings, _Job, _Done],
    finish: Callable[[_Job, _Done], None],
    begin: Callable[[_Job], None] = lambda _: None,
) -> None:
    """Do every job, `slots` at a time, and hand what came of it to `finish` in this thread, in the order of finishing.

    `begin` hears of each job as it is given to a worker, again where it is tried once more.

    A job whose worker dies or fails is tried once more in a new one, then given up as a grader error.

    Raises:
        ConfigurationError: the workers cannot work at all; what was finished before stays finished.
    """
    idle: list[Executor] = []
    running: dict[Future[_Done], tuple[Executor, _Job, int]] = {}
    came: deque[tuple[_Job, _Done]] = deque()

    def hand_over() -> None:
        """While the workers have something to do: what takes a while, as writing does, costs them nothing."""
        while came:
            finish(*came.popleft())

    def submit(executor: Executor, job: _Job, tries: int) -> None:
        with _interrupts_held():
            try:
                future = executor.submit(trade.work, settings, job)
            except BrokenProcessPool:  # it died between two jobs: nobody's fault
                executor.shutdown(wait=False)
                executor = make()
                future = executor.submit(trade.work, settings, job)
        running[future] = (executor, job, tries)
        begin(job)

    try:
        for job in jobs:
            submit(idle.pop() if idle else make(), job, 1)
            hand_over()
            while len(running) >= slots:
                _collect(running, idle, make, submit, came, trade.given_up)
        while running:
            hand_over()
            _collect(running, idle, make, submit, came, trade.given_up)
    except BaseException:
        for child in multiprocessing.active_children():
            child.kill()
        raise
    finally:
        hand_over()
        for executor in [*idle, *(executor for executor, _, _ in running.values())]:
            executor.shutdown(wait=True, cancel_futures=True)


def _collect(
    running: dict[Future[_Done], tuple[Executor, _Job, int]],
    idle: list[Executor],
    make: Callable[[], Executor],
    submit: Callable[[Executor, _Job, int], None],
    came: deque[tuple[_Job, _Done]],
    given_up: Callable[[str], _Done],
) -> None:
    """Wait until something is finished and take down what came of it."""
    finished, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in sorted(finished, key=lambda future: running[future][1].id):
        executor, job, tries = running[future]
        try:
            done = future.result()
        except ConfigurationError:
            raise
        except Exception as error:  # the worker's death, or a fault of ours in it
            del running[future]
            executor.shutdown(wait=False)
            if tries < TRIES:
                submit(make(), job, tries + 1)
            else:
                came.append((job, given_up(f"given up after {tries} tries: {type(error).__name__}: {error}")))
            continue
        came.append((job, done))
        del running[future]
        idle.append(executor)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits while a worker starts, and never reaches one that has not prepared for it: a mask is inherited."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
