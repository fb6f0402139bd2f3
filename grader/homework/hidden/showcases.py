"""Small inputs that a student reads easily, one of which shows nearly every slip for what it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from ..published import Track
from .reference_rules import COUNTED, DEFAULTS, STATE
from .scenarios import Scenario

_GRADIENTS: Final = ((1.0,), (2.0,), (1.0, 0.0), (1.0, 2.0), (2.0, -1.0, 0.5))  # a step each
_SETTINGS: Final = {"learning_rate": 0.1, "momentum": 0.5, "decay_rate": 0.75, "beta1": 0.5, "beta2": 0.75, "epsilon": 0.01}


def showcases(rule: str) -> Iterator[Scenario]:
    """One number stepped with the defaults, with settings of its own, from a state and at changing rates; at last two numbers."""
    settings: dict[str, Any] = {name: _SETTINGS[name] for name in DEFAULTS[rule] if name in _SETTINGS}
    begun = {**settings, **{key: np.array([0.5 + 0.25 * number]) for number, key in enumerate(STATE[rule])}}
    begun |= {"t": 2} if rule in COUNTED else {}
    for config in (None, settings, begun):
        for gradients in _GRADIENTS:
            track = Track(np.array([0.0]), config, tuple(np.array([gradient]) for gradient in gradients))
            yield Scenario((track,), (None,) * len(gradients))
    yield Scenario((Track(np.array([0.0]), {}, (np.array([1.0]), np.array([0.0]))),), (0.1, 0.2))
    pair = Track(np.array([1.0, -2.0]), settings, (np.array([1.0, 3.0]), np.array([0.5, -1.0])))
    yield Scenario((pair,), (None, None))
    yield Scenario((pair,), (None, 0.2))
