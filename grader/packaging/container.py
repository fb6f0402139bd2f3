"""Gradescope's container: where things lie, what is closed to student code first, and a results.json whatever happens.

    <root>/submission/   <root>/submission_metadata.json   <root>/results/results.json   <root>/source/ (this package)

<root> is $GRADESCOPE_ROOT, /autograder by default. A results.json that blames the grader is written before anything else, so that a
crash, a kill or a full disk never leaves nothing; it is replaced in one step by the real one once every sandboxed process is gone.
Nothing that is slow or can fail is loaded before it stands.
"""

from __future__ import annotations

import math
import os
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..grading import memory
from ..grading.rubric import Rubric, load_rubric
from ..grading.signals import uninterrupted
from ..report import gradescope, history, terminal
from ..sandbox import surroundings

if TYPE_CHECKING:
    from ..grading.homework import Homework
    from ..grading.results import Report

DEFAULT_ROOT = Path("/autograder")
_LONGEST = 9 * 60.0  # a minute below the limit Gradescope sets by default
_MARGIN = 30.0  # seconds kept back for ending processes and writing: past its limit the harness replaces the results by zero


def run(which: Callable[[], Homework], root: Path | None = None) -> int:
    """Grade the submission under `root`; return 0 once a valid results.json is there, 3 if none can be written.

    `which` gives the homework; it is asked when a first results.json stands, because it can fail.
    """
    started = time.monotonic()
    root = root or Path(os.environ.get("GRADESCOPE_ROOT") or DEFAULT_ROOT)
    results = root / "results" / "results.json"
    rubric, titles, shown = None, {}, ""
    try:
        results.parent.mkdir(parents=True, exist_ok=True)
        _write(gradescope.fallback(None, {}, "the grader was stopped before it had read its rubric"), results)
    except OSError as error:
        return _cannot_write(results, error)
    try:
        memory.require()
        surroundings.early()
        homework = which()
        titles = {name: check.title for name, check in homework.checks.items()}
        rubric = load_rubric(homework.rubric, homework.checks, homework.terms)
        _write(gradescope.fallback(rubric, titles, "the grader was stopped before it had finished"), results)
        close_to_students(root)
        report = _graded(homework, root, rubric, started + time_allowed(os.environ.get("TIMEOUT_SECONDS")))
        result, shown = (
            gradescope.render(report, leaderboard=homework.leaderboard if rubric.leaderboard else None),
            terminal.render(report, staff=True),
        )
    except Exception:
        details = traceback.format_exc()
        _say(details, 2)
        result = gradescope.fallback(rubric, titles, details)
    try:
        _write(result, results)
    except OSError as error:
        return _cannot_write(results, error)
    if shown:
        _say(shown, 1)
    return 0


def time_allowed(timeout: str | None) -> float:
    """Seconds in which everything has to be asked; `timeout` is the harness's own limit as its environment tells it.

    One that is no number, or leaves no time at all, tells nothing.
    """
    try:
        limit = float(timeout or "")
    except ValueError:
        return _LONGEST
    return min(_LONGEST, limit - _MARGIN) if math.isfinite(limit) and limit > _MARGIN else _LONGEST


def close_to_students(root: Path) -> None:
    """Make what the harness put there unreadable to any other user; where the file system refuses, the self-test decides."""
    for name, mode in (("source", 0o700), ("submission", 0o700), ("results", 0o700), ("submission_metadata.json", 0o600)):
        try:
            (root / name).chmod(mode)
        except OSError:
            continue


def _graded(homework: Homework, root: Path, rubric: Rubric, deadline: float) -> Report:
    from ..grading.grade import collected, grade, sandbox
    from ..sandbox.policy import Level

    submission = collected(homework, root / "submission")
    metadata = root / "submission_metadata.json"
    secrets = [path for path in (metadata, root / "results" / "results.json") if path.exists()]
    with sandbox(homework, Level.CONTAINER, secrets=secrets) as jail:
        report = grade(homework, submission, rubric, jail, deadline=deadline, in_child=True)
    told = history.line(history.read(metadata), report)
    return replace(report, notes=(told, *report.notes)) if told else report


def _write(result: dict[str, Any], path: Path) -> None:
    with uninterrupted():
        gradescope.write(result, path)


def _cannot_write(results: Path, error: OSError) -> int:
    _say(f"grader: {results} cannot be written: {error.strerror}", 2)
    return 3


def _say(text: str, descriptor: int) -> None:
    """For the harness's log, which may lie on a full disk; what is in results.json does not depend on it."""
    left = memoryview(f"{text}\n".encode(errors="replace"))
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except OSError:
        pass
