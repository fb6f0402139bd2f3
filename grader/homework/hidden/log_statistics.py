"""What an honest training log cannot look like: bounds that follow from how the notebook draws batches and counts images.

Every function looks at plain arrays and returns a sentence, or "" where nothing is odd. docs/logs.md derives each bound and the
probability with which an honest log crosses it; none depends on what the network learns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from ...grading.expect import Array

COUNTED: Final = 1000  # images an accuracy is taken on, in training (a draw), validation and test alike
_Z: Final = 6.0  # one-sided normal tail 1e-9
# Z. Lin, R. Memisevic and K. Konda, "How far can we go without convolution" (2015), arXiv:1511.02580: about 0.70 on CIFAR-10
# without other data or deformed images, with far larger networks than this one.
_KNOWN: Final = 0.70
_RARE: Final = 1e-7
_NOISY: Final = 0.25  # share of turning points below which there is no batch noise; noise alone gives 2/3
_MOST_EPOCHS: Final = 1_000  # that are looked at one by one; nobody trains a network of this size for as many
_SHARED: Final = 4  # equal consecutive losses that two different runs do not have


def off_grid(values: Array) -> str:
    """An accuracy is a count of 1000 images, so a multiple of 1/1000; a float32 history is off by up to 6e-5 of a step."""
    steps = values * COUNTED
    off = ~(np.abs(steps - np.rint(steps)) <= 1e-3)
    return f"entry {int(np.argmax(off))} is {values[np.argmax(off)]:.10g}, no multiple of 1/1000" if off.any() else ""


def impossible_losses(losses: Array, *, may_be_infinite: bool) -> str:
    """A softmax loss is never negative, and finite unless the scores are large."""
    wrong = ~(losses >= 0) if may_be_infinite else ~((losses >= 0) & np.isfinite(losses))
    return f"loss {int(np.argmax(wrong))} is {losses[np.argmax(wrong)]:g}" if wrong.any() else ""


def rounded(values: Array) -> str:
    """Whether all values are decimals of few places, which values that a run computed are not.

    A value computed in float32 or better lies within `tol` (its own rounding) of a multiple of 10^-d with probability 2·tol·10^d.
    """
    finite = values[np.isfinite(values) & (values != 0)]
    for places in range(1, 7):
        scaled = np.abs(finite) * 10.0**places
        tolerance = np.maximum(scaled * 2.0**-23, 1e-9)
        usable = tolerance < 0.3
        odds = float(np.sum(np.log(2 * tolerance[usable])))
        if odds < math.log(1e-12) and np.all(np.abs(scaled - np.rint(scaled))[usable] <= tolerance[usable]):
            return f"all values have at most {places} decimal places"
    return ""


def without_noise(losses: Array) -> str:
    """The losses of small batches go up and down: of three neighbours the middle one is an extreme two times in three.

    For batches of up to 1000 images, where the noise of a batch is larger than what one step improves.
    """
    finite = losses[np.isfinite(losses)]
    if finite.size < 60:
        return ""
    steps = np.sign(np.diff(finite))
    turns = int(np.sum(steps[1:] * steps[:-1] < 0))
    if turns >= _NOISY * (finite.size - 2):
        return ""
    return f"the losses turn {turns} times in {finite.size} iterations; mini-batches give about {2 * (finite.size - 2) // 3}"


def equal_draws(train_accs: Array) -> str:
    """Training accuracies are taken on a new draw of 1000 images each time and are not equal again and again.

    n equal values have at most the probability (largest binomial probability)^(n-1).
    """
    p = float(train_accs[0]) if train_accs.size else 0.0
    if train_accs.size < 2 or not 0 < p < 1 or np.any(np.abs(train_accs - p) > 1e-4):
        return ""
    mode = 1.0 / math.sqrt(2 * math.pi * COUNTED * p * (1 - p))
    if (train_accs.size - 1) * math.log(mode) > math.log(2 * _RARE):
        return ""
    return f"all {train_accs.size} training accuracies are {p:g}, though each is taken on a new draw"


def above_train(train_accs: Array, val_accs: Array) -> str:
    """Validation images are new to the network: beyond the noise of two counts they are not recognised better."""
    length = min(train_accs.size, val_accs.size)
    train, val = train_accs[:length], val_accs[:length]
    ahead = (val - train) > _Z * _noise((val + train) / 2)
    if not ahead.any():
        return ""
    at = int(np.argmax(ahead))
    return f"validation accuracy {at} is {val[at]:g}, training accuracy {at} only {train[at]:g}"


def tested_above(val_acc: float, test_acc: float) -> str:
    """The test accuracy is not above the best validation accuracy beyond the noise of two counts."""
    if not test_acc - val_acc > _Z * float(_noise(np.array((val_acc + test_acc) / 2))):
        return ""
    return f"test_acc = {test_acc:g} is far above val_acc = {val_acc:g}"


def beyond_known(accuracy: float) -> str:
    """Fully connected networks that see nothing but these training images reach some 0.70 on new ones (see `_KNOWN`)."""
    if not accuracy > _KNOWN + _Z * math.sqrt(_KNOWN * (1 - _KNOWN) / COUNTED):
        return ""
    return (
        f"{accuracy:g} is more than any network of this kind is known to reach ({_KNOWN:g}), and no log can bear that out: run it "
        "again (--replay) or ask to see it trained"
    )


def below_errors(losses: Array, train_accs: Array) -> str:
    """An image that is not recognised costs at least ln 2: the true class has at most half the probability.

    So (1 - accuracy)·ln 2 bounds the mean loss from below. Held against the mean of the last tenth of each epoch, where the noise
    of the accuracy (6 standard deviations) is granted; honest runs lie above the bound by a factor of 2 and more.
    """
    epochs = train_accs.size - 1
    if not 1 <= epochs <= _MOST_EPOCHS or losses.size % epochs:
        return ""
    per_epoch = losses.size // epochs
    span = max(per_epoch // 10, 5)
    if per_epoch < 2 * span:
        return ""
    for epoch in range(1, epochs + 1):
        accuracy = float(train_accs[epoch])
        mean = float(np.mean(losses[epoch * per_epoch - span : epoch * per_epoch]))
        least = (1 - accuracy - _Z * float(_noise(np.array(accuracy)))) * math.log(2)
        if mean < least:
            return f"the mean loss at the end of epoch {epoch} is {mean:.3g}; {accuracy:g} right alone means {least:.3g} or more"
    return ""


def shared_run(one: Array, other: Array) -> str:
    """Two different runs do not have the same losses, bit for bit, several iterations in a row."""
    length = min(one.size, other.size)
    same = (one[:length] == other[:length]) & np.isfinite(one[:length])
    begins, ends = np.flatnonzero(np.diff(same, prepend=False, append=False)).reshape(-1, 2).T
    if not begins.size:
        return ""
    at = int(np.argmax(ends - begins))
    start, longest = int(begins[at]), int(ends[at] - begins[at])
    return f"losses {start} to {start + longest - 1} are equal" if longest >= _SHARED else ""


def frozen(losses: Array) -> str:
    """A batch is a draw, so even a network that learns nothing but its last biases has losses that move."""
    return f"all {losses.size} losses are {losses[0]:.9g}" if losses.size > 20 and np.all(losses == losses[0]) else ""


def unlikely_stds(found: Array, wanted: Sequence[float], sizes: Sequence[int]) -> str:
    """Whether the sample standard deviations of all layers together are too far from, or too close to, what was drawn.

    Each layer's chi-square value becomes a standard normal z (Wilson and Hilferty); the sum of z² is chi-square with as many
    degrees as layers. Both tails are bounded from above: x^(k/2) / (2^(k/2)·Γ(k/2 + 1)) below, Chernoff's bound above.
    """
    total = sum(_z(float(value) / std, size) ** 2 for value, std, size in zip(found, wanted, sizes, strict=True))
    half = found.size / 2
    if total < 2 * half and half * math.log(max(total, 1e-300) / 2) - math.lgamma(half + 1) < math.log(_RARE):
        return f"the {found.size} values are closer to the nominal ones than a draw gives (sum of z² is {total:.2g})"
    if total > 2 * half and half * (math.log(total / (2 * half)) + 1) - total / 2 < math.log(_RARE):
        return f"the {found.size} values together are further from the nominal ones than a draw gives (sum of z² is {total:.3g})"
    return ""


def _z(ratio: float, size: int) -> float:
    """The normal deviate of a sample standard deviation that is `ratio` times the nominal one; `size` values, many."""
    degrees = size - 1
    spread = 2.0 / (9.0 * degrees)
    return float(((size * min(abs(ratio), 1e3) ** 2 / degrees) ** (1.0 / 3.0) - (1.0 - spread)) / math.sqrt(spread))


def _noise(p: Array) -> Array:
    """Standard deviation of the difference of two counts of 1000 with expectation p, never taken below that of p = 0.05."""
    deviation: Array = np.sqrt(2 * np.maximum(p * (1 - p), 0.0475) / COUNTED)
    return deviation
