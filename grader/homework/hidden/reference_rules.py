"""The update rules as they should be: every accepted reading, written as its formula, in float64 with error bounds.

Sources: the handout's sections on momentum, RMSProp and Adam; Tieleman and Hinton (2012), Coursera lecture 6e, for RMSProp;
Kingma and Ba, "Adam" (ICLR 2015), algorithm 1 and, for the folded form, the last paragraph of section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...grading.expect import Array
from ..rules import RULES
from .error_bounds import ONE, Near, precision

State = dict[str, Near]
Step = Callable[[Near, Near, State, Mapping[str, Near], int], Near]

DEFAULTS: Final = {name: rule.defaults for name, rule in RULES.items()}
STATE: Final = {name: rule.state for name, rule in RULES.items()}
COUNTED: Final = frozenset(name for name, rule in RULES.items() if rule.counted)  # they keep the number of steps under "t"


@dataclass(frozen=True, slots=True)
class Reading:
    """One accepted way to read a rule: `step(w, dw, state, hyper, t)` updates `state` and returns the next w."""

    name: str
    source: str
    step: Step


def _momentum(w: Near, dw: Near, state: State, h: Mapping[str, Near], _t: int) -> Near:
    state["velocity"] = h["momentum"] * state["velocity"] + dw
    return w - h["learning_rate"] * state["velocity"]


def _average(old: Near, new: Near, decay: Near) -> Near:
    """A moving average; where old and new differ much in size, the two usual ways to write it round differently."""
    share = ONE - decay
    return (decay * old + share * new).or_as(old + share * (new - old))


def _cache(dw: Near, state: State, h: Mapping[str, Near]) -> Near:
    state["cache"] = _average(state["cache"], dw * dw, h["decay_rate"])
    return state["cache"]


def _rmsprop_inside(w: Near, dw: Near, state: State, h: Mapping[str, Near], _t: int) -> Near:
    return w - h["learning_rate"] * dw / (_cache(dw, state, h) + h["epsilon"]).sqrt()


def _rmsprop_outside(w: Near, dw: Near, state: State, h: Mapping[str, Near], _t: int) -> Near:
    return w - h["learning_rate"] * dw / (_cache(dw, state, h).sqrt() + h["epsilon"])


def _moments(dw: Near, state: State, h: Mapping[str, Near]) -> tuple[Near, Near]:
    state["m"] = _average(state["m"], dw, h["beta1"])
    state["v"] = _average(state["v"], dw * dw, h["beta2"])
    return state["m"], state["v"]


def _corrections(h: Mapping[str, Near], t: int) -> tuple[Near, Near]:
    return ONE - h["beta1"].power(t), ONE - h["beta2"].power(t)


def _adam(*, inside: bool = False, guarded: bool = False) -> Step:
    """m̂/(√v̂+ε), with ε inside the root, or with ε in the corrections' denominators too."""

    def step(w: Near, dw: Near, state: State, h: Mapping[str, Near], t: int) -> Near:
        m, v = _moments(dw, state, h)
        first, second = _corrections(h, t)
        if guarded:
            first, second = first + h["epsilon"], second + h["epsilon"]
        m_hat, v_hat = m / first, v / second
        root = (v_hat + h["epsilon"]).sqrt() if inside else v_hat.sqrt() + h["epsilon"]
        return w - h["learning_rate"] * m_hat / root

    return step


def _adam_folded(*, inside: bool = False) -> Step:
    """Both corrections folded into the learning rate; ε then stands beside the uncorrected √v."""

    def step(w: Near, dw: Near, state: State, h: Mapping[str, Near], t: int) -> Near:
        m, v = _moments(dw, state, h)
        first, second = _corrections(h, t)
        root = (v + h["epsilon"]).sqrt() if inside else v.sqrt() + h["epsilon"]
        return w - h["learning_rate"] * second.sqrt() / first * m / root

    return step


# The most usual one first: the others are looked at only where it does not fit.
READINGS: Final[dict[str, tuple[Reading, ...]]] = {
    "sgd_momentum": (Reading("as given", "handout, Momentum, equation (3)", _momentum),),
    "rmsprop": (
        Reading("epsilon inside the root", "handout, RMSProp", _rmsprop_inside),
        Reading("epsilon outside the root", "Tieleman and Hinton; a staff solution", _rmsprop_outside),
    ),
    "adam": (
        Reading("as given", "handout, Adam; Kingma and Ba, algorithm 1", _adam()),
        Reading("corrections folded into the learning rate", "Kingma and Ba, end of section 2", _adam_folded()),
        Reading("epsilon inside the root", "accepted by the course", _adam(inside=True)),
        Reading("folded, epsilon inside the root", "accepted by the course", _adam_folded(inside=True)),
        Reading("epsilon in the corrections too", "accepted by the course", _adam(guarded=True)),
        Reading("epsilon everywhere, inside the root", "accepted by the course", _adam(inside=True, guarded=True)),
    ),
}


@dataclass(frozen=True, slots=True)
class Right:
    """What is right after one step: the parameters, the state arrays, and the count of steps where the rule keeps one."""

    next_w: Near
    state: Mapping[str, Near]
    t: int | None


def follow(
    rule: str, reading: Reading, w: Array, config: Mapping[str, Any] | None, grads: list[Array], rates: list[Any]
) -> list[Right]:
    """Walk one parameter through its steps.

    Args:
        w: float32 or float64, any shape; what precision the walk has follows from its dtype.
        config: as the rule is called with at first.
        grads: dw of each step.
        rates: learning rate set before each step, None where it stays.
    """
    rounding = precision(w.dtype)
    given = dict(config or {})
    hyper = {name: Near(float(given.get(name, value))) for name, value in DEFAULTS[rule].items()}
    state = {key: Near(given.get(key, 0.0 * w), rounding) for key in STATE[rule]}
    t = int(given.get("t", 0))
    at = Near(w, rounding)
    walked = []
    for grad, rate in zip(grads, rates, strict=True):
        if rate is not None:
            hyper["learning_rate"] = Near(float(rate))
        t += 1
        at = reading.step(at, Near(grad, rounding), state, hyper, t)
        walked.append(Right(at, dict(state), t if rule in COUNTED else None))
    return walked
