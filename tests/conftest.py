"""What the tests share: the real command, a warm sandbox, and submissions made by editing a sample."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.grading.grade import grade
from grader.grading.results import ItemResult, Report
from grader.grading.rubric import Rubric, load_rubric
from grader.homework import HOMEWORK
from grader.sandbox.errors import SandboxUnavailable
from grader.sandbox.policy import Kind, Level
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import collect
from tests import suites

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "fixtures" / "submissions"
OPTIM, FC_NET, SOLVER = "deeplearning/optim.py", "deeplearning/classifiers/fc_net.py", "deeplearning/solver.py"

Command = Callable[..., subprocess.CompletedProcess[str]]
Maker = Callable[..., Path]
Grader = Callable[..., Report]
Graded = Callable[..., tuple[subprocess.CompletedProcess[str], dict[str, Any]]]


def run(*arguments: str | Path, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m grader …` as a person would run it; `environment` is added to this process's."""
    return subprocess.run(
        [sys.executable, "-m", "grader", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def item(report: Report, name: str) -> ItemResult:
    """The item with this id."""
    (found,) = [item for item in report.items if item.id == name]
    return found


def pytest_configure() -> None:
    """Be interruptible: what a shell puts in the background ignores SIGINT, and so would all that the tests start and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as full what `tests/suites.py` says is not quick."""
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for test, of_it in cases.items():
        share = suites.quick_share(test)
        for number, item in enumerate(sorted(of_it, key=lambda item: item.nodeid)):
            if not share or number % share:
                item.add_marker(pytest.mark.full)


@pytest.fixture(scope="session")
def rubric() -> Rubric:
    """The built-in rubric."""
    return load_rubric(HOMEWORK.rubric, HOMEWORK.checks)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """One warm fork server at the level staff grade with."""
    try:
        made = Sandbox(Level.STAFF, kind=Kind.FORK, secrets=HOMEWORK.secrets())
    except SandboxUnavailable as error:
        pytest.skip(f"no full sandbox here: {error}")
    with made:
        yield made


@pytest.fixture(scope="session")
def graded(rubric: Rubric, sandbox: Sandbox) -> Grader:
    """Grade a path with the warm sandbox: `graded(path, only="optim.adam.golden")`."""

    def grader(path: Path, *only: str) -> Report:
        return grade(HOMEWORK, collect(path, HOMEWORK.layout, support=HOMEWORK.support), rubric, sandbox, only=only or None)

    return grader


@pytest.fixture
def command(tmp_path: Path) -> Graded:
    """Grade a path with the real command; returns the finished process and the results.json it wrote."""

    def grader(path: Path, *options: str) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
        output = tmp_path / "results.json"
        output.unlink(missing_ok=True)
        process = run("grade", path, "-o", output, *options)
        return process, json.loads(output.read_text("utf-8")) if output.exists() else {}

    return grader


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    """A submission made by editing a sample: `make(("deeplearning/optim.py", "old", "new"), base="reference")`.

    An edit (file, None, text) replaces the whole file, and (file, None, None) removes it.
    """
    made = 0

    def maker(*edits: tuple[str, str | None, str | bytes | None], base: str = "reference") -> Path:
        nonlocal made
        made += 1
        target = tmp_path / f"submission-{made}"
        shutil.copytree(SAMPLES / base, target)
        for file, old, new in edits:
            path = target / file
            if new is None:
                path.unlink()
            elif old is None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(new if isinstance(new, bytes) else new.encode("utf-8"))
            else:
                text = path.read_text("utf-8")
                assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
                path.write_text(text.replace(old, str(new)), "utf-8")
        return target

    return maker
