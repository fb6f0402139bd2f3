"""Where faults are played: a copy of the product, runs of it that stop at a chosen step, and a watch on what they leave behind."""

from __future__ import annotations

import json
import os
import random
import re
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tests.conftest import ROOT, SAMPLES

SEED = os.environ.get("FAULT_SEED", "1")
_POINTS = os.environ.get("FAULT_POINTS")
_FEW, _MANY = (int(_POINTS), int(_POINTS)) if _POINTS else (2, 120)
_GUARD = 120.0  # seconds after which a run that should have come to an end is a failure of its own

# So many points in the normal suite, and the others with the long runs; FAULT_POINTS=n has n of them at once.
at_random_points = pytest.mark.parametrize(
    "number", [*range(_FEW), *(pytest.param(number, marks=pytest.mark.long) for number in range(_FEW, _MANY))]
)

MIXED = SAMPLES / "absent_imports"  # right but for one item that raises
KEPT = ("optim.adam.golden", "optim.adam.behaviour", "fc_net.init.zero", "solver.grad_norm", "logs.w_stds", "logs.best_model")


def lean(rubric: str) -> str:
    """The rubric with only a few items graded, so that a run is short; all kinds of sessions are among them."""
    head, *rows = re.split(r"(?m)^(?=\[\[item\]\])", rubric)
    for number, row in enumerate(rows):
        name = re.search(r'id = "([^"]+)"', row)
        if name is None or (name[1] not in KEPT and "planned" not in row):
            rows[number] = row.replace("[[item]]\n", "[[item]]\nplanned = true\n")
    return head + "".join(rows)


def install(folder: Path, rubric: str) -> Path:
    """A copy of the product under `folder`, which no other process has in its command line."""
    source = folder / "source"
    for name in ("grader", "student_src"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    (source / "fixtures").mkdir()
    for path in (ROOT / "fixtures").iterdir():
        if path.is_file():
            shutil.copyfile(path, source / "fixtures" / path.name)
    (source / "grader" / "rubric.toml").write_text(rubric, "utf-8")
    subprocess.run([sys.executable, "-m", "compileall", "-q", source / "grader"], check=True)
    return source


def container(root: Path, submission: Path) -> Path:
    """The container's folders as the harness leaves them."""
    (root / "results").mkdir(parents=True)
    shutil.copytree(submission, root / "submission")
    return root


class Paced:
    """One run of the grader that stops at a step; a context manager that leaves no process behind."""

    def __init__(self, source: Path, at: int | str, arguments: list[str | Path], folder: Path, **environment: str) -> None:
        told, tell = os.pipe()
        leave, self._leave = os.pipe()
        self._told = os.fdopen(told, "rb", buffering=0)
        self._output = [folder / "stdout.txt", folder / "stderr.txt"]
        pace = Path(__file__).with_name("pace.py")
        with self._output[0].open("wb") as stdout, self._output[1].open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, pace, str(tell), str(leave), str(at), *arguments],
                cwd=source,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(tell, leave),
            )
        os.close(tell)
        os.close(leave)
        self.counted = ""

    def __enter__(self) -> Paced:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        self._told.close()
        os.close(self._leave)

    def stopped(self) -> bool:
        """Wait for the next stop; False if the run came to an end instead."""
        ready, _, _ = select.select([self._told], [], [], _GUARD)
        assert ready, "the grader neither reached its step nor came to an end"
        line = self._told.read(100)
        if line != b"here\n":
            self.counted = (line or b"").decode()
            return False
        return True

    def go(self, *, one_step: bool = False) -> None:
        """Let it go on after a stop."""
        with suppress(BrokenPipeError):
            os.write(self._leave, b"+" if one_step else b".")

    def finish(self) -> tuple[int, str, str]:
        """Wait for the end: exit status, standard output, standard error."""
        status = self.process.wait(_GUARD)
        return status, self._output[0].read_text("utf-8"), self._output[1].read_text("utf-8")


