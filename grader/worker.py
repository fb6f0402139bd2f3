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
from .grading import grade, refused, secret_paths, support_files
from .report import gradescope
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
        secrets: further files that student code must not be able to read.
    """

    rubric: Path
    rubric_digest: str
    only: tuple[str, ...]
    kind: str | None
    grader_digest: str
    secrets: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One submission to grade: `known` is the key of the verdict there is already, or empty."""

    id: str
    path: Path | None
    known: str


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a job: the results.json to be written; without one it is kept, or `failed` says why it could not be graded."""

    result: dict[str, Any] | None
    seconds: float
    failed: str = ""


@cache
def grader_digest() -> str:
    """SHA-256 over the grader's code and data, staff's files, and the versions of Python and NumPy."""
    whole = hashlib.sha256(json.dumps([__version__, platform.python_version(), np.__version__]).encode())
    here = Path(__file__).resolve().parent
    files = sorted(path for path in here.rglob("*") if path.suffix in (".py", ".toml", ".bin") and path.is_file())
    parts = {path.relative_to(here).as_posix(): path.read_bytes() for path in files if path != here / "rubric.toml"}
    for name, data in {**parts, **support_files()}.items():
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
        _worker(settings)
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
        self._sandbox = Sandbox(level, kind=kind, secrets=[*secret_paths(), *settings.secrets])
        weakref.finalize(self, self._sandbox.close)  # it ends with the thread or process it is for

    def grade(self, job: Job) -> Done:
        """Collect, then keep or grade."""
        started = time.monotonic()
        try:
            submission = _collected(job)
        except UsageError as error:  # not the student's fault, e.g. no right to read it
            return Done(None, time.monotonic() - started, str(error))
        key = self._key(submission)
        if key == job.known:
            return Done(None, time.monotonic() - started)
        report = grade(submission, self._rubric, self._sandbox, only=self.settings.only)
        result = gradescope.render(report)
        result["extra_data"]["batch"] = {"key": key, "grader_digest": self.settings.grader_digest}
        return Done(result, time.monotonic() - started)

    def _key(self, submission: Submission) -> str:
        # The digest covers what was taken; the notes and refusals say what was found instead, and stand in the verdict too.
        own = [submission.digest, submission.notes, dict(submission.refused)]
        ours = [self._rubric.digest, fixtures.digest(), self.settings.grader_digest, self.settings.only, self.settings.kind]
        return hashlib.sha256(json.dumps([own, ours]).encode("utf-8", "surrogatepass")).hexdigest()


def _collected(job: Job) -> Submission:
    if job.path is None:
        return refused(job.id, "The export lists this submission but does not hold its files.")
    try:
        return collect(job.path, support=support_files())
    except SubmissionError as error:
        return refused(job.id, str(error))


def _rubric(path: Path) -> rubrics.Rubric:
    return rubrics.load(path, registered())
