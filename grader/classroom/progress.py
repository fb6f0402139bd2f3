"""How a class run is told while it goes on: a live bar with `rich` on a terminal, else plain lines."""

from __future__ import annotations

import sys
import time
from collections import Counter
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

from ..report import wording
from ..report.output import say
from ..submission.text import name as shown
from .gradebook import Line

_NAMED: Final = 3  # of those that are being graded


class Progress:
    """Tells of each submission as it is finished. One line each; those kept from an earlier run are only counted."""

    def __init__(self, total: int, maximum: Decimal) -> None:
        self.total = total
        self.maximum = maximum
        self.counts: Counter[str] = Counter()
        self.kept = 0
        self.running: dict[str, None] = {}
        self._started = time.monotonic()

    @property
    def done(self) -> int:
        """Submissions finished, kept ones included."""
        return self.counts.total()

    def begun(self, id: str) -> None:
        """A submission is being graded from now on."""
        self.running[id] = None
        self.update()

    def finished(self, line: Line, seconds: float, *, kept: bool) -> None:
        """One more submission is finished."""
        self.counts[line.outcome] += 1
        self.running.pop(line.member.id, None)
        self.kept += kept
        if not kept:
            score = f"{wording.points(line.total)}/{wording.points(self.maximum)}"
            who = shown(f"{line.member.id} {line.member.names}".strip())
            self.tell(f"{self.done:>5}/{self.total}  {line.outcome:<13} {score:>9}  {seconds:>5.1f} s  {who}")
        self.update()

    def tell(self, message: str) -> None:
        """Say something in a line of its own, with the time left and what is being graded meanwhile."""
        left = self.left()
        about = ", ".join(filter(None, (f"ETA {left}" if left else "", self.at())))
        say(message + (f"  ({about})" if about else ""))

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

    def at(self) -> str:
        """What is being graded, "at a, b and 3 more"; those begun first are named."""
        ids = list(self.running)
        more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
        return f"at {', '.join(ids[:_NAMED])}{more}" if ids else ""

    def summary(self) -> str:
        """Counts in one line."""
        by_count = sorted(self.counts.items(), key=lambda one: (-one[1], one[0]))  # not by who was finished first
        counts = ", ".join(f"{count} {word}" for word, count in by_count)
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
        self._bar.console.print(message, markup=False, highlight=False, soft_wrap=True)

    def update(self) -> None:
        counts = "  ".join(f"{word} {count}" for word, count in self.counts.most_common())
        left = self.left()
        told = "  ".join(filter(None, (counts, f"ETA {left}" if left else "", self.at())))
        self._bar.update(self._task, completed=self.done, description=told)

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
