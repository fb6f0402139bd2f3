"""Log files as the notebook writes them, made with NumPy and json: one consistent honest set, and changes to it."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import DTypeLike

SCHEMES: Final = ("he", "random", "zero")
SEEDS: Final = (100, 200, 300)
SIZES: Final = [3072 * 50] + 9 * [2500] + [500]
STDS: Final = {"he": [math.sqrt(2 / 3072)] + 10 * [0.2], "random": 11 * [0.01], "zero": 11 * [0.0]}
RESULTS: Final[dict[str, Any]] = {
    "val_acc": 0.503, "test_acc": 0.481, "lr": 1e-3, "num_epochs": 10, "batch_size": 200, "lr_decay": 0.9, "update_rule": "adam",
}  # fmt: skip


def npz(**arrays: Any) -> bytes:
    """The bytes `np.savez` writes; object arrays are pickled, as NumPy would."""
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def history(
    losses: int = 200,
    accuracies: int = 6,
    *,
    dtype: DTypeLike = np.float64,
    train: float = 0.6,
    val: float = 0.5,
    constant: bool = False,
    **replaced: Any,
) -> bytes:
    """One run's log that ends at these accuracies; a keyword with an array's name replaces it, None leaves it out."""
    falling = np.linspace(math.log(10), math.log(10) if constant else 1.2, losses)
    arrays = {
        "train_losses": [dtype(value) for value in falling]
        if isinstance(dtype, type)
        else falling,  # scalars, as a run appends them
        "train_accs": np.round(np.linspace(0.1, train, accuracies), 3),
        "val_accs": np.round(np.linspace(0.1, val, accuracies), 3),
    }
    return npz(**{key: value for key, value in {**arrays, **replaced}.items() if value is not None})


def sgd_lengths(batch: int) -> tuple[int, int]:
    """Losses and accuracies of plain SGD on 6000 images with batch size B for 5·B/100 epochs, counted as the loop runs."""
    losses, accuracies = 0, 0
    for _ in range(5 * batch // 100):
        for iteration in range(max(6000 // batch, 1)):
            losses += 1
            if losses == 1 or iteration == max(6000 // batch, 1) - 1:
                accuracies += 1
    return losses, accuracies


def drawn_stds(scheme: str, seed: int) -> list[float]:
    """The standard deviations of one honest draw of the handout's network."""
    draw = np.random.default_rng(seed)
    return [float(draw.normal(0.0, std, size).astype(np.float32).std()) for std, size in zip(STDS[scheme], SIZES, strict=True)]


def honest(*, batch: int = 300, dtype: DTypeLike = np.float64, seed: int = 0) -> dict[str, bytes]:
    """All log files of one honest run of the notebook, by name."""
    files = {f"optimizer_experiment_{rule}.npz": history(dtype=dtype) for rule in ("sgd", "sgd_momentum", "adam", "rmsprop")}
    for at, run_seed in enumerate(SEEDS):
        final = 0.55 + 0.01 * at
        files[f"sgd_momentum_compare_sgd_momentum_{run_seed}.npz"] = history(300, 6, dtype=dtype, train=final)
        files[f"sgd_momentum_compare_sgd_{run_seed}.npz"] = history(*sgd_lengths(batch), dtype=dtype, train=final - 0.02)
    for scheme in SCHEMES:
        files[f"w_stds_{scheme}.json"] = as_json(drawn_stds(scheme, seed))
        files[f"initialization_experiment_{scheme}.npz"] = history(dtype=dtype, constant=scheme != "he")
    files["best_fc_model.npz"] = history(10 * (49_000 // 200), 11, dtype=dtype, val=RESULTS["val_acc"])
    files["results.json"] = as_json(RESULTS)
    return files


def as_json(value: Any) -> bytes:
    """The bytes of a JSON file."""
    return json.dumps(value).encode("utf-8")


def results(**replaced: Any) -> bytes:
    """results.json with some entries replaced, or left out where None."""
    return as_json({key: value for key, value in {**RESULTS, **replaced}.items() if value is not None})


def but(values: Sequence[float] | np.ndarray[Any, Any], at: int, value: float) -> np.ndarray[Any, Any]:
    """The values with one replaced."""
    changed = np.array(values, dtype=np.float64)
    changed[at] = value
    return changed
