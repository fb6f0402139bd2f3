"""Whatever ends a run, the same command goes on from there, and the outcome is that of a run nobody disturbed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from grader.classroom import batch
from grader.classroom.worker import Done, Job, Settings, grader_digest
from grader.grading.rubric import load_rubric
from grader.homework import HOMEWORK
from tests.classroom.classes import children, many, outcome, sample, started
from tests.conftest import SAMPLES, run

pytestmark = pytest.mark.usefixtures("sandbox")
OPTIONS = ("-j", "2", "--only", "optim.adam.golden")
COUNT = 12


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of twelve, graded in peace."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert run("batch", many(folder / "class", COUNT), "-o", folder / "out", *OPTIONS).returncode == 1
    return folder / "out"


def begun(group: Path, out: Path, lines: int) -> subprocess.Popen[str]:
    """A run that has said so many lines; the first one stands before any work."""
    process = started("batch", group, "-o", out, *OPTIONS)
    assert process.stdout is not None
    for _ in range(lines):
        assert process.stdout.readline()
    return process


def ended(process: subprocess.Popen[str]) -> str:
    """What it still said on stderr. Every worker holds these pipes open, so their end is the end of the last one."""
    try:
        _, said = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return said


def whole(out: Path) -> int:
    """How many verdicts there are; each of them must be whole."""
    found = [json.loads(path.read_bytes()) for path in out.glob("submissions/*/results.json")]
    assert all(len(result["tests"]) == 1 for result in found)
    return len(found)


@pytest.mark.parametrize("lines", [1, 4, 8])
def test_after_a_kill_the_rest_is_graded_and_the_outcome_is_the_same(undisturbed: Path, tmp_path: Path, lines: int) -> None:
    killed(undisturbed, tmp_path / "out", lines)


@pytest.mark.long
def test_a_hundred_kills_at_random_moments_change_nothing(undisturbed: Path, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"\nseed {seed}")
    chance = random.Random(seed)
    kept = [killed(undisturbed, tmp_path / f"out{number}", chance.randint(1, COUNT)) for number in range(100)]
    print(f"100 kills, from {min(kept)} to {max(kept)} verdicts kept; the outcome was identical each time")


def killed(undisturbed: Path, out: Path, lines: int) -> int:
    """Kill a run with the worst signal after so many lines, go on, compare; the answer is how many verdicts were kept."""
    group = undisturbed.parent / "class"
    process = begun(group, out, lines)
    process.kill()
    ended(process)
    assert process.returncode in (-signal.SIGKILL, 1)  # 1: it was done before the signal came
    kept = whole(out)
    assert lines - 1 <= kept <= COUNT
    again = run("batch", group, "-o", out, *OPTIONS)
    assert again.returncode == 1
    assert (f"; {kept} kept" in again.stdout) == bool(kept)
    assert outcome(out) == outcome(undisturbed)
    return kept


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order(undisturbed: Path, tmp_path: Path, number: signal.Signals) -> None:
    group, out = undisturbed.parent / "class", tmp_path / "out"
    process = begun(group, out, 3)
    if number is signal.SIGINT:
        os.killpg(process.pid, number)  # a terminal sends Ctrl-C to the workers too
    else:
        process.send_signal(number)
    said = ended(process)
    assert process.returncode == 128 + number
    assert "the same command goes on from here" in said
    assert "Traceback" not in said
    assert 2 <= whole(out) < COUNT
    assert not (out / "grades.csv").exists()
    assert run("batch", group, "-o", out, *OPTIONS).returncode == 1
    assert outcome(out) == outcome(undisturbed)


def test_a_worker_that_is_killed_is_replaced_and_its_submission_graded(undisturbed: Path, tmp_path: Path) -> None:
    process = begun(undisturbed.parent / "class", tmp_path / "out", 2)
    workers = [pid for pid in children(process.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    said = ended(process)
    assert (process.returncode, said) == (1, "")
    assert outcome(tmp_path / "out") == outcome(undisturbed)


def test_a_run_goes_on_when_nobody_listens_any_more(undisturbed: Path, tmp_path: Path) -> None:
    process = begun(undisturbed.parent / "class", tmp_path / "out", 1)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert (process.stderr.read(), process.wait(60)) == ("", 1)
    process.stderr.close()
    assert outcome(tmp_path / "out") == outcome(undisturbed)


def test_two_runs_do_not_share_a_folder(undisturbed: Path, tmp_path: Path) -> None:
    group, out = undisturbed.parent / "class", tmp_path / "out"
    process = begun(group, out, 1)
    process.send_signal(signal.SIGSTOP)  # so that it is still at work, however long the second one takes
    second = run("batch", group, "-o", out, *OPTIONS)
    process.send_signal(signal.SIGCONT)
    assert (second.returncode, second.stdout) == (2, "")
    assert "another run is at work" in second.stderr
    ended(process)
    assert outcome(out) == outcome(undisturbed)


def settings() -> Settings:
    """Settings of a run of one item with the built-in rubric."""

    rubric = load_rubric(HOMEWORK.rubric, HOMEWORK.checks)
    return Settings(HOMEWORK.package, HOMEWORK.rubric, rubric.digest, ("optim.adam.golden",), None, grader_digest(HOMEWORK))


class Deadly(Executor):
    """An executor in whose workers some submissions are fatal: while a file of that name exists, or for ever."""

    def __init__(self, inner: Executor) -> None:
        self._inner = inner

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._inner.submit(deadly, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._inner.shutdown(wait, cancel_futures=cancel_futures)


def deadly(work: Callable[[Settings, Job], Done], settings: Settings, job: Job) -> Done:
    """Grade, or die on the way."""
    assert job.path is not None
    once = job.path.with_name(f"{job.id}.once")
    if once.exists():
        once.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    if job.id.startswith("always"):
        os.kill(os.getpid(), signal.SIGKILL)
    return work(settings, job)


def jobs(folder: Path, *names: str) -> Iterator[Job]:
    """The reference under these names."""
    for name in names:
        sample(folder, "reference").rename(folder / name)
        yield Job(name, folder / name, "")


def test_a_submission_that_ends_its_worker_is_tried_twice_and_others_are_not_charged(tmp_path: Path) -> None:
    (tmp_path / "sometimes.once").touch()
    found: dict[str, Done] = {}
    ours = settings()
    make = batch.processes(ours, batch.GRADING)
    batch.run(
        jobs(tmp_path, "first", "always", "sometimes", "last"),
        2,
        lambda: Deadly(make()),
        ours,
        batch.GRADING,
        lambda job, done: found.update({job.id: done}),
    )
    assert set(found) == {"first", "always", "sometimes", "last"}
    assert found["always"].result is None
    assert found["always"].failed.startswith("given up after 2 tries: BrokenProcessPool")
    assert not (tmp_path / "sometimes.once").exists()
    scores = {name: done.result["score"] for name, done in found.items() if done.result is not None}
    assert scores == {"first": 10, "sometimes": 10, "last": 10}


def test_any_executor_will_do(tmp_path: Path) -> None:
    found: dict[str, Done] = {}
    with ThreadPoolExecutor(1) as shared:
        batch.run(
            jobs(tmp_path, "one", "two", "three"),
            2,
            lambda: Kept(shared),
            settings(),
            batch.GRADING,
            lambda job, done: found.update({job.id: done}),
        )
    assert {name: done.result["score"] for name, done in found.items() if done.result} == {"one": 10, "two": 10, "three": 10}


class Kept(Deadly):
    """A shared executor, as a cluster's client gives: a run does not end it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._inner.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        pass


