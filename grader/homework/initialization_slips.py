"""Which slips explain the parameters of all networks that were built: one, or two together, and none where draws leave a doubt.

What shows without chance (names, shapes, types, biases, repeated draws) is read off. What was drawn is held against every
combination of a distribution and of a standard deviation a layer. All that are not rejected are candidates, and only what they have
in common is told. So a wrong name is given only if what the student wrote is no combination, or if a test rejects the true one: at
`DOUBT` for each of some 60 tests, with a probability below 1e-7.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, Protocol

import numpy as np

from ..grading.expect import Array
from .misconceptions import Misconception, agreed, catalogue
from .published import Stds
from .weight_distributions import DISTRIBUTIONS, EXACT, Distribution

_MOST: Final = 2  # slips that are told together
_HANDOUT_SCALE: Final = 1e-2  # the default of weight_scale
_RANDOM: Final[Mapping[str, Callable[[float], float]]] = {
    "": lambda scale: scale,
    "scale_squared": lambda scale: scale**2,
    "scale_rooted": lambda scale: scale**0.5,
    "scale_fixed": lambda _: _HANDOUT_SCALE,
    "unit_normal": lambda _: 1.0,
}  # what 'random' may be given for its standard deviation, by weight_scale


_TOGETHER: Final = {("gain_missing", "uniform_narrow"): ("torch_default",)}  # what has a name of its own


class Built(Protocol):
    """What is read of a network's arguments: see `fc_net.Build`."""

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(fan_in, fan_out) of every layer."""

    @property
    def dtype(self) -> str:
        """The type that was asked for."""

    @property
    def weight_scale(self) -> float:
        """The standard deviation of 'random'."""


@dataclass(frozen=True, slots=True)
class _Network:
    """What came back of one network: its parameters by name, and the layers' arrays, None where there is none of real numbers."""

    build: Built
    params: Mapping[str, Any]
    W: Sequence[Array | None]
    b: Sequence[Array | None]

    @property
    def missing(self) -> list[int]:
        """Layers without weights, counted from 0."""
        return [number for number, W in enumerate(self.W) if W is None]


@dataclass(frozen=True, slots=True)
class _Layer:
    """The weights of one layer, (fan_in, fan_out); where they repeat another's random numbers, of which one and how many times."""

    values: Array
    squares: float
    repeats: int | None = None
    times: float = 1.0


def of(scheme: str, networks: Sequence[tuple[Stds, Built, Any]]) -> list[Misconception]:
    """The slips, at most two, that explain these networks' parameters; empty if none of the catalogue do, or several might.

    Args:
        scheme: the initialization that was asked for.
        networks: what He's initialization and its slips give each, its arguments, and its params as they came back.
    """
    if not networks or not all(isinstance(params, Mapping) for _, _, params in networks):
        return []
    with np.errstate(over="ignore", invalid="ignore"):  # finite weights may be enormous
        told = _told(scheme, networks)
    return [catalogue()[f"init.{name}"] for name in told] if len(told) <= _MOST else []


def _told(scheme: str, networks: Sequence[tuple[Stds, Built, Any]]) -> list[str]:
    nets = [_network(build, params) for _, build, params in networks]
    seen = [name for name, shows in _SEEN.items() if shows(nets)]
    layers = [_layers(net) for net in nets]
    if any(layer.repeats is not None for net in layers for layer in net.values()):
        seen.append("same_draw")
    told = [*seen]
    if scheme == "zero":
        told += _not_zero(layers)
    elif len(seen) < _MOST and all(_complete(net, there, seen) for net, there in zip(nets, layers, strict=True)):
        told += _explained(_he(networks) if scheme == "he" else _random(networks), layers, seen)
    return told


def _network(build: Built, params: Mapping[str, Any]) -> _Network:
    first = 0 if _from_zero(build, params) else 1
    numbers = range(first, first + len(build.shapes))
    biases_from = 0 if "b0" in params and f"b{len(build.shapes)}" not in params else 1
    b = [params.get(f"b{number}") for number in range(biases_from, biases_from + len(build.shapes))]
    return _Network(build, params, [_array(params.get(f"W{number}")) for number in numbers], [*map(_array, b)])


