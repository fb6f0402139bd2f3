"""What a submission with a slip costs beside a right one: the whole of it, and the items that fail alone."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial

from benchmarks.costs import REFERENCE
from benchmarks.measure import cpu
from benchmarks.record import Figure
from grader.grading.grade import grade, judge_of_many, sandbox
from grader.grading.results import Outcome, Report
from grader.grading.rubric import load_rubric
from grader.homework import HOMEWORK
from grader.sandbox.policy import Level
from grader.submission.collect import Submission, collect
from tests.homework.mutants import files, mutants

_EVERY = 8  # slips of the catalogue, so that all of its parts are met
_SHARE = 4  # each is graded so many times less often than there are runs, one after the other, as the clock ticks every 10 ms


def failures(options: argparse.Namespace) -> list[Figure]:
    """CPU of submissions with one slip each, graded as a class is, against the reference's in turn."""
    times = max(options.runs // _SHARE, 1)
    rubric = load_rubric(HOMEWORK.rubric, HOMEWORK.checks)
    right = collect(REFERENCE, HOMEWORK.layout, support=HOMEWORK.support)
    whole: dict[str, float] = {}
    alone: dict[str, float] = {}
    with sandbox(HOMEWORK, Level.STAFF, many=True) as within, closing(judge_of_many(HOMEWORK, rubric, within)) as judge:

        def graded(submission: Submission, only: list[str] | None = None) -> Report:
            return grade(HOMEWORK, submission, rubric, within, only=only, judge=judge)

        for slip, (blank, answer) in list(mutants().items())[::_EVERY]:
            wrong = replace(right, files=files(**{blank: answer}))
            failed = [item.id for item in graded(wrong).items if item.outcome is not Outcome.PASSED]
            whole[slip] = _ratio(times, partial(graded, wrong), partial(graded, right))
            alone[slip] = _ratio(times, partial(graded, wrong, failed), partial(graded, right, failed))
    figures = []
    for key, what, found in (("whole", "the whole submission", whole), ("items", "the items that fail, alone", alone)):
        dearest = max(found, key=found.__getitem__)
        said = f"median {statistics.median(found.values()):.2f}, at most {found[dearest]:.2f} times a right one ({dearest})"
        print(f"  {len(found)} slips, {what}: {said}")
        figures.append(Figure(f"failures.{key}", f"one slip, CPU, {what}", said, target="≤ 2"))
    return figures


def _ratio(times: int, wrong: Callable[[], object], right: Callable[[], object]) -> float:
    def spent(one: Callable[[], object]) -> float:
        before = cpu()
        for _ in range(times):
            one()
        return cpu() - before

    return spent(wrong) / spent(right)
