"""The standard deviation He's initialization gives each layer of the networks that are asked for, and that of each slip.

`fixtures/spreads.json` holds the numbers; the public check compares with them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ..checks.fc_net import NETWORKS, Build


@dataclass(frozen=True, slots=True)
class Layer:
    """What a formula may use."""

    fan_in: int
    fan_out: int
    input_dim: int
    weight_scale: float


# He and others, "Delving Deep into Rectifiers" (2015), section 2.2, with the number of inputs as the fan.
HE: Final[Callable[[Layer], float]] = lambda at: math.sqrt(2.0 / at.fan_in)  # noqa: E731 - one line among its wrong siblings
SLIPS: Final[Mapping[str, Callable[[Layer], float]]] = {
    "fan_out": lambda at: math.sqrt(2.0 / at.fan_out),
    "variance_as_std": lambda at: 2.0 / at.fan_in,
    "gain_missing": lambda at: math.sqrt(1.0 / at.fan_in),
    "glorot": lambda at: math.sqrt(2.0 / (at.fan_in + at.fan_out)),
    "gain_not_rooted": lambda at: 2.0 / math.sqrt(at.fan_in),
    "root_of_gain_only": lambda at: math.sqrt(2.0) / at.fan_in,
    "scaled_by_weight_scale": lambda at: at.weight_scale * math.sqrt(2.0 / at.fan_in),
    "weight_scale_for_he": lambda at: at.weight_scale,
    "unit_normal": lambda _: 1.0,
    "first_fan_everywhere": lambda at: math.sqrt(2.0 / at.input_dim),
}


def table() -> dict[str, dict[str, list[float]]]:
    """For each network, by the part it settles: "he" and every slip, a standard deviation a layer."""
    return {
        part: {name: [std(layer) for layer in _layers(build)] for name, std in {"he": HE, **SLIPS}.items()}
        for part, build in NETWORKS.items()
    }


def _layers(build: Build) -> list[Layer]:
    return [Layer(fan_in, fan_out, build.input_dim, build.weight_scale) for fan_in, fan_out in build.shapes]
