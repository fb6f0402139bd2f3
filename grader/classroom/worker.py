"""What one worker of a class run does: collect a submission, keep the verdict there is or reach a new one. No scheduling here.

A submission in which a file is missing and another looks like it is graded twice: as it was handed in, which is the verdict, and as
if it were renamed, which stands beside it for staff (`as_if_renamed` in the verdict's extra_data).
"""

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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import numpy as np

from .. import __version__
from ..errors import ConfigurationError, SubmissionError, UsageError
from ..grading.grade import grade, judge_of_many, refused, sandbox
from ..grading.homework import COURSE, Homework, load
from ..grading.results import Outcome, Report
from ..grading.rubric import load_rubric
from ..grading.starter import Starter
from ..report import gradescope
from ..sandbox.policy import Kind, Level
from ..sandbox.supervisor import Sandbox
from ..submission.collect import Submission, collect
from ..submission.received import Rename
from . import learning_curves, student_code

_MOST_CODE: Final = 4_000  # characters, of what was written for one item
_NOTHING_TO_READ: Final = (Outcome.PASSED, Outcome.MISSING, Outcome.SKIPPED)


@dataclass(frozen=True, slots=True)
class Settings:
    """What every worker of a run must agree on.

    Attributes:
        homework: the package that knows it.
        rubric: the rubric's file; `rubric_digest` what it must hold.
        only: ids of the items to grade.
        kind: how sandboxed processes are made; None for what suits the system.
        grader_digest: of the grader's own code and what it runs on.
        seconds: time for one submission; what is not asked by then is skipped.
        secrets: further files that student code must not be able to read.
        pages: whether notebooks become pages.
        starter: the course's own, if submissions are mounted on one.
        whole: ids of all items that a verdict has, where `only` some of them are graded anew; else empty.
    """

    homework: str
    rubric: Path
    rubric_digest: str
    only: tuple[str, ...]
    kind: str | None
    grader_digest: str
    seconds: float = 540.0
    secrets: tuple[Path, ...] = ()
    pages: bool = False
    starter: Starter | None = None
    whole: tuple[str, ...] = ()

    def loaded(self) -> Homework:
        """The homework, on that starter and no other.

        Raises:
            ConfigurationError: there is no such package.
        """
        return replace(load(self.homework), course=self.starter)


@dataclass(frozen=True, slots=True)
class Job:
    """One submission to grade.

    Attributes:
        path: where it lies; None if it is not there.
        known: the key of the verdict there is already, or empty.
        base: the digest of the submission that verdict is on, where only some items are graded anew; else empty.
        shown: whether there is a page of its notebook already.
        submission: what lies at `path`, where that has been collected elsewhere.
        renames: names it was handed in under -> names it is graded under, as staff decided.
    """

    id: str
    path: Path | None
    known: str
    shown: bool = False
    submission: Submission | None = None
    renames: Mapping[str, str] = field(default_factory=dict)
    base: str = ""


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
def grader_digest(homework: Homework) -> str:
    """SHA-256 over the grader's code and data, staff's files, and the versions of Python and NumPy."""
    whole = hashlib.sha256(json.dumps([__version__, platform.python_version(), np.__version__]).encode())
    package = Path(__file__).resolve().parents[1]
    parts: dict[str, bytes] = {}
    for folder, prefix in ((package, ""), (homework.folder, "homework/")):
        for path in sorted(folder.rglob("*")):
            place = path.relative_to(folder)
            # Another homework does not matter; the rubric, and what a built copy keeps in these folders, are counted elsewhere.
            counts = path != homework.rubric and place.parts[0] not in (("homework",) if folder == package else ("given", COURSE))
            if counts and path.suffix in (".py", ".toml", ".bin", ".html"):
                parts[prefix + place.as_posix()] = path.read_bytes()
    for name, data in {**parts, **homework.support}.items():
        whole.update(json.dumps([name, hashlib.sha256(data).hexdigest()]).encode())
    if homework.course:
        whole.update(homework.course.digest.encode())
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
    """Prepare a worker process: attend to its parent, make the sandbox."""
    attend()
    try:
        prepare(settings)
    except ConfigurationError:
        pass  # the first job raises it again, where the parent hears of it


