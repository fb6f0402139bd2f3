"""Little memory left for the grader: whole results or a plain sentence, and never a verdict that the shortage has made."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from grader.homework import HOMEWORK
from tests.conftest import ROOT
from tests.faults.stage import (
    MIXED,
    Paced,
    Stage,
    Watch,
    at_random_points,
    blames_the_grader,
    container,
    install,
    none_left,
    verdict,
)
from tests.report.conformance import conforming

MB = 2**20


def limited(megabytes: int, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command with so much address space from its beginning."""
    return subprocess.run(
        [sys.executable, "-m", "grader", *map(str, arguments)],
        cwd=environment.pop("cwd"),
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes * MB, megabytes * MB)),
    )


@pytest.mark.parametrize("megabytes", [48, 64, 128, 200, 320, 480])
def test_with_too_little_from_the_start_the_command_says_so_and_judges_nothing(stage: Stage, megabytes: int) -> None:
    process = limited(megabytes, "grade", MIXED, cwd=str(stage.source))
    assert (process.returncode, process.stdout) == (3, "")
    assert f"lets a process have {megabytes} MB of memory (ulimit -v), but " in process.stderr
    assert process.stderr.count("\n") == 1
    assert none_left(stage.source)


@pytest.mark.parametrize("megabytes", [64, 200, 480])
def test_with_too_little_from_the_start_the_container_gets_results_that_say_so(
    stage: Stage, tmp_path: Path, megabytes: int
) -> None:
    root = container(tmp_path / "root", MIXED)
    with Watch(root / "results" / "results.json") as watch:
        process = limited(megabytes, "gradescope", cwd=str(stage.source), GRADESCOPE_ROOT=str(root))
    *_, last = watch.results()
    assert process.returncode == 0
    assert blames_the_grader(last)
    assert f"lets a process have {megabytes} MB of memory" in last["extra_data"]["grader_error"]
    assert none_left(stage.source)


def test_with_a_limit_that_leaves_enough_everything_is_graded(stage: Stage, tmp_path: Path) -> None:
    root = container(tmp_path / "root", MIXED)
    assert limited(4096, "gradescope", cwd=str(stage.source), GRADESCOPE_ROOT=str(root)).returncode == 0
    with Watch(root / "results" / "results.json") as watch:
        pass
    assert [verdict(result) for result in watch.results()] == [verdict(stage.calm)]


def leave(paced: Paced, megabytes: int) -> None:
    """From now on the grader itself may have so much more than it has; its sandboxes are not touched."""
    pages = int(Path(f"/proc/{paced.process.pid}/statm").read_text("ascii").split()[0])
    allowed = pages * resource.getpagesize() + megabytes * MB
    resource.prlimit(paced.process.pid, resource.RLIMIT_AS, (allowed, resource.RLIM_INFINITY))


@at_random_points
@pytest.mark.parametrize("megabytes", [64, 1])
def test_memory_that_runs_short_midway_makes_no_verdict(stage: Stage, tmp_path: Path, number: int, megabytes: int) -> None:
    root = container(tmp_path / "root", MIXED)
    point = stage.point(f"{megabytes} MB left", number, writing=False)
    with Watch(root / "results" / "results.json") as watch, stage.container_run(root, point) as paced:
        if paced.stopped():
            leave(paced, megabytes)
        paced.go()
        status, _, errors = paced.finish()
    results = watch.results()
    calm = verdict(stage.calm)
    for result in results:
        for name, judged in verdict(result).items():
            assert judged == calm[name] or (judged[0] == "grader error" and not judged[1]), (name, judged)
    if status == 3:
        assert errors.splitlines()[-1].startswith("grader: ")
    else:
        assert results
        assert status == 0 or blames_the_grader(results[-1])  # NumPy's libraries end the process while they are being loaded
    assert none_left(stage.source)


def test_nothing_large_is_loaded_before_the_first_results_stand() -> None:
    heavy = ["numpy", "grader.grading.grade", "grader.homework"]
    script = f"import sys, grader.packaging.container; print(sorted({{*{heavy}}} & set(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (process.stdout, process.stderr) == ("[]\n", "")


def test_a_part_that_cannot_be_loaded_is_told_in_the_results(tmp_path: Path) -> None:
    source = install(tmp_path, HOMEWORK.rubric.read_text("utf-8"))
    (source / "grader" / "grading" / "grade.py").write_text("raise ImportError('half an installation')\n")
    root = container(tmp_path / "root", MIXED)
    process = subprocess.run(
        [sys.executable, "-m", "grader", "gradescope"],
        cwd=source,
        env={**os.environ, "GRADESCOPE_ROOT": str(root)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    result = conforming(root / "results" / "results.json")
    assert process.returncode == 0
    assert blames_the_grader(result)
    assert "half an installation" in result["extra_data"]["grader_error"]
    assert sum(test.get("max_score", 0) for test in result["tests"]) > 0
