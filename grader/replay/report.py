"""How a replay is told: live while it goes on, as lines at its end, and as a page with every curve."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..text import clean
from . import curves
from .progress import say

AGREES: Final = "agrees"
_KEYS: Final = {"train_accs": "training", "val_accs": "validation"}
_TEMPLATE: Final = Path(__file__).with_name("replays.html")


@dataclass(frozen=True, slots=True)
class Told:
    """One run, replayed or not.

    Attributes:
        name: its log.
        verdict: "agrees", "leaves the band at iteration 21", "not recorded" or "did not run"; `detail` says more.
        seconds: how long the replay took; 0 if it was not begun.
        recorded, replayed: histories, empty where there is none.
        published: published curves, (iterations, losses, training accuracies, validation accuracies) each.
        band: (iterations, lowest, highest) of what lies within the band around them.
    """

    name: str
    verdict: str
    detail: str
    seconds: float
    recorded: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    replayed: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    published: Sequence[tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]] = ()
    band: tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None = None

    @property
    def sentence(self) -> str:
        """The verdict and what there is to add."""
        return f"{self.verdict}: {clean(self.detail, 500)}" if self.detail else self.verdict


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


def summary(told: Sequence[Told]) -> str:
    """What it came to, in one line."""
    counts = Counter(one.verdict.partition(" at iteration")[0] for one in told)
    several = {"agrees": "agree", "leaves the band": "leave the band"}
    return ", ".join(f"{count} {word if count == 1 else several.get(word, word)}" for word, count in counts.most_common())


def page(title: str, data: str, told: Sequence[Told]) -> str:
    """The page: every run with its recorded, replayed and published curves. One file, without scripts."""
    intro = f"On {data}. {summary(told)}. Outside the band: other data, other code or another seed. This is no verdict."
    runs = "".join(_section(one) for one in told)
    parts = {"title": _safe(title, 120), "intro": _safe(intro, 500), "runs": runs, "style": curves.STYLE}
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], _TEMPLATE.read_text("utf-8"))


def _section(told: Told) -> str:
    losses = list(_losses(told))
    accuracies = list(_accuracies(told))
    band = curves.Band(*told.band) if told.band is not None else None
    drawn = ""
    if losses:
        drawn = curves.figure("Loss", losses, band, y_label="training loss, by iteration")
    if accuracies:
        drawn += curves.figure("Accuracy", accuracies, y_label="accuracy, by epoch")
    return f'<h2>{_safe(told.name, 80)}</h2>\n<p>{_safe(told.sentence, 600)}</p>\n<div class="pair">{drawn}</div>\n'


def _losses(told: Told) -> Iterator[curves.Line]:
    for kind, history in _kinds(told):
        losses = history["train_losses"]
        yield curves.Line("loss", np.arange(1, losses.size + 1), losses, kind)
    for at, losses, _, _ in told.published:
        yield curves.Line("loss", at, losses, "published")


def _accuracies(told: Told) -> Iterator[curves.Line]:
    for kind, history in _kinds(told):
        for key, name in _KEYS.items():
            yield curves.Line(name, np.arange(history[key].size), history[key], kind)
    for _, _, train, val in told.published[:1]:
        yield curves.Line("training", np.arange(train.size), train, "published")
        yield curves.Line("validation", np.arange(val.size), val, "published")


def _kinds(told: Told) -> Iterator[tuple[curves.Kind, Mapping[str, NDArray[Any]]]]:
    if told.recorded:
        yield "student", told.recorded
    if told.replayed:
        yield "replay", told.replayed


def _safe(value: str, limit: int) -> str:
    return escape(clean(value, limit), quote=True)
