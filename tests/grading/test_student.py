"""A submission as checks meet it: whatever interrupts a question, no process of the student's is left."""

from __future__ import annotations

import pytest

from grader.grading.student import Student
from grader.homework import HOMEWORK
from grader.sandbox.policy import Limits
from grader.sandbox.session import Session
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import collect
from tests.conftest import OPTIM, SAMPLES
from tests.sandbox.asking import processes_of


@pytest.mark.parametrize("ahead", [(), ("logs",)], ids=["importing", "opening logs ahead"])
def test_what_is_interrupted_leaves_no_process(ahead: tuple[str, ...], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = processes_of(sandbox)
    student = Student(collect(SAMPLES / "reference", HOMEWORK.layout), sandbox, HOMEWORK, Limits())
    student.reads_ahead = frozenset(ahead)
    monkeypatch.setattr(Session, "fetch", interrupted)
    with pytest.raises(KeyboardInterrupt), student.module(OPTIM):
        pass
    assert processes_of(sandbox) == before
    student.close()
