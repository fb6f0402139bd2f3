"""Which slip of the catalogue gives exactly these answers, if any."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..checks.misconceptions import Misconception, catalogue, same
from . import corpus, slips
from .record import Record
from .rules import COUNTED, STATE
from .scenarios import Scenario

Walk = list[list[tuple[Any, Any, Any]]]  # for each step and track: next_w, config, dw afterwards


def slip_of(rule: str, records: Sequence[Record]) -> Misconception | None:
    """The most common slip whose answers agree with `records` to rounding, in every scenario of everyday numbers.

    Every variant walks through all scenarios in their order, as the student's code did, because what is kept outside config
    passes from one to the next.
    """
    for name, variant in slips.variants(rule).items():
        if _agrees(rule, variant, records):
            return catalogue()[name]
    return None


def _agrees(rule: str, variant: slips.Rule, records: Sequence[Record]) -> bool:
    compared = 0
    for scenario, record in zip(corpus.scenarios(rule), records, strict=True):
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
