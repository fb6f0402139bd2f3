"""How a class run is told while it goes on: a live bar with `rich` on a terminal, else plain lines."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from typing import Any

from ..text import name as shown
from . import text
from .book import Line


def say(message: str) -> None:
    """Print; where the reader has left, the run goes on all the same."""
    try:
        print(message, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


class Progress:
    """Tells of each submission as it is finished. One line each; those kept from an earlier run are only counted."""

    def __init__(self, total: int, maximum: Decimal) -> None:
        self.total = total
        self.maximum = maximum
        self.counts: Counter[str] = Counter()
        self.kept = 0
        self._started = time.monotonic()

    @property
    def done(self) -> int:
        """Submissions finished, kept ones included."""
        return self.counts.total()

    def finished(self, line: Line, seconds: float, *, kept: bool) -> None:
        """One more submission is finished."""
        self.counts[line.outcome] += 1
        self.kept += kept
        if not kept:
            score = f"{text.points(line.total)}/{text.points(self.maximum)}"
            who = shown(f"{line.member.id} {line.member.names}".strip())
            self.tell(f"{self.done:>5}/{self.total}  {line.outcome:<13} {score:>9}  {seconds:>5.1f} s  {who}")
        self.update()

    def tell(self, message: str) -> None:
        """Say something in a line of its own."""
        left = self.left()
        say(message + (f"  (ETA {left})" if left else ""))

    def update(self) -> None:
        """Redraw what is live; plain lines have nothing to redraw."""

    def close(self) -> None:
        """Nothing more will be told."""

    def left(self) -> str:
        """Time left at the present pace, "2:05"; empty while there is none."""
        graded = self.done - self.kept
        if not graded or self.done >= self.total:
            return ""
        seconds = round((time.monotonic() - self._started) / graded * (self.total - self.done))
        return (
            f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
            if seconds >= 3600
            else f"{seconds // 60}:{seconds % 60:02}"
        )

    def summary(self) -> str:
        """Counts in one line."""
        counts = ", ".join(f"{count} {word}" for word, count in self.counts.most_common())
        return (
            f"{self.done} of {self.total} submissions"
            + (f": {counts}" if counts else "")
            + (f"; {self.kept} kept" if self.kept else "")
        )


class Bar(Progress):
    """The same with a live bar below the lines, drawn by `rich`."""

    def __init__(self, total: int, maximum: Decimal, rich: Any) -> None:
        super().__init__(total, maximum)
        self._bar = rich.Progress(
            rich.TextColumn("{task.completed}/{task.total}"),
            rich.BarColumn(),
            rich.TextColumn("{task.description}", markup=False),
        )
        self._task = self._bar.add_task("", total=total)
        self._bar.start()

    def tell(self, message: str) -> None:
        self._bar.console.print(message, markup=False, highlight=False)

    def update(self) -> None:
        counts = "  ".join(f"{word} {count}" for word, count in self.counts.most_common())
        left = self.left()
        self._bar.update(self._task, completed=self.done, description=counts + (f"  ETA {left}" if left else ""))

    def close(self) -> None:
        self._bar.stop()


def progress(total: int, maximum: Decimal, workers: int) -> Progress:
    """Say what begins, and then a bar where stdout is a terminal and `rich` is installed, else plain lines."""
    say(f"{total} submissions, {workers} workers")
    if sys.stdout.isatty():
        with suppress(ImportError):
            import rich.progress

            return Bar(total, maximum, rich.progress)
    return Progress(total, maximum)
