"""The steps that a student's own check takes beyond the golden one, and what may come of them: `fixtures/steps.json`.

They are drawn here once more, by themselves: none of the hidden scenarios is among them.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from .. import published
from ..published import Track
from . import corpus, diagnosis
from .reference_rules import DEFAULTS, READINGS, STATE, Right
from .scenarios import Scenario
from .slips import variants

_STEPS: Final = 4
_RANGES: Final = {
    "learning_rate": (0.02, 0.2), "momentum": (0.2, 0.6), "decay_rate": (0.4, 0.7), "epsilon": (0.02, 0.1),
    "beta1": (0.3, 0.7), "beta2": (0.5, 0.8),
}  # fmt: skip


def table(rule: str) -> dict[str, Any]:
    """Walks of `rule`, and their numbers under every accepted reading and every slip that one golden step does not show."""
    walks = _walks(rule)
    readings = [[_right(rule, reading, walk) for walk in walks] for reading in range(len(READINGS[rule]))]
    unseen = [slip for slip in variants(rule) if slip not in published.golden_slips()[rule]]
    slips = {slip: [_wrong(rule, slip, walk) for walk in walks] for slip in unseen}
    given = [
        [{"w": track.w.tolist(), "config": track.config, "grads": [dw.tolist() for dw in track.grads]} for track in walk.tracks]
        for walk in walks
    ]
    return {"walks": given, "readings": readings, "slips": {slip: answers for slip, answers in slips.items() if all(answers)}}


def _walks(rule: str) -> list[Scenario]:
    """Two parameters side by side with settings of their own, and one with the defaults, whose gradients vanish."""
    draw = np.random.default_rng(1812)

    def track(shape: tuple[int, ...], config: dict[str, Any] | None, scale: float) -> Track:
        grads = tuple((scale * factor * draw.normal(size=shape)).round(12) for factor in (2.0, 1.0, 0.3, 0.1))
        return Track(draw.normal(size=shape).round(2), config, grads)

    def settings() -> dict[str, Any]:
        names = [name for name in DEFAULTS[rule] if name in _RANGES]
        return {name: round(float(draw.uniform(*_RANGES[name])), 3) for name in names}

    still = track((3,), None, 1e-9)
    for dw in still.grads:
        dw[1] = 0.0
    together = (track((3,), settings(), 1.0), track((3,), settings(), 1.0))
    return [Scenario(together, (None,) * _STEPS), Scenario((still,), (None,) * _STEPS)]


def _right(rule: str, reading: int, walk: Scenario) -> list[dict[str, Any]]:
    return [_numbers(rule, steps) for steps in corpus.answers(rule, reading, walk)]


def _numbers(rule: str, steps: list[Right]) -> dict[str, Any]:
    last = steps[-1]
    off = max(float(step.next_w.slack.max()) for step in steps)
    found: dict[str, Any] = {"next_w": ([step.next_w.value.tolist() for step in steps], off)}
    found |= {key: (last.state[key].value.tolist(), float(last.state[key].slack.max())) for key in STATE[rule]}
    return found if last.t is None else {**found, "t": (last.t, 0.0)}


def _wrong(rule: str, slip: str, walk: Scenario) -> list[dict[str, Any]]:
    """Each track's numbers after the last step; none if the slip does not come so far."""
    walked = diagnosis.walked(variants(rule)[slip], walk)
    if len(walked) < _STEPS or len(walked[-1]) < len(walk.tracks):
        return []
    keys = [key for key in (*STATE[rule], "t") if all(key in config for _, config, _ in walked[-1])]
    return [{"next_w": plain(next_w), **{key: plain(config[key]) for key in keys}} for next_w, config, _ in walked[-1]]


def plain(values: Any) -> Any:
    """Numbers as JSON holds them, to 12 digits; a text stands for one that it has not."""
    numbers = np.asarray(values, dtype=np.float64)
    flat = [float(f"{x:.12g}") if np.isfinite(x) else str(x) for x in numbers.ravel()]
    return np.array(flat, dtype=object).reshape(numbers.shape).tolist()
