"""Which slip of the catalogue an initialization looks like, judged over all networks that were built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from .. import sampling
from ..expect import Array
from ..fixtures import spreads
from .misconceptions import Misconception, catalogue

_DOUBT: Final = 1e-9  # p-value below which a spread does not belong to a slip
_UNIFORM_END: Final = 1.75  # a uniform distribution ends at √3 standard deviations; no normal draw of 1,000 does


class Built(Protocol):
    """What is read of the network's arguments: see `fc_net.Build`."""

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(fan_in, fan_out) of every layer."""


@dataclass(frozen=True, slots=True)
class _Layer:
    fan_in: int
    fan_out: int
    stds: Mapping[str, float]  # what He's initialization ("he") and each slip of it give this layer
    W: Array | None  # None: not there, or no array of real numbers
    b: Array | None


def of(scheme: str, networks: Sequence[tuple[str, Built, Any]]) -> Misconception | None:
    """The slip that explains these networks' parameters; None if none of the catalogue does.

    Args:
        scheme: the initialization that was asked for.
        networks: the part each network settles, its arguments, and its params as they came back.
    """
    if not networks or not all(isinstance(params, Mapping) for _, _, params in networks):
        return None
    nets = [_layers(spreads()[part], build, params) for part, build, params in networks]
    name = _form(nets)
    if name is None and scheme == "he":
        name = _values(nets)
    if name is None and scheme == "zero" and any(layer.W is not None and np.any(layer.W != 0) for net in nets for layer in net):
        name = "not_zero"
    return catalogue()[f"init.{name}"] if name else None


def _layers(stds: Mapping[str, list[float]], build: Built, params: Mapping[str, Any]) -> list[_Layer]:
    return [
        _Layer(
            fan_in,
            fan_out,
            {name: values[n - 1] for name, values in stds.items()},
            _array(params, f"W{n}"),
            _array(params, f"b{n}"),
        )
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
    unit = [np.ravel(layer.W) / layer.stds["he"] for net in nets for layer in net if layer.W is not None]
    if len(unit) < sum(len(net) for net in nets):
        return None
    if all(values.min() >= 0 for values in unit):
        return "positive"
    if all(abs(float(values.std()) - 1) < 0.1 and np.abs(values).max() < _UNIFORM_END for values in unit):
        return "uniform"
    slips = [name for name in nets[0][0].stds if name != "he"]
    return next((name for name in slips if all(_spread_fits(at, at.stds[name]) for net in nets for at in net)), None)


def _is_he(layer: _Layer) -> bool:
    return _spread_fits(layer, layer.stds["he"])


def _spread_fits(layer: _Layer, std: float) -> bool:
    W = layer.W
    if W is None or W.shape != (layer.fan_in, layer.fan_out):
        return False
    return sampling.chi_square_p(float(np.sum((W - W.mean()) ** 2)) / std**2, W.size - 1) > _DOUBT
