"""The published curves of the handout's seeded runs, and how far an honest log may lie from them.

The bands are measured (docs/logs.md has the figures): tight as long as equal runs agree to rounding, then as wide as independent
machines, BLAS kernels and accepted readings of a rule drift apart. A curve outside is from other data, other code or another seed;
nothing more is said about it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from ...errors import ConfigurationError
from ...grading.expect import Array
from ..files import FIXTURES
from ..log_reader import History
from ..published import TRAJECTORIES
from .log_consistency import judge_curves


@dataclass(frozen=True, slots=True)
class Run:
    """One machine's curve.

    Attributes:
        at: the iterations (from 1) whose losses are known.
        losses: float64, one for each.
        train, val: accuracies after iteration 1 and after each epoch.
    """

    at: Array
    losses: Array
    train: Array
    val: Array


@dataclass(frozen=True, slots=True)
class Band:
    """How far a loss may lie from another run of the same seed.

    Attributes:
        steps: (last iteration, largest distance) in rising order; beyond the last, the last distance holds.
        mean: largest distance of the mean of all losses after iteration 100.
        accuracies: (last epoch, largest distance) likewise; epoch 0 is the check after iteration 1.
    """

    steps: Sequence[tuple[int, float]]
    mean: float
    accuracies: Sequence[tuple[int, float]]

    def at(self, iterations: Array) -> Array:
        """The distance allowed at each iteration."""
        return _stairs(self.steps, iterations)


def _stairs(steps: Sequence[tuple[int, float]], places: Array) -> Array:
    last = np.minimum(np.searchsorted([end for end, _ in steps], places), len(steps) - 1)
    bounds: Array = np.array([bound for _, bound in steps])[last]
    return bounds


# About three times the largest drift measured up to that iteration, and early on more: it may set in at any iteration.
_PLAIN: Final = Band(((1, 2e-5), (5, 1e-3), (11, 3e-3), (31, 0.03), (101, 0.1), (300, 0.15)), 0.03, ((0, 0.005), (60, 0.06)))
_MOMENTUM: Final = Band(
    ((1, 2e-5), (5, 2e-3), (11, 0.01), (21, 0.05), (31, 0.1), (61, 0.3), (300, 0.6)), 0.15, ((0, 0.005), (5, 0.11))
)
# Adam and RMSProp: where a gradient is tiny the place of epsilon decides the step, so accepted readings part at once.
_ADAPTIVE: Final = Band(((1, 2e-5), (2, 0.02), (4, 0.08), (11, 0.25), (31, 0.35), (200, 0.6)), 0.15, ((0, 0.02), (5, 0.14)))
BANDS: Final[Mapping[str, Band]] = {"sgd": _PLAIN, "sgd_momentum": _MOMENTUM, "adam": _ADAPTIVE, "rmsprop": _ADAPTIVE}


def departure(history: History, runs: Sequence[Run], band: Band) -> str:
    """Where `history` leaves the band around every one of the `runs`; "" if one of them explains all of it.

    Told for the run that explains it longest. Iterations and epochs that only one of the two has are not compared.
    """
    return departed(history, runs, band)[1]


def departed(history: History, runs: Sequence[Run], band: Band, telling: str = "known is") -> tuple[int, str]:
    """The same with the iteration where it leaves, or a number beyond the last where no single loss tells; (0, "") if it does not.

    `telling` is what the sentence says before the number it should have been.
    """
    told = [_departure(history, run, band, telling) for run in runs]
    if not told or min(told)[0] == 0:
        return 0, ""
    return max(told, key=lambda one: one[0])


def _departure(history: History, run: Run, band: Band, telling: str) -> tuple[int, str]:
    """(0, "") if it lies within, else the iteration where it leaves, or a later number, and a sentence."""
    losses = history["train_losses"]
    known = run.at <= losses.size
    at, wanted = run.at[known], run.losses[known]
    found = losses[at - 1]
    off = ~(np.abs(found - wanted) <= band.at(at))
    if off.any():
        first = int(np.argmax(off))
        allowed = band.at(at)[first]
        return int(at[first]), f"loss {at[first]} is {found[first]:.6f}, {telling} {wanted[first]:.6f} (within {allowed:g})"
    late = at > 100
    if late.sum() >= 5 and not abs(apart := float(np.mean(found[late] - wanted[late]))) <= band.mean:
        return int(at[-1]) + 1, f"the losses after iteration 100 differ by {apart:+.3f} on average (within {band.mean:g})"
    for shift, (key, accuracies) in enumerate((("train_accs", run.train), ("val_accs", run.val)), start=2):
        length = min(accuracies.size, history[key].size)
        allowed_by_epoch = _stairs(band.accuracies, np.arange(length))
        off = ~(np.abs(history[key][:length] - accuracies[:length]) <= allowed_by_epoch + 1e-9)
        if off.any():
            first = int(np.argmax(off))
            text = f"{key}[{first}] is {history[key][first]:.3f}, {telling} {accuracies[first]:.3f}"
            return int(at[-1]) + shift if at.size else shift, f"{text} (within {allowed_by_epoch[first]:g})"
    return 0, ""


@cache
def published() -> Mapping[str, tuple[Run, ...]]:
    """The published runs by log name, for plain SGD in the comparison with " (B=400)" and the like behind it.

    Raises:
        ConfigurationError: the file is missing, changed or malformed.
    """
    try:
        table = json.loads(FIXTURES.verified(TRAJECTORIES))
        return {name: tuple(_run(entry) for entry in runs) for name, runs in table.items() if name != "note"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"fixtures/{TRAJECTORIES} is not as it should be: {error!r}") from error


def _run(entry: Mapping[str, Mapping[str, float]]) -> Run:
    at = np.array([int(iteration) for iteration in entry["loss"]])
    return Run(at, np.array(list(entry["loss"].values())), np.array(entry["train_acc"]), np.array(entry["val_acc"]))


@judge_curves
def against_published(item: str, histories: Mapping[str, History]) -> Iterator[str]:
    """Sentences on the item's logs that are no run of their seed on CIFAR-10."""
    return against(published(), item, histories)


