"""What a training loop records of its gradients, as a product of choices: what is right in each place, and what students write.

`gradient_norms` works all combinations out on gradients drawn once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from ...grading.expect import Array
from ..published import Family
from .slip_combinations import Choices, Slips

RATE: Final = 1e-3  # of plain SGD, which moves the parameters
BATCH: Final = 4
READINGS: Final = ("Frobenius", "spectral")  # of "l2 norm": entrywise, or for matrices the matrix 2-norm

# The more common slip stands first.
SLIPS: Final[Slips] = {
    "sum": {"aggregate": "sum"},
    "squared": {"root": "none"},
    "parameters": ({"of": "parameters"}, {"of": "parameters after the step"}),
    "last_only": {"position": "last"},
    "first_only": {"position": "first"},
    "flattened": {"aggregate": "joined"},
    "flattened_mean": {"aggregate": "joined, divided"},
    "weights_only": {"kind": "W"},
    "biases_only": {"kind": "b"},
    "lists": {"aggregate": "none", "history": "lists"},
    "absolute": ({"entry": "absolute", "root": "none"}, {"entry": "absolute", "root": "none", "inner": "largest column"}),
    "root_mean_square": {"inner": "mean"},
    "largest": {"aggregate": "largest"},
    "mean_gradient": {"entry": "plain", "root": "none", "inner": "mean"},
    "running": {"steps": "running total"},
    "step_before": ({"steps": "before, 0 first"}, {"steps": "before, its own first"}, {"steps": "before, none first"}),
    "in_loop": {"history": "in the loop"},
    "each_norm": {"aggregate": "none", "history": "each"},
    "quadratic_mean": {"aggregate": "quadratic mean"},
    "largest_entry": (
        {"entry": "absolute", "root": "none", "inner": "largest"},
        {"entry": "absolute", "root": "none", "inner": "largest row"},
    ),
    "times_rate": ({"scale": "rate"}, {"scale": "rate, inside"}),
    "over_batch": ({"scale": "batch"}, {"scale": "batch, inside"}),
    "by_layers": {"aggregate": "by layers"},
    "last_layer_only": {"position": "last layer"},
    "running_mean": {"steps": "running mean"},
    "other_gradients": {"steps": "next"},
    "overwritten": {"history": "last alone"},
    "reversed": {"history": "reversed"},
}


def has_effect(choices: Choices, reading: str) -> bool:
    """Whether these choices can be made under a reading: what goes entry by entry knows no matrix norm."""
    return reading == "Frobenius" or not (choices.keys() & {"entry", "inner"} or "joined" in choices.get("aggregate", ""))


def history(family: Family, choices: Choices, reading: str) -> list[float]:
    """All numbers that are recorded in one run, one after the other."""
    chosen = {"of": "gradients", "root": "square", "entry": "square", "inner": "sum", "aggregate": "mean", **choices}
    steps = [_of_step(arrays, chosen, reading) for arrays in _looked_at(family, chosen["of"])]
    if chosen.get("history") == "in the loop" and chosen.get("steps") == "running total":
        steps = [step + sum(before[-1] for before in steps[:number]) for number, step in enumerate(steps)]
    else:
        steps = _OVER_STEPS[chosen.get("steps", "own")](steps)
    match chosen.get("history"):
        case "last alone":
            steps = steps[-1:]
        case "reversed":
            steps = steps[::-1]
    return [float(number) for numbers in steps for number in numbers]


def _looked_at(family: Family, of: str) -> list[dict[str, Array]]:
    """For each step the arrays whose norms are taken, float64."""
    gradients = [{name: grad.astype(np.float64) for name, grad in grads.items()} for grads in family.gradients]
    if of == "gradients":
        return gradients
    at = [{name: value.astype(np.float64) for name, value in family.params.items()}]
    for grads in gradients:
        at.append({name: value - RATE * grads[name] for name, value in at[-1].items()})
    return at[:-1] if of == "parameters" else at[1:]


def _of_step(arrays: Mapping[str, Array], chosen: Choices, reading: str) -> Array:
    """What is recorded in a step: one number, or several where the history gets several."""
    kept = {name: array for name, array in arrays.items() if name[0] == chosen.get("kind", name[0])}
    names = list(kept)
    layers = len({name[1:] for name in arrays})
    match chosen.get("position"):
        case "first":
            names = names[:1]
        case "last":
            names = names[-1:]
        case "last layer":
            names = [name for name in names if name[1:] == names[-1][1:]]
    factor, _, inside = chosen.get("scale", "").partition(", ")
    scale = {"rate": RATE, "batch": 1 / BATCH}.get(factor, 1.0)
    chosen_arrays = [scale * kept[name] if inside else kept[name] for name in names]
    scale = 1.0 if inside else scale
    ends = range(1, len(names) + 1) if chosen.get("history") == "in the loop" else [len(names)]
    if "joined" in chosen["aggregate"]:
        flat = [np.concatenate([array.ravel() for array in chosen_arrays[:end]]) for end in ends]
        share = 1 / len(names) if "divided" in chosen["aggregate"] else 1.0
        return scale * share * np.array([_norm(one, chosen, reading) for one in flat])
    norms = np.array([_norm(array, chosen, reading) for array in chosen_arrays])
    if chosen["aggregate"] == "none":
        return scale * norms
    return scale * np.array([_combined(norms[:end], chosen["aggregate"], len(norms), layers) for end in ends])


def _combined(norms: Array, how: str, count: int, layers: int) -> float:
    """One number out of those norms that were looked at so far, of `count`."""
    match how:
        case "sum":
            return float(np.sum(norms))
        case "largest":
            return float(np.max(norms))
        case "by layers":
            return float(np.sum(norms)) / layers
        case "quadratic mean":
            return float(np.sqrt(np.sum(norms**2) / count))
        case _:
            return float(np.sum(norms)) / count


def _norm(array: Array, chosen: Choices, reading: str) -> float:
    if reading == "spectral" and array.ndim == 2:
        largest = float(np.linalg.norm(array, 2))
        return largest if chosen["root"] == "square" else largest**2
    entries = {"square": array**2, "absolute": np.abs(array), "plain": array}[chosen["entry"]]
    match chosen["inner"]:
        case "mean":
            inner = np.mean(entries)
        case "largest":
            inner = np.max(entries)
        case "largest column":
            inner = np.max(entries.sum(axis=0))
        case "largest row":
            inner = np.max(entries.sum(axis=-1)) if array.ndim == 2 else np.max(entries)
        case _:
            inner = np.sum(entries)
    return float(np.sqrt(inner) if chosen["root"] == "square" else inner)


_OVER_STEPS: Final[Mapping[str, Callable[[Sequence[Array]], list[Array]]]] = {
    "own": list,
    "running total": lambda steps: list(np.cumsum(steps, axis=0)),
    "running mean": lambda steps: [np.mean(steps[: number + 1], axis=0) for number in range(len(steps))],
    "before, 0 first": lambda steps: [0 * steps[0], *steps[:-1]],
    "before, its own first": lambda steps: [steps[0], *steps[:-1]],
    "before, none first": lambda steps: list(steps[:-1]),
    "next": lambda steps: [*steps[1:], steps[0]],
}
