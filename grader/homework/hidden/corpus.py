"""The scenarios every submission is asked: the landmarks, examples drawn by Hypothesis, and two of great extent, frozen in a file
a rule.

Frozen, because generating them costs a second and would depend on Hypothesis's version, while every submission has to meet the
same questions, this term and in a regrade. `regenerate` draws them anew; a test holds the files against what the
strategies give.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...errors import ConfigurationError
from ...grading.expect import Array
from ...sandbox.inside import wire
from .reference_rules import READINGS, Right, follow
from .scenarios import Scenario, Track, extents, from_data, landmarks
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
    """As `right`, each track's steps put together.

    Those of the usual reading, the first, are read from a file: a container grades one submission, and working them out takes
    longer than asking it everything; but for large arrays, where it is the other way round. Whoever fails them is judged by
    `right`, which is always worked out.
    """
    known = _known(rule)[number] if reading == 0 else None
    return _worked_out(rule, reading, number) if known is None else known


def _worked_out(rule: str, reading: int, number: int) -> tuple[Walk, ...]:
    tracks = scenarios(rule)[number].tracks
    return tuple(walk(start, steps) for start, steps in zip(tracks, right(rule, reading, number), strict=True))


@cache
def _known(rule: str) -> list[tuple[Walk, ...] | None]:
    path = right_file(rule)
    try:
        data = path.read_bytes()
        entries = wire.decode(data[wire.HEADER.size :])
        return [
            entry and tuple(_walk(start, *track) for start, track in zip(one.tracks, entry, strict=True))
            for one, entry in zip(scenarios(rule), entries, strict=True)
        ]
    except (OSError, wire.WireError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{path.name} cannot be read ({error}); restore it from the repository") from error


def _walk(start: Track, near: dict[str, tuple[Array, Array]], counts: list[int | None]) -> Walk:
    return Walk(near, counts, np.stack(start.grads))


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


def right_file(rule: str) -> Path:
    """Where what is right under the usual reading is kept."""
    return _FOLDER / f"{rule}.right.bin"


def worked_out(rule: str) -> bytes:
    """The content that file should have, up to rounding."""
    walked = [None if one.large else _worked_out(rule, 0, number) for number, one in enumerate(scenarios(rule))]
    return wire.frame([tracks and [(dict(one.near), list(one.counts)) for one in tracks] for tracks in walked])


def drawn(rule: str) -> bytes:
    """The content the file of `rule` should have."""
    from . import strategies

    everything = [*landmarks(rule), *strategies.examples(rule, EXAMPLES), *extents()]
    data: list[dict[str, Any]] = [scenario.as_data() for scenario in everything]
    return wire.frame(data)
