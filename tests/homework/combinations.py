"""Which programs, and which combinations of slips, make the same function, so that no input tells them apart.

That is found by running them on numbers drawn at random, step after step, with settings and state given and not.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from grader.grading.expect import Array
from tests.homework.programs import SLIPS, STATE, Program, forms, pairs, plain

_ROUNDING: Final = 1e-10
Slips = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Combinations:
    """Combinations of at most two slips of one rule, each under every accepted form.

    Attributes:
        count: how many there are.
        harmless: those that are right all the same under a form.
        alike: groups that make one function under a form, the simplest one first.
    """

    count: int
    harmless: Sequence[Slips]
    alike: Sequence[tuple[Slips, ...]]


def combinations(rule: str) -> Combinations:
    """Compare all combinations of a rule."""
    sets: list[Slips] = [(), *((slip,) for slip in SLIPS[rule]), *pairs(rule)]
    owners = [slips for slips in sets for _ in forms(rule, slips)]
    numbers = np.array([number for slips in sets for number in _numbers(rule, slips)])
    order = np.argsort(numbers)
    ends = np.flatnonzero(np.diff(numbers[order]) > _ROUNDING) + 1
    rank = {slips: at for at, slips in enumerate(sets)}
    groups = {tuple(sorted({owners[at] for at in group.tolist()}, key=rank.__getitem__)) for group in np.split(order, ends)}
    alike = [group for group in groups if len(group) > 1 and not any({*group} < {*other} for other in groups)]
    alike.sort(key=lambda group: [rank[slips] for slips in group])
    harmless = [slips for group in alike if not group[0] for slips in group[1:]]
    return Combinations(len(sets) - 1, harmless, [group for group in alike if group[0]])


def same_function(program: Program, slips: Sequence[str]) -> bool:
    """Whether a plain program with these slips, under any accepted form, is the same function; not if one is not generated."""
    if not SLIPS[program.rule].keys() >= set(slips):
        return False
    number = _number(program)
    return any(abs(number - other) <= _ROUNDING for other in _numbers(program.rule, tuple(slips)))


@cache
def _numbers(rule: str, slips: Slips) -> list[float]:
    """One number a form in which these slips can be made."""
    return [_number(plain(rule, slips, form)) for form in forms(rule, slips)]


def _number(program: Program) -> float:
    """One number for all that a program gives: the same for the same function up to rounding, another for another."""
    found: list[Array] = []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wrong rules divide by nothing and average nothing
        for walk in _drawn(program.rule):
            found += _walked(program, *walk)
    values = np.arcsinh(np.nan_to_num(np.concatenate(found), nan=17.3, posinf=1e30, neginf=-1e30))
    return float(values @ np.random.default_rng(len(values)).uniform(1, 2, len(values)))


@cache
def _drawn(rule: str) -> Sequence[tuple[Array, Sequence[Array], dict[str, Any], Sequence[float | None]]]:
    """Random walks that tell functions apart: w, gradients, config, learning rates."""
    draw = np.random.default_rng(17)
    settings = {"learning_rate": 0.3, "momentum": 0.6, "decay_rate": 0.7, "beta1": 0.4, "beta2": 0.75, "epsilon": 0.2}
    walks = []
    for number in range(6):
        config: dict[str, Any] = {}
        if number % 2:
            config = {name: float(value * draw.uniform(0.8, 1.2)) for name, value in settings.items()}
        if number > 2:
            config |= {key: 3 if key == "t" else draw.uniform(0.2, 0.9, 5) for key in STATE[rule]}
        rates = (0.2, None, 0.4, None) if number == 2 else (None,) * 4
        walks.append((draw.normal(size=5), [draw.normal(size=5) for _ in rates], config, rates))
    return walks


def _walked(
    program: Program, w: Array, grads: Sequence[Array], given: dict[str, Any], rates: Sequence[float | None]
) -> list[Array]:
    """What comes of every step; state that was neither given nor stored counts as zero."""
    function = program.function()
    found: list[Array] = []
    at, config = w.copy(), copy.deepcopy(given)
    for grad, rate in zip(grads, rates, strict=True):
        config |= {} if rate is None else {"learning_rate": rate}
        dw = grad.copy()
        try:
            at, config = function(at, dw, config)
        except (ArithmeticError, KeyError):
            return [*found, np.array([-1.0])]
        state = [config.get(key, -2.0 if key in given else 0.0) for key in STATE[program.rule]]
        found += [
            np.ravel(at).astype(np.float64),
            dw - grad,
            *(np.broadcast_to(value, w.shape).astype(np.float64) for value in state),
        ]
    return found