def test_what_the_grader_failed_at_is_marked_and_tried_again(tmp_path: Path) -> None:
    group = tmp_path / "class"
    group.mkdir()
    sample(group, "reference")
    sample(group, "untouched")
    out = tmp_path / "out"
    run("batch", group, "-o", out, *OPTIONS)
    before = outcome(out)
    path = out / "submissions" / "reference" / "results.json"
    result = json.loads(path.read_bytes())
    result["tests"][0]["extra_data"]["outcome"] = "grader error"
    path.write_text(json.dumps(result))
    again = run("batch", group, "-o", out, *OPTIONS)
    assert "; 1 kept" in again.stdout
    assert outcome(out) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_submission_that_cannot_be_read_is_a_grader_error(tmp_path: Path) -> None:
    group = tmp_path / "class"
    group.mkdir()
    sample(group, "reference")
    sample(group, "nested.zip").chmod(0)
    process = run("batch", group, "-o", tmp_path / "out", *OPTIONS)
    assert process.returncode == 3
    assert "1 grader error" in process.stdout


def test_without_a_way_to_grade_nothing_is_marked(tmp_path: Path) -> None:
    rubric = tmp_path / "rubric.toml"
    rubric.write_text("title = 1\n")
    process = run("batch", SAMPLES, "-o", tmp_path / "out", "--rubric", rubric)
    assert (process.returncode, process.stdout) == (2, "")
    assert not (tmp_path / "out").exists()
