"""Honest sets of logs: runs of the reference, and the handout's published curves completed to whole files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from grader.homework.files import FIXTURES
from grader.homework.hidden.trajectories import Run
from grader.homework.log_reader import Evidence, History
from grader.homework.published import TRAJECTORIES
from grader.homework.submission_logs import run_lengths
from tests.homework.logfiles import SCHEMES, SEEDS, SIZES, STDS, as_json, npz

ROOT = Path(__file__).resolve().parent.parent.parent
STORED = ROOT / "fixtures" / "logs"  # made by fixtures/seeded_runs.py, one seed each
RULES = ("sgd", "sgd_momentum", "adam", "rmsprop")
COMPARED = [f"sgd_momentum_compare_{rule}_{seed}" for rule in ("sgd", "sgd_momentum") for seed in SEEDS]
OPTIMIZER = [f"optimizer_experiment_{rule}" for rule in RULES]
INITIALIZATION = [f"initialization_experiment_{scheme}" for scheme in SCHEMES]
ARRAYS = {"losses": "train_losses", "train": "train_accs", "val": "val_accs"}

Logs = dict[str, Any]  # file name -> arrays by name (npz) or data (json)


def plain(name: str) -> bool:
    """Whether it is one of the runs with the batch size that the student picks."""
    return name in COMPARED[:3]


def reference() -> Logs:
    """The logs of the reference's own notebook run on the synthetic stand-in, in full size."""
    folder = ROOT / "fixtures" / "submissions" / "reference" / "submission_logs"
    return {
        path.name: json.loads(path.read_text("utf-8")) if path.suffix == ".json" else dict(np.load(path))
        for path in folder.iterdir()
    }


def stored(arrays: Mapping[str, Any], seed: int, **readings: str) -> Logs:
    """One seed's logs from a file of `seeded_runs`; `adam="adam_inside"` takes an experiment's log from another reading.

    The best model's run is left out: it has not the full training set.
    """
    logs: Logs = {}
    for name in (*OPTIMIZER, *COMPARED, *INITIALIZATION):
        rule = name.removeprefix("optimizer_experiment_")
        source = f"optimizer_experiment_{readings[rule]}" if rule in readings else name
        logs[f"{name}.npz"] = {key: arrays[f"{seed}/{source}/{short}"] for short, key in ARRAYS.items()}
    for scheme in SCHEMES:
        logs[f"w_stds_{scheme}.json"] = arrays[f"{seed}/w_stds_{scheme}"].tolist()
    return logs


def published() -> Logs:
    """The reference's logs with the seeded curves of CIFAR-10 as the handout printed them; losses it did not print are made up."""
    table = json.loads((FIXTURES.folder / TRAJECTORIES).read_text("utf-8"))
    logs, draw = reference(), np.random.default_rng(0)
    for name in (*OPTIMIZER, *COMPARED):
        run = table[f"{name} (B=600)" if plain(name) else name][0]
        at = np.array([int(iteration) for iteration in run["loss"]]) - 1
        known = np.array(list(run["loss"].values()))
        every = np.arange(run["iterations"])
        losses = np.interp(every, at, known) + draw.normal(0, 0.08, every.size)
        losses[at] = known
        logs[f"{name}.npz"] = {
            "train_losses": losses,
            "train_accs": np.array(run["train_acc"]),
            "val_accs": np.array(run["val_acc"]),
        }
    return logs


def as_files(logs: Logs) -> dict[str, bytes]:
    """The bytes a student hands in."""
    return {name: npz(**held) if name.endswith(".npz") else as_json(held) for name, held in logs.items()}


def histories(logs: Logs, names: list[str]) -> dict[str, History]:
    """Some of the runs as the trusted side sees them."""
    return {f"{name}.npz": {key: np.asarray(array, np.float64) for key, array in logs[f"{name}.npz"].items()} for name in names}


def known_curves(logs: Logs) -> dict[str, list[Run]]:
    """A set's seeded runs in the form of the published ones: every tenth loss, six decimals, accuracies."""
    curves = {}
    for name in (*OPTIMIZER, *COMPARED):
        held = logs[f"{name}.npz"]
        at = np.arange(1, len(held["train_losses"]) + 1, 10)
        losses = np.round(np.asarray(held["train_losses"], np.float64)[at - 1], 6)
        run = Run(at, losses, np.asarray(held["train_accs"]), np.asarray(held["val_accs"]))
        batch = (len(held["train_accs"]) - 1) * 20
        curves[f"{name} (B={batch})" if plain(name) else name] = [run]
    return curves


def evidence_of(arrays: Mapping[str, Any], seed: int, images: int = 6000) -> dict[str, Evidence]:
    """What the five items would see of one seed in a file of `seeded_runs`, the best model's run included."""
    logs = stored(arrays, seed)
    best = {key: np.asarray(arrays[f"{seed}/best_fc_model/{short}"], np.float64) for short, key in ARRAYS.items()}
    val, test = (float(value) for value in arrays[f"{seed}/accuracies"])
    compared = histories(logs, COMPARED)
    fixed = {f"{name}.npz": (200, 6) for name in (*OPTIMIZER, *INITIALIZATION)}
    plain_runs = {f"{name}.npz": compared[f"{name}.npz"] for name in COMPARED[:3]}
    large = {name: (len(run["train_accs"]) - 1) * 20 for name, run in plain_runs.items()}
    return {
        "optimizer_experiment": Evidence(histories(logs, OPTIMIZER), fixed),
        "sgd_momentum_compare": Evidence(compared, {name: run_lengths(6000, B, B // 20) for name, B in large.items()}, large),
        "initialization_experiment": Evidence(histories(logs, INITIALIZATION), fixed),
        "w_stds": Evidence(stds={f"w_stds_{s}.json": (np.array(logs[f"w_stds_{s}.json"]), STDS[s], SIZES) for s in SCHEMES}),
        "best_model": Evidence(
            {"best_fc_model.npz": best}, {"best_fc_model.npz": run_lengths(images, 200, 3)}, {"best_fc_model.npz": 200},
            results={"val_acc": val, "test_acc": test},
        ),
    }  # fmt: skip
