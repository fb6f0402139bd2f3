"""Grades many submissions in one process, for a user without rights: paths on standard input, verdicts on standard output."""

from __future__ import annotations

import json
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from grader.grading.grade import collected, grade
from grader.grading.rubric import Rubric, load_rubric
from grader.grading.settling import Judge
from grader.homework import HOMEWORK
from grader.report import gradescope, terminal
from grader.sandbox.policy import Level
from grader.sandbox.supervisor import Sandbox


def lean(rubric: Rubric, seconds: dict[str, float]) -> Rubric:
    """The rubric with other wall limits for some items; what asks the same functions many times more is left out."""
    return replace(
        rubric,
        items=tuple(
            replace(item, seconds=seconds.get(item.id, item.seconds), planned=item.planned or item.id.endswith(".behaviour"))
            for item in rubric.items
        ),
    )


def verdict(
    path: Path, rubric: Rubric, sandbox: Sandbox, only: list[str] | None = None, judge: Judge | None = None
) -> tuple[dict[str, Any], str]:
    """What `python -m grader grade` writes and prints for a path; with a judge, what a class run does."""
    report = grade(HOMEWORK, collected(HOMEWORK, path), rubric, sandbox, only=only, in_child=True, judge=judge)
    return gradescope.render(report), terminal.render(report, staff=True)


def main() -> None:
    """Serve until standard input ends: one JSON object a line, one line back."""
    warnings.simplefilter("ignore", RuntimeWarning)
    rubric = load_rubric(HOMEWORK.rubric, HOMEWORK.checks)
    with Sandbox(Level.STAFF, secrets=HOMEWORK.secrets()) as sandbox:
        print(json.dumps({"layers": sandbox.self_test.layers, "server": sandbox.server_pid}), flush=True)
        for line in sys.stdin:
            job = json.loads(line)
            result, shown = verdict(Path(job["path"]), lean(rubric, job["seconds"]), sandbox)
            honest, _ = verdict(Path(job["honest"]), lean(rubric, {}), sandbox, job["again"])
            print(json.dumps({"result": result, "terminal": shown, "honest": honest, "server": sandbox.server_pid}), flush=True)


if __name__ == "__main__":
    main()