def against(known: Mapping[str, Sequence[Run]], item: str, histories: Mapping[str, History]) -> Iterator[str]:
    """As `against_published`, with other known runs."""
    for file, history in histories.items():
        stem = file.removesuffix(".npz")
        runs = known.get(stem) or known.get(f"{stem} (B={_batch(history)})", ())
        if runs and not (item == "optimizer_experiment" and _unseeded(known, histories, stem)):
            text = departure(history, runs, BANDS[rule_of(stem)])
            if text:
                yield f"{file}: other data, other code, or other seed: {text}"


def rule_of(stem: str) -> str:
    """The update rule of a log."""
    name = stem.removeprefix("optimizer_experiment_").removeprefix("sgd_momentum_compare_")
    return name.rstrip("0123456789").rstrip("_")


def _batch(history: History) -> int:
    """B of plain SGD in the comparison, which runs for 5·B/100 epochs and leaves one accuracy more."""
    return (history["train_accs"].size - 1) * 20


def _unseeded(known: Mapping[str, Sequence[Run]], histories: Mapping[str, History], stem: str) -> bool:
    """Whether this is one of the two logs that an earlier cell also writes, unseeded, and both start elsewhere.

    Then that cell was run last, and their curves are nobody else's.
    """
    earlier = ("optimizer_experiment_sgd", "optimizer_experiment_sgd_momentum")
    if stem not in earlier or not all(f"{name}.npz" in histories for name in earlier):
        return False
    tight = BANDS["sgd"].steps[0][1]
    for name in earlier:
        first = histories[f"{name}.npz"]["train_losses"][:1]
        if first.size and any(abs(float(first[0]) - float(run.losses[0])) <= tight for run in known.get(name, ())):
            return False
    return True
