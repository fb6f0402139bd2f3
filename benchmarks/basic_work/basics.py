"""The basic work every runner is given: three golden rules, 22 standard deviations, three solver steps, 17 log files.

Written as plain assertions, the way a course would write them for a common autograder; NumPy alone. The folder named in HOMEWORK
holds `deeplearning/` and `submission_logs/`; golden.json lies beside this file.
"""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

HANDED_IN = Path(os.environ["HOMEWORK"])
FACTS = Path(__file__).resolve().parent / "golden.json"


def grid(start: float, stop: float) -> Any:
    return np.linspace(start, stop, num=20).reshape(4, 5)


def close(found: Any, wanted: Any, limit: float) -> bool:
    wanted = np.asarray(wanted)
    return bool(np.max(np.abs(found - wanted) / np.maximum(1e-8, np.abs(found) + np.abs(wanted))) < limit)


def rule(name: str) -> bool:
    from deeplearning import optim

    config: dict[str, Any] = {
        "sgd_momentum": {"learning_rate": 1e-3, "velocity": grid(0.6, 0.9)},
        "rmsprop": {"learning_rate": 1e-2, "cache": grid(0.6, 0.9)},
        "adam": {"learning_rate": 1e-2, "m": grid(0.6, 0.9), "v": grid(0.7, 0.5), "t": 5},
    }[name]
    wanted = json.loads(FACTS.read_text("utf-8"))[name]
    next_w, kept = getattr(optim, name)(grid(-0.4, 0.6), grid(-0.6, 0.4), config)
    return close(next_w, wanted.pop("next_w"), 1e-6) and all(close(kept[key], value, 1e-6) for key, value in wanted.items())


def initialization(scheme: str) -> bool:
    from deeplearning.classifiers.fc_net import FullyConnectedNet

    net = FullyConnectedNet([50] * 10, initialization=scheme)
    stds = [float(net.params[f"W{layer}"].std()) for layer in range(1, 12)]
    wanted = [math.sqrt(2 / 3072)] + [0.2] * 10 if scheme == "he" else [0.01] * 11
    return all(abs(found - std) / (found + std) < 0.08 for found, std in zip(stds, wanted))  # noqa: B905


def grad_norm() -> bool:
    from deeplearning.classifiers.fc_net import FullyConnectedNet
    from deeplearning.solver import Solver

    X = np.random.default_rng(0).normal(size=(6, 12))
    data = {"X_train": X, "y_train": np.arange(6) % 3, "X_val": X, "y_val": np.arange(6) % 3}
    net = FullyConnectedNet([5], input_dim=12, num_classes=3)
    solver = Solver(net, data, num_epochs=1, batch_size=2, verbose=False)
    solver.train()
    return len(solver.log_grad_norm_history) == 3 and all(value > 0 for value in solver.log_grad_norm_history)


def logs() -> bool:
    folder = HANDED_IN / "submission_logs"
    names = [f"optimizer_experiment_{rule}" for rule in ("sgd", "sgd_momentum", "adam", "rmsprop")]
    names += [f"sgd_momentum_compare_{rule}_{seed}" for rule in ("sgd", "sgd_momentum") for seed in (100, 200, 300)]
    names += [f"initialization_experiment_{scheme}" for scheme in ("he", "random", "zero")] + ["best_fc_model"]
    for name in names:
        with np.load(folder / f"{name}.npz", allow_pickle=False) as file:
            arrays = {key: file[key] for key in ("train_losses", "train_accs", "val_accs")}
        if not (arrays["train_accs"] >= 0).all() or not (arrays["val_accs"] <= 1).all() or not arrays["train_losses"].size:
            return False
    stds = [json.loads((folder / f"w_stds_{scheme}.json").read_text("utf-8")) for scheme in ("he", "random", "zero")]
    return all(len(values) == 11 for values in stds)


sys.path.insert(0, str(HANDED_IN))
EVERYTHING = {
    "momentum": lambda: rule("sgd_momentum"),
    "rmsprop": lambda: rule("rmsprop"),
    "adam": lambda: rule("adam"),
    "he": lambda: initialization("he"),
    "random": lambda: initialization("random"),
    "grad_norm": grad_norm,
    "logs": logs,
}

if __name__ == "__main__":
    assert all(question() for question in EVERYTHING.values())
