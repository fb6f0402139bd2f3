"""Judging in a child: what an answer makes it cost ends the item it belongs to, and nothing else."""

from __future__ import annotations

import math
import os
import resource
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.grading import apart
from grader.grading.context import Context
from grader.grading.grade import NOT_FINISHED, NOT_RUN, TOO_LARGE, TOO_LONG, grade
from grader.grading.results import Report
from grader.grading.rubric import Rubric
from grader.homework import HOMEWORK, optim
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import collect
from tests.conftest import SAMPLES, item

pytestmark = pytest.mark.skipif(not apart.possible(), reason="this system does not fork as it is needed here")
FIRST, SPOILED, LAST = "optim.sgd_momentum.golden", "optim.adam.golden", "fc_net.init.zero"

Judged = Callable[..., Report]


@pytest.fixture
def judged(sandbox: Sandbox, rubric: Rubric, monkeypatch: pytest.MonkeyPatch) -> Judged:
    """Grades the reference while judging Adam does something else."""
    honest = optim._one_step

    def ask(instead: Callable[[], Any], **options: Any) -> Report:
        def one_step(context: Context, rule: str) -> None:
            if rule == "adam":
                instead()
            honest(context, rule)

        monkeypatch.setattr(optim, "_one_step", one_step)
        submission = collect(SAMPLES / "reference", HOMEWORK.layout, support=HOMEWORK.support)
        options = {"only": [FIRST, SPOILED, LAST], **options}
        return grade(HOMEWORK, submission, rubric, sandbox, in_child=True, **options)

    return ask


def for_ever() -> None:
    while True:
        pass


def outcomes(report: Report) -> list[str]:
    return [str(one.outcome) for one in report.items]


def test_an_honest_submission_is_judged_as_in_one_process(judged: Judged) -> None:
    assert outcomes(judged(lambda: None)) == ["passed"] * 3


def test_too_much_memory_ends_the_item(judged: Judged) -> None:
    report = judged(lambda: np.ones(apart.MEMORY // 4))
    assert outcomes(report) == ["passed", "out of memory", "passed"]
    assert item(report, SPOILED).findings[0].student == TOO_LARGE


def test_too_much_processor_time_ends_the_item(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "CPU", 0.1)
    report = judged(for_ever)
    assert outcomes(report)[1] == "timed out"
    assert item(report, SPOILED).findings[0].student == TOO_LONG


@pytest.mark.parametrize("blocked", [set(), {signal.SIGALRM, signal.SIGPROF}], ids=["by itself", "by the parent"])
def test_the_deadline_comes_in_the_middle_of_judging(
    judged: Judged, monkeypatch: pytest.MonkeyPatch, blocked: set[signal.Signals]
) -> None:
    def long() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
        for_ever()

    monkeypatch.setattr(apart, "_GRACE", 0.1 if blocked else 60.0)
    monkeypatch.setattr("grader.grading.grade._LEAST_SECONDS", 0.0)
    report = judged(long, only=[SPOILED, LAST], deadline=time.monotonic() + 0.5)
    assert outcomes(report) == ["skipped", "skipped"]
    assert [one.findings[-1].student for one in report.items] == [NOT_FINISHED, NOT_RUN]
    assert not report.grader_failed


def test_a_child_that_is_killed_once_is_forgiven(judged: Judged, tmp_path: Path) -> None:
    def killed() -> None:
        if not (tmp_path / "before").exists():
            (tmp_path / "before").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    assert outcomes(judged(killed)) == ["passed"] * 3


def test_an_item_that_has_its_child_killed_again_and_again_is_given_up(judged: Judged) -> None:
    report = judged(lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert outcomes(report) == ["passed", "out of memory", "passed"]
    assert not report.grader_failed


def test_a_child_that_crashes_is_no_fault_of_the_students(judged: Judged) -> None:
    report = judged(lambda: os._exit(3))
    assert outcomes(report) == ["passed", "grader error", "passed"]


def test_memory_that_somebody_elses_limit_withholds_is_not_the_answers_fault(judged: Judged) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + apart.MEMORY // 2, before[1]))
    try:
        report = judged(lambda: np.ones(apart.MEMORY // 4))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert outcomes(report) == ["passed", "grader error", "passed"]
    assert "less than 300 MB for judging" in item(report, SPOILED).findings[0].staff


def test_a_fault_of_the_grader_is_told_from_the_child(judged: Judged) -> None:
    report = judged(lambda: dict[str, str]()["nothing"])
    assert outcomes(report) == ["passed", "grader error", "passed"]
    assert "KeyError" in item(report, SPOILED).findings[0].staff


def test_whoever_is_done_with_the_child_ends_it() -> None:
    def endless(tell: Callable[[Any], None]) -> None:
        tell(os.getpid())
        for_ever()

    with closing(apart.Child(endless)) as child:
        pid = next(child.told(time.monotonic() + 60))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


class TestStanding:
    """A child that does one thing after the other."""

    def test_it_answers_in_turn_until_it_is_closed(self) -> None:
        def add_one(asked: list[int], tell: Callable[[Any], None]) -> None:
            for one in asked:
                tell(one + 1)

        with closing(apart.Standing(add_one)) as child:
            assert [list(child.told(asked, math.inf)) for asked in ([1, 2], [], [3])] == [[2, 3], [], [4]]

    @pytest.mark.parametrize("code", [0, 1])
    def test_an_end_before_it_has_done_what_was_asked_is_told(self, code: int) -> None:
        def end(_asked: Any, tell: Callable[[Any], None]) -> None:
            tell("begun")
            os._exit(code)

        with closing(apart.Standing(end)) as child:
            told = child.told("anything", math.inf)
            assert next(told) == "begun"
            with pytest.raises(apart.Lost):
                next(told)
            with pytest.raises(apart.Lost):  # and it stays lost
                next(child.told("anything", math.inf))

    def test_where_no_process_can_be_made_nothing_stays_open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused() -> int:
            raise BlockingIOError(11, "Resource temporarily unavailable")

        monkeypatch.setattr(os, "fork", refused)
        before = os.listdir("/proc/self/fd")
        with pytest.raises(BlockingIOError):
            apart.Standing(lambda asked, tell: tell(asked))
        assert os.listdir("/proc/self/fd") == before
