"""How a replay is told: live while it goes on, as lines at its end, and as a page with every curve."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..grading.curves import PublishedCurve, Series
from ..report import charts
from ..report.output import say
from ..submission.text import clean
from ..submission.text import name as shown

LEAVES: Final = "leaves the band"
_TEMPLATES: Final = Path(__file__).with_name("templates")


@dataclass(frozen=True, slots=True)
class Told:
    """One run, replayed or not.

    Attributes:
        name: its log.
        verdict: "agrees", "leaves the band at iteration 21", "not recorded" or "did not run"; `detail` says more.
        seconds: how long the replay took; 0 if it was not begun.
        recorded, replayed: histories, empty where there is none.
        published: what is published of it, a machine each, all with the same band.
    """

    name: str
    verdict: str
    detail: str
    seconds: float
    recorded: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    replayed: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    published: Sequence[PublishedCurve] = ()

    @property
    def sentence(self) -> str:
        """The verdict and what there is to add."""
        return f"{self.verdict}: {shown(self.detail, 500)}" if self.detail else self.verdict


class Steps:
    """Tells of each run as it ends, in a line of its own."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0

    def begin(self, name: str) -> None:
        """The next run is `name`."""

    def end(self, told: Told) -> None:
        """It is over."""
        self.done += 1
        taken = f"{told.seconds:>7.1f} s" if told.seconds else f"{'-':>9}"
        self.tell(f"{self.done:>4}/{self.total}  {told.name:<36} {taken}  {told.sentence}")

    def tell(self, line: str) -> None:
        say(line)

    def close(self) -> None:
        """Nothing more will be told."""


class LiveSteps(Steps):
    """The same with a bar below that names the run going on and counts its seconds, drawn by `rich`."""

    def __init__(self, total: int, rich: Any) -> None:
        super().__init__(total)
        self._bar = rich.Progress(
            rich.TextColumn("{task.completed}/{task.total}"),
            rich.BarColumn(),
            rich.TimeElapsedColumn(),
            rich.TextColumn("{task.description}", markup=False),
        )
        self._task = self._bar.add_task("", total=total)
        self._bar.start()

    def begin(self, name: str) -> None:
        self._bar.update(self._task, description=name)

    def end(self, told: Told) -> None:
        super().end(told)
        self._bar.update(self._task, completed=self.done, description="")

    def tell(self, line: str) -> None:
        self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self._bar.stop()


def steps(total: int) -> Steps:
    """A bar where stdout is a terminal and `rich` is installed, else plain lines."""
    if sys.stdout.isatty():
        with suppress(ImportError):
            import rich.progress

            return LiveSteps(total, rich.progress)
    return Steps(total)


def kind_of(verdict: str) -> str:
    """A verdict without the place: "leaves the band"."""
    return verdict.partition(" at iteration")[0]


def summary(told: Sequence[Told]) -> str:
    """What it came to, in one line."""
    counts = Counter(kind_of(one.verdict) for one in told)
    several = {"agrees": "agree", "leaves the band": "leave the band"}
    return ", ".join(f"{count} {word if count == 1 else several.get(word, word)}" for word, count in counts.most_common())


def page(title: str, data: str, told: Sequence[Told], series: Sequence[Series]) -> str:
    """The page: every run with its recorded, replayed and published curves. One file, without scripts."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["clean"] = clean
    return environment.get_template("replay.html").render(
        title=title,
        intro=f"On {data}. {summary(told)}. Outside the band: other data, other code or another seed. This is no verdict.",
        runs=[{"told": one, "drawings": _drawn(one, series)} for one in told],
        curves_style=charts.STYLE,
    )


def _drawn(told: Told, series: Sequence[Series]) -> str:
    drawn = ""
    for label, together in _drawings(series).items():
        lines = [line for one in together for line in _lines(told, one)]
        main = together[0] is series[0]
        band = next((charts.Band(curve.at, curve.low, curve.high) for curve in told.published), None) if main else None
        if lines:
            drawn += charts.figure(label.partition(",")[0].capitalize(), lines, band, y_label=label)
    return drawn


def _drawings(series: Sequence[Series]) -> dict[str, list[Series]]:
    """What is drawn together, by the drawing's label."""
    drawings: dict[str, list[Series]] = {}
    for one in series:
        drawings.setdefault(one.shared or one.label, []).append(one)
    return drawings


def _lines(told: Told, series: Series) -> Iterator[charts.Line]:
    for kind, history in _kinds(told):
        if series.key in history:
            values = history[series.key]
            yield charts.Line(series.name, np.arange(series.start, series.start + values.size), values, kind)
    for number, curve in enumerate(told.published):
        if series.key not in curve.series:  # the one that is published at some iterations only
            yield charts.Line(series.name, curve.at, curve.losses, "published")
        elif not number:
            values = curve.series[series.key]
            yield charts.Line(series.name, np.arange(values.size), values, "published")


def _kinds(told: Told) -> Iterator[tuple[charts.Kind, Mapping[str, NDArray[Any]]]]:
    if told.recorded:
        yield "student", told.recorded
    if told.replayed:
        yield "replay", told.replayed
