"""Published facts the checks compare with, read from `fixtures/` and held against their digests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..grading.expect import Array
from .files import FIXTURES
from .rules import RULES

GOLDEN, SLIPS, NORMS, SPREADS, TRAJECTORIES = "golden.json", "slips.json", "norms.json", "spreads.json", "trajectories.json"
STEPS = "steps.json"
UNSEEN_NORMS = "unseen_norms.json"  # not in the handout


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """One step of an update rule as published: inputs, and what must come out.

    Attributes:
        w, dw: float64 arrays of shape (4, 5).
        config: what the rule is called with.
        next_w: float64 (4, 5).
        state: what must stand in the config afterwards: float64 (4, 5) arrays, or the int t.
    """

    w: Array
    dw: Array
    config: dict[str, Any]
    next_w: Array
    state: dict[str, Any]


@cache
def golden() -> dict[str, GoldenCase]:
    """The handout's case for each rule (inputs: the handout's golden-check cells).

    Raises:
        ConfigurationError: the file is missing, changed or malformed.
    """
    published = json.loads(FIXTURES.verified(GOLDEN))
    cases = {}
    for rule in RULES:
        if rule not in published:  # told by `consistency`
            continue
        arrays = {key: value if key == "t" else np.array(value, dtype=np.float64) for key, value in published[rule].items()}
        next_w = arrays.pop("next_w")
        cases[rule] = GoldenCase(*golden_inputs(rule), next_w, arrays)
    return cases


def golden_inputs(rule: str) -> tuple[Array, Array, dict[str, Any]]:
    """What the notebook's check calls a rule with: w, dw (float64, shape (4, 5)) and config."""
    given = RULES[rule].golden.items()
    config = {key: _grid(*value) if isinstance(value, tuple) else value for key, value in given}
    return _grid(-0.4, 0.6), _grid(-0.6, 0.4), config


@cache
def golden_slips() -> dict[str, dict[str, dict[str, Any]]]:
    """For each rule and slip (see `misconceptions`) what it gives on the golden inputs, "next_w" and each key of the state.

    Each is a float64 (4, 5) array, a number, or None where the slip leaves nothing behind.

    Raises:
        ConfigurationError: the file is missing, changed or malformed.
    """
    recorded: dict[str, dict[str, dict[str, Any]]] = json.loads(FIXTURES.verified(SLIPS))
    return {
        rule: {slip: {key: _recorded(value) for key, value in gives.items()} for slip, gives in slips.items()}
        for rule, slips in recorded.items()
    }


def _recorded(value: Any) -> Any:
    return np.array(value, dtype=np.float64) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Track:
    """One parameter's way through some steps: `w`, what the rule is called with first, and dw of each step; all of one shape."""

    w: Array
    config: dict[str, Any] | None
    grads: tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class Walks:
    """Some steps of an update rule, and what may come of them.

    Attributes:
        walks: each some parameters that are stepped side by side.
        readings: for each accepted reading, walk and track: under "next_w" an array a step, one after the other, and the array of
            each key of the state after the last step; with each how far a correct evaluation may be off.
        slips: by the id of a misconception that one golden step does not show: for each walk and track next_w and each key of the
            state after the last step.
    """

    walks: tuple[tuple[Track, ...], ...]
    readings: tuple[tuple[tuple[Mapping[str, tuple[Array, float]], ...], ...], ...]
    slips: Mapping[str, tuple[tuple[Mapping[str, Array], ...], ...]]


@cache
def steps() -> dict[str, Walks]:
    """The steps that a student's own check takes beyond the golden one, by rule.

    Raises:
        ConfigurationError: the file is missing, changed or malformed.
    """
    return {rule: _walks(table) for rule, table in json.loads(FIXTURES.verified(STEPS)).items()}


def _walks(table: Mapping[str, Any]) -> Walks:
    return Walks(
        tuple(tuple(_track(track) for track in walk) for walk in table["walks"]),
        tuple(
            tuple(tuple({key: (_numbers(value), off) for key, (value, off) in track.items()} for track in walk) for walk in reading)
            for reading in table["readings"]
        ),
        {
            slip: tuple(tuple({key: _numbers(value) for key, value in track.items()} for track in walk) for walk in walks)
            for slip, walks in table["slips"].items()
        },
    )


def _track(table: Mapping[str, Any]) -> Track:
    return Track(_numbers(table["w"]), table["config"], tuple(map(_numbers, table["grads"])))


def _numbers(values: Any) -> Array:
    """float64; a text stands for a number that JSON has not."""
    return np.array(values, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Family:
    """Parameters and, for each training step, their gradients, as a stub model hands them out; arrays of one float type."""

    params: Mapping[str, Array]
    gradients: tuple[Mapping[str, Array], ...]


@dataclass(frozen=True, slots=True)
class Norms:
    """What a training loop is run on, and what it may then have recorded.

    Attributes:
        families: run one after the other.
        readings: by name, float64, one number a step over all families.
        slips: by the id of a misconception, or by two, "a + b": for each form of it all numbers that are recorded.
    """

    families: tuple[Family, ...]
    readings: Mapping[str, Array]
    slips: Mapping[str, Sequence[Sequence[float]]]


@cache
def norms(name: str = NORMS) -> Norms:
    """The gradients of `solver.grad_norm` and the norms that belong to them, from the fixture `name`.

    Raises:
        ConfigurationError: the file is missing, changed or malformed.
    """
    table = json.loads(FIXTURES.verified(name))
    families = tuple(
        Family(_arrays(family["params"], family["dtype"]), tuple(_arrays(step, family["dtype"]) for step in family["gradients"]))
        for family in table["families"]
    )
    return Norms(families, _arrays(table["readings"]), table["slips"])


Stds = Mapping[str, list[float]]  # "he", and each slip "a" and pair of slips "a + b", to a standard deviation a layer


@cache
def spreads() -> dict[str, Stds]:
    """What He's initialization and its slips give each network of `fc_net.init.*`.

    Raises:
        ConfigurationError: the file is missing, changed or malformed.
    """
    table: dict[str, Stds] = json.loads(FIXTURES.verified(SPREADS))
    return table


def _arrays(values: Mapping[str, Any], dtype: str = "float64") -> dict[str, Array]:
    return {name: np.array(value, dtype=dtype) for name, value in values.items()}


def _grid(start: float, stop: float) -> Array:
    return np.linspace(start, stop, num=20).reshape(4, 5)
