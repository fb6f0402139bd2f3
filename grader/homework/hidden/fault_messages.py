"""How a fault of an update rule is told: the input as a program for a cell, and what came back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...grading import expect
from ...grading.expect import Array
from ..many_steps import ROUNDED, right_before
from .scenarios import Scenario
from .traces import Fault

_SHOWN = 12  # entries of an array that are written out


def of_fault(rule: str, scenario: Scenario, fault: Fault, *, alone: bool, turns: int | None = None) -> tuple[str, str]:
    """What came back: the sentences for the student, and those for staff.

    Args:
        scenario: what went wrong, ended at the last step that is told of.
        alone: it goes wrong in a fresh process too.
        turns: the step, counted from 0, after which next_w is wrong for the first time, where that is known.
    """
    if fault.none:
        return fault.problem, ""
    if alone:
        said = _what_came_back(rule, scenario, fault)
        if fault.step:
            said = f"{right_before(fault.step)} {said}"
        elif turns:
            said += f" next_w is still right then, and wrong from step {turns + 1} on."
        return said, _for_staff(scenario, fault)
    text = (  # without what came back: it was answered by code that had been asked other things, and could tell of them
        f"{_place(scenario, fault)} {fault.subject or 'the answer'} was not what the rule gives. Asked this alone, the rule "
        "answers rightly: something must be kept outside config and pass from one call to another."
    )
    return text, f"{_what_came_back(rule, scenario, fault)} {_for_staff(scenario, fault)}"


def introduction(rule: str, *, shrunk: bool) -> str:
    """What stands before the program; `shrunk`: it is the smallest that could be found."""
    return f"{rule} was asked this{', the smallest input found that goes wrong' if shrunk else ''}; for a cell:"


def of_readings(faults: Sequence[tuple[str, tuple[int, Fault] | None]], scenarios: int) -> str:
    """For staff: where each accepted reading, by its name, fails first among what is asked, and how far it is off."""
    told = [f"{name}, in {found[0] + 1} ({_distance(found[1])})" for name, found in faults if found is not None]
    return f"accepted readings, and which of {scenarios} scenarios each fails in first: {'; '.join(told)}"


def _distance(fault: Fault) -> str:
    place = f"step {fault.step + 1}"
    found = expect.real(fault.found)
    if fault.wanted is None or found is None or found.size not in (1, fault.wanted.value.size):
        return f"{place}, {fault.subject} has another form" if fault.subject else f"{place}, raised"
    with np.errstate(all="ignore"):
        off = np.abs(found.astype(np.float64).ravel() - fault.wanted.value.ravel())
        share = np.max(off, initial=0.0) / max(float(np.max(np.abs(fault.wanted.value), initial=0.0)), 1e-300)
    return f"{place}, {fault.subject} off by {share:.2g} of its size"


def _what_came_back(rule: str, scenario: Scenario, fault: Fault) -> str:
    place = _place(scenario, fault)
    if fault.raised:
        return f"In step {fault.step + 1} {rule} raised."
    if fault.problem:
        return f"{place}: {fault.problem}"
    if fault.hardly:
        return f"{place} {fault.subject} is {_array(fault.found, 17)}, {ROUNDED}."
    return f"{place} {fault.subject} is {_array(fault.found)}, which is not what the rule gives."


def _place(scenario: Scenario, fault: Fault) -> str:
    return f"After step {fault.step + 1}" + (f", for parameter {fault.track + 1}," if len(scenario.tracks) > 1 else "")


def _for_staff(scenario: Scenario, fault: Fault) -> str:
    parts = []
    if fault.wanted is not None:
        value, found = fault.wanted.value, fault.found.astype(np.float64)
        slack = fault.wanted.slack
        if scenario.large:
            wrong = np.abs(found - value).ravel() > slack.ravel()
            parts.append(f"{wrong.sum()} of {wrong.size} entries are off, the first of them:")
            found, value, slack = (one.ravel()[wrong][:_SHOWN] for one in (found, value, slack))
        with np.errstate(all="ignore"):
            ratio = np.unique(np.round((found / value).ravel(), 6))
        parts.append(f"{fault.subject}: found {found.tolist()}, expected {value.tolist()} ± {slack.tolist()}")
        if ratio.size == 1:
            parts.append(f"every entry is {ratio[0]:g} times what is right")
    return "; ".join(parts)


def _array(values: Array, digits: int = 6) -> str:
    """A short array as text; of a long one its shape and first entries."""
    dtype = "" if values.dtype == np.float64 else f" ({values.dtype})"
    flat = [f"{float(x):.{digits}g}" for x in values.ravel()[:_SHOWN]]
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
