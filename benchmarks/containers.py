"""The whole of Gradescope's call in its smallest container: half a core, 768 MB, the capabilities that Docker leaves.

The container is the stand-in for the harness in `tests/packaging/gradescope_harness.py`: control groups hold it as Docker would.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.costs import REFERENCE
from benchmarks.measure import Spread
from benchmarks.record import Figure
from grader.grading.homework import ROOT
from grader.homework.files import FC_NET, OPTIM, SOLVER
from tests.packaging.gradescope_harness import Graded, Image


def container(options: argparse.Namespace) -> list[Figure]:
    """Seconds from the harness's command to its end: the reference, and a submission in which every function never returns."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        subprocess.run(
            [sys.executable, "-m", "grader", "build", "autograder", "-o", folder / "autograder.zip"],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        image = Image(folder / "autograder")
        image.root.mkdir()
        built = image.build(folder / "autograder.zip", GRADER_VENV=sys.prefix)
        if built.returncode:
            raise SystemExit(built.stdout + built.stderr)
        image.grade(REFERENCE)
        runs = [image.grade(REFERENCE) for _ in range(max(options.runs, 2))]
        assert all(run.results["score"] == 100 for run in runs), runs[0]
        quick = Spread(tuple(run.figures.seconds for run in runs))
        slow = image.grade(_endless(folder / "endless"))
    print(f"  the reference           {quick.shown(1, 's')}; {runs[0].figures}")
    print(f"  every function endless  {slow.figures}; {_outcomes(slow)}")
    call = "Gradescope's whole call, 0.5 CPU and 768 MB"
    return [
        Figure("container.reference", f"{call}: the reference", quick.shown(1, "s"), target="≤ 3 s"),
        Figure("container.endless", f"{call}: no function returns", f"{slow.figures.seconds:.0f} s", target="≤ 60 s"),
    ]


def _endless(target: Path) -> Path:
    """The reference with an endless loop at the head of each function that students write."""
    shutil.copytree(REFERENCE, target)
    for file in (OPTIM, FC_NET, SOLVER):
        path = target / file
        path.write_text(re.sub(r'(\n( *)def \w+\([^)]*\):\n(?: *"""(?:.|\n)*?"""\n)?)', _loop, path.read_text("utf-8")), "utf-8")
    return target


def _loop(head: re.Match[str]) -> str:
    return f"{head[1]}{head[2]}    while True:\n{head[2]}        pass\n"


def _outcomes(graded: Graded) -> str:
    found = Counter(str(test["extra_data"]["outcome"]) for test in graded.results["tests"])
    return ", ".join(f"{count} {outcome}" for outcome, count in found.most_common())
