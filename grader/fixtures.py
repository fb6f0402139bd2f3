"""Published facts the checks compare with, read from `fixtures/` and held against their digests."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ConfigurationError
from .expect import Array

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "fixtures"
DIGESTS = FOLDER / "SHA256SUMS"
GOLDEN = FOLDER / "golden.json"
TRAJECTORIES = FOLDER / "trajectories.json"
SLIPS = FOLDER / "slips.json"


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
