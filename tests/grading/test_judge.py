"""One process that judges many submissions: each as if it were the only one, whatever became of those before."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.grading import apart
from grader.grading.context import Context
from grader.grading.grade import NOT_FINISHED, NOT_RUN, TOO_LARGE, TOO_LONG, grade, judge_of_many
from grader.grading.results import Report
from grader.grading.rubric import Item, Rubric
from grader.grading.settling import Judge
from grader.homework import HOMEWORK, optim
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import Submission, collect
from tests.conftest import SAMPLES, item
from tests.grading.test_apart import for_ever, outcomes
from tests.grading.test_settling import children, told
from tests.homework.mutants import files, mutants
from tests.homework.styles import COUNT, style
from tests.sandbox.asking import has_ended, processes_of

pytestmark = pytest.mark.skipif(not apart.possible(), reason="this system does not fork as it is needed here")
FIRST, SPOILED, LAST = ONLY = ("optim.sgd_momentum.golden", "optim.adam.golden", "fc_net.init.zero")

Graded = Callable[..., Report]
Spoil = Callable[[Callable[[Submission], Any]], None]
Noted = Callable[..., Callable[[], list[int]]]


@pytest.fixture
def graded_by(sandbox: Sandbox, rubric: Rubric) -> Iterator[Graded]:
    """Grades a submission; all of them by one judge, unless told otherwise."""
    with closing(judge_of_many(HOMEWORK, rubric, sandbox)) as judge:

        def grader(submission: Submission, **options: Any) -> Report:
            options = {"judge": judge, "only": ONLY, **options}
            return grade(HOMEWORK, submission, rubric, sandbox, **options)

        yield grader


@pytest.fixture
def while_adam_is_judged(monkeypatch: pytest.MonkeyPatch) -> Spoil:
    """Has something done with the submission before its Adam is judged, in whatever process that is."""
    honest = optim._one_step

    def spoil(what: Callable[[Submission], Any]) -> None:
        def one_step(context: Context, rule: str) -> None:
            if rule == "adam":
                what(context.student.submission)
            honest(context, rule)

        monkeypatch.setattr(optim, "_one_step", one_step)

    return spoil


@pytest.fixture
def noted(while_adam_is_judged: Spoil, tmp_path: Path) -> Noted:
    """Has something done each time, and says which processes have judged Adam so far, one for each time."""

    def note(what: Callable[[Submission], Any] = lambda _: None) -> Callable[[], list[int]]:
        def noting(submission: Submission) -> None:
            with (tmp_path / "judged").open("a") as notes:
                notes.write(f"{os.getpid()}\n")
            what(submission)

        while_adam_is_judged(noting)
        return lambda: [int(line) for line in (tmp_path / "judged").read_text().split()]

    return note


def sample(name: str = "reference") -> Submission:
    return collect(SAMPLES / name, HOMEWORK.layout, support=HOMEWORK.support)


def written(changed: dict[str, bytes]) -> Submission:
    """The reference with other files of code."""
    right = sample()
    return replace(right, files={**right.files, **changed})


def catalogued() -> dict[str, Submission]:
    """Every slip of the catalogue and every style of a right submission, by what it is."""
    found = {slip: written(files(**{blank: answer})) for slip, (blank, answer) in mutants().items()}
    return found | {f"style {number}": written(files(**style(number))) for number in range(COUNT)}


MANY = [2, 20, pytest.param(None, marks=pytest.mark.long)]


@pytest.mark.parametrize("many", MANY, ids=["few", "some", "whole"])
def test_each_is_judged_as_if_it_were_the_only_one(graded_by: Graded, many: int | None) -> None:
    asked = {name: sample(name) for name in ("only_momentum", "raises_at_import", "file_missing", "nothing", "reference")}
    more = sorted(catalogued().items())
    random.Random(20).shuffle(more)
    asked |= dict(more[:many])
    alone = {name: told(graded_by(one, judge=None, in_child=True, only=None)) for name, one in asked.items()}
    for order in (list(asked), [*reversed(asked)]):
        for name in order:
            assert told(graded_by(asked[name], only=None)) == alone[name], name


def test_one_process_judges_them(graded_by: Graded, noted: Noted) -> None:
    processes = noted()
    for name in ("reference", "only_momentum", "reference"):
        graded_by(sample(name))
    assert len(processes()) >= 3
    assert len(set(processes())) == 1
    assert os.getpid() not in processes()


# What the second of three submissions meets in whatever process judges its Adam -> the outcome, and what the student reads.
MISHAPS: dict[str, tuple[Callable[[Submission], Any], str, str]] = {
    "too much memory": (lambda _: np.ones(apart.MEMORY // 4), "out of memory", TOO_LARGE),
    "too much time": (lambda _: for_ever(), "timed out", TOO_LONG),
    "a fault of ours": (lambda _: dict[str, str]()["nothing"], "grader error", ""),
    "a crash": (lambda _: os._exit(3), "grader error", ""),
    "the out-of-memory killer": (lambda _: os.kill(os.getpid(), signal.SIGKILL), "out of memory", TOO_LARGE),
}


@pytest.mark.parametrize("what", MISHAPS)
def test_a_mishap_is_judged_by_a_process_of_the_submissions_own(
    what: str, graded_by: Graded, noted: Noted, monkeypatch: pytest.MonkeyPatch
) -> None:
    happens, outcome, sentence = MISHAPS[what]
    monkeypatch.setattr(apart, "CPU", 1.0)
    processes = noted(lambda submission: happens(submission) if submission.label == "only_momentum" else None)
    assert outcomes(graded_by(sample())) == ["passed"] * 3
    spoiled = graded_by(sample("only_momentum"))
    assert outcomes(spoiled) == ["passed", outcome, "wrong"]
    assert sentence in (found := item(spoiled, SPOILED).findings[0]).student, found
    assert outcomes(graded_by(sample())) == ["passed"] * 3
    before, *during, after = processes()
    assert during[0] == before  # it got that far, and what was met there is told by others
    assert {before, after}.isdisjoint(during[1:])
    assert before != after


def test_what_one_left_in_memory_is_not_anothers_fault(graded_by: Graded, noted: Noted) -> None:
    kept: list[Any] = []
    half = apart.MEMORY * 6 // 10 // 8

    def take(submission: Submission) -> None:
        taken = np.ones(half)
        if submission.label == "in_place":
            kept.append(taken)

    processes = noted(take)
    graded_by(sample("in_place"))
    assert outcomes(graded_by(sample())) == ["passed"] * 3
    first, second, third = processes()[-3:]
    assert first == second != third


def test_a_mishap_that_happens_once_is_forgotten(graded_by: Graded, while_adam_is_judged: Spoil, tmp_path: Path) -> None:
    def once(_submission: Submission) -> None:
        if not (tmp_path / "before").exists():
            (tmp_path / "before").touch()
            os._exit(1)

    while_adam_is_judged(once)
    for _ in range(2):
        assert outcomes(graded_by(sample())) == ["passed"] * 3


def test_a_judge_that_is_killed_between_two_submissions_is_replaced(graded_by: Graded, noted: Noted) -> None:
    processes = noted()
    graded_by(sample())
    os.kill(processes()[-1], signal.SIGKILL)
    for _ in range(2):
        assert outcomes(graded_by(sample())) == ["passed"] * 3
    assert os.getpid() not in processes()


def test_the_deadline_comes_while_it_judges(
    graded_by: Graded, while_adam_is_judged: Spoil, monkeypatch: pytest.MonkeyPatch
) -> None:
    while_adam_is_judged(lambda submission: for_ever() if submission.label == "only_momentum" else None)
    monkeypatch.setattr("grader.grading.grade._LEAST_SECONDS", 0.0)
    graded_by(sample())
    report = graded_by(sample("only_momentum"), deadline=time.monotonic() + 2)
    assert outcomes(report) == ["passed", "skipped", "skipped"]
    assert [one.findings[-1].student for one in report.items[1:]] == [NOT_FINISHED, NOT_RUN]
    assert outcomes(graded_by(sample())) == ["passed"] * 3


def test_a_judge_that_the_deadline_does_not_reach_is_ended(
    graded_by: Graded, while_adam_is_judged: Spoil, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(_submission: Submission) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGPROF})
        for_ever()

    while_adam_is_judged(deaf)
    monkeypatch.setattr(apart, "_GRACE", 0.1)
    report = graded_by(sample(), deadline=time.monotonic() + 2)
    assert outcomes(report) == ["passed", "skipped", "skipped"]
    assert not report.grader_failed


def test_an_interruption_leaves_neither_judge_nor_student_code(
    sandbox: Sandbox, graded_by: Graded, while_adam_is_judged: Spoil
) -> None:
    running: list[int] = []

    def interrupt(one: Item) -> None:
        if one.id == SPOILED:
            running.extend(os.pidfd_open(pid) for pid in processes_of(sandbox))
            raise KeyboardInterrupt

    while_adam_is_judged(lambda submission: for_ever() if submission.label == "only_momentum" else None)
    graded_by(sample())
    before = children()
    with pytest.raises(KeyboardInterrupt):
        graded_by(sample("only_momentum"), progress=interrupt)
    left = children()
    assert len(before - left) == 2  # the judge, and the sandbox's server
    assert left < before
    assert running
    for pidfd in running:
        assert has_ended(pidfd)
        os.close(pidfd)
    assert outcomes(graded_by(sample())) == ["passed"] * 3


def test_a_server_that_ends_is_replaced_for_both(sandbox: Sandbox, graded_by: Graded, noted: Noted) -> None:
    def end_the_server(submission: Submission) -> None:
        if submission.label == "only_momentum" and sandbox.server_pid == server:
            os.kill(server, signal.SIGKILL)

    processes = noted(end_the_server)
    graded_by(sample())
    server = sandbox.server_pid or 0
    assert outcomes(graded_by(sample("only_momentum"))) == ["passed", "wrong", "wrong"]
    assert sandbox.server_pid != server
    assert outcomes(graded_by(sample())) == ["passed"] * 3
    assert processes()[-1] != processes()[-2]


@pytest.mark.parametrize("by_a_judge", [False, True], ids=["alone", "by a judge"])
def test_a_server_that_had_to_be_closed_is_started_once(
    by_a_judge: bool, sandbox: Sandbox, graded_by: Graded, while_adam_is_judged: Spoil
) -> None:
    how = {} if by_a_judge else {"judge": None, "in_child": True}
    while_adam_is_judged(lambda submission: os._exit(1) if submission.label == "only_momentum" else None)
    graded_by(sample("only_momentum"), **how)
    servers = set()
    for _ in range(3):
        assert outcomes(graded_by(sample(), **how)) == ["passed"] * 3
        servers.add(sandbox.server_pid)
    assert None not in servers
    assert len(servers) == 1


def test_where_no_process_can_be_made_the_submission_is_judged_as_before(
    graded_by: Graded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_self: object, _work: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(apart.Standing, "__init__", refused)
    assert outcomes(graded_by(sample())) == ["passed"] * 3


def test_a_judge_that_is_closed_twice_is_closed() -> None:
    judge = Judge(lambda *_: pytest.fail("asked"))
    judge.close()
    judge.close()
