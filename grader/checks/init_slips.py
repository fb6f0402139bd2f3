"""Which slip of the catalogue an initialization looks like, judged over all networks that were built."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from .. import sampling
from ..expect import Array
from .misconceptions import Misconception, catalogue

_DOUBT: Final = 1e-9  # p-value below which a spread does not belong to a slip
_UNIFORM_END: Final = 1.75  # a uniform distribution ends at √3 standard deviations; no normal draw of 1,000 does


class Built(Protocol):
    """What is read of the network's arguments: see `fc_net.Build`."""

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(fan_in, fan_out) of every layer."""

    @property
    def weight_scale(self) -> float:
        """As the constructor takes it."""


@dataclass(frozen=True, slots=True)
class _Layer:
    fan_in: int
    fan_out: int
    input_dim: int
    weight_scale: float
    W: Array | None  # None: not there, or no array of real numbers
    b: Array | None


# The standard deviation each slip gives a layer.
_SPREADS: Final[dict[str, Callable[[_Layer], float]]] = {
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


def of(scheme: str, networks: Sequence[tuple[Built, Any]]) -> Misconception | None:
    """The slip that explains these networks' parameters; None if none of the catalogue does.

    Args:
        scheme: the initialization that was asked for.
        networks: each network's arguments and its params as they came back.
    """
    if not networks or not all(isinstance(params, Mapping) for _, params in networks):
        return None
    nets = [_layers(build, params) for build, params in networks]
    name = _form(nets)
    if name is None and scheme == "he":
        name = _values(nets)
    if name is None and scheme == "zero" and any(layer.W is not None and np.any(layer.W != 0) for net in nets for layer in net):
        name = "not_zero"
    return catalogue()[f"init.{name}"] if name else None


def _layers(build: Built, params: Mapping[str, Any]) -> list[_Layer]:
    first, scale = build.shapes[0][0], build.weight_scale
    return [
        _Layer(fan_in, fan_out, first, scale, _array(params, f"W{n}"), _array(params, f"b{n}"))
        for n, (fan_in, fan_out) in enumerate(build.shapes, start=1)
    ]


def _array(params: Mapping[str, Any], name: str) -> Array | None:
    value = params.get(name)
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size else None


def _form(nets: Sequence[Sequence[_Layer]]) -> str | None:
    """Slips that show in shapes and biases."""
    layers = [layer for net in nets for layer in net]
    oblong = [layer for layer in layers if layer.fan_in != layer.fan_out]
    if all(layer.W is not None and layer.W.shape == (layer.fan_out, layer.fan_in) for layer in oblong):
        return "transposed"
    if any(layer.b is not None and np.any(layer.b != 0) for layer in layers):
        return "biases_drawn"
    return None


def _values(nets: Sequence[Sequence[_Layer]]) -> str | None:
    """Slips of 'he' that show in the values."""
    if all(_is_he(layer) for net in nets for layer in net[:-1]) and not any(_is_he(net[-1]) for net in nets):
        return "last_layer"
    unit = [np.ravel(layer.W) / math.sqrt(2.0 / layer.fan_in) for net in nets for layer in net if layer.W is not None]
    if len(unit) < sum(len(net) for net in nets):
        return None
    if all(values.min() >= 0 for values in unit):
        return "positive"
    if all(abs(float(values.std()) - 1) < 0.1 and np.abs(values).max() < _UNIFORM_END for values in unit):
        return "uniform"
    return next((name for name, std in _SPREADS.items() if all(_spread_fits(at, std(at)) for net in nets for at in net)), None)


def _is_he(layer: _Layer) -> bool:
    return _spread_fits(layer, math.sqrt(2.0 / layer.fan_in))


def _spread_fits(layer: _Layer, std: float) -> bool:
    W = layer.W
    if W is None or W.shape != (layer.fan_in, layer.fan_out):
        return False
    return sampling.chi_square_p(float(np.sum((W - W.mean()) ** 2)) / std**2, W.size - 1) > _DOUBT
