"""The slips of the catalogue as code: each a wrong variant of one update rule, to be compared with a student's answers.

A variant is written as `f(w, dw, c) -> next_w`, where `c` is the config with its defaults filled in; what it leaves in `c` is
what it returns. Every call of `variants` makes them anew, so that those which share something between parameters start afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..checks.misconceptions import about
from ..expect import Array
from .rules import COUNTED, DEFAULTS, STATE

Rule = Callable[[Array, Array, dict[str, Any] | None], tuple[Any, dict[str, Any]]]
_Body = Callable[[Array, Array, dict[str, Any]], Any]


def variants(rule: str) -> dict[str, Rule]:
    """Every slip of `rule` by its id, ready to be called like a student's function."""
    made = {"sgd_momentum": _momentum, "rmsprop": _rmsprop, "adam": _adam}[rule]()
    return {f"{rule}.{name}": _complete(rule, body) for name, body in made.items()}


def _complete(rule: str, body: _Body) -> Rule:
    def call(w: Array, dw: Array, config: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        c: dict[str, Any] = {**DEFAULTS[rule], **(config or {})}
        for key in STATE[rule]:
            c.setdefault(key, np.zeros_like(w))
        if rule in COUNTED:
            c.setdefault("t", 0)
        return body(w, dw, c), c

    return call


def _momentum() -> dict[str, _Body]:
    shared: dict[str, Any] = {}

    def velocity(dw: Array, c: dict[str, Any]) -> Any:
        c["velocity"] = c["momentum"] * c["velocity"] + dw
        return c["velocity"]

    def stored(value: Any, c: dict[str, Any]) -> Any:
        c["velocity"] = value
        return value

    def rate_in_velocity(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w + stored(c["momentum"] * c["velocity"] - c["learning_rate"] * dw, c)

    def rate_in_velocity_subtracted(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - stored(c["momentum"] * c["velocity"] + c["learning_rate"] * dw, c)

    def velocity_not_stored(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * (c["momentum"] * c["velocity"] + dw)

    def velocity_missing(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * (c["momentum"] * c.pop("velocity") + dw)

    def nesterov(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * (dw + c["momentum"] * velocity(dw, c))

    def damped(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * stored(c["momentum"] * c["velocity"] + (1 - c["momentum"]) * dw, c)

    def ascends(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w + c["learning_rate"] * velocity(dw, c)

    def stale_velocity(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        next_w = w - c["learning_rate"] * c["velocity"]
        velocity(dw, c)
        return next_w

    def swapped(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * stored(c["velocity"] + c["momentum"] * dw, c)

    def momentum_ignored(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * stored(c["velocity"] + dw, c)

    def no_memory(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * stored(1.0 * dw, c)

    def negative_velocity(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w + c["learning_rate"] * stored(c["momentum"] * c["velocity"] - dw, c)

    def rate_twice(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * stored(c["momentum"] * c["velocity"] + c["learning_rate"] * dw, c)

    def rate_missing(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - velocity(dw, c)

    def scaled_velocity_stored(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - stored(c["learning_rate"] * velocity(dw, c), c)

    def fixed_momentum(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * stored(DEFAULTS["sgd_momentum"]["momentum"] * c["velocity"] + dw, c)

    def fixed_rate(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - DEFAULTS["sgd_momentum"]["learning_rate"] * velocity(dw, c)

    def shared_velocity(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        shared["v"] = stored(c["momentum"] * shared.get("v", c["velocity"]) + dw, c)
        return w - c["learning_rate"] * shared["v"]

    def gradient_changed(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        next_w = w - c["learning_rate"] * velocity(dw, c)
        dw[...] = c["velocity"]
        return next_w

    def single_precision(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return _single(w - c["learning_rate"] * stored(_single(velocity(dw, c)), c))

    return _named("sgd_momentum", locals())


def _rmsprop() -> dict[str, _Body]:
    shared: dict[str, Any] = {}

    def cache(dw: Array, c: dict[str, Any]) -> Any:
        c["cache"] = c["decay_rate"] * c["cache"] + (1 - c["decay_rate"]) * dw**2
        return c["cache"]

    def stored(value: Any, c: dict[str, Any]) -> Any:
        c["cache"] = value
        return value

    def step(w: Array, dw: Array, r: Any, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * dw / np.sqrt(r + c["epsilon"])

    def epsilon_after_division(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - (c["learning_rate"] * dw / np.sqrt(cache(dw, c)) + c["epsilon"])

    def cache_not_stored(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return step(w, dw, cache(dw, dict(c)), c)

    def cache_missing(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        cache(dw, c)
        return step(w, dw, c.pop("cache"), c)

    def root_missing(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * dw / (cache(dw, c) + c["epsilon"])

    def decay_swapped(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return step(w, dw, stored((1 - c["decay_rate"]) * c["cache"] + c["decay_rate"] * dw**2, c), c)

    def not_squared(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return step(w, dw, stored(c["decay_rate"] * c["cache"] + (1 - c["decay_rate"]) * dw, c), c)

    def complement_missing(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return step(w, dw, stored(c["decay_rate"] * c["cache"] + dw**2, c), c)

    def adagrad(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return step(w, dw, stored(c["cache"] + dw**2, c), c)

    def stale_cache(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        next_w = step(w, dw, c["cache"], c)
        cache(dw, c)
        return next_w

    def ascends(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return 2 * w - step(w, dw, cache(dw, c), c)

    def root_of_rate(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        cache(dw, c)
        return w - c["learning_rate"] * dw / (np.sqrt(c["learning_rate"]) + c["epsilon"])

    def epsilon_times_root(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * dw / (np.sqrt(cache(dw, c)) * c["epsilon"])

    def rate_twice(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] ** 2 * dw / np.sqrt(cache(dw, c) + c["epsilon"])

    def rate_missing(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - dw / np.sqrt(cache(dw, c) + c["epsilon"])

    def product_squared(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return step(w, dw, stored(c["decay_rate"] * c["cache"] + ((1 - c["decay_rate"]) * dw) ** 2, c), c)

    def epsilon_missing(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * dw / np.sqrt(cache(dw, c))

    def fixed_decay(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        decay = DEFAULTS["rmsprop"]["decay_rate"]
        return step(w, dw, stored(decay * c["cache"] + (1 - decay) * dw**2, c), c)

    def scalar_cache(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return step(w, dw, stored(c["decay_rate"] * c["cache"] + (1 - c["decay_rate"]) * np.mean(dw**2), c), c)

    def shared_cache(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        shared["r"] = stored(c["decay_rate"] * shared.get("r", c["cache"]) + (1 - c["decay_rate"]) * dw**2, c)
        return step(w, dw, shared["r"], c)

    def gradient_changed(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        next_w = step(w, dw, cache(dw, c), c)
        dw *= dw
        return next_w

    def single_precision(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return _single(step(w, dw, stored(_single(cache(dw, c)), c), c))

    return _named("rmsprop", locals())


def _adam() -> dict[str, _Body]:
    shared: dict[str, Any] = {}

    def moments(dw: Array, c: dict[str, Any]) -> tuple[Any, Any]:
        c["m"] = c["beta1"] * c["m"] + (1 - c["beta1"]) * dw
        c["v"] = c["beta2"] * c["v"] + (1 - c["beta2"]) * dw**2
        return c["m"], c["v"]

    def counted(c: dict[str, Any]) -> Any:
        c["t"] += 1
        return c["t"]

    def corrections(c: dict[str, Any], t: Any) -> tuple[Any, Any]:
        with np.errstate(divide="ignore"):
            return 1 - np.float64(c["beta1"]) ** t, 1 - np.float64(c["beta2"]) ** t

    def moved(w: Array, m: Any, v: Any, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * m / (np.sqrt(v) + c["epsilon"])

    def finished(w: Array, m: Any, v: Any, c: dict[str, Any], t: Any) -> Any:
        first, second = corrections(c, t)
        return moved(w, m / first, v / second, c)

    def fed(w: Array, m: Any, v: Any, c: dict[str, Any]) -> Any:
        """Everything right but for how m and v were made."""
        c["m"], c["v"] = m, v
        return finished(w, m, v, c, counted(c))

    def t_not_stored(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return finished(w, *moments(dw, c), c, c["t"] + 1)

    def t_before_increment(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        next_w = finished(w, *moments(dw, c), c, c["t"])
        counted(c)
        return next_w

    def t_never_incremented(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return finished(w, *moments(dw, c), c, c["t"])

    def t_twice(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        next_w = finished(w, *moments(dw, c), c, counted(c))
        counted(c)
        return next_w

    def no_correction(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        counted(c)
        return moved(w, *moments(dw, c), c)

    def power_missing(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        counted(c)
        return finished(w, *moments(dw, c), c, 1)

    def power_of_complement(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m, v = moments(dw, c)
        t = counted(c)
        return moved(w, m / (1 - (1 - c["beta1"]) ** t), v / (1 - (1 - c["beta2"]) ** t), c)

    def moments_not_stored(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return finished(w, *moments(dw, dict(c)), c, counted(c))

    def moments_missing(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        next_w = fed(w, *moments(dw, c), c)
        del c["m"], c["v"]
        return next_w

    def corrected_stored(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m, v = moments(dw, c)
        first, second = corrections(c, counted(c))
        c["m"], c["v"] = m / first, v / second
        return moved(w, c["m"], c["v"], c)

    def epsilon_after_division(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m, v = moments(dw, c)
        first, second = corrections(c, counted(c))
        return w - (c["learning_rate"] * (m / first) / np.sqrt(v / second) + c["epsilon"])

    def beta1_for_both(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return fed_with(w, dw, c, c["beta1"], c["beta1"])

    def beta2_for_both(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return fed_with(w, dw, c, c["beta2"], c["beta2"])

    def betas_swapped(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return fed_with(w, dw, c, c["beta2"], c["beta1"])

    def fixed_betas(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return fed_with(w, dw, c, DEFAULTS["adam"]["beta1"], DEFAULTS["adam"]["beta2"])

    def fed_with(w: Array, dw: Array, c: dict[str, Any], first: float, second: float) -> Any:
        own = {**c, "beta1": first, "beta2": second}
        c["m"], c["v"] = moments(dw, own)
        return finished(w, c["m"], c["v"], own, counted(c))

    def beta1_corrects_both(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return finished(w, *moments(dw, c), {**c, "beta2": c["beta1"]}, counted(c))

    def beta2_corrects_both(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return finished(w, *moments(dw, c), {**c, "beta1": c["beta2"]}, counted(c))

    def complement_swapped(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m = (1 - c["beta1"]) * c["m"] + c["beta1"] * dw
        return fed(w, m, (1 - c["beta2"]) * c["v"] + c["beta2"] * dw**2, c)

    def root_missing(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m, v = moments(dw, c)
        first, second = corrections(c, counted(c))
        return w - c["learning_rate"] * (m / first) / (v / second + c["epsilon"])

    def not_squared(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m, _ = moments(dw, dict(c))
        return fed(w, m, c["beta2"] * c["v"] + (1 - c["beta2"]) * dw, c)

    def squares_m(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m, _ = moments(dw, dict(c))
        return fed(w, m, c["beta2"] * c["v"] + (1 - c["beta2"]) * m**2, c)

    def complement_missing_m(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return fed(w, c["beta1"] * c["m"] + dw, moments(dw, dict(c))[1], c)

    def complement_missing_v(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return fed(w, moments(dw, dict(c))[0], c["beta2"] * c["v"] + dw**2, c)

    def only_m_corrected(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m, v = moments(dw, c)
        return moved(w, m / corrections(c, counted(c))[0], v, c)

    def only_v_corrected(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m, v = moments(dw, c)
        return moved(w, m, v / corrections(c, counted(c))[1], c)

    def correction_multiplied(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m, v = moments(dw, c)
        first, second = corrections(c, counted(c))
        return moved(w, m * first, v * second, c)

    def folded_without_root(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m, v = moments(dw, c)
        first, second = corrections(c, counted(c))
        return w - c["learning_rate"] * second / first * m / (np.sqrt(v) + c["epsilon"])

    def epsilon_times_root(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m, v = moments(dw, c)
        first, second = corrections(c, counted(c))
        return w - c["learning_rate"] * (m / first) / (np.sqrt(v / second) * c["epsilon"])

    def epsilon_missing(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return finished(w, *moments(dw, c), {**c, "epsilon": 0.0}, counted(c))

    def ascends(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return 2 * w - finished(w, *moments(dw, c), c, counted(c))

    def gradient_for_m(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        _, v = moments(dw, c)
        return moved(w, dw, v / corrections(c, counted(c))[1], c)

    def stale_moments(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        next_w = finished(w, c["m"], c["v"], c, counted(c))
        moments(dw, c)
        return next_w

    def aliased_moments(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m = c["beta1"] * c["m"] + (1 - c["beta1"]) * dw
        both = c["beta2"] * m + (1 - c["beta2"]) * dw**2
        return fed(w, both, both, c)

    def rate_twice(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return finished(w, *moments(dw, c), {**c, "learning_rate": c["learning_rate"] ** 2}, counted(c))

    def rate_missing(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        return finished(w, *moments(dw, c), {**c, "learning_rate": 1.0}, counted(c))

    def rate_in_m(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        _, v = moments(dw, dict(c))
        c["m"], c["v"] = c["beta1"] * c["m"] + (1 - c["beta1"]) * c["learning_rate"] * dw, v
        return finished(w, c["m"], v, {**c, "learning_rate": 1.0}, counted(c))

    def amsgrad(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        before = c["v"]
        m, v = moments(dw, dict(c))
        return fed(w, m, np.maximum(before, v), c)

    def shared_t(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        shared["t"] = shared.get("t", 0) + 1
        c["t"] = shared["t"]
        return finished(w, *moments(dw, c), c, c["t"])

    def gradient_changed(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        next_w = fed(w, *moments(dw, c), c)
        dw *= dw
        return next_w

    def single_precision(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        m, v = moments(dw, dict(c))
        return _single(fed(w, _single(m), _single(v), c))

    return _named("adam", locals())


def _named(rule: str, bodies: Mapping[str, Any]) -> dict[str, _Body]:
    """The catalogue's slips of `rule` in its order; each must have its code."""
    return {entry.id.partition(".")[2]: bodies[entry.id.partition(".")[2]] for entry in about(rule)}


def _single(values: Any) -> Any:
    return np.asarray(values).astype(np.float32)
