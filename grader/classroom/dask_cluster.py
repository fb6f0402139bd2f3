"""Workers on other machines: `batch --dask ADDRESS` has a class graded by a Dask cluster that is there already.

Each job is bound to one worker, which has no other meanwhile, so that a worker's death is charged to the one submission it was at;
`batch.run` then tries that one again, on another. Workers may come and go. One that cannot grade as this machine would is left out.
"""

from __future__ import annotations

import operator
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from typing import Any, Final

from ..errors import ConfigurationError, UsageError
from ..grading.invocation import how_to_get
from ..submission.text import name as shown
from . import dask_worker
from .worker import Done, Job, Settings, collected, key_for

_PACKAGE: Final = str(__package__).partition(".")[0]
SLOTS: Final = 64  # most jobs that wait or run at once
_PULSE: Final = 0.5  # seconds between two looks at who is still there
_FETCH: Final = 30.0  # seconds for an answer that is there to arrive
_PATIENCE: Final = 60.0  # seconds without any worker, or without the scheduler, until the run gives up
_ABSENT: Final = f"a cluster needs `distributed`, which is not installed here; {how_to_get('cluster')}"


class WorkerLost(Exception):
    """The worker that was at a job is not there any more."""


@contextmanager
def connected(address: str, settings: Settings) -> Iterator[Cluster]:
    """The cluster whose scheduler answers at `address`, e.g. "tcp://host:8786".

    Raises:
        UsageError: none does, or `distributed` is not installed.
    """
    with _client(address) as client:
        yield Cluster(client, settings)


def answering(address: str) -> None:
    """Look whether a scheduler answers at `address`.

    Raises:
        UsageError: as `connected`.
    """
    with _client(address):
        pass


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        import dask
        import distributed
    except ImportError:
        raise UsageError(_ABSENT) from None
    if not re.search(r":\d+/?$", address):  # what the library is given must not fail before it has a loop to be closed with
        raise UsageError(f"--dask {shown(address, 200)} names no port; give the scheduler's address, e.g. tcp://HOST:8786")
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"})  # a submission travels with its job
    try:
        client: Any = distributed.Client(address, timeout=5, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"no Dask scheduler answers at {address} ({shown(str(error), 200)}); start one or mend the address"
        ) from error
    with client:
        yield client