def attend() -> None:
    """In a worker process: leave Ctrl-C to the parent, and end with the parent."""
    # A handler and not SIG_IGN, which student processes would inherit.
    signal.signal(signal.SIGINT, lambda *_: None)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


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
        self._homework = settings.loaded()
        self._rubric = load_rubric(settings.rubric, self._homework.checks, self._homework.terms)
        if (self._rubric.digest, grader_digest(self._homework)) != (settings.rubric_digest, settings.grader_digest):
            raise ConfigurationError("the rubric or the grader was changed while the class was graded; run the same command again")
        kind = Kind(settings.kind) if settings.kind else None
        level = Level.STUDENT if kind is Kind.SPAWN else Level.STAFF
        self._sandbox = sandbox(self._homework, level, kind=kind, secrets=settings.secrets, many=True)
        self._judge = judge_of_many(self._homework, self._rubric, self._sandbox)
        self._pages: Sandbox | None = None
        weakref.finalize(self, self._sandbox.close)  # it ends with the thread or process it is for
        weakref.finalize(self, self._judge.close)

    def grade(self, job: Job) -> Done:
        """Collect, then keep or grade."""
        started = time.monotonic()
        try:
            submission = collected(self._homework, job)
        except UsageError as error:  # not the student's fault, e.g. no right to read it
            return Done(None, time.monotonic() - started, str(error))
        settings = self.settings
        if settings.whole and submission.digest != job.base:  # nothing to put some items into
            settings = replace(settings, only=settings.whole)
        key = key_for(self._homework, settings, submission)
        if key == job.known:
            page, unshown = self._page(submission) if self.settings.pages and not job.shown else ("", "")
            return Done(None, time.monotonic() - started, page=page, unshown=unshown)
        deadline = time.monotonic() + self.settings.seconds
        report = grade(
            self._homework, submission, self._rubric, self._sandbox, only=settings.only, deadline=deadline, judge=self._judge
        )
        result = gradescope.render(report)
        renamed = dict(submission.renames)
        self._add_code(result, submission, deadline)
        result["extra_data"]["batch"] = {"key": key, "grader_digest": self.settings.grader_digest, "renamed": renamed}
        if submission.likely is not None and report.score < report.maximum:
            result["extra_data"] |= self._as_if_renamed(submission.likely, report, settings.only)
        page, unshown = self._page(submission) if self.settings.pages else ("", "")
        return Done(
            result,
            time.monotonic() - started,
            record=learning_curves.packed(report.items, self._homework.curve_series),
            page=page,
            unshown=unshown,
        )

    def _add_code(self, result: Mapping[str, Any], submission: Submission, deadline: float) -> None:
        """Put what was written for it beside each item that did not pass: extra_data["code"], numbered lines; as long as there is
        time.
        """
        own = {test["extra_data"]["id"]: test["extra_data"] for test in result["tests"]}
        asked = [item for item, data in own.items() if data["outcome"] not in _NOTHING_TO_READ]
        for item, (found, _) in student_code.excerpts(self._homework, submission, asked, self._sandbox, deadline).items():
            if found:
                own[item]["code"] = "\n\n".join(one.as_text() for one in found)[:_MOST_CODE]

    def _as_if_renamed(self, likely: Submission, report: Report, only: tuple[str, ...]) -> dict[str, Any]:
        """What the likely renames would be worth; nothing where they are worth no points.

        extra_data["as_if_renamed"] = {"mapping": [[from, to], …], "score": 100, "items": {id: score, …}}; `items` holds those that
        would have another score.
        """
        deadline = time.monotonic() + self.settings.seconds
        renamed = grade(self._homework, likely, self._rubric, self._sandbox, only=only, deadline=deadline, judge=self._judge)
        if renamed.score <= report.score:
            return {}
        before = {item.id: item.score for item in report.items}
        told = {
            "mapping": [list(pair) for pair in likely.renames],
            "score": gradescope.as_number(renamed.score),
            "items": {item.id: gradescope.as_number(item.score) for item in renamed.items if item.score != before[item.id]},
        }
        return {"as_if_renamed": told}

    def _page(self, submission: Submission) -> tuple[str, str]:
        """The notebook as a page, or why there is none: it must not cost the verdict."""
        from . import notebook_page

        if submission.notebook is None:
            return "", ""
        try:
            if self._pages is None:
                self._pages = notebook_page.renderer(self._homework, self._sandbox.level, self._sandbox.kind)
                weakref.finalize(self, self._pages.close)
            return notebook_page.render(self._homework, submission, self._sandbox, self._pages), ""
        except UsageError as error:
            return "", str(error)
        except Exception as error:
            return "", f"{submission.notebook[0]} could not be rendered: {error!r}"


def key_for(homework: Homework, settings: Settings, submission: Submission) -> str:
    """The key of a verdict on this submission: a digest of all it depends on."""
    # The digest covers what was taken; the notes and refusals say what was found instead, and stand in the verdict too.
    own: list[Any] = [submission.digest, submission.notes, dict(submission.refused), submission.received.lines]
    if submission.likely is not None:
        own += [submission.likely.digest, submission.likely.renames]
    ours = [
        settings.rubric_digest,
        homework.fixtures.digest(),
        settings.grader_digest,
        settings.only,
        settings.kind,
        settings.seconds,
    ]
    return hashlib.sha256(json.dumps([own, ours]).encode("utf-8", "surrogatepass")).hexdigest()


def collected(homework: Homework, job: Job) -> Submission:
    """The submission of a job under the names that staff decided on, also where it is refused or not there.

    A rename that does not fit what lies there by now changes nothing; `Submission.renames` tells which do.

    Raises:
        UsageError: it cannot be read, which is not the student's fault.
    """
    if job.submission is not None:
        return job.submission
    if job.path is None:
        return refused(homework.layout, job.id, "The export lists this submission but does not hold its files.")
    path = job.path

    def taken(renames: Sequence[Rename]) -> Submission:
        support, known = homework.originals, homework.known_support
        return collect(path, homework.layout, support=support, known_support=known, renames=renames)

    try:
        found, fitting = taken(()), list[Rename]()
        for pair in job.renames.items():
            with suppress(UsageError, SubmissionError):
                found = taken([*fitting, pair])
                fitting.append(pair)
        return found
    except SubmissionError as error:
        return refused(homework.layout, job.id, str(error))
