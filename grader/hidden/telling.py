"""How a fault of an update rule is told: the input as a student would type it, what came back, and the slip if it is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..expect import Array
from .record import Fault
from .scenarios import Scenario

_SHOWN = 12  # entries of an array that are written out


def of_fault(rule: str, scenario: Scenario, fault: Fault, *, shrunk: bool, alone: bool) -> tuple[str, str]:
    """The sentences for the student, and those for staff.

    Args:
        scenario: what went wrong, ended at the faulty step.
        shrunk: it is the smallest that could be found.
        alone: it goes wrong in a fresh process too.
    """
    if fault.blank:
        return fault.problem, ""
    lines = [input_of(rule, scenario, shrunk=shrunk), _what_came_back(rule, scenario, fault)]
    if not alone:
        lines.append(
            "Asked this alone, the rule answers rightly: something must be kept outside config and pass from one call to another."
        )
    return "\n".join(lines), _for_staff(fault)


def input_of(rule: str, scenario: Scenario, *, shrunk: bool) -> str:
    """The calls that were made, one line each."""
    lines = [f"{rule} was asked this{', the smallest input found that goes wrong' if shrunk else ''}:"]
    for number, track in enumerate(scenario.tracks, start=1):
        which = f"Parameter {number}: " if len(scenario.tracks) > 1 else ""
        lines.append(f"  {which}w = {_array(track.w)}, config = {_config(track.config)}")
    if scenario.layout != "C":
        lines.append(f"  The arrays are views in another memory order ({scenario.layout}).")
    for step, rate in enumerate(scenario.rates):
        set_to = "" if rate is None else f"config['learning_rate'] = {rate:g}, "
        gradients = "; ".join(_array(track.grads[step]) for track in scenario.tracks)
        lines.append(f"  step {step + 1}: {set_to}dw = {gradients}")
    return "\n".join(lines)


def _what_came_back(rule: str, scenario: Scenario, fault: Fault) -> str:
    place = f"After step {fault.step + 1}" + (f", for parameter {fault.track + 1}," if len(scenario.tracks) > 1 else "")
    if fault.raised:
        return f"In step {fault.step + 1} {rule} raised."
    if fault.problem:
        return f"{place}: {fault.problem}"
    return f"{place} {fault.subject} is {_array(fault.found)}, which is not what the rule gives."


def _for_staff(fault: Fault) -> str:
    parts = []
    if fault.wanted is not None:
        value, found = fault.wanted.value, np.asarray(fault.found, dtype=np.float64)
        with np.errstate(all="ignore"):
            ratio = np.unique(np.round((found / value).ravel(), 6))
        parts.append(f"{fault.subject}: found {found.tolist()}, expected {value.tolist()} ± {fault.wanted.slack.tolist()}")
        if ratio.size == 1:
            parts.append(f"every entry is {ratio[0]:g} times what is right")
    return "; ".join(parts)


def _config(config: dict[str, Any] | None) -> str:
    if config is None:
        return "None"
    return "{" + ", ".join(f"'{key}': {_array(v) if isinstance(v, np.ndarray) else repr(v)}" for key, v in config.items()) + "}"


def _array(values: Array) -> str:
    """A short array as text; of a long one its shape and first entries."""
    dtype = "" if values.dtype == np.float64 else f" ({values.dtype})"
    flat = [f"{float(x):.6g}" for x in values.ravel()[:_SHOWN]]
    if values.ndim == 1 and values.size <= _SHOWN:
        return f"[{', '.join(flat)}]{dtype}"
    if values.ndim == 0:
        return f"{flat[0]}{dtype}"
    more = ", …" if values.size > _SHOWN else ""
    return (
        f"an array of shape {values.shape} with entries {', '.join(flat)}{more}{dtype}"
        if flat
        else f"an empty array of shape {values.shape}"
    )
