"""A notebook's cells as the sandbox read them, and printed numbers against recorded ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

from ...grading.expect import Array

History = Mapping[str, Array]  # train_losses, train_accs, val_accs
_MOST_RUNS: Final = 40  # of a cell: four times what any term's cell prints when it is run twice
_MOST_LINES: Final = 5_000  # of a run; the best model's has some 5,000 iterations, and prints each tenth
_SLACK: Final = 1e-7  # relative: a log may have been kept as float32


class Departure(NamedTuple):
    """A printed number that is not the recorded one; `text` is a sentence with room for the rest."""

    text: str
    at: int
    printed: str
    recorded: float

    def __str__(self) -> str:
        return self.text.format(*self[1:])


@dataclass(frozen=True, slots=True)
class Run:
    """One training run as a cell printed it.

    Attributes:
        iterations, epochs: how many the lines announce; 0 where no line does.
        complete: the last epoch's line is there.
        losses: (iteration from 1, printed number).
        accs: (epoch, printed training accuracy, printed validation accuracy).
    """

    iterations: int
    epochs: int
    complete: bool
    losses: tuple[tuple[int, str], ...]
    accs: tuple[tuple[int, str, str], ...]

    def matches(self, history: History) -> bool:
        """Whether the run is as long as the log."""
        return self.iterations in (0, history["train_losses"].size) and self._offset(history) in (0, 1)

    def departures(self, history: History) -> list[Departure]:
        """The printed numbers that are not those of the log, which must match."""
        offset = self._offset(history)
        losses, train, val = (history[key].tolist() for key in ("train_losses", "train_accs", "val_accs"))
        found = []
        for at, printed in self.losses:
            if not agrees(printed, value := _entry(losses, at - 1)):
                found.append(Departure("iteration {}: printed loss {}, recorded {:.6f}", at, printed, value))
        for epoch, *both in self.accs:
            for key, values, printed in zip(("train", "val"), (train, val), both, strict=True):
                if not agrees(printed, value := _entry(values, epoch - offset)):
                    found.append(Departure(f"epoch {{}}: printed {key} accuracy {{}}, recorded {{:.6f}}", epoch, printed, value))
        return found

    def _offset(self, history: History) -> int:
        """The epoch whose line tells the first accuracy: 0, or 1 where an epoch is one iteration and the two coincide."""
        return self.epochs + 1 - int(history["train_accs"].size)


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell; all names as in `checks/mounted/notebook_reader.py` and `notebook_source.py`."""

    at: int = 0
    count: int | None = None
    outputs: bool = False
    parsed: bool = True
    roles: Sequence[str] = ()
    assigned: Mapping[str, Any] = field(default_factory=dict)
    unknown: Sequence[str] = ()
    seeds: Sequence[Any] = ()
    seeded_otherwise: bool = False
    nets: Sequence[Any] = ()
    rates: Sequence[Any] = ()
    table: Mapping[str, Any] = field(default_factory=dict)
    over: Sequence[Sequence[Any]] = ()
    loops_known: bool = True
    printed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    runs: Sequence[Run] = ()

    @property
    def complete(self) -> list[Run]:
        """The runs that were printed to their end."""
        return [run for run in self.runs if run.complete]

    def looped(self, names: Sequence[Any]) -> list[Any]:
        """Which of `names` the loops around the training run over."""
        held = {item for items in self.over for item in items}
        return [name for name in names if name in held]


def cells(answer: Mapping[str, Any]) -> list[Cell]:
    """The code cells in the reader's answer.

    Raises:
        ValueError, TypeError, KeyError: it is not an answer of the reader.
    """
    known = {one.name for one in fields(Cell)} - {"runs"}
    return [
        Cell(
            **{key: value for key, value in code.items() if key in known},
            runs=tuple(_run(run) for run in code.get("runs", ())[-_MOST_RUNS:]),
        )
        for code in answer["code"]
    ]


def _run(found: Mapping[str, Any]) -> Run:
    losses = (line.split() for line in found["losses"].split(";")[:_MOST_LINES] if line)
    accs = (line.split() for line in found["accs"].split(";")[:_MOST_LINES] if line)
    return Run(
        int(found["iterations"]),
        int(found["epochs"]),
        bool(found["complete"]),
        tuple((int(at), printed) for at, printed in losses),
        tuple((int(at), train, val) for at, train, val in accs),
    )


def agrees(printed: str, value: float) -> bool:
    """Whether `value`, rounded to as many decimals as were printed, is what was printed; NaN agrees with anything."""
    _, point, decimals = printed.partition(".")
    if point and decimals.isdigit() and printed == f"{value:.{len(decimals)}f}":  # as nearly all are
        return True
    try:
        number = float(printed)
    except ValueError:  # two points in a row, say: no number that was printed by a program
        return True
    if math.isnan(number) or math.isnan(value):
        return True
    if math.isinf(number) or math.isinf(value):
        return number == value
    mantissa, _, exponent = printed.lower().partition("e")
    places = len(mantissa.partition(".")[2]) - int(exponent or 0)
    return abs(number - value) <= 0.5001 * 10.0 ** -max(min(places, 300), -300) + _SLACK * abs(value)


def _entry(values: Sequence[float], at: int) -> float:
    return values[at] if 0 <= at < len(values) else math.nan


def written(cell: Cell, names: Sequence[str], seeds: Sequence[int] = ()) -> list[str] | None:
    """The runs that the cell logs, by name ("sgd" or "sgd_100"), or None if its loops cannot be followed."""
    found = cell.looped(names)
    if not cell.loops_known or not found:
        return None
    if not seeds:
        return found
    ran = cell.looped(seeds)
    return [f"{name}_{seed}" for name in found for seed in ran] if ran else None


def closest(runs: Sequence[Run], history: History) -> tuple[Run, list[Departure]] | None:
    """The run with the fewest numbers that are not the log's, and those numbers; None if none is as long."""
    told: tuple[Run, list[Departure]] | None = None
    for run in runs:
        if run.matches(history):
            found = run.departures(history)
            if told is None or len(found) < len(told[1]):
                told = run, found
            if not found:
                break
    return told


def sentences(found: Sequence[Departure], total: int) -> Iterator[str]:
    """A few of them, and how many there are."""
    yield from map(str, found[:2])
    if len(found) > 2:
        yield f"{len(found)} of {total} printed numbers"
