"""The slips of the catalogue as code: each a wrong variant of one update rule, to be called like a student's function.

Most are options of a rule's formula (`rule_formulas`), which `slip_search` combines. What no formula holds is written here as
`f(w, dw, c) -> next_w`, where `c` is the config with its defaults filled in; what it leaves in `c` is what it returns. Every call
of `functions` makes them anew, so that those which share something between parameters start afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...grading.expect import Array
from ..misconceptions import about
from .reference_rules import COUNTED, DEFAULTS, READINGS, STATE
from .rule_formulas import FORMULAS, GONE, OTHER_KEY, Options, Rows, code, has_effect, ways

Rule = Callable[[Array, Array, dict[str, Any] | None], tuple[Any, dict[str, Any]]]
_Body = Callable[[Array, Array, dict[str, Any]], Any]


def variants(rule: str) -> dict[str, Rule]:
    """Every slip of `rule` by its id, in the catalogue's order: the more common one first."""
    known = {name: _from_formula(rule, options) for name, options in reversed(ways(rule))} | _bodies(rule)
    return {slip: known[name] for slip in about(rule) if (name := slip.partition(".")[2]) in known}


def functions(rule: str) -> dict[str, Rule]:
    """Those slips of `rule` that are no options of its formula, likewise."""
    bodies = _bodies(rule)
    return {slip: bodies[name] for slip in about(rule) if (name := slip.partition(".")[2]) in bodies}


def _bodies(rule: str) -> dict[str, Rule]:
    return {name: _complete(rule, body) for make in _MAKERS.get(rule, ()) for name, body in make().items()}


_MAKERS: dict[str, list[Callable[[], Mapping[str, Any]]]] = {}


def slips_of(rule: str) -> Callable[[Callable[[], Mapping[str, Any]]], Callable[[], Mapping[str, Any]]]:
    """Register what makes the slips of a rule: a function that returns functions by their names in the catalogue."""

    def register(maker: Callable[[], Mapping[str, Any]]) -> Callable[[], Mapping[str, Any]]:
        _MAKERS.setdefault(rule, []).append(maker)
        return maker

    return register


