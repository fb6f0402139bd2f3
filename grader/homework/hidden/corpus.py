"""The scenarios every submission is asked: the landmarks, examples drawn by Hypothesis, and two of great extent, frozen in a file
a rule.

Frozen, because generating them costs a second and would depend on Hypothesis's version, while every submission has to meet the
same questions, this term and in a regrade. `regenerate` draws them anew; a test holds the files against what the
strategies give. A file holds what is asked: a plan, and all arrays one after the other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from ...errors import ConfigurationError
from ...grading.expect import Array
from ...sandbox.inside import wire
from ..published import Track
from .reference_rules import READINGS, Right, follow
from .scenarios import Scenario, extents, landmarks
from .traces import Walk, walk

EXAMPLES: Final = 60
TYPES: Final = ("float64", "float32")
_FOLDER: Final = Path(__file__).with_name("scenarios")


@dataclass(frozen=True, slots=True)
class Questions:
    """Scenarios for `rule_driver`.

    Attributes:
        plan: JSON, for each scenario [group, layout, rates, tracks], for each track [shape, type, config], null for an array.
        arrays: by type all arrays one after the other: of each track w, those of its config, and dw of each step.
    """

    plan: str
    arrays: dict[str, Array]


@cache
def questions(rule: str) -> Questions:
    """All scenarios of `rule`, as they are asked.

    Raises:
        ConfigurationError: the file is missing or damaged.
    """
    path = file(rule)
    try:
        plan, arrays = wire.decode(path.read_bytes()[wire.HEADER.size :])
        return Questions(plan, arrays)
    except (OSError, wire.WireError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{path.name} cannot be read ({error}); restore it from the repository") from error


@cache
def scenarios(rule: str) -> tuple[Scenario, ...]:
    """All scenarios of `rule`, in the order they are asked.

    Raises:
        ConfigurationError: the file is missing or damaged.
    """
    asked = questions(rule)
    places = dict.fromkeys(asked.arrays, 0)

    def following(shape: Sequence[int], dtype: str) -> Array:
        at = places[dtype]
        places[dtype] += math.prod(shape)
        return asked.arrays[dtype][at : places[dtype]].reshape(shape)

    found = []
    try:
        for _, layout, rates, given in json.loads(asked.plan):
            tracks = []
            for shape, dtype, config in given:
                w = following(shape, dtype)
                held = config and {key: following(shape, dtype) if value is None else value for key, value in config.items()}
                tracks.append(Track(w, held, tuple(following(shape, dtype) for _ in rates)))
            found.append(Scenario(tuple(tracks), tuple(rates), layout))
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(f"{file(rule).name} cannot be read ({error}); restore it from the repository") from error
    return tuple(found)


def packed(asked: Sequence[Scenario]) -> Questions:
    """The inverse of what `scenarios` does."""
    parts: dict[str, list[Array]] = {name: [] for name in TYPES}
    plan = []
    for scenario in asked:
        tracks = []
        for track in scenario.tracks:
            given = track.config or {}
            arrays = [track.w, *(value for value in given.values() if isinstance(value, np.ndarray)), *track.grads]
            parts[str(track.w.dtype)] += [array.ravel() for array in arrays]
            config = {key: None if isinstance(value, np.ndarray) else value for key, value in given.items()}
            tracks.append([track.w.shape, str(track.w.dtype), None if track.config is None else config])
        plan.append([scenario.group, scenario.layout, scenario.rates, tracks])
    return Questions(json.dumps(plan), {name: joined(arrays, name) for name, arrays in parts.items()})


def joined(arrays: Sequence[Array], dtype: str) -> Array:
    """One array of them all, which may be none."""
    return np.concatenate([np.empty(0), *arrays]).astype(dtype)


@cache
def right(rule: str, reading: int, number: int) -> tuple[list[Right], ...]:
    """What is right in scenario `number` under accepted reading `reading`: for each track, its steps."""
    return answers(rule, reading, scenarios(rule)[number])


@cache
def walks(rule: str, reading: int, number: int) -> tuple[Walk, ...]:
    """As `right`, each track's steps put together."""
    return put_together(scenarios(rule)[number], right(rule, reading, number))


def put_together(scenario: Scenario, right: Sequence[Sequence[Right]]) -> tuple[Walk, ...]:
    """The walks of a scenario's tracks, of what is right for each."""
    return tuple(walk(start, steps) for start, steps in zip(scenario.tracks, right, strict=True))


def answers(rule: str, reading: int, scenario: Scenario) -> tuple[list[Right], ...]:
    """As `right`, for any scenario."""
    with np.errstate(all="ignore"):
        return tuple(
            follow(rule, READINGS[rule][reading], track.w, track.config, list(track.grads), list(scenario.rates))
            for track in scenario.tracks
        )


def file(rule: str) -> Path:
    """Where the scenarios of `rule` are kept."""
    return _FOLDER / f"{rule}.bin"


def drawn(rule: str) -> bytes:
    """The content the file of `rule` should have."""
    from . import strategies

    asked = packed([*landmarks(rule), *strategies.examples(rule, EXAMPLES), *extents()])
    return wire.frame((asked.plan, asked.arrays))
