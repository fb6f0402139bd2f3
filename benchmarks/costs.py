"""What grading one submission costs: against no isolation, item by item, one call, and from a cold start."""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import pstats
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.floors import Bare
from benchmarks.measure import Process, Spread, children_cpu, command, cpu, interleaved, ratio
from benchmarks.record import Figure, compared
from grader.grading.grade import grade, judge_of_many, sandbox
from grader.grading.homework import ROOT
from grader.grading.rubric import Rubric, load_rubric
from grader.grading.settling import Judge
from grader.homework import HOMEWORK
from grader.sandbox.policy import Layer, Level, Limits
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import Submission, collect
from tests.commands.conftest import laid_over, unpacked
from tests.conftest import run

REFERENCE = ROOT / "fixtures" / "submissions" / "reference"
_BARE_FORK = [layer for layer in Layer if layer not in (Layer.PROCESS, Layer.ENVIRONMENT, Layer.NO_NEW_PRIVS, Layer.RLIMITS)]
_TARGETS = {"everything": "≤ 1.35"}
_SOURCE = b"import numpy as np\ndef f(w): return w - 0.1 * w\n"


def _work() -> tuple[Submission, Rubric, dict[str, list[str]]]:
    rubric = load_rubric(HOMEWORK.rubric, HOMEWORK.checks)
    ids = [item.id for item in rubric.graded]
    basic = [
        name
        for name in ids
        if name.endswith(".golden") or ".init." in name or name == "solver.grad_norm" or name.startswith("logs.")
    ]
    sets = {
        "golden, init, grad norm, logs": basic,
        "all but behaviour": [name for name in ids if not name.endswith(".behaviour")],
        "everything": ids,
    }
    return collect(REFERENCE, HOMEWORK.layout, support=HOMEWORK.support), rubric, sets


def cost(options: argparse.Namespace) -> list[Figure]:
    """CPU per submission, warm: hardened, with the answers judged in a process apart as a class does, in plain forks, and in this
    very process without any isolation."""
    submission, rubric, sets = _work()
    figures = []
    floor: Spread | None = None
    with (
        sandbox(HOMEWORK, Level.STAFF, many=True) as hardened,
        sandbox(HOMEWORK, Level.STUDENT, disabled=_BARE_FORK, many=True) as forked,
        Bare() as bare,
        closing(judge_of_many(HOMEWORK, rubric, hardened)) as judge,
    ):
        for name, only in sets.items():

            def spent(within: Any, only: Sequence[str] = only, judge: Judge | None = None) -> Callable[[], float]:
                def once() -> float:  # the clock tick of a child's CPU time is coarse, so several gradings make one figure
                    before = cpu()
                    for _ in range(5):
                        assert grade(HOMEWORK, submission, rubric, within, only=only, judge=judge).all_passed
                    return (cpu() - before) / 5

                return once

            things = {
                "hardened": spent(hardened),
                "judged": spent(hardened, judge=judge),
                "forked": spent(forked),
                "bare": spent(bare),
            }
            found = interleaved(options.runs, things)
            floor = floor or found["bare"]
            print(f"{name} ({len(only)} items), CPU per submission:")
            for kind, spread in found.items():
                print(f"  {kind:<9} {spread.shown()}")
            print(f"  hardened : same checks without isolation   {ratio(found['hardened'], found['bare'])}")
            print(f"  hardened : plain fork                       {ratio(found['hardened'], found['forked'])}")
            print(f"  hardened, judged apart : hardened           {ratio(found['judged'], found['hardened'])}")
            print(f"  hardened : first floor above                {ratio(found['hardened'], floor)}")
            key, title = f"cost.{name.split(',')[0].replace(' ', '_')}", f"{name}, {len(only)} items, CPU"
            for last, one, other, what, target in (
                ("bare", "hardened", "bare", ": without isolation", _TARGETS.get(name, "")),
                ("forked", "hardened", "forked", ": in plain forks", ""),
                ("judged", "judged", "bare", ", judged apart as in a class: without isolation", ""),
            ):
                figures.append(compared(f"{key}.{last}", f"{title}{what}", found[one], found[other], target, held=True))
    return figures


def warm_basic() -> Generator[float, None, None]:
    """CPU seconds of the golden, init, grad norm and logs items of one submission after another, as a class is graded; endless."""
    submission, rubric, sets = _work()
    only = next(iter(sets.values()))
    with sandbox(HOMEWORK, Level.STAFF, many=True) as within, closing(judge_of_many(HOMEWORK, rubric, within)) as judge:
        grade(HOMEWORK, submission, rubric, within, only=only, judge=judge)
        while True:
            before = cpu()
            for _ in range(5):
                grade(HOMEWORK, submission, rubric, within, only=only, judge=judge)
            yield (cpu() - before) / 5


def call(options: argparse.Namespace) -> list[Figure]:
    """One sandboxed call with every layer against the same in a bare fork: new process, one module, one function, the end."""
    with Sandbox(Level.STAFF) as hardened, Sandbox(Level.STUDENT, disabled=_BARE_FORK) as bare:

        def once(within: Sandbox) -> float:
            started = time.perf_counter()
            with within.session() as session:
                session.load({"m.py": _SOURCE})
                session.fetch(session.module("m").attr("f")(1.0))
            return time.perf_counter() - started

        found = interleaved(10 * options.runs, {"hardened": lambda: once(hardened), "bare": lambda: once(bare)})
    print(f"  hardened  {found['hardened'].shown()}\n  bare fork {found['bare'].shown()}")
    print(f"  ratio     {ratio(found['hardened'], found['bare'])}")
    return [compared("call.hardened", "one hardened call: one in a bare fork", found["hardened"], found["bare"])]


