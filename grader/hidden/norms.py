"""What the training loop may record, and what each slip records, on gradients drawn once: the numbers of `fixtures/norms.json`.

The public check compares with those numbers, so that the line a student writes stands nowhere in what is handed out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from ..expect import Array
from ..fixtures import Family

RATE: Final = 1e-3  # of plain SGD; it moves the parameters, which a slip records instead of the gradients
_FEATURES, _CLASSES = 6, 3
Record = Callable[[list[Array]], Any]

# Both readings of "the mean of l2 norm of each gradient": entrywise (Frobenius), or the matrix 2-norm for matrices.
READINGS: Final[Mapping[str, Record]] = {
    "Frobenius": lambda grads: _mean_norm(grads),
    "spectral": lambda grads: float(np.mean([np.linalg.norm(g, 2) for g in grads])),
}
SLIPS: Final[Mapping[str, Record]] = {
    "grad_norm.sum": lambda grads: sum(np.linalg.norm(g) for g in grads),
    "grad_norm.squared": lambda grads: np.mean([np.sum(g**2) for g in grads]),
    "grad_norm.last_only": lambda grads: np.linalg.norm(grads[-1]),
    "grad_norm.first_only": lambda grads: np.linalg.norm(grads[0]),
    "grad_norm.flattened": lambda grads: np.linalg.norm(_flat(grads)),
    "grad_norm.flattened_mean": lambda grads: np.linalg.norm(_flat(grads)) / len(grads),
    "grad_norm.weights_only": lambda grads: _mean_norm([g for g in grads if g.ndim > 1]),
    "grad_norm.biases_only": lambda grads: _mean_norm([g for g in grads if g.ndim == 1]),
    "grad_norm.absolute": lambda grads: np.mean([np.sum(np.abs(g)) for g in grads]),
    "grad_norm.root_mean_square": lambda grads: np.mean([np.sqrt(np.mean(g**2)) for g in grads]),
    "grad_norm.largest": lambda grads: max(np.linalg.norm(g) for g in grads),
    "grad_norm.mean_gradient": lambda grads: np.mean([np.mean(g) for g in grads]),
}


def families() -> tuple[Family, ...]:
    """What the loop is run on: other widths, numbers of parameters, types and seeds.

    Scales are far apart, and different in every step and parameter, so that sums, squares, the last gradient or all entries
    in one give other numbers than the mean of the norms.
    """
    two_layers = {"W1": (_FEATURES, 4), "b1": (4,), "W2": (4, _CLASSES), "b2": (_CLASSES,)}
    normalized = {"W1": (3, 7), "b1": (7,), "gamma1": (7,), "beta1": (7,), "W2": (7, 2), "b2": (2,)}
    return (
        _family(5, two_layers, "float64", steps=4),
        _family(8, normalized, "float32", steps=2),
        _family(9, {"W1": (_FEATURES, _CLASSES), "b1": (_CLASSES,)}, "float64", steps=2),
    )


def recorded(drawn: Sequence[Family]) -> dict[str, dict[str, list[float]]]:
    """For each reading and each slip what it records over all steps of these families, one after the other."""
    steps = [[g.astype(np.float64) for g in grads.values()] for family in drawn for grads in family.gradients]
    readings = {name: [float(record(step)) for step in steps] for name, record in READINGS.items()}
    slips = {name: [float(record(step)) for step in steps] for name, record in SLIPS.items()}
    return {"readings": readings, "slips": slips | _with_memory(drawn)}


def _with_memory(drawn: Sequence[Family]) -> dict[str, list[float]]:
    """The slips that need more than one step's gradients."""
    parameters: list[float] = []
    totals: list[float] = []
    for family in drawn:
        at = {name: value.astype(np.float64) for name, value in family.params.items()}
        total = 0.0
        for grads in family.gradients:
            parameters.append(_mean_norm(list(at.values())))
            total += _mean_norm(list(grads.values()))
            totals.append(total)
            at = {name: value - RATE * grads[name] for name, value in at.items()}
    return {"grad_norm.parameters": parameters, "grad_norm.running": totals}


def _family(seed: int, shapes: Mapping[str, tuple[int, ...]], dtype: str, steps: int) -> Family:
    draw = np.random.default_rng(seed)
    factors = (1.0, 4.0, 0.3, 9.0, 0.7, 2.0)
    gradients = tuple(
        {n: (scale * f * draw.normal(size=shape)).astype(dtype) for (n, shape), f in zip(shapes.items(), factors, strict=False)}
        for scale in (1.0, 0.01, 30.0, 2.5)[:steps]
    )
    return Family({name: draw.normal(size=shape).astype(dtype) for name, shape in shapes.items()}, gradients)


def _mean_norm(arrays: list[Array]) -> float:
    return float(np.mean([np.linalg.norm(a) for a in arrays]))


def _flat(arrays: list[Array]) -> Array:
    return np.concatenate([a.ravel() for a in arrays])
