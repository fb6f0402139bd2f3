"""Which slips give exactly these answers, if any: combinations of options of the formula, then what no formula holds."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..misconceptions import Misconception, agreed, catalogue, same
from . import slips
from .reference_rules import COUNTED, DEFAULTS, STATE
from .rule_formulas import FORMULAS
from .scenarios import Scenario
from .slip_search import search
from .traces import Record

Walk = list[list[tuple[Any, Any, Any]]]  # for each step and track: next_w, config, dw afterwards
Asked = Sequence[tuple[Scenario, Record]]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The slips that together explain every answer, and the reading under which they do; None where that is not known.

    Attributes:
        single: the slips that do so alone, as `slip_search.Found` has them.
    """

    slips: tuple[Misconception, ...] = ()
    reading: int | None = None
    single: frozenset[tuple[str, ...]] = frozenset()


def diagnosed(rule: str, asked: Asked) -> Diagnosis:
    """What explains all answers in scenarios of everyday numbers.

    Of several explanations with equally few slips, what they have in common is told: no answer that was asked tells them apart. Of
    single slips the most common one is told.
    """
    plain = [(scenario, record) for scenario, record in asked if scenario.plain]
    if not all(_is_answer(answer) for _, record in plain for answers in record.steps for answer, _ in answers):
        return Diagnosis()
    if rule in FORMULAS and plain and (found := search(rule, plain)).simplest:
        told = [*agreed([one.slips for one in found.simplest])]
        told += [slip for slip, shows in _SHOWN.items() if any(shows(rule, *one) for one in plain)]
        if told:
            slips_told = tuple(catalogue()[f"{rule}.{slip}"] for slip in told)
            return Diagnosis(slips_told, found.simplest[0].reading, found.single)
    for name, variant in slips.functions(rule).items():
        if _agrees(rule, variant, asked):
            return Diagnosis((catalogue()[name],))
    return Diagnosis()


def _is_answer(answer: Any) -> bool:
    """Whether a rule returned what it is to return: two values, the second one a dict."""
    return isinstance(answer, tuple | list) and len(answer) == 2 and isinstance(answer[1], Mapping)


def _gradient_changed(_rule: str, scenario: Scenario, record: Record) -> bool:
    """Whether a gradient is not what it was after a call."""
    return any(
        not same(dw, scenario.tracks[track].grads[number])
        for number, answers in enumerate(record.steps)
        for track, (_, dw) in enumerate(answers)
    )


def _settings_changed(rule: str, scenario: Scenario, record: Record) -> bool:
    """Whether a hyper-parameter that was given is another, or gone, after a call."""
    for track, start in enumerate(scenario.tracks):
        given = {name: value for name, value in (start.config or {}).items() if name in DEFAULTS[rule]}
        for rate, answers in zip(scenario.rates, record.steps, strict=False):
            given |= {} if rate is None else {"learning_rate": rate}
            if track < len(answers) and any(not same(answers[track][0][1].get(name), value) for name, value in given.items()):
                return True
    return False


def _single_precision(_rule: str, _scenario: Scenario, record: Record) -> bool:
    """Whether an answer is in float32 where float64 was given."""
    values = (value for answers in record.steps for answer, _ in answers for value in (answer[0], *answer[1].values()))
    return any(getattr(value, "dtype", None) == np.float32 for value in values)


# Slips that show in the answers themselves, beside whatever else explains them.
_SHOWN: Final = {
    "gradient_changed": _gradient_changed,
    "settings_changed": _settings_changed,
    "single_precision": _single_precision,
}


def _agrees(rule: str, variant: slips.Rule, asked: Asked) -> bool:
    """Whether a variant gives all these answers.

    It walks through all scenarios in their order, as the student's code did, because what is kept outside config passes on.
    """
    compared = 0
    for scenario, record in asked:
        walk = walked(variant, scenario)
        if not scenario.plain:
            continue
        if not _same_walk(rule, walk, record):
            return False
        compared += 1
    return compared > 0


def walked(variant: slips.Rule, scenario: Scenario) -> Walk:
    """What `variant` answers, step by step, until it raises."""
    at = [track.w.copy() for track in scenario.tracks]
    configs = [None if track.config is None else dict(track.config) for track in scenario.tracks]
    walk: Walk = []
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wrong rules divide by nothing and average nothing
        for number, rate in enumerate(scenario.rates):
            walk.append([])
            for which, track in enumerate(scenario.tracks):
                if rate is not None:
                    configs[which] = {**(configs[which] or {}), "learning_rate": rate}
                dw = track.grads[number].copy()
                try:
                    at[which], config = variant(at[which], dw, configs[which])
                except (ValueError, TypeError, KeyError, ZeroDivisionError, OverflowError):
                    return walk
                configs[which] = config
                walk[-1].append((np.array(at[which]), dict(config), dw))
    return walk


def _same_walk(rule: str, walk: Walk, record: Record) -> bool:
    keys = (*STATE[rule], "t") if rule in COUNTED else STATE[rule]
    if [len(step) for step in walk] != [len(step) for step in record.steps]:
        return False
    return all(
        _same_step(keys, entry, answer, dw)
        for step, answers in zip(walk, record.steps, strict=True)
        for entry, (answer, dw) in zip(step, answers, strict=True)
    )


def _same_step(keys: Sequence[str], entry: tuple[Any, Any, Any], answer: Any, dw: Any) -> bool:
    if not isinstance(answer, tuple | list) or len(answer) != 2 or not isinstance(answer[1], Mapping):
        return False
    next_w, config, dw_after = entry
    precise = getattr(answer[0], "dtype", None) == next_w.dtype
    return (
        precise
        and same(answer[0], next_w)
        and same(dw, dw_after)
        and all(same(answer[1].get(key), config.get(key)) for key in keys)
    )