class Cluster:
    """A connected cluster, and which of its workers are busy or cannot be used."""

    def __init__(self, client: Any, settings: Settings) -> None:
        self._client = client
        self._settings = replace(settings, secrets=())  # they lie on this machine, where no student code runs
        self._homework = settings.loaded()
        self._rubric = settings.rubric.read_bytes()
        self._change = threading.Condition()
        self._busy: set[str] = set()
        self._unfit: dict[str, str] = {}  # by a worker's own id: why it cannot grade, "" if it can
        self._there: dict[str, str] = {}
        self._looked = self._seen = time.monotonic()

    @property
    def size(self) -> int:
        """How many workers there are at the moment."""
        return len(self._workers(0))

    def place(self) -> Executor:
        """An executor for one job at a time, on whichever worker is free then."""
        return _Place(self)

    def grade(self, job: Job, stopped: Callable[[], bool]) -> Done:
        """Collect here, keep or have graded elsewhere.

        Raises:
            WorkerLost: the worker died over it.
            ConfigurationError: there is no scheduler, or no worker that can grade.
        """
        started = time.monotonic()
        try:
            submission = collected(self._homework, job)
        except UsageError as error:
            return Done(None, time.monotonic() - started, str(error))
        wanting = self._settings.pages and not job.shown
        if key_for(self._homework, self._settings, submission) == job.known and not (wanting and submission.notebook):
            return Done(None, time.monotonic() - started)
        address, identity = self._claimed(stopped)
        try:
            order = dask_worker.Order(self._settings, self._rubric, job, submission)
            done: Done = self._ask(address, identity, stopped, dask_worker.work, order)
            return done
        finally:
            self._release(address)

    def _claimed(self, stopped: Callable[[], bool]) -> tuple[str, str]:
        """A worker that is free and able, which nobody else gets until it is released: its address and id."""
        while not stopped():
            with self._change:
                there = self._workers()
                free = [(at, name) for at, name in there.items() if at not in self._busy and not self._unfit.get(name)]
                if not free:
                    self._give_up_without(there)
                    self._change.wait(_PULSE)
                    continue
                address, identity = free[0]
                self._busy.add(address)
            if identity in self._unfit or self._is_fit(address, identity, stopped):
                return address, identity
            self._release(address)
        raise CancelledError

    def _is_fit(self, address: str, identity: str, stopped: Callable[[], bool]) -> bool:
        # A worker without the package would not survive what only the package can read.
        installed = self._client.submit(find_spec, _PACKAGE, workers=[address], allow_other_workers=False, pure=False)
        try:
            if self._ask(address, identity, stopped, operator.is_, installed, None):
                why = "this package is not installed there"
            else:
                why = self._ask(
                    address,
                    identity,
                    stopped,
                    dask_worker.ready,
                    self._settings,
                    self._rubric,
                    dask_worker.versions(self._homework),
                )
        except WorkerLost:
            return False
        except Exception as error:  # e.g. another version of the package cannot read this one's settings
            why = f"{type(error).__name__}: {error}"
        if why:
            print(f"worker {address} is left out: {shown(why, 500)}", file=sys.stderr)
        with self._change:
            self._unfit[identity] = why
        return not why

    def _ask(self, address: str, identity: str, stopped: Callable[[], bool], function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function on this one worker and wait, as long as it is there."""
        future: Any = self._client.submit(function, *arguments, workers=[address], allow_other_workers=False, pure=False)
        ended = threading.Event()
        future.add_done_callback(lambda _: ended.set())
        try:
            while True:
                if ended.wait(_PULSE):
                    # Fetched without haste: answers are fetched together, and a fetch that is given up takes others with it,
                    # which then see a variable without a value (`distributed.utils.sync`).
                    try:
                        return future.result(timeout=_FETCH)
                    except (TimeoutError, UnboundLocalError):
                        pass
                    except CancelledError:
                        self._workers(0)  # the scheduler's end is told as such
                        raise WorkerLost(f"worker {address} lost the job") from None
                if stopped():
                    raise CancelledError
                if self._workers().get(address) != identity:
                    raise WorkerLost(f"worker {address} died")
        finally:
            future.cancel()

    def _release(self, address: str) -> None:
        with self._change:
            self._busy.discard(address)
            self._change.notify()

    def _workers(self, age: float = _PULSE) -> dict[str, str]:
        """Who is there by address, with an id that a worker started anew does not share; at most `age` seconds old.

        Raises:
            ConfigurationError: the scheduler has not been there for a while.
        """
        with self._change:
            now = time.monotonic()
            if self._client.status == "running":
                self._seen = now
            elif now > self._seen + _PATIENCE:
                raise ConfigurationError(
                    "the cluster's scheduler is gone; what is finished is kept: the same command goes on from here"
                )
            if now >= self._looked + age or not self._there:
                found = self._client.scheduler_info()["workers"]
                self._there = {address: str(facts["id"]) for address, facts in found.items()}
                self._looked = now
            return self._there

    def _give_up_without(self, there: dict[str, str]) -> None:
        """Wait for a worker, but not for ever, and not where none of those there can grade."""
        able = [name for name in there.values() if not self._unfit.get(name)]
        if able:
            self._without = None
            return
        now = time.monotonic()
        if self._without is None:
            self._without = now
        if now > self._without + (_PATIENCE if not there else 0):
            why = f"{len(there)} workers are there and cannot grade" if there else "no worker has joined it"
            raise ConfigurationError(
                f"the cluster cannot grade: {why}; what is finished is kept: the same command goes on from here"
            )

    _without: float | None = None


class _Place(Executor):
    """One slot of the cluster, with a thread that waits for the answer."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1)

    def submit(self, _: Callable[..., Any], /, *arguments: Any, **__: Any) -> Future[Any]:
        """Have a job graded; the function is `worker.work`, whose part on this machine the cluster does."""
        _settings, job = arguments
        return self._thread.submit(self._cluster.grade, job, self._stop.is_set)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._stop.set()
        self._thread.shutdown(wait, cancel_futures=cancel_futures)
