"""What one worker of a class run does: collect a submission, keep the verdict there is or reach a new one. No scheduling here."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import platform
import signal
import threading
import time
import weakref
from dataclasses import dataclass
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import numpy as np

from . import __version__, fixtures
from . import rubric as rubrics
from .errors import ConfigurationError, SubmissionError, UsageError
from .exam import registered
from .grading import grade, refused, sandbox, support_files
from .report import gradescope, runs
from .sandbox.policy import Kind, Level
from .sandbox.supervisor import Sandbox
from .submission import Submission, collect


@dataclass(frozen=True, slots=True)
class Settings:
    """What every worker of a run must agree on.

    Attributes:
        rubric: the rubric's file; `rubric_digest` what it must hold.
        only: ids of the items to grade.
        kind: how sandboxed processes are made; None for what suits the system.
        grader_digest: of the grader's own code and what it runs on.
        seconds: time for one submission; what is not asked by then is skipped.
        secrets: further files that student code must not be able to read.
        pages: whether notebooks become pages.
    """

    rubric: Path
    rubric_digest: str
    only: tuple[str, ...]
    kind: str | None
    grader_digest: str
    seconds: float = 540.0
    secrets: tuple[Path, ...] = ()
    pages: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One submission to grade.

    Attributes:
        path: where it lies; None if it is not there.
        known: the key of the verdict there is already, or empty.
        shown: whether there is a page of its notebook already.
        submission: what lies at `path`, where that has been collected elsewhere.
    """

    id: str
    path: Path | None
    known: str
    shown: bool = False
    submission: Submission | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a job: the results.json to be written; without one it is kept, or `failed` says why it could not be graded.

    Attributes:
        record: of its runs, see `report.runs`.
        page: its notebook as a page; empty if there is none, or none was asked for.
        unshown: why the notebook could not become a page.
    """

    result: dict[str, Any] | None
    seconds: float
    failed: str = ""
    record: dict[str, Any] | None = None
    page: str = ""
    unshown: str = ""


@cache
def grader_digest() -> str:
    """SHA-256 over the grader's code and data, staff's files, and the versions of Python and NumPy."""
    whole = hashlib.sha256(json.dumps([__version__, platform.python_version(), np.__version__]).encode())
    here = Path(__file__).resolve().parent
    files = sorted(path for path in here.rglob("*") if path.suffix in (".py", ".toml", ".bin") and path.is_file())
    parts = {path.relative_to(here): path.read_bytes() for path in files if path != here / "rubric.toml"}
    # An installed package keeps in `given/` what else lies beside it; that is counted below.
    own = {path.as_posix(): data for path, data in parts.items() if path.parts[0] != "given"}
    for name, data in {**own, **support_files()}.items():
        whole.update(json.dumps([name, hashlib.sha256(data).hexdigest()]).encode())
    return whole.hexdigest()


def key_of(result: dict[str, Any] | None) -> str:
    """The key under which a verdict was reached; empty if it is none that may be kept, as after a fault of the grader."""
    if result is None or "grader_error" in result["extra_data"]:
        return ""
    if any(test["extra_data"]["outcome"] == "grader error" for test in result["tests"]):
        return ""
    batch = result["extra_data"].get("batch")
    return str(batch.get("key", "")) if isinstance(batch, dict) else ""


def work(settings: Settings, job: Job) -> Done:
    """Grade one job in this process, whose warm sandbox is made on first use.

    Raises:
        ConfigurationError: this process cannot grade.
    """
    return _worker(settings).grade(job)


def prepare(settings: Settings) -> None:
    """Make the warm sandbox of this thread now.

    Raises:
        ConfigurationError: this process cannot grade.
    """
    _worker(settings)


def start(settings: Settings) -> None:
    """Prepare a worker process: leave Ctrl-C to the parent, end with the parent, make the sandbox."""
    # A handler and not SIG_IGN, which student processes would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    try:
        prepare(settings)
    except ConfigurationError:
        pass  # the first job raises it again, where the parent hears of it


def _end_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


_here: Final = threading.local()  # a sandbox serves one thread, and an executor's workers may be threads


def _worker(settings: Settings) -> _Worker:
    """This thread's worker, made anew where the settings are others."""
    found: _Worker | None = getattr(_here, "worker", None)
    if found is None or found.settings != settings:
        found = _here.worker = _Worker(settings)
    return found


