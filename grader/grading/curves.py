"""Learning curves as views draw them: which of a homework's recorded histories belong together, and what is published of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # this much is known before NumPy is loaded
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Series:
    """A history that logs hold.

    Attributes:
        key: its name in the log.
        label: for the axis: "loss, by iteration".
        name: what its line is called where several series share one drawing.
        start: the number of its first entry.
        shared: the label of the drawing it shares with others where one run stands alone; empty if it never shares one.
    """

    key: str
    label: str
    name: str
    start: int
    shared: str = ""


@dataclass(frozen=True, slots=True)
class CurveGroup:
    """Runs that are drawn together: those whose logs' names begin with `prefix`; what follows it names the line."""

    title: str
    prefix: str


@dataclass(frozen=True, slots=True)
class PublishedCurve:
    """What is published of one log's run.

    Attributes:
        at: 1-D, the iterations at which `losses` are known; `low` and `high` are the ends of the band around them.
        series: the other histories by key, 1-D arrays.
    """

    at: NDArray[Any]
    losses: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]
    series: dict[str, NDArray[Any]]
