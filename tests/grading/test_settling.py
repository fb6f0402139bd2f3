"""Some items settled beside others: the same report, whatever becomes of the helper, and nothing left behind."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.grading import apart, settling
from grader.grading.context import Context
from grader.grading.grade import grade
from grader.grading.results import Report
from grader.grading.rubric import Item, Rubric
from grader.homework import HOMEWORK, fc_net
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import collect
from tests.conftest import FC_NET, OPTIM, SAMPLES, SOLVER, Maker
from tests.sandbox.asking import has_ended, processes_of

pytestmark = pytest.mark.skipif(not apart.possible(), reason="this system does not fork as it is needed here")
ONLY = ("optim.adam.golden", "fc_net.init.zero", "fc_net.loss", "solver.training", "logs.best_model")
HELPED, LAST = ONLY[1:3], ONLY[-1]


THREADS = settling._threads


@pytest.fixture(autouse=True)
def no_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a command; those that run the tests hold no lock that matters here."""
    monkeypatch.setattr(settling, "_threads", lambda: 1)


def told(report: Report) -> list[str]:
    """All that a report says, but how long it took."""
    items = tuple(dataclasses.replace(one, seconds=0.0) for one in report.items)
    plain = dataclasses.replace(report, items=items, seconds=0.0)
    return [f"{field.name}: {getattr(plain, field.name)!r}" for field in dataclasses.fields(plain)] + [repr(one) for one in items]


@pytest.fixture
def graded_so(sandbox: Sandbox, rubric: Rubric) -> Callable[..., Report]:
    """Grade a path with the options of `grade`."""

    def grader(path: Path, **options: Any) -> Report:
        with sandbox.session():  # a test before may have ended its server, and without one there is no helper
            pass
        return grade(HOMEWORK, collect(path, HOMEWORK.layout, support=HOMEWORK.support), rubric, sandbox, **options)

    return grader


EDITS: dict[str, list[tuple[str, str | None, str | None]]] = {
    "right": [],
    "all files print, import what is not there, and raise": [
        (OPTIM, None, "import torch\nprint('optim')\ndef adam(w, dw, config=None): raise ValueError('adam')\n"),
        (FC_NET, None, "import sklearn\nprint('net')\nclass FullyConnectedNet:\n    def __init__(self, *a, **k): 1 / 0\n"),
        (SOLVER, None, "import torch\nprint('solver')\nraise LookupError\n"),
    ],
    "one leans on another": [
        (OPTIM, "import numpy as np", "import numpy as np\n\nOF_MINE = 1"),
        (FC_NET, "import numpy as np", "import numpy as np\nfrom deeplearning.optim import OF_MINE"),
    ],
    "one is missing": [(FC_NET, None, None)],
    "a process that crashes": [(FC_NET, None, "import os\nos._exit(3)\n")],
}


@pytest.mark.parametrize("what", EDITS)
@pytest.mark.parametrize("in_child", [False, True], ids=["here", "in a child"])
def test_the_report_is_the_same(what: str, in_child: bool, graded_so: Callable[..., Report], make: Maker) -> None:
    path = make(*EDITS[what])
    alone = graded_so(path, in_child=in_child)
    assert told(graded_so(path, in_child=in_child, beside=True)) == told(alone)


@pytest.fixture
def settled_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], None]], None]:
    """Have something done whenever an item on the network's file is judged, in whatever process that is."""
    honest = fc_net._networks

    def before(what: Callable[[str], None]) -> None:
        def networks(context: Context, *arguments: Any) -> Any:
            what(context.student.item)
            return honest(context, *arguments)

        monkeypatch.setattr(fc_net, "_networks", networks)

    return before


def test_a_helper_has_them_and_this_process_the_others(
    graded_so: Callable[..., Report], settled_in: Callable[[Callable[[str], None]], None], tmp_path: Path
) -> None:
    def note(name: str) -> None:
        with (tmp_path / "notes").open("a") as notes:
            notes.write(f"{name} {os.getpid()}\n")

    settled_in(note)
    begun: list[str] = []
    report = graded_so(SAMPLES / "reference", only=ONLY, beside=True, progress=lambda one: begun.append(one.id))
    assert [one.id for one in report.items] == list(ONLY)
    assert sorted(begun) == sorted(ONLY)
    assert begun[-1] == LAST
    assert {line.split()[1] for line in (tmp_path / "notes").read_text().splitlines()}.isdisjoint({str(os.getpid())})