class Watch:
    """Reads a file in a tight loop while the block runs, and keeps each state it had: its bytes, or None while it was not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.states: list[bytes | None] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        self._once()

    def _look(self) -> None:
        while not self._over.is_set():
            self._once()

    def _once(self) -> None:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            data = None
        if not self.states or self.states[-1] != data:
            self.states.append(data)

    def results(self) -> list[dict[str, Any]]:
        """Every state as results; once there, the file must have stayed, and been whole at every moment."""
        there = [state for state in self.states if state is not None]
        assert self.states in (there, [None, *there]), "the file was there and then gone"
        found = [json.loads(state) for state in there]
        assert all(isinstance(result, dict) and "score" in result for result in found)
        return found


def verdict(result: dict[str, Any]) -> dict[str, tuple[str, Any, Any]]:
    """What was judged: outcome, score and parts of each item."""
    return {
        test["extra_data"]["id"]: (test["extra_data"]["outcome"], test.get("score"), test["extra_data"].get("parts"))
        for test in result["tests"]
    }


def blames_the_grader(result: dict[str, Any]) -> bool:
    """Whether it is the stand-in that gives no points and says why, in the form nobody takes for a verdict."""
    if "grader_error" not in result["extra_data"]:
        return False
    assert result["score"] == 0
    assert "That is not your fault" in result["output"]
    assert {outcome for outcome, _, _ in verdict(result).values()} <= {"grader error"}
    return True


def children(pid: int) -> list[int]:
    """Ids of the processes that `pid` has made and that it has not seen end."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def of_installation(source: Path) -> Iterator[int]:
    """Sandboxed processes, servers and their children, that a grader started from `source`."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if os.fsencode(source) in path.read_bytes():
                yield int(path.parent.name)


def none_left(source: Path) -> bool:
    """Whether all sandboxed processes of a grader that has ended come to an end without anybody's doing."""
    until = time.monotonic() + 5  # below the 9 s after which any of them is killed
    while left := list(of_installation(source)):  # one may just have made another, which ends with it
        for pid in left:
            with suppress(ProcessLookupError):
                pidfd = os.pidfd_open(pid)
                try:
                    if not select.select([pidfd], [], [], max(until - time.monotonic(), 0))[0]:
                        return False
                finally:
                    os.close(pidfd)
    return True


class Stage:
    """A copy of the product, and what it says of a submission when nothing goes wrong."""

    def __init__(self, folder: Path, rubric: str) -> None:
        self.source = install(folder, rubric)
        root = container(folder / "calm", MIXED)
        with self.container_run(root, 0) as run:
            assert not run.stopped()
            status, _, errors = run.finish()
            assert (status, errors) == (0, "")
            self._steps = dict(zip(("", "w"), map(int, run.counted.split()), strict=True))
        self.calm = json.loads((root / "results" / "results.json").read_text("utf-8"))
        assert not blames_the_grader(self.calm)

    def container_run(self, root: Path, at: int | str) -> Paced:
        """Grade what lies in a container's folder."""
        return Paced(self.source, at, ["gradescope"], root, GRADESCOPE_ROOT=str(root))

    def command_run(self, folder: Path, at: int | str) -> Paced:
        """Grade by command, with results written to a file in `folder`."""
        return Paced(self.source, at, ["grade", MIXED, "-o", folder / "results.json"], folder)

    def point(self, what: str, number: int, *, writing: bool = True) -> str:
        """A step at random, the same for the same seed; every other one in the middle of writing results."""
        kind = "w" if writing and number % 2 else ""
        step = random.Random(f"{SEED}/{what}/{number}").randint(1, self._steps[kind])
        print(f"FAULT_SEED={SEED}: {what} number {number} at step {kind}{step} of {self._steps[kind]}")
        return f"{kind}{step}"

    def honest(self, results: list[dict[str, Any]]) -> None:
        """Each of these is the stand-in that blames the grader, or the verdict that stands when nothing goes wrong."""
        for result in results:
            assert blames_the_grader(result) or verdict(result) == verdict(self.calm)


def spent_some_time(pid: int) -> bool:
    """Whether the process has used a second of processor time, more than it takes to get ready."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return int(fields[11]) + int(fields[12]) >= os.sysconf("SC_CLK_TCK")
