"""What grading a class costs: at one and two workers, and as it grows."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Process, command
from benchmarks.record import Figure
from grader.grading.homework import ROOT

_SAMPLES = ROOT / "fixtures" / "submissions"
# A class as it is: most are right, some have slips, a few hand in too little.
_MIX = ("reference", "reference", "in_place", "cs231n_momentum", "reference", "only_momentum", "in_place", "file_missing")
_GROWTH = {1000: "≤ 0.10 s", 10_000: "within 10 % of what each took before"}


def _class(folder: Path, size: int) -> None:
    """`size` submissions, all different."""
    for number in range(size):
        target = folder / f"submission_{number:05}"
        shutil.copytree(_SAMPLES / _MIX[number % len(_MIX)], target)
        optim = target / "deeplearning" / "optim.py"
        if optim.is_file():
            optim.write_text(f"{optim.read_text('utf-8')}\n# {number}\n", "utf-8")


def _graded(submissions: Path, out: Path, workers: int) -> Process:
    line: list[str | Path] = [sys.executable, "-m", "grader", "batch", submissions, "-o", out, "-j", str(workers)]
    process = command(line, ROOT)
    assert process.code in (0, 1), process
    shutil.rmtree(out)
    return process


def throughput(options: argparse.Namespace) -> list[Figure]:
    """Submissions a minute and CPU each, at one worker and two, in turn."""
    with tempfile.TemporaryDirectory() as scratch:
        submissions, out = Path(scratch) / "class", Path(scratch) / "out"
        _class(submissions, options.size)
        runs = [(_graded(submissions, out, 1), _graded(submissions, out, 2)) for _ in range(2)]
    figures = []
    for workers, found in ((1, [one for one, _ in runs]), (2, [two for _, two in runs])):
        best = min(found, key=lambda process: process.wall)
        said = f"{60 * options.size / best.wall:.0f} submissions a minute, {best.cpu / options.size:.3f} CPU s each"
        print(f"  {workers} worker(s): {said}, largest process {best.memory / 2**20:.0f} MB")
        figures.append(
            Figure(f"batch.{workers}", f"class of {options.size}, mixed, {'one worker' if workers == 1 else 'two workers'}", said)
        )
    speedups = ", ".join(f"{one.wall / two.wall:.2f}" for one, two in runs)
    print(f"  2 workers : 1 worker   {speedups} (each pair in turn)")
    return [*figures, Figure("batch.speedup", "two workers: one", f"{speedups} times as fast", target="≥ 1.85")]


def growth(options: argparse.Namespace) -> list[Figure]:
    """Time per submission and peak memory as the class grows, at two workers: all in all, and for each further one."""
    figures = []
    before: tuple[int, Process] | None = None
    for size in sorted(options.sizes):
        with tempfile.TemporaryDirectory() as scratch:
            _class(Path(scratch) / "class", size)
            process = _graded(Path(scratch) / "class", Path(scratch) / "out", 2)
        said = f"{process.wall / size:.3f} s and {process.cpu / size:.3f} CPU s each"
        if before is not None:
            more, (_, smaller) = size - before[0], before
            said += f"; beyond {before[0]:,} {(process.wall - smaller.wall) / more:.3f} s and "
            said += f"{(process.cpu - smaller.cpu) / more:.3f} CPU s"
        said += f"; largest process {process.memory / 2**20:.0f} MB"
        print(f"  {size:>6,} submissions: {said}", flush=True)
        figures.append(Figure(f"growth.{size}", f"class of {size:,}, mixed, two workers", said, target=_GROWTH.get(size, "")))
        before = size, process
    return figures
