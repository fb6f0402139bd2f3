"""A submission's recorded runs: a small record beside its verdict, and figures of them for the class page.

    OUT/submissions/<id>/curves.json    {"best_fc_model.npz": {"train_losses": [[1, 2, …], [2.31, 2.29, …]], …}, …}

Each series is thinned to `POINTS` places and values; null stands for a value that is not finite.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..result import ItemResult
from .curves import Band, Line, Numbers, figure, thinned

FILE: Final = "curves.json"
POINTS: Final = 50
_STARTS: Final = {"train_losses": 1, "train_accs": 0, "val_accs": 0}  # accuracies are taken after iteration 1, then by epoch
_LABELS: Final = {"train_losses": "loss, by iteration", "train_accs": "training accuracy, by epoch",
                  "val_accs": "validation accuracy, by epoch"}  # fmt: skip
_GROUPS: Final = (  # title, what the logs' names start with, names of the lines by what follows
    ("Optimizers", "optimizer_experiment_"),
    ("SGD with momentum, three seeds", "sgd_momentum_compare_sgd_momentum_"),
    ("Plain SGD, three seeds", "sgd_momentum_compare_sgd_"),
    ("Initialization", "initialization_experiment_"),
    ("Best model", "best_fc_model"),
)

Series = tuple[Sequence[float], Sequence[float]]
Record = Mapping[str, Mapping[str, Series]]


@dataclass(frozen=True, slots=True)
class Published:
    """What is published of one log's run: losses at some iterations and accuracies by epoch.

    `low` and `high` are the ends of the band of losses at these iterations.
    """

    at: NDArray[Any]
    losses: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]
    train_accs: NDArray[Any]
    val_accs: NDArray[Any]


def packed(items: Iterable[ItemResult]) -> dict[str, dict[str, list[list[float | None]]]]:
    """The record of what the items' checks read, ready for JSON."""
    return {
        file: {key: _packed(values, _STARTS[key]) for key, values in history.items() if key in _STARTS}
        for item in items
        for file, history in sorted(item.curves.items())
    }


def _packed(values: Numbers, start: int) -> list[list[float | None]]:
    x, y = thinned(range(start, start + len(values)), values, POINTS)
    return [[int(place) for place in x], [float(f"{value:.4g}") if np.isfinite(value) else None for value in y]]


def load(path: Path) -> Record:
    """The record as it was written; empty if there is none or it is damaged."""
    try:
        found = json.loads(path.read_bytes())
        return {
            str(file): {key: (_floats(series[0]), _floats(series[1])) for key, series in history.items() if key in _STARTS}
            for file, history in found.items()
        }
    except (OSError, ValueError, TypeError, AttributeError, LookupError):
        return {}


def _floats(values: Iterable[float | None]) -> list[float]:
    return [float("nan") if value is None else float(value) for value in values]


def figures(record: Record, published: Mapping[str, Published]) -> Iterator[str]:
    """Drawings, runs of one experiment in one. `published` is by log, for plain SGD in the comparison with " (B=400)" behind it."""
    left = {file.removesuffix(".npz"): history for file, history in record.items()}
    for title, prefix in _GROUPS:
        runs = {stem[len(prefix) :] or "loss": left.pop(stem) for stem in sorted(left) if stem.startswith(prefix)}
        if runs:
            known = {name: _known(f"{prefix}{name}", history, published) for name, history in runs.items()}
            yield from _group(title, runs, {name: one for name, one in known.items() if one is not None})


def _known(stem: str, history: Mapping[str, Series], published: Mapping[str, Published]) -> Published | None:
    epochs, _ = history.get("train_accs", ((), ()))
    batch = int(epochs[-1]) * 20 if len(epochs) else 0  # B of plain SGD, which runs for 5·B/100 epochs
    return published.get(stem) or published.get(f"{stem} (B={batch})")


def _group(title: str, runs: Mapping[str, Mapping[str, Series]], known: Mapping[str, Published]) -> Iterator[str]:
    bands = [Band(one.at, one.low, one.high, name) for name, one in known.items()]
    losses = [Line(name, *history["train_losses"], "student") for name, history in runs.items() if "train_losses" in history]
    losses += [Line(name, one.at, one.losses, "published") for name, one in known.items()]
    yield figure(title, losses, bands, y_label=_LABELS["train_losses"])
    if len(runs) == 1 and not known:
        (history,) = runs.values()
        named = {"train_accs": "training", "val_accs": "validation"}
        both = [Line(word, *history[key], "student") for key, word in named.items() if key in history]
        yield figure(title, both, y_label="accuracy, by epoch")
        return
    for key in ("train_accs", "val_accs"):
        lines = [Line(name, *history[key], "student") for name, history in runs.items() if key in history]
        lines += [
            Line(name, range(len(values)), values, "published") for name, one in known.items() if len(values := getattr(one, key))
        ]
        yield figure(title, lines, y_label=_LABELS[key])
