"""Inputs of the behaviour checks: sequences of steps an update rule is walked through.

The domain is what the handout promises and a course's code can meet. Values are chosen so that no correct evaluation overflows
or loses its meaning to underflow: magnitudes up to 1e15 in float32 (its square stays below 3e38) and 1e100 in float64, decay
rates up to 0.9999, ε from 1e-10. Within it every accepted reading differs from every slip of the catalogue somewhere, while
one and the same reading has to explain all of it. Scalars of shape () are tried too, but the handout speaks of arrays: code
that only fails there (`w[:] = …`) loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np

from ...grading.expect import Array
from ..published import Track
from .reference_rules import COUNTED, DEFAULTS, STATE

Group = Literal["within", "large", "beyond"]  # what the handout promises, of which large arrays, and what lies beyond

GROUPS: Final[tuple[Group, ...]] = ("within", "large", "beyond")
LAYOUTS: Final = ("C", "F", "strided", "reversed")
UNKNOWN: Final = "note"  # a key no rule knows; it has to stay in the config
_PLAIN_RANGE: Final = (1e-4, 1e4)
_LARGE: Final = 1_000


@dataclass(frozen=True)
class Scenario:
    """Parameters stepped side by side, with the learning rate set before each step (None: left alone)."""

    tracks: tuple[Track, ...]
    rates: tuple[float | None, ...]
    layout: str = "C"

    @property
    def beyond(self) -> bool:
        """Whether it goes beyond what the handout promises."""
        return any(track.w.shape == () for track in self.tracks)

    @property
    def large(self) -> bool:
        """Whether its arrays have so many entries that they are not to be kept or told one by one."""
        return sum(track.w.size for track in self.tracks) > _LARGE

    @property
    def group(self) -> Group:
        """Which of the two, or neither."""
        return "beyond" if self.beyond else "large" if self.large else "within"

    @cached_property
    def plain(self) -> bool:
        """Whether its numbers are float64 of everyday size, so that a slip shows in them and not in their rounding."""
        low, high = _PLAIN_RANGE
        arrays = [a for track in self.tracks for a in (track.w, *track.grads) if not self.beyond]
        sizes = [np.abs(a[a != 0]) for a in arrays]
        usual = all(((size > low) & (size < high)).all() for size in sizes)
        return bool(arrays) and usual and all(a.dtype == np.float64 and a.size for a in arrays)

    def until(self, step: int) -> Scenario:
        """The same, ended after `step` steps."""
        tracks = tuple(replace(track, grads=track.grads[:step]) for track in self.tracks)
        return replace(self, tracks=tracks, rates=self.rates[:step])

    def as_data(self) -> dict[str, Any]:
        """As plain data, for the wire."""
        tracks = [{"w": track.w, "config": track.config, "grads": list(track.grads)} for track in self.tracks]
        return {"layout": self.layout, "rates": list(self.rates), "tracks": tracks}


def landmarks(rule: str) -> list[Scenario]:
    """Scenarios that must be there whatever else is drawn: one for each thing the handout promises about `rule`."""
    draw = np.random.default_rng(182)
    everything = _every_setting(rule, draw)

    def track(
        shape: tuple[int, ...] = (3, 4), steps: int = 4, *, config: Any = None, dtype: str = "float64", scale: float = 1.0
    ) -> Track:
        grads = tuple((scale * draw.normal(size=shape)).astype(dtype) for _ in range(steps))
        return Track(draw.normal(size=shape).astype(dtype), config, grads)

    def state(shape: tuple[int, ...], dtype: str = "float64") -> dict[str, Any]:
        arrays = {key: draw.uniform(0.1, 0.9, shape).astype(dtype) for key in STATE[rule]}
        return {**arrays, **({"t": 5} if rule in COUNTED else {})}

    def steady(*tracks: Track, layout: str = "C") -> Scenario:
        return Scenario(tracks, (None,) * len(tracks[0].grads), layout)

    zeros = Track(draw.normal(size=(2, 3)), {}, (np.zeros((2, 3)), np.zeros((2, 3)), draw.normal(size=(2, 3))))
    return [
        steady(track(steps=1)),
        steady(track(steps=12)),
        steady(track(config={"learning_rate": 0.05}, steps=5)),
        Scenario((track(config={}, steps=6),), (0.1, None, 0.03, None, 0.2, 0.01)),
        steady(track(config={}), track(config={})),
        steady(track((2, 3), config={**everything}), track((4,), config={"learning_rate": 0.3})),
        steady(track(config={**everything}, steps=8)),
        steady(track(config={**everything, **state((3, 4))}, steps=6)),
        steady(track((5,), config=state((5,)), steps=3)),
        steady(track(config={"learning_rate": 0.02, UNKNOWN: "keep me"})),
        steady(track(dtype="float32", steps=6)),
        steady(track(config={**everything, **state((3, 4), "float32")}, dtype="float32")),
        steady(track(scale=1e-9, steps=5)),
        steady(track(scale=1e-9, dtype="float32", steps=5)),
        steady(track(scale=1e9, steps=5)),
        steady(zeros),
        steady(track((0, 3), steps=2)),
        steady(track((2, 1, 3, 2))),
        steady(track((), steps=3)),
        steady(track((3, 4), config={**state((3, 4))}), layout="F"),
        steady(track((3, 4)), layout="strided"),
        steady(track((6,)), layout="reversed"),
        steady(track((1,), steps=12)),
    ]


def extents() -> list[Scenario]:
    """What no small example shows: a parameter of some 10,000 entries, and one that takes 100 steps.

    Their numbers are short and those of the first repeat, so that a few lines can tell them. The first is in float32, and so not
    among those that slips are looked up in, which would be slow.
    """
    draw = np.random.default_rng(183)

    def numbers(count: int) -> Array:
        return draw.integers(-16, 17, count) / 8.0

    w, first, second = (np.resize(numbers(7), (101, 100)).astype(np.float32) for _ in range(3))
    many = Track(w, {"learning_rate": 0.125}, (first, second))
    long = Track(numbers(3), {}, tuple(numbers(3) for _ in range(100)))
    return [Scenario((many,), (None, None)), Scenario((long,), (None,) * 100)]


def _every_setting(rule: str, draw: np.random.Generator) -> dict[str, float]:
    """Each hyper-parameter away from its default."""
    ranges = {"learning_rate": (0.05, 0.5), "momentum": (0.3, 0.7), "decay_rate": (0.3, 0.8), "epsilon": (0.05, 0.2)}
    ranges |= {"beta1": (0.2, 0.6), "beta2": (0.65, 0.9)}
    return {name: float(draw.uniform(*ranges[name])) for name in DEFAULTS[rule]}