def items(options: argparse.Namespace) -> list[Figure]:
    """CPU and wall clock of each item asked alone, in a process of its own: the sum is more than the whole."""
    submission, rubric, _ = _work()
    with sandbox(HOMEWORK, Level.STAFF, many=True) as within:
        for item in rubric.graded:
            grade(HOMEWORK, submission, rubric, within, only=[item.id])
            runs = max(options.runs // 2, 1)
            own, server = time.process_time(), children_cpu()
            walls = []
            for _ in range(runs):
                started = time.perf_counter()
                grade(HOMEWORK, submission, rubric, within, only=[item.id])
                walls.append(time.perf_counter() - started)
            own, server = time.process_time() - own, children_cpu() - server
            print(
                f"  {item.id:<32} grader {1e3 * own / runs:6.1f}   sandbox {1e3 * server / runs:6.1f}   "
                f"wall {1e3 * statistics.median(walls):6.1f} ms"
            )
    return []


def reading(options: argparse.Namespace) -> list[Figure]:
    """All logs of a submission opened in a warm sandboxed process and brought over, against plain np.load and json.loads here."""
    submission, _, _ = _work()
    readers = {name: "read_npz" if name.endswith(".npz") else "read_json" for name in submission.logs}
    with sandbox(HOMEWORK, Level.STAFF, many=True) as within, within.session(Limits(wall=600.0, cpu=600)) as session:
        session.load({"log_decoders.py": HOMEWORK.source("log_decoders.py")})
        module = session.module("log_decoders")

        def sandboxed() -> float:
            started = time.perf_counter()
            session.fetch(*(module.attr(reader)(submission.logs[name]) for name, reader in readers.items()))
            return time.perf_counter() - started

        def plain() -> float:
            started = time.perf_counter()
            for name, data in submission.logs.items():
                if name.endswith(".npz"):
                    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                        _ = {key: archive[key] for key in archive.files}
                else:
                    json.loads(data)
            return time.perf_counter() - started

        found = interleaved(5 * options.runs, {"sandboxed": sandboxed, "plain": plain})
    print(f"  {len(readers)} files: sandboxed {found['sandboxed'].shown()}, plain {found['plain'].shown()}")
    print(f"  ratio {ratio(found['sandboxed'], found['plain'])}")
    what = f"{len(readers)} logs read in the sandbox: np.load and json.loads here"
    return [compared("reading.logs", what, found["sandboxed"], found["plain"])]


def cold(options: argparse.Namespace) -> list[Figure]:
    """Whole processes: `run_autograder` on the reference, the self-check here and in a student's copy, and `import numpy`.

    All of them with bytecode that is there already, as from anybody's second start on. CPU is held against NumPy with one BLAS
    thread: more of them only wait for work, and how long depends on who else uses the cores.
    """
    numpy: list[str | Path] = [sys.executable, "-c", "import numpy"]
    check: list[str | Path] = [sys.executable, "-m", "grader", "check"]
    code: list[str | Path] = ["--only", "optim,fc_net,solver"]
    with tempfile.TemporaryDirectory() as made:
        zipped = Path(made) / "handout.zip"
        run("build", "handout", "-o", zipped).check_returncode()
        handout = laid_over(unpacked(zipped, Path(made)), REFERENCE)
        lines: dict[str, tuple[Path, list[str | Path]]] = {
            "import numpy": (ROOT, numpy),
            "one BLAS thread": (ROOT, numpy),
            "run_autograder": (ROOT, [ROOT / "run_autograder", REFERENCE]),
            "check": (ROOT, [*check, REFERENCE]),
            "check, code only": (ROOT, [*check, REFERENCE, *code]),
            "handout's check": (handout, check),
            "handout's check, code only": (handout, [*check, *code]),
        }
        finished: dict[str, list[Process]] = {name: [] for name in lines}
        for number in range(options.runs + 1):
            for name, (folder, line) in lines.items():
                threads = {"OPENBLAS_NUM_THREADS": "1"} if name == "one BLAS thread" else {}
                process = command(line, folder, {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": "", **threads})  # no other copy
                assert process.code in (0, 1), name
                if number:  # the first round warms caches
                    finished[name].append(process)
    targets = {"run_autograder": "≤ 4.5"} | {name: "≤ 2.7" if "only" in name else "≤ 3.0" for name in lines if "check" in name}
    figures = []
    for what, yardstick in (("wall", "import numpy"), ("cpu", "one BLAS thread")):
        spreads = {name: Spread(tuple(getattr(process, what) for process in found)) for name, found in finished.items()}
        for name, spread in spreads.items():
            against = f"   : {yardstick} {ratio(spread, spreads[yardstick])}" if name in targets else ""
            print(f"  {what:<5}{name:<28}{spread.shown():<34}{against}")
        for name, target in targets.items():
            clock, held = ("CPU", True) if what == "cpu" else ("wall clock", False)
            title = f"`{name}`, cold: {'import numpy' if not held else 'import numpy with one BLAS thread'}, {clock}"
            short = name.replace(", code only", "_code").replace("run_autograder", "grade").replace("handout's ", "handout_")
            figures.append(
                compared(f"cold.{short}.{what}", title, spreads[name], spreads[yardstick], "" if held else target, held=held)
            )
    return figures


def profile(options: argparse.Namespace) -> list[Figure]:
    """Where the grader's own time goes, everything graded; waiting for the sandbox shows as poll."""
    submission, rubric, _ = _work()
    with sandbox(HOMEWORK, Level.STAFF, many=True) as within:
        grade(HOMEWORK, submission, rubric, within)
        profiler = cProfile.Profile()
        profiler.enable()
        for _ in range(options.runs):
            grade(HOMEWORK, submission, rubric, within)
        profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(12)
    return []