def _from_zero(build: Built, params: Mapping[str, Any]) -> bool:
    return "W0" in params and f"W{len(build.shapes)}" not in params


def _array(value: Any) -> Array | None:
    return value if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size and np.isfinite(value).all() else None


def _complete(net: _Network, layers: Mapping[int, _Layer], seen: Sequence[str]) -> bool:
    """Whether all layers are there to be looked at, but for one that is known to be left out."""
    left_out = net.missing if {"last_layer", "first_layer"} & {*seen} else []
    return len(layers) == len(net.W) - len(left_out)


def _layer_missing(number: int) -> Callable[[Sequence[_Network]], bool]:
    """Whether of all networks this layer alone has no weights, and the others have theirs."""

    def misses(net: _Network) -> bool:
        there = [(W, shape) for W, shape in zip(net.W, net.build.shapes, strict=True) if W is not None]
        return net.missing == [number % len(net.W)] and all(W.shape in (shape, shape[::-1]) for W, shape in there)

    return lambda nets: all(map(misses, nets))


def _transposed(nets: Sequence[_Network]) -> bool:
    """Whether all weights whose shape shows it are (fan_out, fan_in)."""
    found = [(W, shape) for net in nets for W, shape in zip(net.W, net.build.shapes, strict=True) if W is not None]
    oblong = [(W, shape) for W, shape in found if shape[0] != shape[1]]
    return bool(oblong) and all(W.shape == shape[::-1] for W, shape in oblong)


def _biases(nets: Sequence[_Network]) -> list[Array]:
    return [b for net in nets for b in net.b if b is not None and np.any(b != 0)]


def _one_value(nets: Sequence[_Network]) -> bool:
    """Whether all biases that are not zero are one number."""
    values = [b for b in _biases(nets) if b.size > 1]
    return bool(values) and all(np.ptp(b) <= EXACT * abs(b.ravel()[0]) for b in values)


def _bias_shapes(nets: Sequence[_Network]) -> bool:
    found = [(b, fan_out) for net in nets for b, (_, fan_out) in zip(net.b, net.build.shapes, strict=True) if b is not None]
    return any(b.shape != (fan_out,) for b, fan_out in found)


# What shows without chance, and by what.
_SEEN: Final[Mapping[str, Callable[[Sequence[_Network]], bool]]] = {
    "last_layer": _layer_missing(-1),
    "first_layer": _layer_missing(0),
    "biases_drawn": lambda nets: bool(_biases(nets)) and not _one_value(nets),
    "biases_constant": _one_value,
    "biases_missing": lambda nets: not any(net.missing or f"b{number}" in net.params for net in nets for number in range(2)),
    "biases_shape": _bias_shapes,
    "transposed": _transposed,
    "counted_from_zero": lambda nets: all(_from_zero(net.build, net.params) for net in nets),
    "dtype_ignored": lambda nets: any(W.dtype != net.build.dtype for net in nets for W in net.W if W is not None),
}


def _layers(net: _Network) -> dict[int, _Layer]:
    """The layers whose weights have a shape that can be made sense of, by number from 0."""
    shaped = {}
    for number, (W, shape) in enumerate(zip(net.W, net.build.shapes, strict=True)):
        if W is not None and W.shape in (shape, shape[::-1]):
            shaped[number] = W
    largest_first = sorted(shaped, key=lambda number: (-shaped[number].size, number))
    repeats: dict[int, tuple[int, float]] = {}
    for of_which, number in combinations(largest_first, 2):
        if number not in repeats and of_which not in repeats:
            times = _times(shaped[of_which].ravel(), shaped[number].ravel())
            if times is not None:
                repeats[number] = of_which, times
    made = {}
    for number, W in shaped.items():
        values = (W if W.shape == net.build.shapes[number] else W.T).astype(np.float64)
        made[number] = _Layer(values, float(np.sum(values**2)), *repeats.get(number, (None, 1.0)))
    return made