def _complete(rule: str, body: _Body) -> Rule:
    def call(w: Array, dw: Array, config: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        c: dict[str, Any] = {**DEFAULTS[rule], **(config or {})}
        for key in STATE[rule]:
            c.setdefault(key, np.zeros_like(w))
        if rule in COUNTED:
            c.setdefault("t", 0)
        return body(w, dw, c), c

    return call


def _from_formula(rule: str, options: Options) -> Rule:
    """One variant of a rule's formula as a function, under the first reading in which it shows."""
    reading = next(number for number in range(len(READINGS[rule])) if has_effect(rule, options, number))
    rows = Rows({group: np.array([code(option)]) for group, option in options.items()}, np.array([reading]))

    def call(w: Array, dw: Array, config: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        c: dict[str, Any] = {**DEFAULTS[rule], **(config or {})}
        where = {key: f"{key}_" if options.get(f"{key}_stored") == OTHER_KEY else key for key in STATE[rule]}
        state = {key: np.array(c.get(name, np.zeros_like(w)), dtype=np.float64).reshape(1, -1) for key, name in where.items()}
        if rule in COUNTED:
            where["t"] = "t_" if options.get("t_stored") == OTHER_KEY else "t"
            state["t"] = np.array([[float(c.get(where["t"], "t_start" in options))]])
        flat_w, flat_dw = (np.asarray(array, dtype=np.float64).reshape(1, -1) for array in (w, dw))
        next_w = FORMULAS[rule](rows, flat_w, flat_dw, state, {name: float(c[name]) for name in DEFAULTS[rule]})
        for key, values in state.items():
            if options.get(f"{key}_stored") == GONE:
                c.pop(key, None)
            else:
                flat = np.broadcast_to(values, (1, 1) if key == "t" else flat_w.shape)
                c[where[key]] = int(flat[0, 0]) if key == "t" else flat.reshape(np.shape(w)).copy()
        return np.broadcast_to(next_w, flat_w.shape).reshape(np.shape(w)).copy(), c

    return call


@slips_of("sgd_momentum")
def _momentum() -> Mapping[str, Any]:
    shared: dict[str, Any] = {}

    def velocity(dw: Array, c: dict[str, Any]) -> Any:
        c["velocity"] = c["momentum"] * c["velocity"] + dw
        return c["velocity"]

    def shared_velocity(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        shared["v"] = c["velocity"] = c["momentum"] * shared.get("v", c["velocity"]) + dw
        return w - c["learning_rate"] * shared["v"]

    def gradient_changed(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        next_w = w - c["learning_rate"] * velocity(dw, c)
        dw[...] = c["velocity"]
        return next_w

    def single_precision(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        c["velocity"] = _single(velocity(dw, c))
        return _single(w - c["learning_rate"] * c["velocity"])

    def settings_changed(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        next_w = w - c["learning_rate"] * velocity(dw, c)
        c["learning_rate"] *= c["momentum"]
        return next_w

    return {one.__name__: one for one in (shared_velocity, gradient_changed, settings_changed, single_precision)}


@slips_of("rmsprop")
def _rmsprop() -> Mapping[str, Any]:
    shared: dict[str, Any] = {}

    def cache(dw: Array, c: dict[str, Any]) -> Any:
        c["cache"] = c["decay_rate"] * c["cache"] + (1 - c["decay_rate"]) * dw**2
        return c["cache"]

    def step(w: Array, dw: Array, r: Any, c: dict[str, Any]) -> Any:
        return w - c["learning_rate"] * dw / np.sqrt(r + c["epsilon"])

    def shared_cache(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        shared["r"] = c["cache"] = c["decay_rate"] * shared.get("r", c["cache"]) + (1 - c["decay_rate"]) * dw**2
        return step(w, dw, shared["r"], c)

    def gradient_changed(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        next_w = step(w, dw, cache(dw, c), c)
        dw *= dw
        return next_w

    def single_precision(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        c["cache"] = _single(cache(dw, c))
        return _single(step(w, dw, c["cache"], c))

    def settings_changed(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        next_w = step(w, dw, cache(dw, c), c)
        c["learning_rate"] *= c["decay_rate"]
        return next_w

    return {one.__name__: one for one in (shared_cache, gradient_changed, settings_changed, single_precision)}


@slips_of("adam")
def _adam() -> Mapping[str, Any]:
    shared: dict[str, Any] = {}

    def moments(dw: Array, c: dict[str, Any]) -> tuple[Any, Any]:
        return c["beta1"] * c["m"] + (1 - c["beta1"]) * dw, c["beta2"] * c["v"] + (1 - c["beta2"]) * dw**2

    def moved(w: Array, m: Any, v: Any, c: dict[str, Any]) -> Any:
        c["m"], c["v"] = m, v
        with np.errstate(divide="ignore"):
            first, second = 1 - np.float64(c["beta1"]) ** c["t"], 1 - np.float64(c["beta2"]) ** c["t"]
        return w - c["learning_rate"] * (m / first) / (np.sqrt(v / second) + c["epsilon"])

    def shared_t(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        shared["t"] = c["t"] = shared.get("t", 0) + 1
        return moved(w, *moments(dw, c), c)

    def gradient_changed(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        c["t"] += 1
        next_w = moved(w, *moments(dw, c), c)
        dw *= dw
        return next_w

    def single_precision(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        c["t"] += 1
        m, v = moments(dw, c)
        return _single(moved(w, _single(m), _single(v), c))

    def settings_changed(w: Array, dw: Array, c: dict[str, Any]) -> Any:
        c["t"] += 1
        next_w = moved(w, *moments(dw, c), c)
        c["learning_rate"] *= np.sqrt(1 - c["beta2"] ** c["t"]) / (1 - c["beta1"] ** c["t"])
        return next_w

    return {one.__name__: one for one in (shared_t, gradient_changed, settings_changed, single_precision)}


def _single(values: Any) -> Any:
    return np.asarray(values).astype(np.float32)
