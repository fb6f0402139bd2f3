"""Results that cannot be written, from the start or from some moment on: told in a sentence, and what stood there still stands."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import run
from tests.faults.stage import MIXED, Paced, Stage, Watch, blames_the_grader, container, none_left, verdict
from tests.report.conformance import conforming

Harm = Callable[[Paced, Path], None]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A container's folder whose results lie on a disk of 64 KB."""
    root = container(tmp_path / "root", MIXED)
    results = root / "results"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", results], capture_output=True, text=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a disk of its own cannot be mounted here: {mounted.stderr.strip().splitlines()[0]}")
    try:
        yield root
    finally:
        subprocess.run(["umount", "--lazy", results], check=True)


def fill(folder: Path, leave: int = 0) -> None:
    """Leave so many bytes of the disk free."""
    state = os.statvfs(folder)
    with (folder / "filler").open("wb") as file:
        file.write(bytes(max(0, state.f_bavail * state.f_frsize - leave)))


def until_results_stand(run: Paced, root: Path) -> None:
    """Let it go on, a step at a time, until the stand-in that knows the rubric is there and the folder is closed to students."""
    results = root / "results" / "results.json"
    assert run.stopped()
    while not (results.exists() and b"max_score" in results.read_bytes() and results.parent.stat().st_mode & 0o777 == 0o700):
        run.go(one_step=True)
        assert run.stopped()


def disk_is_full(_run: Paced, root: Path) -> None:
    fill(root / "results")


def disk_is_read_only(_run: Paced, root: Path) -> None:
    subprocess.run(["mount", "-o", "remount,bind,ro", root / "results"], check=True)


def quota_is_full(run: Paced, _root: Path) -> None:
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (4096, 4096))


def folder_is_read_only(_run: Paced, root: Path) -> None:
    (root / "results").chmod(0o500)
    if os.access(root / "results", os.W_OK):
        pytest.skip("this user may write everywhere")


def folder_is_gone(_run: Paced, root: Path) -> None:
    (root / "results").rename(root / "elsewhere")


ON_A_DISK = [disk_is_full, disk_is_read_only]
ANYWHERE = [quota_is_full, folder_is_read_only, folder_is_gone]


@pytest.fixture
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A container's folder, on a disk of its own where the harm is done to that."""
    if request.param in ON_A_DISK:
        made: Path = request.getfixturevalue("small_disk")
        return made
    return container(tmp_path / "root", MIXED)


@pytest.mark.parametrize(("harm", "root"), [(harm, harm) for harm in ON_A_DISK + ANYWHERE], indirect=["root"])
def test_results_that_can_no_longer_be_written_leave_the_stand_in_and_a_sentence(stage: Stage, root: Path, harm: Harm) -> None:
    path = root / "results" / "results.json"
    with Watch(path) as watch, stage.container_run(root, 1) as paced:
        until_results_stand(paced, root)
        harm(paced, root)
        paced.go()
        assert not paced.stopped()
        status, shown, errors = paced.finish()
    assert (status, shown) == (3, "")
    assert errors.startswith(f"grader: {path} cannot be written: ")
    assert errors.count("\n") == 1
    if harm is not folder_is_gone:
        assert all(blames_the_grader(result) for result in watch.results())
        assert conforming(path)["tests"]
        assert {entry.name for entry in path.parent.iterdir()} <= {"results.json", "filler"}
    assert none_left(stage.source)


@pytest.mark.parametrize("free", [0, 4096, 8192, 16_384, 32_768])
def test_a_disk_with_little_room_holds_whole_results_or_none(stage: Stage, small_disk: Path, free: int) -> None:
    path = small_disk / "results" / "results.json"
    fill(small_disk / "results", free)
    with Watch(path) as watch, stage.container_run(small_disk, 0) as paced:
        assert not paced.stopped()
        status, _, errors = paced.finish()
    stage.honest(watch.results())
    assert {entry.name for entry in path.parent.iterdir()} <= {"results.json", "filler"}
    if status == 0:
        assert verdict(conforming(path)) == verdict(stage.calm) or blames_the_grader(conforming(path))
    else:
        assert status == 3
        assert errors.splitlines()[-1].startswith(f"grader: {path} cannot be written: No space left")
    assert free or not path.exists()


def test_a_full_log_does_not_cost_the_verdict(stage: Stage, tmp_path: Path) -> None:
    root = container(tmp_path / "root", MIXED)
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "grader", "gradescope"],
            cwd=stage.source,
            env={**os.environ, "GRADESCOPE_ROOT": str(root)},
            stdout=full,
            stderr=full,
            timeout=120,
            check=False,
        )
    assert process.returncode == 0
    assert verdict(conforming(root / "results" / "results.json")) == verdict(stage.calm)


def test_a_command_that_cannot_write_its_results_leaves_the_old_ones(stage: Stage, small_disk: Path) -> None:
    path = small_disk / "results" / "results.json"
    path.write_text('{"score": 7}')
    fill(small_disk / "results")
    process = run("grade", MIXED, "--only", "solver.grad_norm", "-o", path)
    assert process.returncode == 2
    assert process.stderr == f"grader: {path} cannot be written (No space left on device); name another file\n"
    assert "solver.grad_norm" in process.stdout
    assert path.read_text() == '{"score": 7}'
    assert {entry.name for entry in path.parent.iterdir()} == {"results.json", "filler"}
