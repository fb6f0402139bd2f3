"""SIGTERM and SIGINT at any moment: a quick end with one plain line, nothing left running or lying about, no write cut in two."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, SAMPLES, Maker
from tests.faults.stage import MIXED, Stage, Watch, at_random_points, children, container, none_left, spent_some_time, verdict

OLD = {"score": 7, "tests": [], "extra_data": {}}


def told(number: int) -> str:
    """The one line."""
    return f"grader: stopped by {signal.Signals(number).name} before it had finished\n"


@at_random_points
def test_a_terminated_container_run_leaves_results_and_nothing_else(stage: Stage, tmp_path: Path, number: int) -> None:
    root = container(tmp_path / "root", MIXED)
    point = stage.point("terminate the container's run", number)
    with Watch(root / "results" / "results.json") as watch, stage.container_run(root, point) as run:
        stopped = run.stopped()
        run.process.terminate()
        run.go()
        status, _, errors = run.finish()
    stage.honest(watch.results())
    assert none_left(stage.source)
    assert [path.name for path in (root / "results").iterdir()] == ["results.json"] * bool(watch.states[-1])
    if watch.states[-1] is not None and stopped:
        assert (status, errors) in ((128 + signal.SIGTERM, told(signal.SIGTERM)), (0, ""))
    elif stopped:  # stopped before it had begun: by the system, or in order if the guard was up
        assert (status, errors) in ((-signal.SIGTERM, ""), (128 + signal.SIGTERM, told(signal.SIGTERM)))


@at_random_points
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_command_leaves_the_old_results_or_the_new(
    stage: Stage, tmp_path: Path, number: int, sent: signal.Signals
) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(OLD))
    with Watch(path) as watch, stage.command_run(tmp_path, stage.point(f"{sent.name} to the command", number)) as run:
        stopped = run.stopped()
        run.process.send_signal(sent)
        run.go()
        status, _, errors = run.finish()
    old, *new = watch.results()
    assert old == OLD
    assert [verdict(result) for result in new] in ([], [verdict(stage.calm)])
    assert none_left(stage.source)
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "stdout.txt", "stderr.txt"}
    if status == 128 + sent:
        assert errors.endswith(told(sent))
        assert "Traceback" not in errors
    else:  # before the guard was up, or once all was done
        assert status in (-sent, 1) or not stopped


def test_a_signal_between_making_a_file_and_knowing_its_name_leaves_no_file(stage: Stage, tmp_path: Path) -> None:
    root = container(tmp_path / "root", MIXED)
    with stage.container_run(root, "w1") as run:
        while run.stopped() and not any(path.name.startswith(".results") for path in (root / "results").iterdir()):
            run.go(one_step=True)
        run.process.terminate()
        run.go()
        assert run.finish() == (128 + signal.SIGTERM, "", told(signal.SIGTERM))
    assert [path.name for path in (root / "results").iterdir()] == ["results.json"]


ENDLESS = "\nwhile True: pass\n"


@pytest.mark.parametrize("kind", ["fork", "spawn"])
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_code_that_never_ends_does_not_outlive_the_grader(
    stage: Stage, tmp_path: Path, make: Maker, kind: str, sent: signal.Signals
) -> None:
    path = make(("deeplearning/optim.py", None, "print('looping', flush=True)" + ENDLESS))
    arguments = ["grade", str(path), "--only", "optim.adam.golden", "--sandbox", kind]
    with (tmp_path / "stderr.txt").open("wb+") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "grader", *arguments], cwd=stage.source, stdout=subprocess.DEVNULL, stderr=errors
        )
        try:
            looping: list[int] = []
            while not any(spent_some_time(pid) for pid in looping):  # it takes 10 s of processor time before it is ended
                assert process.poll() is None
                below = children(process.pid)
                looping = below if kind == "spawn" else [pid for server in below for pid in children(server)]
            process.send_signal(sent)
            assert process.wait(60) == (-sent if sent is signal.SIGKILL else 128 + sent)
        finally:
            process.kill()
            process.wait()
        errors.seek(0)
        assert errors.read().decode() == ("" if sent is signal.SIGKILL else told(sent))
    assert none_left(stage.source)


# The guard itself ----------------------------------------------------------------------------------------------------------


def guarded(body: str, *, ignoring: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run `body`, the inside of a command, under the guard."""
    script = (
        "import os, signal, sys, weakref\nfrom grader.grading.signals import in_order, uninterrupted\n"
        "def kill(number=signal.SIGTERM): os.kill(os.getpid(), number)\n"
        f"def command():\n{body}\nsys.exit(in_order(command))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=None if ignoring is None else lambda: signal.signal(ignoring, signal.SIG_IGN) and None,
    )


def test_a_command_that_is_left_alone_ends_as_it_would() -> None:
    process = guarded("  print('done')\n  return 7")
    assert (process.returncode, process.stdout, process.stderr) == (7, "done\n", "")


def test_a_signal_waits_until_a_block_is_done() -> None:
    body = "  with uninterrupted():\n    with uninterrupted(): kill()\n    print('written')\n  print('not reached')\n  return 0"
    process = guarded(body)
    assert (process.returncode, process.stdout, process.stderr) == (143, "written\n", told(signal.SIGTERM))


def test_what_is_open_is_closed_on_the_way_out() -> None:
    process = guarded("  try: kill(signal.SIGINT)\n  except Exception: print('swallowed')\n  finally: print('closed')\n  return 0")
    assert (process.returncode, process.stdout, process.stderr) == (130, "closed\n", told(signal.SIGINT))


@pytest.mark.parametrize(
    "body",
    [
        "  try: kill()\n  finally:\n    kill()\n    while True: pass",
        "  class A: pass\n  a = A()\n  r = weakref.ref(a, lambda _: kill())\n  del a\n  while True: pass",
        "  class A:\n    def __del__(self): kill()\n  A()\n  while True: pass",
        "  with uninterrupted():\n    kill()\n    kill()\n    while True: pass",
    ],
    ids=["a second one while closing", "dropped by a weak reference", "dropped by a destructor", "a second one while writing"],
)
def test_a_signal_that_does_not_get_through_ends_the_process_at_once(body: str) -> None:
    process = guarded(body)
    assert (process.returncode, process.stdout, process.stderr) == (143, "", told(signal.SIGTERM))


def test_a_signal_after_the_end_changes_nothing() -> None:
    process = guarded("  import atexit\n  atexit.register(kill)\n  return 0")
    assert (process.returncode, process.stderr) == (0, "")


def test_a_signal_this_process_was_told_to_ignore_stays_ignored() -> None:
    process = guarded("  kill(signal.SIGINT)\n  print('done')\n  return 0", ignoring=signal.SIGINT)
    assert (process.returncode, process.stdout, process.stderr) == (0, "done\n", "")


def test_the_command_runs_under_the_guard() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "grader", "grade", SAMPLES / "reference", "-o", "/dev/stdout"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        while not children(process.pid):
            assert process.poll() is None
        process.terminate()
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, output, errors.decode()) == (128 + signal.SIGTERM, b"", told(signal.SIGTERM))
