"""Grades one submission after the other with the interpreter it is run by, which has NumPy and nothing of the tests.

    python -m tests.commands.verdict_driver LEVEL [KIND]    a JSON list [path, [item, …]] a line in, the verdict a line out

No items mean all of them.
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

from grader.grading.grade import collected, grade, sandbox
from grader.grading.homework import active
from grader.grading.results import Report
from grader.grading.rubric import load_rubric
from grader.sandbox.policy import Kind, Level


def verdict(report: Report) -> dict[str, Any]:
    """All of a report that must not depend on the machine: points, outcomes, parts, and what a student reads."""
    items = {
        item.id: {
            "outcome": item.outcome,
            "score": str(item.score),
            "parts": item.parts,
            "said": [found.student for found in item.findings if found.student],
        }
        for item in report.items
    }
    return {"total": str(report.score), "notes": report.notes, "items": items}


def main(level: str, kind: str = "") -> None:
    """The command; its first line says what it runs on."""
    homework = active()
    rubric = load_rubric(homework.rubric, homework.checks, homework.terms)
    with sandbox(homework, Level(level), kind=Kind(kind) if kind else None) as box:
        print(json.dumps(f"Python {platform.python_version()}, NumPy {np.__version__}"), flush=True)
        for line in sys.stdin:
            path, only = json.loads(line)
            report = grade(homework, collected(homework, Path(path)), rubric, box, only=only or None)
            print(json.dumps(verdict(report)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