@pytest.mark.parametrize("in_child", [False, True], ids=["here", "in a child"])
def test_what_a_helper_came_to_harm_with_is_settled_without_one(
    in_child: bool, graded_so: Callable[..., Report], settled_in: Callable[[Callable[[str], None]], None], tmp_path: Path
) -> None:
    died = tmp_path / "died"

    def die_once(_name: str) -> None:
        if not died.exists():
            died.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)

    settled_in(die_once)
    report = graded_so(SAMPLES / "reference", only=ONLY, beside=True, in_child=in_child)
    assert died.read_text() != str(os.getpid())
    assert report.all_passed
    assert [one.id for one in report.items] == list(ONLY)


def test_an_interruption_leaves_neither_helper_nor_student_code(
    sandbox: Sandbox, graded_so: Callable[..., Report], make: Maker
) -> None:
    path = make((FC_NET, None, "while True: pass\n"), (SOLVER, None, "print('x')\n"))
    running: list[int] = []
    before = children()

    def interrupt(one: Item) -> None:
        if one.id == "solver.training":  # the first that is settled here
            deadline = time.monotonic() + 60
            while not running and time.monotonic() < deadline:
                running.extend(os.pidfd_open(pid) for pid in processes_of(sandbox))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        graded_so(path, only=("fc_net.init.zero", "solver.training"), beside=True, progress=interrupt)
    assert running
    for pidfd in running:
        assert has_ended(pidfd)
        os.close(pidfd)
    assert children() == before


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split())


def test_a_process_with_threads_is_not_forked(graded_so: Callable[..., Report], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_work: object) -> None:
        raise AssertionError("forked")

    monkeypatch.setattr(apart, "Child", refused)
    with pytest.raises(AssertionError, match="forked"):
        graded_so(SAMPLES / "reference", only=ONLY, beside=True)
    monkeypatch.setattr(settling, "_threads", lambda: 2)
    assert graded_so(SAMPLES / "reference", only=ONLY, beside=True).all_passed


def test_threads_are_counted() -> None:
    before, done = THREADS(), threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    assert THREADS() == before + 1
    done.set()
    thread.join()


def _items(rubric: Rubric, needs: dict[str, tuple[str, ...]], *names: str) -> list[Item]:
    return [dataclasses.replace(one, needs=needs.get(one.id, ())) for one in rubric.graded if one.id in names]


def test_what_is_settled_beside_what(rubric: Rubric) -> None:
    beside, others = settling.side_by_side(HOMEWORK, rubric.graded)
    assert {name.partition(".")[0] for name in beside} == {"fc_net"}
    assert {name.partition(".")[0] for name in others} == {"optim", "solver"}
    nothing = (frozenset[str](), frozenset[str]())
    assert settling.side_by_side(HOMEWORK, _items(rubric, {}, *HELPED)) == nothing
    assert settling.side_by_side(HOMEWORK, _items(rubric, {}, "optim.adam.golden", LAST)) == nothing
    for name, need in (("fc_net.loss", "optim.adam.golden"), ("optim.adam.golden", "fc_net.loss")):
        assert settling.side_by_side(HOMEWORK, _items(rubric, {name: (need,)}, name, need)) == nothing


def test_where_there_is_one_core_there_is_none_to_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores in ({0}, {0, 1}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid, cores=cores: cores)
        assert (apart.cpus() > 1) is (len(cores) > 1)


@pytest.mark.parametrize("command", ["check", "grade"])
def test_the_commands_say_the_same_on_one_core_and_on_two(command: str) -> None:
    line = [sys.executable, "-m", "grader", command, str(SAMPLES / "only_momentum")]
    one, all_ = (
        subprocess.run(line, capture_output=True, text=True, check=False, timeout=120, preexec_fn=held)
        for held in (lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}), None)
    )
    assert one.stdout.rpartition(" in ")[0] == all_.stdout.rpartition(" in ")[0]
