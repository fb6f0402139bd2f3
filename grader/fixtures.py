"""Published facts the checks compare with, read from `fixtures/` and held against their digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ConfigurationError
from .expect import Array
from .places import FOLDER

DIGESTS = FOLDER / "SHA256SUMS"
GOLDEN = FOLDER / "golden.json"
TRAJECTORIES = FOLDER / "trajectories.json"
SLIPS = FOLDER / "slips.json"
NORMS = FOLDER / "norms.json"
SPREADS = FOLDER / "spreads.json"


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """One step of an update rule as published: inputs, and what must come out.

    Attributes:
        w, dw: float64 arrays of shape (4, 5).
        config: what the rule is called with.
        next_w: float64 (4, 5).
        state: what must stand in the config afterwards: float64 (4, 5) arrays, or the int t.
    """

    w: Array
    dw: Array
    config: dict[str, Any]
    next_w: Array
    state: dict[str, Any]


@cache
def golden() -> dict[str, GoldenCase]:
    """The handout's cases for "sgd_momentum", "rmsprop" and "adam" (inputs: the handout's golden-check cells).

    Raises:
        ConfigurationError: the file is missing, changed or malformed.
    """
    published = json.loads(verified(GOLDEN))
    configs: dict[str, dict[str, Any]] = {
        "sgd_momentum": {"learning_rate": 1e-3, "velocity": _grid(0.6, 0.9)},
        "rmsprop": {"learning_rate": 1e-2, "cache": _grid(0.6, 0.9)},
        "adam": {"learning_rate": 1e-2, "m": _grid(0.6, 0.9), "v": _grid(0.7, 0.5), "t": 5},
    }
    cases = {}
    for rule, config in configs.items():
        arrays = {key: value if key == "t" else np.array(value, dtype=np.float64) for key, value in published[rule].items()}
        next_w = arrays.pop("next_w")
        cases[rule] = GoldenCase(_grid(-0.4, 0.6), _grid(-0.6, 0.4), config, next_w, arrays)
    return cases


@cache
def golden_slips() -> dict[str, dict[str, dict[str, Any]]]:
    """For each rule and slip (see `checks.misconceptions`) what it gives on the golden inputs, "next_w" and each key of the state.

    Raises:
        ConfigurationError: the file is missing, changed or malformed.
    """
    slips: dict[str, dict[str, dict[str, Any]]] = json.loads(verified(SLIPS))
    return slips


@dataclass(frozen=True, slots=True)
class Family:
    """Parameters and, for each training step, their gradients, as a stub model hands them out; arrays of one float type."""

    params: Mapping[str, Array]
    gradients: tuple[Mapping[str, Array], ...]


@dataclass(frozen=True, slots=True)
class Norms:
    """What a training loop is run on, and what it may then have recorded.

    Attributes:
        families: run one after the other.
        readings, slips: by name, float64, one number a step over all families; `slips` by the id of a misconception.
    """

    families: tuple[Family, ...]
    readings: Mapping[str, Array]
    slips: Mapping[str, Array]


@cache
def norms() -> Norms:
    """The gradients of `solver.grad_norm` and the norms that belong to them.

    Raises:
        ConfigurationError: the file is missing, changed or malformed.
    """
    table = json.loads(verified(NORMS))
    families = tuple(
        Family(_arrays(family["params"], family["dtype"]), tuple(_arrays(step, family["dtype"]) for step in family["gradients"]))
        for family in table["families"]
    )
    return Norms(families, _arrays(table["readings"]), _arrays(table["slips"]))


@cache
def spreads() -> dict[str, dict[str, list[float]]]:
    """For each network of `fc_net.init.*`: "he", and each slip of it, to a standard deviation a layer.

    Raises:
        ConfigurationError: the file is missing, changed or malformed.
    """
    table: dict[str, dict[str, list[float]]] = json.loads(verified(SPREADS))
    return table


def _arrays(values: Mapping[str, Any], dtype: str = "float64") -> dict[str, Array]:
    return {name: np.array(value, dtype=dtype) for name, value in values.items()}


def verified(path: Path) -> bytes:
    """The bytes of a fixture whose SHA-256 is the one on record.

    Raises:
        ConfigurationError: it is missing, not on record, or differs from the record.
    """
    try:
        record = dict(line.split(maxsplit=1)[::-1] for line in DIGESTS.read_text("utf-8").splitlines() if line.strip())
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"fixture {error.filename} cannot be read: {error.strerror}; restore it") from error
    name = path.relative_to(FOLDER).as_posix()
    if record.get(name) != hashlib.sha256(data).hexdigest():
        raise ConfigurationError(
            f"fixtures/{name} is not the file on record in fixtures/SHA256SUMS; restore it from the repository"
        )
    return data


def _grid(start: float, stop: float) -> Array:
    return np.linspace(start, stop, num=20).reshape(4, 5)


@cache
def digest() -> str:
    """SHA-256 of the record of fixtures, which itself records every file."""
    return hashlib.sha256(DIGESTS.read_bytes()).hexdigest()
