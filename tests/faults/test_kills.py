"""kill -9 at any moment: of the grader, of the server that makes sandboxed processes, of one of these."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.stage import (
    MIXED,
    Paced,
    Stage,
    Watch,
    at_random_points,
    blames_the_grader,
    children,
    container,
    none_left,
    of_installation,
    verdict,
)
from tests.report.conformance import conforming

OLD = {"score": 7, "tests": [], "extra_data": {}}


@at_random_points
def test_a_killed_grader_leaves_whole_results_and_no_process(stage: Stage, tmp_path: Path, number: int) -> None:
    root = container(tmp_path / "root", MIXED)
    point = stage.point("kill the grader", number)
    with Watch(root / "results" / "results.json") as watch, stage.container_run(root, point) as run:
        reached = run.stopped()
        run.process.kill()
        run.finish()
    assert reached or not point.startswith("w")
    stage.honest(watch.results())
    assert none_left(stage.source)


@at_random_points
def test_a_killed_grader_leaves_the_old_results_or_the_new(stage: Stage, tmp_path: Path, number: int) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(OLD))
    with Watch(path) as watch, stage.command_run(tmp_path, stage.point("kill the command", number)) as run:
        run.stopped()
        run.process.kill()
        run.finish()
    old, *new = watch.results()
    assert old == OLD
    assert [verdict(result) for result in new] in ([], [verdict(stage.calm)])
    assert none_left(stage.source)


def server_of(run: Paced) -> list[int]:
    """The fork servers there are: the grader's own, and one that its judging process had to start."""
    judging = [child for child in children(run.process.pid) if not _serves(child)]
    return [child for parent in (run.process.pid, *judging) for child in children(parent) if _serves(child)]


def _serves(process: int) -> bool:
    try:
        return b"inside import forkserver" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def child_of(run: Paced) -> list[int]:
    return [child for server in server_of(run) for child in children(server) if _shut_in(child)]


def _shut_in(process: int) -> bool:
    """Whether it has given up its privileges for good; what a starting server asks in a process of its own has not."""
    try:
        return "NoNewPrivs:\t1" in Path(f"/proc/{process}/status").read_text("utf-8")
    except OSError:
        return False


Victim = Callable[[Paced], list[int]]
either = pytest.mark.parametrize("victim", [pytest.param(server_of, id="server"), pytest.param(child_of, id="child")])


@at_random_points
@either
def test_what_a_killed_process_was_asked_is_asked_again(
    stage: Stage, tmp_path: Path, number: int, victim: Victim, request: pytest.FixtureRequest
) -> None:
    root = container(tmp_path / "root", MIXED)
    point = stage.point(request.node.callspec.id, number, writing=False)
    with Watch(root / "results" / "results.json") as watch, stage.container_run(root, point) as run:
        while run.stopped():
            if found := victim(run):
                os.kill(found[-1], signal.SIGKILL)
                run.go()
            else:
                run.go(one_step=True)
        status, _, errors = run.finish()
    results = watch.results()
    stage.honest(results)
    assert status == 0
    if blames_the_grader(results[-1]):  # hit while the sandbox was tested, before anything was asked
        assert "sandbox" in errors
    else:
        assert errors == ""
    assert none_left(stage.source)


@either
@pytest.mark.parametrize(
    ("kills", "status", "outcome", "score"), [(0, 0, "passed", 10), (1, 0, "passed", 10), (2, 3, "grader error", 0)]
)
def test_an_item_is_asked_once_more_and_then_the_grader_takes_the_blame(
    stage: Stage, tmp_path: Path, victim: Victim, kills: int, status: int, outcome: str, score: int
) -> None:
    path = tmp_path / "results.json"
    seen: set[int] = set()  # the sandboxed processes there were: the first serves the self-test
    with Paced(stage.source, 1, ["grade", MIXED, "--only", "optim.adam.golden", "-o", path], tmp_path) as run:
        while run.stopped():
            if fresh := set(child_of(run)) - seen:
                seen |= fresh
                if 1 < len(seen) <= 1 + kills:
                    os.kill(victim(run)[-1], signal.SIGKILL)
            run.go(one_step=True)
        assert run.finish()[0] == status
    (test,) = conforming(path)["tests"]
    assert (test["extra_data"]["outcome"], test["score"], test["max_score"]) == (outcome, score, 10)
    assert ("That is not your fault" in test["output"]) == (outcome == "grader error")
    assert none_left(stage.source)


# What this folder's own means are worth ---------------------------------------------------------------------------------------


def test_a_write_in_two_halves_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"score": 1}')
    with Watch(path) as watch:
        for text in ('{"sco', '{"score": 2}'):
            path.write_text(text)
            while watch.states[-1:] != [text.encode()]:
                pass
    with pytest.raises(ValueError, match=r"Unterminated string|Expecting value"):  # the half, or the empty file before it
        watch.results()


def test_results_that_go_away_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"score": 1}')
    with Watch(path) as watch:
        while not watch.states:
            pass
        path.unlink()
    with pytest.raises(AssertionError, match="gone"):
        watch.results()


def test_a_process_that_stays_is_seen(tmp_path: Path) -> None:
    command: list[str | Path] = [sys.executable, "-c", "input('here')", tmp_path]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.read(4) == b"here"
        assert list(of_installation(tmp_path)) == [process.pid]
        assert not none_left(tmp_path)
    finally:
        process.communicate(b"\n")
    assert none_left(tmp_path)
