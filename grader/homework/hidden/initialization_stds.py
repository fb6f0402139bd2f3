"""The standard deviation He's initialization gives each layer of the networks that are asked for, as a product of choices, and
that of each slip and each pair of slips.

`fixtures/spreads.json` holds the numbers for the networks of the handout; the public check compares with them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..fc_net import NETWORKS, Build
from .slip_combinations import Choices, Slips, up_to_two


@dataclass(frozen=True, slots=True)
class Layer:
    """What a formula may use."""

    fan_in: int
    fan_out: int
    input_dim: int
    weight_scale: float


def _instead(what: str) -> Choices:
    """Something else for the whole formula."""
    return {"gain": what, "fan": what, "form": what, "scale": what}


# The more common slip stands first.
SLIPS: Final[Slips] = {
    "fan_out": {"fan": "out"},
    "variance_as_std": {"form": "no root"},
    "gain_missing": {"gain": "one"},
    "glorot": {"fan": "sum"},
    "gain_not_rooted": {"form": "root of the fan"},
    "root_of_gain_only": {"form": "root of the gain"},
    "scaled_by_weight_scale": {"scale": "weight_scale"},
    "weight_scale_for_he": _instead("weight_scale"),
    "unit_normal": _instead("nothing"),
    "first_fan_everywhere": {"fan": "first"},
    "fan_mean": {"fan": "mean"},
    "gain_six": {"gain": "six"},
    "gain_inverse": {"gain": "half"},
    "divided": {"form": "divided"},
    "root_twice": {"form": "root twice"},
    "variance_squared": {"form": "squared"},
    "fan_product": {"fan": "product"},
}
_GAINS: Final = {"one": 1.0, "six": 6.0, "half": 0.5}


def std(at: Layer, choices: Choices) -> float:
    """He and others, "Delving Deep into Rectifiers" (2015), section 2.2, with fan_in, but for `choices`."""
    if choices.get("form") in ("weight_scale", "nothing"):
        return at.weight_scale if choices["form"] == "weight_scale" else 1.0
    gain = _GAINS.get(choices.get("gain", ""), 2.0)
    fans = {"out": at.fan_out, "sum": at.fan_in + at.fan_out, "mean": (at.fan_in + at.fan_out) / 2, "first": at.input_dim}
    fan = (fans | {"product": at.fan_in * at.fan_out}).get(choices.get("fan", ""), at.fan_in)
    forms: dict[str, float] = {
        "no root": gain / fan,
        "root of the fan": gain / math.sqrt(fan),
        "root of the gain": math.sqrt(gain) / fan,
        "divided": math.sqrt(fan / gain),
        "root twice": math.sqrt(math.sqrt(gain / fan)),
        "squared": (gain / fan) ** 2,
    }
    return forms.get(choices.get("form", ""), math.sqrt(gain / fan)) * (at.weight_scale if "scale" in choices else 1.0)


def table() -> dict[str, dict[str, list[float]]]:
    """For each network, by the part it settles, what `stds` gives."""
    return {part: stds(build) for part, build in NETWORKS.items()}


def stds(build: Build) -> dict[str, list[float]]:
    """A standard deviation a layer: of "he", and of each slip and pair of slips; a pair goes by both names, "a + b"."""
    layers = [Layer(fan_in, fan_out, build.input_dim, build.weight_scale) for fan_in, fan_out in build.shapes]
    named: Mapping[str, Choices] = {" + ".join(f"init.{name}" for name in names): choices for names, choices in up_to_two(SLIPS)}
    return {name: [std(layer, choices) for layer in layers] for name, choices in {"he": {}, **named}.items()}
