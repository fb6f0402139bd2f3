"""The scenarios every submission is asked: the landmarks, examples drawn by Hypothesis, and two of great extent, frozen in a file
a rule.

Frozen, because generating them costs a second and would depend on Hypothesis's version, while every submission has to meet the
same questions, this term and in a regrade. `regenerate` draws them anew; a test holds the files against what the
strategies give.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...errors import ConfigurationError
from ...sandbox.inside import wire
from .reference_rules import READINGS, Right, follow
from .scenarios import Scenario, extents, from_data, landmarks
from .traces import Walk, walk

EXAMPLES: Final = 60
_FOLDER: Final = Path(__file__).with_name("scenarios")


@cache
def scenarios(rule: str) -> tuple[Scenario, ...]:
    """All scenarios of `rule`, in the order they are asked.

    Raises:
        ConfigurationError: the file is missing or damaged.
    """
    path = file(rule)
    try:
        data = path.read_bytes()
        return tuple(from_data(entry) for entry in wire.decode(data[wire.HEADER.size :]))
    except (OSError, wire.WireError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path.name} cannot be read ({error}); restore it from the repository") from error


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

    everything = [*landmarks(rule), *strategies.examples(rule, EXAMPLES), *extents()]
    data: list[dict[str, Any]] = [scenario.as_data() for scenario in everything]
    return wire.frame(data)
