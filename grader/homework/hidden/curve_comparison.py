"""Recorded curves against those that the same code gives again, and against what is published.

Seeded runs are held to the bands of `trajectories`, at every iteration. The best model has a band of its own: its softmax starts
at infinity, so equal runs differ by more than any bound until Adam has settled, and are compared from there by stretches. Runs
that nothing seeds are compared in kind. docs/logs.md has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...grading.curves import PublishedCurve
from ...grading.expect import Array
from ..log_reader import HISTORY, History
from .trajectories import BANDS, Run, departed, published, rule_of

LN_10: Final = math.log(10.0)
_NEAR_LN10: Final = 1e-5
_STAYS_NEAR_LN10: Final = 0.01
_SETTLED: Final = 100  # iterations of the best model that are not compared
_STRETCH: Final = 50
_BEST_LOSSES: Final = ((150, 0.45), (math.inf, 0.25))  # (last iteration, largest distance of a stretch's mean)
_BEST_ACCURACY: Final = 0.17  # these three are three times the largest drift between BLAS kernels
_FIRST_LOSS, _BEST_FIRST_ACCURACY = 1e-3, 0.02  # the loss relatively; both were equal wherever measured
_ENDS: Final = 20  # losses at either end of the run from He's weights whose means tell whether it learns
_TELLING: Final = "replayed is"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two curves part: the iteration, 0 where that cannot be said, and a sentence."""

    at: int
    text: str


def difference(group: str, rule: str, recorded: History, replayed: History) -> Difference | None:
    """How a recorded run differs from its replay; None where they agree."""
    apart = _lengths(recorded, replayed)
    with np.errstate(all="ignore"):  # a log may hold any numbers
        if group == "best_model":
            found = _best(recorded, replayed)
        else:
            at, text = departed(recorded, [as_run(replayed)], BANDS[rule], _TELLING)
            found = Difference(at if at <= replayed["train_losses"].size else 0, text) if text else None
    both = [one for one in (found, apart) if one is not None]
    return min(both, key=lambda one: one.at or math.inf, default=None)


def difference_in_kind(scheme: str, recorded: History, replayed: History, *, seeded: bool = False) -> Difference | None:
    """The same for a run that nothing seeds: both start at ln 10 and stay there, or, from He's weights, learn; equal lengths.

    With `seeded` both also begin with the same loss. Later ones are not compared: from He's weights they are too large for a band.
    """
    with np.errstate(all="ignore"):
        if seeded and (apart := _first_losses(recorded, replayed)):
            return apart
        for whose, history in (("recorded", recorded), ("replayed", replayed)):
            losses = history["train_losses"]
            if scheme == "he":
                first, last = losses[:_ENDS], losses[-_ENDS:]
                if not float(np.mean(last)) < float(np.mean(first)):
                    return Difference(0, f"the {whose} losses do not fall: {first.mean():.3f} at first, {last.mean():.3f} at last")
                continue
            off = np.abs(losses - LN_10)
            wide = ~(off <= np.where(np.arange(losses.size) == 0, _NEAR_LN10, _STAYS_NEAR_LN10))
            if wide.any():
                at = int(np.argmax(wide))
                return Difference(at + 1, f"{whose} loss {at + 1} is {losses[at]:.6f}, not ln 10")
    return _lengths(recorded, replayed)


def starts_elsewhere(history: History, replayed: History) -> bool:
    """Whether a run began from other weights or images than its replay did."""
    one, other = (each["train_losses"][:1] for each in (history, replayed))
    return bool(one.size and other.size and not abs(float(one[0] - other[0])) <= BANDS["sgd"].steps[0][1])


def as_run(history: History) -> Run:
    """A run whose every loss is known."""
    losses = history["train_losses"]
    return Run(np.arange(1, losses.size + 1), losses, history["train_accs"], history["val_accs"])


def known(log: str, history: Mapping[str, Array]) -> tuple[Run, ...]:
    """The published runs of a log; for plain SGD in the comparison those of the batch size that its length tells."""
    batch = (history["train_accs"].size - 1) * 20 if history else 0
    return published().get(log) or published().get(f"{log} (B={batch})", ())


def band_around(runs: tuple[Run, ...], rule: str) -> tuple[Array, Array, Array] | None:
    """Iterations, lowest and highest losses within the band around the runs; None where nothing is published."""
    if not runs:
        return None
    at = runs[0].at
    losses = np.array([run.losses for run in runs if np.array_equal(run.at, at)])
    allowed = BANDS[rule].at(at)
    return at, losses.min(axis=0) - allowed, losses.max(axis=0) + allowed


def published_curve(log: str, entries: Mapping[str, int]) -> PublishedCurve | None:
    """What is published of a log's run, of the first machine, with the band around all; see `Homework.published_curve`."""
    batch = (entries.get("train_accs", 1) - 1) * 20
    runs = published().get(log) or published().get(f"{log} (B={batch})", ())
    return curves(runs, rule_of(log))[0] if runs else None


def curves(runs: tuple[Run, ...], rule: str) -> list[PublishedCurve]:
    """The runs as views draw them."""
    area = band_around(runs, rule)
    if area is None:
        return []
    _, low, high = area
    return [PublishedCurve(one.at, one.losses, low, high, {"train_accs": one.train, "val_accs": one.val}) for one in runs]


def _lengths(recorded: History, replayed: History) -> Difference | None:
    for key in HISTORY:
        one, other = recorded[key].size, replayed[key].size
        if one != other:
            at = min(one, other) + 1 if key == "train_losses" else 0
            return Difference(at, f"{one} {key} are recorded, {other} replayed")
    return None


def _first_losses(recorded: History, replayed: History) -> Difference | None:
    for one, other in zip(recorded["train_losses"][:1], replayed["train_losses"][:1], strict=False):
        if one != other and not abs(one - other) <= _FIRST_LOSS * abs(other):
            return Difference(1, f"loss 1 is {one:.6f}, {_TELLING} {other:.6f}")
    return None


def _best(recorded: History, replayed: History) -> Difference | None:
    length = min(recorded["train_losses"].size, replayed["train_losses"].size)
    one, other = recorded["train_losses"][:length], replayed["train_losses"][:length]
    if apart := _first_losses(recorded, replayed):
        return apart
    for start in range(_SETTLED, length - _STRETCH + 1, _STRETCH):
        means = [float(np.mean(curve[start : start + _STRETCH])) for curve in (one, other)]
        allowed = next(bound for last, bound in _BEST_LOSSES if start + _STRETCH <= last)
        if not abs(means[0] - means[1]) <= allowed:
            stretch = f"losses {start + 1} to {start + _STRETCH}"
            text = f"{stretch} have mean {means[0]:.3f}, {_TELLING} {means[1]:.3f} (within {allowed:g})"
            return Difference(start + 1, text)
    for key in ("train_accs", "val_accs"):
        for epoch, (found, wanted) in enumerate(zip(recorded[key], replayed[key], strict=False)):
            allowed = _BEST_ACCURACY if epoch else _BEST_FIRST_ACCURACY
            if not abs(found - wanted) <= allowed + 1e-9:
                return Difference(0, f"{key}[{epoch}] is {found:.3f}, {_TELLING} {wanted:.3f} (within {allowed:g})")
    return None
