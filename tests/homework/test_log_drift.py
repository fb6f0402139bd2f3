"""Long: honest runs over seeds, dtypes and BLAS threads are never flagged, every forgery is; prints the table."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.homework.hidden import trajectories
from grader.homework.hidden.log_consistency import oddities
from grader.homework.hidden.trajectories import Run
from tests.homework import logsets
from tests.homework.conftest import Ask, judged
from tests.homework.forgeries import FORGERIES
from tests.homework.logsets import COMPARED, OPTIMIZER, as_files, evidence_of, histories, known_curves, stored

SEEDS = 20
SCRIPT = logsets.ROOT / "fixtures" / "seeded_runs.py"
KINDS = ("optimizer", "compare", "initialization", "best")
OTHER_PYTHON = os.environ.get("OTHER_NUMPY_PYTHON", "")  # an interpreter with another NumPy, where there is one
MACHINES: dict[str, tuple[str, str, dict[str, str]]] = {
    "float32, 1 thread": (sys.executable, "float32", {}),
    "float32, 2 threads": (sys.executable, "float32", {"OPENBLAS_NUM_THREADS": "2"}),
    "float32, oldest kernel": (sys.executable, "float32", {"OPENBLAS_CORETYPE": "Prescott"}),
    "float64, 1 thread": (sys.executable, "float64", {}),
    "float64, 2 threads": (sys.executable, "float64", {"OPENBLAS_NUM_THREADS": "2"}),
} | ({"float32, other NumPy": (OTHER_PYTHON, "float32", {})} if OTHER_PYTHON else {})


def runs(folder: Path, name: str) -> dict[str, Any]:
    """The seeded runs on one machine, really trained."""
    python, dtype, environment = MACHINES[name]
    target = folder / f"{name.replace(' ', '_')}.npz"
    command = [python, "-W", "ignore", str(SCRIPT), "run", str(target), "--seeds", str(SEEDS), "--dtype", dtype, "--kinds", *KINDS]
    subprocess.run(command, env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment}, check=True)
    return dict(np.load(target))


def flagged(arrays: dict[str, Any], known: dict[int, dict[str, list[Run]]]) -> list[str]:
    """What is found in any of the sets; on the stand-in, the seeded curves are held against those of the first machine."""
    found = []
    for seed, curves in known.items():
        for item, evidence in evidence_of(arrays, seed).items():
            found += [f"{seed}: {oddity}" for oddity in oddities(item, evidence) if oddity.name != "trajectory"]
        for item, names in (("optimizer_experiment", OPTIMIZER), ("sgd_momentum_compare", COMPARED)):
            found += [f"{seed}: {text}" for text in trajectories.against(curves, item, histories(stored(arrays, seed), names))]
    return found


@pytest.mark.long
def test_honest_runs_are_never_flagged(tmp_path: Path) -> None:
    first = runs(tmp_path, "float32, 1 thread")
    known = {seed: known_curves(stored(first, seed)) for seed in range(SEEDS)}
    found = {name: flagged(first if arrays is None else arrays, known) for name, arrays in _all(tmp_path)}
    print(f"\n{'honest sets':26}{'sets':>6}{'flagged':>9}")
    for name, lines in found.items():
        print(f"{name:26}{SEEDS:6}{len({line.split(':')[0] for line in lines}):9}")
    assert not any(found.values()), found


def _all(folder: Path) -> list[tuple[str, dict[str, Any] | None]]:
    return [(name, None if name == "float32, 1 thread" else runs(folder, name)) for name in MACHINES]


@pytest.mark.long
def test_every_forgery_is_flagged_by_its_finding(ask: Ask) -> None:
    print(f"\n{'forgery':58}{'seen by':24}{'also by'}")
    missed = []
    for name, forgery in FORGERIES.items():
        forged = logsets.published()
        forgery.make(forged)
        staff = [finding.staff for finding in judged(ask, forgery.item, as_files(forged)).findings]
        names = [line.split(": ")[1] for line in staff if line.startswith("consistency: ")]
        others = ", ".join(other for other in names if other != forgery.finding)
        print(f"{name:58}{forgery.finding if forgery.finding in names else 'MISSED':24}{others}")
        missed += [] if forgery.finding in names else [name]
    print(f"forgeries flagged: {len(FORGERIES) - len(missed)} of {len(FORGERIES)}")
    assert not missed