def _times(values: Array, others: Array) -> float | None:
    """What the beginning of `values` is multiplied with in `others`; None if it is not, or if all are alike."""
    start = values[: len(others)]
    if not start[0] or not others[0] or np.ptp(start[:8]) <= EXACT * abs(start[0]):
        return None
    times = float(others[0]) / float(start[0])
    for end in (8, len(others)):
        if not np.allclose(others[:end], times * start[:end], rtol=10 * EXACT, atol=0.0):
            return None
    return times


def _not_zero(nets: Sequence[Mapping[int, _Layer]]) -> list[str]:
    """What is wrong with weights that are to be zero: nothing, one layer alone in every network, or any."""
    wrong = [[number for number, layer in layers.items() if layer.squares > 0] for layers in nets]
    for slip, end in (("last_layer", max), ("first_layer", min)):
        if all(layers and found == [end(layers)] for layers, found in zip(nets, wrong, strict=True)):
            return [slip]
    return ["not_zero"] * any(wrong)


Candidates = Iterator[tuple[tuple[str, ...], list[list[float]]]]  # slips, and the standard deviation of each network's layers


def _he(networks: Sequence[tuple[Stds, Built, Any]]) -> Candidates:
    for key in networks[0][0]:
        slips = () if key == "he" else tuple(name.removeprefix("init.") for name in key.split(" + "))
        yield slips, [stds[key] for stds, _, _ in networks]


def _random(networks: Sequence[tuple[Stds, Built, Any]]) -> Candidates:
    for slip, std in _RANDOM.items():
        yield (slip,) if slip else (), [[std(build.weight_scale)] * len(build.shapes) for _, build, _ in networks]
    yield ("he_for_random",), [stds["he"] for stds, _, _ in networks]


def _explained(candidates: Candidates, nets: Sequence[Mapping[int, _Layer]], seen: Sequence[str]) -> list[str]:
    """What all combinations of slips, beside those seen, that may have given these layers have in common."""
    functions: dict[Any, list[tuple[str, ...]]] = {}
    for slips, stds in candidates:
        for distribution in DISTRIBUTIONS:
            for apart in ((), ("last_layer",), ("first_layer",)):
                told = (*slips, *distribution.slips, *apart)
                told = _TOGETHER.get(told, told)
                if len({*seen, *told}) == len(seen) + len(told) <= _MOST and _fits(distribution, stds, nets, apart):
                    sizes = tuple(f"{distribution.share * std:.9g}" for net in stds for std in net)
                    functions.setdefault((distribution.low, distribution.high, apart, sizes), []).append(told)
    named = sorted((agreed(found) for found in functions.values()), key=len)
    return [slip for slip in named[0] if all(slip in others for others in named)] if named else []


def _fits(
    distribution: Distribution, stds: Sequence[Sequence[float]], nets: Sequence[Mapping[int, _Layer]], apart: tuple[str, ...]
) -> bool:
    """Whether all layers, but for one that is to be treated otherwise, may have been drawn like this."""
    kept = []
    otherwise = not apart
    for layers, std in zip(nets, stds, strict=True):
        left = dict(layers)
        if apart:
            out = max(left) if apart == ("last_layer",) else min(left)
            layer = left.pop(out)
            times = math.sqrt(layer.squares / layer.values.size) / (distribution.share * std[out])
            # A layer is drawn otherwise if the others cannot have been drawn like it, not only because it has more values.
            otherwise |= not _spreads_fit(distribution, left, [times * one for one in std])
        if not _spreads_fit(distribution, left, std):
            return False
        kept.append([(layer.values, std[number]) for number, layer in left.items() if layer.repeats not in left])
    # A network of two layers has none left where one was never set and the other is drawn otherwise: it tells nothing.
    return otherwise and all(distribution.may_be(layers) for layers in kept if layers)


def _spreads_fit(distribution: Distribution, layers: Mapping[int, _Layer], stds: Sequence[float]) -> bool:
    for number, layer in layers.items():
        if layer.repeats is not None and layer.repeats in layers:
            if not abs(layer.times * stds[layer.repeats] - stds[number]) < 10 * EXACT * stds[number]:
                return False
        elif not distribution.may_spread(layer.squares, layer.values.size, stds[number]):
            return False
    return True