class _Worker:
    """One process's rubric and warm sandbox."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._rubric = _rubric(settings.rubric)
        if (self._rubric.digest, grader_digest()) != (settings.rubric_digest, settings.grader_digest):
            raise ConfigurationError("the rubric or the grader was changed while the class was graded; run the same command again")
        kind = Kind(settings.kind) if settings.kind else None
        level = Level.STUDENT if kind is Kind.SPAWN else Level.STAFF
        self._sandbox = sandbox(level, kind=kind, secrets=settings.secrets)
        self._pages: Sandbox | None = None
        weakref.finalize(self, self._sandbox.close)  # it ends with the thread or process it is for

    def grade(self, job: Job) -> Done:
        """Collect, then keep or grade."""
        started = time.monotonic()
        try:
            submission = collected(job)
        except UsageError as error:  # not the student's fault, e.g. no right to read it
            return Done(None, time.monotonic() - started, str(error))
        key = key_for(self.settings, submission)
        if key == job.known:
            page, unshown = self._page(submission) if self.settings.pages and not job.shown else ("", "")
            return Done(None, time.monotonic() - started, page=page, unshown=unshown)
        deadline = time.monotonic() + self.settings.seconds
        report = grade(submission, self._rubric, self._sandbox, only=self.settings.only, deadline=deadline)
        result = gradescope.render(report)
        digests = {"key": key, "grader_digest": self.settings.grader_digest, "fingerprints": _fingerprints(submission)}
        result["extra_data"]["batch"] = digests
        page, unshown = self._page(submission) if self.settings.pages else ("", "")
        return Done(result, time.monotonic() - started, record=runs.packed(report.items), page=page, unshown=unshown)

    def _page(self, submission: Submission) -> tuple[str, str]:
        """The notebook as a page, or why there is none: it must not cost the verdict."""
        from . import notebook_page

        if submission.notebook is None:
            return "", ""
        try:
            if self._pages is None:
                self._pages = notebook_page.renderer(self._sandbox.level, self._sandbox.kind)
                weakref.finalize(self, self._pages.close)
            return notebook_page.render(submission, self._sandbox, self._pages), ""
        except UsageError as error:
            return "", str(error)
        except Exception as error:
            return "", f"{submission.notebook[0]} could not be rendered: {error!r}"


def key_for(settings: Settings, submission: Submission) -> str:
    """The key of a verdict on this submission: a digest of all it depends on."""
    # The digest covers what was taken; the notes and refusals say what was found instead, and stand in the verdict too.
    own = [submission.digest, submission.notes, dict(submission.refused)]
    ours = [settings.rubric_digest, fixtures.digest(), settings.grader_digest, settings.only, settings.kind, settings.seconds]
    return hashlib.sha256(json.dumps([own, ours]).encode("utf-8", "surrogatepass")).hexdigest()


def _fingerprints(submission: Submission) -> dict[str, str]:
    """Digests of what no seed fixes, to be compared over the class."""
    from .hidden.log_consistency import fingerprints

    return fingerprints(submission)


def collected(job: Job) -> Submission:
    """The submission of a job, also where it is refused or not there.

    Raises:
        UsageError: it cannot be read, which is not the student's fault.
    """
    if job.submission is not None:
        return job.submission
    if job.path is None:
        return refused(job.id, "The export lists this submission but does not hold its files.")
    try:
        return collect(job.path, support=support_files())
    except SubmissionError as error:
        return refused(job.id, str(error))


def _rubric(path: Path) -> rubrics.Rubric:
    return rubrics.load(path, registered())
