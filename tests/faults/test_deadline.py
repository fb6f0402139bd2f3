"""The container's deadline: whatever a submission does, the grader ends by itself; what was not asked is told, not blamed."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.grading.grade import NOT_FINISHED, NOT_RUN, grade
from grader.grading.rubric import Rubric
from grader.grading.student import Student, TimeUsedUp
from grader.homework import HOMEWORK
from grader.homework.files import OPTIM
from grader.packaging.container import time_allowed
from grader.sandbox.policy import Limits
from grader.sandbox.session import Session
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import collect
from tests.conftest import FC_NET, SAMPLES, SOLVER, Maker
from tests.faults.stage import container, install, none_left
from tests.report.conformance import conforming

pytestmark = pytest.mark.usefixtures("sandbox")
REFERENCE = SAMPLES / "reference"


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [
        ("600", 540), ("2400", 540), ("570", 540), ("569", 539), ("60", 30), ("31.5", 1.5),
        (None, 540), ("", 540), ("30", 540), ("0", 540), ("-5", 540), ("nan", 540), ("inf", 540), ("ten minutes", 540),
    ],
)  # fmt: skip
def test_the_time_allowed_leaves_a_margin_below_the_harness_own_limit(timeout: str | None, seconds: float) -> None:
    assert time_allowed(timeout) == seconds


@pytest.fixture
def endless(make: Maker) -> Path:
    """The reference with ten functions that never come to an end."""
    path = make()
    for file, functions in ((OPTIM, 4), (FC_NET, 2), (SOLVER, 4)):
        place = path / file
        begins = r'(?m)^( *def .*\n|.*\) *:\n)( *"""(?:.|\n)*?"""\n)'
        text, count = re.subn(begins, looping, place.read_text("utf-8"), count=functions)
        assert count == functions
        place.write_text(text, "utf-8")
    return path


def looping(found: re.Match[str]) -> str:
    indent = re.match(" *", found[2])
    assert indent is not None
    return f"{found[0]}{indent[0]}while True: pass\n"


def autograde(tmp_path: Path, submission: Path, rubric: str, limit: int) -> dict[str, Any]:
    """What the harness does: a run that it would kill after `limit` seconds."""
    source = install(tmp_path, rubric)
    root = container(tmp_path / "root", submission)
    process = subprocess.run(
        [sys.executable, "-m", "grader", "gradescope"],
        cwd=source,
        env={**os.environ, "GRADESCOPE_ROOT": str(root), "TIMEOUT_SECONDS": str(limit)},
        capture_output=True,
        text=True,
        timeout=limit,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    assert none_left(source)
    return conforming(root / "results" / "results.json")


def seconds_each(seconds: str) -> str:
    text = HOMEWORK.rubric.read_text("utf-8")
    changed, count = re.subn(r"(?m)^seconds = \d+", f"seconds = {seconds}", text)
    assert count == 1
    return changed


def by_id(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {test["extra_data"]["id"]: test for test in result["tests"]}


def test_ten_endless_functions_leave_time_for_all_that_can_be_graded(tmp_path: Path, endless: Path, rubric: Rubric) -> None:
    tests = by_id(autograde(tmp_path, endless, seconds_each("0.5"), limit=300))
    outcomes = {name: test["extra_data"]["outcome"] for name, test in tests.items()}
    assert [name for name in outcomes if name.startswith("logs.")]
    for name, outcome in outcomes.items():
        needs = {item.id: item.needs for item in rubric.graded}[name]
        assert outcome == ("passed" if name.startswith(("logs.", "notebook.")) else "skipped" if needs else "timed out"), name
        assert NOT_RUN not in tests[name]["output"]


def test_when_the_time_is_used_up_the_rest_is_told_as_not_run_and_keeps_its_maxima(
    tmp_path: Path, endless: Path, rubric: Rubric
) -> None:
    result = autograde(tmp_path, endless, seconds_each("9"), limit=36)
    tests = by_id(result)
    assert sorted(tests) == sorted(item.id for item in rubric.graded)
    assert sum(test.get("max_score", 0) for test in tests.values()) == rubric.reachable
    assert result["score"] == 0
    first, *others = tests.values()
    assert first["extra_data"]["outcome"] == "skipped"  # it had less time than its rubric row allows it
    assert NOT_FINISHED in first["output"]
    for test in others:
        assert test["extra_data"]["outcome"] == "skipped"
        assert test["output"].startswith(NOT_RUN)
        assert test["extra_data"]["staff"]
    assert "The time for grading was used up" in result["output"]
    (note,) = [note for note in result["extra_data"]["staff_notes"] if "deadline" in note]
    assert all(name in note for name in tests)


def test_time_enough_changes_nothing(tmp_path: Path, rubric: Rubric) -> None:
    result = autograde(tmp_path, REFERENCE, HOMEWORK.rubric.read_text("utf-8"), limit=300)
    assert result["score"] == rubric.reachable
    assert "time" not in result["output"]
    assert not [note for note in result["extra_data"]["staff_notes"] if "deadline" in note]


# In this process, so that the time left can be chosen -------------------------------------------------------------------------


@pytest.mark.parametrize("left", [0.5, 0.0, -60.0])
def test_with_less_than_a_second_left_no_item_is_begun(
    sandbox: Sandbox, rubric: Rubric, monkeypatch: pytest.MonkeyPatch, left: float
) -> None:
    def refuse(_limits: Limits) -> Session:
        raise AssertionError("a session was begun")

    monkeypatch.setattr(sandbox, "session", refuse)
    report = grade(
        HOMEWORK, collect(REFERENCE, HOMEWORK.layout, support=HOMEWORK.support), rubric, sandbox, deadline=time.monotonic() + left
    )
    assert {(item.outcome, item.findings[0].student) for item in report.items} == {("skipped", NOT_RUN)}
    assert report.maximum == rubric.reachable
    assert not report.grader_failed


@contextmanager
def student(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, left: float, wall: float) -> Iterator[tuple[Student, list[float]]]:
    """A student with `left` seconds by a clock that stands still, and the wall limit of each session that is made."""
    walls: list[float] = []
    made = sandbox.session

    def session(limits: Limits) -> Session:
        walls.append(limits.wall)
        return made(replace(limits, wall=60))

    monkeypatch.setattr(sandbox, "session", session)
    monkeypatch.setattr(Student, "seconds_left", property(lambda _: left))
    asked = Student(collect(REFERENCE, HOMEWORK.layout, support=HOMEWORK.support), sandbox, HOMEWORK, replace(Limits(), wall=wall))
    try:
        yield asked, walls
    finally:
        asked.close()


@pytest.mark.parametrize(("left", "wall", "given"), [(math.inf, 10, 10), (10, 10, 10), (4, 10, 4), (0.25, 10, 0.25), (4, 2, 2)])
def test_a_session_gets_no_more_time_than_is_left(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, left: float, wall: float, given: float
) -> None:
    with student(sandbox, monkeypatch, left, wall) as (asked, walls):
        with asked.module(OPTIM):
            pass
        asked.read("read_json", b"1")
        assert walls == [given, given]
        assert asked.cut_short == (given < wall)


def test_a_reader_that_was_given_more_time_than_is_left_is_replaced(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    left_now = [20.0]
    with student(sandbox, monkeypatch, 20, 10) as (asked, walls):
        monkeypatch.setattr(Student, "seconds_left", property(lambda _: left_now[0]))
        for left in (20, 11, 5, 5, 4):
            left_now[0] = left
            assert asked.read("read_json", b"[1]") == {"value": [1]}
        assert walls == [10, 5, 4]


@pytest.mark.parametrize("left", [0, -1])
def test_past_the_deadline_no_session_is_made(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, left: float) -> None:
    with student(sandbox, monkeypatch, left, 10) as (asked, walls):
        with pytest.raises(TimeUsedUp), asked.module(OPTIM):
            pass
        with pytest.raises(TimeUsedUp):
            asked.read("read_json", b"1")
        assert walls == []


def test_parts_that_were_right_before_the_time_was_used_up_still_count(
    sandbox: Sandbox, rubric: Rubric, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, read = [60.0], Student.read

    def read_one_file(student: Student, reader: str, data: bytes) -> Any:
        answer = read(student, reader, data)
        left[0] = 0.0
        return answer

    monkeypatch.setattr("grader.grading.student._MOST_AHEAD", 0)  # each file is opened when its turn comes
    monkeypatch.setattr(Student, "read", read_one_file)
    monkeypatch.setattr(Student, "seconds_left", property(lambda _: left[0]))
    report = grade(HOMEWORK, collect(REFERENCE, HOMEWORK.layout, support=HOMEWORK.support), rubric, sandbox, only=["logs.w_stds"])
    (item,) = report.items
    assert item.outcome == "partial", item
    assert 0 < item.score < item.maximum
    assert NOT_FINISHED in [finding.student for finding in item.findings]
