"""Gradescope's container: where things lie, what is closed to student code first, and a results.json whatever happens.

    <root>/submission/   <root>/submission_metadata.json   <root>/results/results.json   <root>/source/ (this package)

<root> is $GRADESCOPE_ROOT, /autograder by default. A results.json that blames the grader is written before anything else, so that a
crash, a kill or a full disk never leaves nothing; it is replaced in one step by the real one once every sandboxed process is gone.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

from . import rubric as rubrics
from .errors import SubmissionError
from .exam import registered
from .grading import grade, refused, secret_paths, support_files
from .report import gradescope, terminal
from .sandbox.policy import Level
from .sandbox.supervisor import Sandbox
from .submission import Submission, collect

DEFAULT_ROOT = Path("/autograder")


def run(root: Path | None = None) -> int:
    """Grade the submission under `root`; return 0 once a valid results.json is there, 3 if none can be written."""
    root = root or Path(os.environ.get("GRADESCOPE_ROOT") or DEFAULT_ROOT)
    results = root / "results" / "results.json"
    rubric, titles = None, {}
    try:
        results.parent.mkdir(parents=True, exist_ok=True)
        gradescope.write(gradescope.fallback(None, {}, "the grader was stopped before it had read its rubric"), results)
    except OSError as error:
        print(f"grader: {results} cannot be written: {error.strerror}", file=sys.stderr)
        return 3
    try:
        checks = registered()
        titles = {name: check.title for name, check in checks.items()}
        rubric = rubrics.load(rubrics.DEFAULT, {name: check.parts for name, check in checks.items()})
        gradescope.write(gradescope.fallback(rubric, titles, "the grader was stopped before it had finished"), results)
        close_to_students(root)
        result = _graded(root, rubric)
    except Exception:
        details = traceback.format_exc()
        print(details, file=sys.stderr)
        result = gradescope.fallback(rubric, titles, details)
    gradescope.write(result, results)
    return 0


def close_to_students(root: Path) -> None:
    """Make what the harness put there unreadable to any other user; where the file system refuses, the self-test decides."""
    for name, mode in (("source", 0o700), ("submission", 0o700), ("results", 0o700), ("submission_metadata.json", 0o600)):
        try:
            (root / name).chmod(mode)
        except OSError:
            continue


def _graded(root: Path, rubric: rubrics.Rubric) -> dict[str, Any]:
    submission = _collected(root / "submission")
    metadata = root / "submission_metadata.json"
    secrets = [*secret_paths(), *(path for path in (metadata, root / "results" / "results.json") if path.exists())]
    with Sandbox(Level.CONTAINER, secrets=secrets) as sandbox:
        report = grade(submission, rubric, sandbox)
    print(terminal.render(report, staff=True))
    return gradescope.render(report)


def _collected(folder: Path) -> Submission:
    try:
        return collect(folder, support=support_files())
    except SubmissionError as error:
        return refused(folder.name, str(error))
