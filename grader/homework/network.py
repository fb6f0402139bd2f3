"""A fully connected ReLU network worked out by the grader itself, in float64: what a student's copy of the given code must do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from random import Random  # NumPy's takes longer to load than all that is drawn here takes to judge

import numpy as np

from ..grading.expect import Array


@dataclass(frozen=True, slots=True)
class Example:
    """A small network with fixed parameters and data, and its right answers.

    Attributes:
        hidden, input_dim, classes, reg: as the constructor takes them.
        params: W1, b1, … float64; X (N, 2, input_dim / 2) float64; y (N,) int64.
        scores: (N, classes). loss: softmax cross-entropy + 0.5 reg sum W². gradients: by parameter name.
    """

    hidden: tuple[int, ...]
    input_dim: int
    classes: int
    reg: float
    params: dict[str, Array]
    X: Array
    y: Array
    scores: Array
    loss: float
    gradients: dict[str, Array]


@cache
def example() -> Example:
    """A 3-layer network on 6 inputs of shape (2, 4), with regularization; of short numbers, because students may type them."""
    hidden, input_dim, classes, reg = (7, 5), 8, 4, 0.3
    draw = Random(11)
    params: dict[str, Array] = {}
    for layer, (fan_in, fan_out) in enumerate(zip((input_dim, *hidden), (*hidden, classes), strict=True), start=1):
        params[f"W{layer}"] = normal(draw, fan_in, fan_out, spread=0.5).round(2)
        params[f"b{layer}"] = normal(draw, fan_out, spread=0.1).round(2)
    X = normal(draw, 6, 2, 4).round(2)
    y = np.array([draw.randrange(classes) for _ in range(6)])
    scores, loss, gradients = loss_and_gradients(params, X, y, reg)
    return Example(hidden, input_dim, classes, reg, params, X, y, scores, loss, gradients)


def normal(draw: Random, *shape: int, spread: float = 1.0) -> Array:
    """Normal numbers around 0, float64 of this shape."""
    return np.array([draw.gauss(0.0, spread) for _ in range(math.prod(shape))]).reshape(shape)


def loss_and_gradients(params: dict[str, Array], X: Array, y: Array, reg: float) -> tuple[Array, float, dict[str, Array]]:
    """Work out one pass through affine-ReLU layers, the last one affine only.

    Returns:
        scores (N, C), softmax cross-entropy plus 0.5·reg·ΣW², and the gradient of every parameter by its name.
    """
    layers = len(params) // 2
    inputs = [X.reshape(X.shape[0], -1)]
    for layer in range(1, layers + 1):
        out = inputs[-1] @ params[f"W{layer}"] + params[f"b{layer}"]
        inputs.append(np.maximum(out, 0.0) if layer < layers else out)
    scores = inputs.pop()
    shifted = scores - scores.max(axis=1, keepdims=True)
    probabilities = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = float(-np.log(probabilities[rows, y]).mean())
    upstream = probabilities
    upstream[rows, y] -= 1.0
    upstream /= len(y)
    gradients: dict[str, Array] = {}
    for layer in range(layers, 0, -1):
        W = params[f"W{layer}"]
        loss += 0.5 * reg * float(np.sum(W * W))
        gradients[f"W{layer}"] = inputs[layer - 1].T @ upstream + reg * W
        gradients[f"b{layer}"] = upstream.sum(axis=0)
        upstream = (upstream @ W.T) * (inputs[layer - 1] > 0)
    return scores, loss, gradients
