"""The update rules of optim.py as the handout gives them away: what they are called with, what they keep, the golden inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Span = tuple[float, float]  # stands for numpy.linspace(start, stop, 20), in shape (4, 5)


@dataclass(frozen=True, slots=True)
class Rule:
    """One update rule `f(w, dw, config)`.

    Attributes:
        name: the function's name.
        defaults: each hyper-parameter of config with its default.
        state: arrays that config keeps between steps.
        counted: whether config counts the steps under "t".
        golden: what the notebook's check calls it with.
    """

    name: str
    defaults: Mapping[str, float]
    state: tuple[str, ...]
    golden: Mapping[str, float | Span]
    counted: bool = False


RULES: Final[dict[str, Rule]] = {
    rule.name: rule
    for rule in (
        Rule(
            "sgd_momentum",
            {"learning_rate": 1e-2, "momentum": 0.9},
            ("velocity",),
            {"learning_rate": 1e-3, "velocity": (0.6, 0.9)},
        ),
        Rule(
            "rmsprop",
            {"learning_rate": 1e-2, "decay_rate": 0.99, "epsilon": 1e-8},
            ("cache",),
            {"learning_rate": 1e-2, "cache": (0.6, 0.9)},
        ),
        Rule(
            "adam",
            {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
            ("m", "v"),
            {"learning_rate": 1e-2, "m": (0.6, 0.9), "v": (0.7, 0.5), "t": 5},
            counted=True,
        ),
    )
}
