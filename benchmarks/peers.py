"""The same basic work given to other autograders, set up as their documentation says, each in a virtual environment of its own.

    DIR/gradescope-utils   pip install gradescope-utils numpy
    DIR/otter-grader       pip install otter-grader numpy ipykernel
    DIR/check50            pip install check50 numpy; it also wants git

`basic_work/basics.py` is the work: three golden rules, 22 standard deviations, three solver steps, 17 log files. A peer that is not
there is passed over, with a word.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import costs
from benchmarks.measure import Spread, command
from benchmarks.record import Figure
from grader.grading.homework import ROOT
from grader.homework import HOMEWORK

_WORK = Path(__file__).with_name("basic_work")
_TARGETS = {"gradescope-utils": "≥ 4.5", "otter-grader": "≥ 50"}
_QUESTIONS = ("momentum", "rmsprop", "adam", "he", "random", "grad_norm", "logs")


def compare(options: argparse.Namespace) -> list[Figure]:
    """CPU seconds of whole processes, in turn: each peer, and this grader's golden, init, grad norm and logs items."""
    if options.venvs is None:
        print("  skipped: name the folder with the peers' virtual environments (--venvs)")
        return []
    venvs = options.venvs.resolve()
    only = "optim.sgd_momentum.golden,optim.rmsprop.golden,optim.adam.golden,fc_net.init,solver.grad_norm,logs"
    with tempfile.TemporaryDirectory() as scratch:
        homework, tools = Path(scratch) / "homework", Path(scratch) / "tools"
        shutil.copytree(HOMEWORK.starter / "deeplearning", homework / "deeplearning")
        shutil.copytree(ROOT / "fixtures" / "submissions" / "reference", homework, dirs_exist_ok=True)
        shutil.copytree(_WORK, tools)
        shutil.copyfile(HOMEWORK.fixtures.folder / "golden.json", tools / "golden.json")
        lines: dict[str, list[str | Path]] = {
            "run_autograder": [ROOT / "run_autograder", homework, "--only", only],
            "run_autograder, everything": [ROOT / "run_autograder", homework],
        }
        python = venvs / "gradescope-utils" / "bin" / "python"
        if python.exists():
            lines["plain python"] = [python, tools / "basics.py"]
            lines["gradescope-utils"] = [python, tools / "with_gradescope_utils.py", Path(scratch) / "gs.json"]
        else:
            print(f"  gradescope-utils: skipped, {python} is not there")
        otter = venvs / "otter-grader" / "bin" / "otter"
        if otter.exists():
            lines["otter-grader"] = _otter(otter, Path(scratch), tools)
        else:
            print(f"  otter-grader: skipped, {otter} is not there")
        check50 = venvs / "check50" / "bin" / "check50"
        if check50.exists():
            lines["check50"] = _check50(check50, Path(scratch), tools)
        else:
            print(f"  check50: skipped, {check50} is not there")
        environment = {"HOMEWORK": str(homework), "PATH": f"{otter.parent}:/usr/bin:/bin"}
        found: dict[str, list[float]] = {name: [] for name in ("this grader, in a class run", *lines)}
        warm = costs.warm_basic()
        for number in range(options.runs + 1):
            found["this grader, in a class run"].append(next(warm))
            for name, line in lines.items():
                process = command(line, homework, environment)
                assert process.code == 0, (name, process)
                if number:
                    found[name].append(process.cpu)
        warm.close()
        _right(Path(scratch))
    versions = _versions(venvs)
    ours = Spread(tuple(found["this grader, in a class run"])).median
    figures = []
    for name, values in found.items():
        spread = Spread(tuple(values))
        print(f"  {name:<28} CPU {spread.shown():<36} : class run {spread.median / ours:.1f}")
        said = f"{1e3 * spread.median:.0f} : {1e3 * ours:.0f} ms, {spread.median / ours:.1f}"
        what = f"{name}{versions.get(name, '')}, CPU: this grader's in a class run"
        figures.append(Figure(f"peers.{name}", what, said, target=_TARGETS.get(name, "")))
    return figures[1:]


def _otter(otter: Path, scratch: Path, tools: Path) -> list[str | Path]:
    """Make an autograder zip and a notebook for otter-grader; the command that grades it."""
    tests = scratch / "tests"
    tests.mkdir()
    for name in _QUESTIONS:
        case = {"code": f">>> bool(EVERYTHING['{name}']())\nTrue", "hidden": False, "locked": False}
        suite = {"cases": [case], "scored": True, "setup": "", "teardown": "", "type": "doctest"}
        test = {"name": name, "points": 1, "suites": [suite]}
        (tests / f"{name}.py").write_text(f"OK_FORMAT = True\ntest = {test!r}\n", "utf-8")
    source = [f"import sys\nsys.path.insert(0, {str(tools)!r})\nfrom basics import EVERYTHING"]
    cell: dict[str, Any] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "a",
        "metadata": {},
        "outputs": [],
        "source": source,
    }
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (scratch / "homework.ipynb").write_text(json.dumps(notebook), "utf-8")
    archive, out = scratch / "autograder.zip", scratch / "otter"
    out.mkdir()
    make: list[str | Path] = [otter, "generate", "-t", tests, "--no-environment", "-o", archive]
    subprocess.run(make, cwd=scratch, check=True, capture_output=True)
    return [otter, "run", "-a", archive, "-o", out, "--no-logo", scratch / "homework.ipynb"]


def _check50(check50: Path, scratch: Path, tools: Path) -> list[str | Path]:
    """Put check50's package of checks together; the command that runs them on the folder it is started in."""
    package = scratch / "package"
    shutil.copytree(_WORK / "check50_package", package)
    for name in ("basics.py", "golden.json"):
        shutil.copyfile(tools / name, package / name)
    quiet: list[str | Path] = ["--log-level", "error", "-o", "json", "--output-file", scratch / "check50.json"]
    return [check50, "--dev", *quiet, package]


def _versions(venvs: Path) -> dict[str, str]:
    """Of each peer, and of the NumPy it runs with: " 1.0 (NumPy 2.0)"."""
    told = "import sys; from importlib.metadata import version as v; print(f' {v(sys.argv[1])} (NumPy {v(\"numpy\")})')"
    found = {}
    for name in ("gradescope-utils", "otter-grader", "check50"):
        python = venvs / name / "bin" / "python"
        if python.exists():
            done = subprocess.run([python, "-c", told, name], check=True, capture_output=True, text=True)
            found[name] = done.stdout.rstrip()
    return found


def _right(scratch: Path) -> None:
    """Make sure the peers did the work: full marks."""
    if (scratch / "check50.json").exists():
        checks = json.loads((scratch / "check50.json").read_text("utf-8"))["results"]
        assert [check["passed"] for check in checks] == [True] * len(_QUESTIONS), checks
    for path in (scratch / "gs.json", scratch / "otter" / "results.json"):
        if path.exists():
            tests = [test for test in json.loads(path.read_text("utf-8"))["tests"] if test.get("max_score")]
            assert sum(test["score"] for test in tests) == len(_QUESTIONS), path
