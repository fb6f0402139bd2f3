"""A class graded by a real Dask cluster on this machine: scheduler and workers are processes, which are killed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import pytest

from tests.classroom.classes import hostile, mixed, outcome, sample, verdict
from tests.conftest import FC_NET, OPTIM, Maker, run
from tests.starters import EXTRA, course

DASK = "from dask.__main__ import main; main()"
PATIENCE = 60.0  # seconds until what should have happened is taken for a failure
pytestmark = [
    pytest.mark.usefixtures("sandbox"),
    pytest.mark.skipif(find_spec("distributed") is None, reason="distributed is not installed here"),
]


class Cluster:
    """A scheduler and its workers, all with the installed package only."""

    def __init__(self, folder: Path, package: Path) -> None:
        self.folder = folder
        self.package = package
        self.workers: dict[str, subprocess.Popen[str]] = {}
        self._all: list[subprocess.Popen[str]] = []
        scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        assert scheduler.stderr is not None
        self.address = found(scheduler.stderr, r"Scheduler at: *(tcp://\S+)")

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", DASK, *arguments],
            cwd=self.folder,
            env=self.environment(),
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._all.append(process)
        return process

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        return {**kept, "PYTHONPATH": str(self.package), **more}

    def work(self) -> str:
        """One more worker; the answer is its address."""
        process = self._start(
            "worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder)
        )
        assert process.stderr is not None
        address = found(process.stderr, r"Start worker at: *(tcp://\S+)")
        found(process.stderr, "(Registered to)")
        self.workers[address] = process
        return address

    def kill(self, address: str) -> None:
        process = self.workers.pop(address)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        for process in reversed(self._all):
            process.kill()
            process.wait()
            assert process.stderr is not None
            process.stderr.close()

    def batch(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """The command, begun; it and the workers are the same installed package."""
        return subprocess.Popen(
            [sys.executable, "-m", "grader", "batch", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def found(stream: IO[str], pattern: str) -> str:
    """What a process says about itself while it starts."""
    said = []
    for line in stream:
        said.append(line)
        match = re.search(pattern, line)
        if match:
            return match.group(1)
    raise AssertionError("".join(said))


@pytest.fixture
def cluster(tmp_path: Path, built: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    made = Cluster(folder, built)
    try:
        yield made
    finally:
        made.close()


def ended(process: subprocess.Popen[str], code: int) -> str:
    """Wait for the end; what it said."""
    said, errors = process.communicate(timeout=300)
    assert process.returncode == code, said + errors
    return said + errors


@pytest.fixture
def busy(cluster: Cluster) -> Iterator[Callable[[], str]]:
    """Waits until a worker is at a submission; the answer is its address."""
    from distributed import Client

    with Client(cluster.address, set_as_default=False) as client:  # type: ignore[no-untyped-call]

        def ask() -> str:
            limit = time.monotonic() + PATIENCE
            while time.monotonic() < limit:
                for address, tasks in client.processing().items():
                    if address in cluster.workers and any(str(task).startswith("work-") for task in tasks):
                        return str(address)
            raise AssertionError("no worker ever was at a submission")

        yield ask


def test_a_killed_worker_costs_nothing(cluster: Cluster, busy: Callable[[], str], tmp_path: Path) -> None:
    group = mixed(tmp_path / "class")
    ended(cluster.batch(group, "-o", tmp_path / "local", "-j", "2"), 1)
    for _ in range(2):
        cluster.work()
    process = cluster.batch(group, "-o", tmp_path / "far", "--dask", cluster.address)
    assert process.stdout is not None
    assert process.stdout.readline() == "12 submissions, 2 workers\n"
    process.stdout.readline()
    cluster.kill(busy())
    said = ended(process, 1)
    assert "12 of 12 submissions" in said
    assert outcome(tmp_path / "far") == outcome(tmp_path / "local")
    again = ended(cluster.batch(group, "-o", tmp_path / "far", "--dask", cluster.address), 1)
    assert "12 kept" in again


def test_a_submission_that_ends_two_workers_costs_its_own_row(cluster: Cluster, busy: Callable[[], str], tmp_path: Path) -> None:
    group = tmp_path / "class"
    group.mkdir()
    (hostile(group, "floods_its_output").rename(group / "a_endless") / OPTIM).write_text("while True:\n    pass\n")
    sample(group, "reference")
    cluster.work()
    process = cluster.batch(group, "-o", tmp_path / "out", "--dask", cluster.address, "-j", "1", "--only", "optim.adam")
    for _ in range(2):
        first = busy()
        cluster.work()
        cluster.kill(first)
    assert "2 of 2 submissions: 1 grader error, 1 passed" in ended(process, 3)
    assert "died" in verdict(tmp_path / "out", "a_endless")["extra_data"]["grader_error"]
    assert verdict(tmp_path / "out", "reference")["score"] == 20


def test_a_worker_with_another_grader_is_left_out(cluster: Cluster, tmp_path: Path) -> None:
    group = tmp_path / "class"
    group.mkdir()
    sample(group, "reference")
    changed = shutil.copytree(cluster.package, tmp_path / "changed")
    (changed / "grader" / "submission" / "text.py").write_text((changed / "grader" / "submission" / "text.py").read_text() + "\n")
    own = cluster.package
    others = []
    for package in (changed, tmp_path / "without_any"):
        cluster.package = package
        others.append(cluster.work())
    cluster.package = own
    command = (group, "-o", tmp_path / "out", "--dask", cluster.address, "--only", "optim.adam")
    said = ended(cluster.batch(*command), 3)
    assert f"worker {others[0]} is left out: it has grader" in said
    assert f"worker {others[1]} is left out: this package is not installed there" in said
    assert "2 workers are there and cannot grade" in said
    cluster.work()
    assert "1 of 1 submissions: 1 passed" in ended(cluster.batch(*command), 0)


def test_workers_mount_the_starter_that_the_command_names(cluster: Cluster, make: Maker, tmp_path: Path) -> None:
    needs = make((FC_NET, "import numpy as np\n", "import numpy as np\nfrom deeplearning.layers import leaky_relu\n"))
    cluster.work()
    command = ("batch", needs, "-o", tmp_path / "out", "--dask", cluster.address, "--only", "fc_net")
    process = run(*command, "--starter", course(tmp_path / "course", EXTRA))  # from the checkout: there is the solved copy
    assert process.returncode == 0, process.stderr
    assert verdict(tmp_path / "out", needs.name)["score"] == 20
    assert run(*command).returncode == 1
    assert verdict(tmp_path / "out", needs.name)["score"] == 0


def test_an_address_where_no_scheduler_is_is_told(built: Path, tmp_path: Path) -> None:
    sample(tmp_path, "reference")
    command = [sys.executable, "-m", "grader", "batch", "reference", "-o", "out", "--dask", "tcp://127.0.0.1:1"]
    process = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(built)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in process.stderr
