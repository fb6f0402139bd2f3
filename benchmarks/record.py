"""Figures on record: what was measured, on which machine, and whether a new run is slower than that.

`record.json` is written by `python -m benchmarks --record`, which keeps what it replaces as the figures before; `--write FILE` puts
the table into a page, between its two markers; `--check` compares a new run with it.

A run is slower where even its lower quartile is beyond the upper quartile on record by more than `MARGIN`. Only ratios of CPU time
are held so: they move by a tenth between a quiet machine and one with five processes for each core, wall clock by a half.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.measure import Spread

RECORD: Final = Path(__file__).with_name("record.json")
MARGIN: Final = 1.25
BEGIN, END = "<!-- written by: python -m benchmarks --write docs/performance.md -->", "<!-- end of what is written -->"


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table.

    Attributes:
        key: what it is called in the record, "part.thing.unit".
        what: the same for people.
        shown: what was measured, in its unit.
        ratio: of the medians, and the quartiles of the paired ratios; empty where there is no yardstick.
        target: what it is to be, in words.
        held: `--check` compares it.
        before: what the record had in its place.
    """

    key: str
    what: str
    shown: str
    ratio: tuple[float, ...] = ()
    target: str = ""
    held: bool = False
    before: str = ""

    @property
    def measured(self) -> str:
        """All that is known of it, in one cell of the table."""
        return f"{self.shown}, {_ratio(self.ratio)}" if self.ratio else self.shown


def compared(key: str, what: str, one: Spread, other: Spread, target: str = "", *, held: bool = False) -> Figure:
    """The figure of a thing that was measured in turn with its yardstick."""
    low, _, high = statistics.quantiles([a / b for a, b in zip(one.values, other.values, strict=True)], n=4)
    ratio = tuple(round(value, 3) for value in (one.median / other.median, low, high))
    return Figure(key, what, f"{1e3 * one.median:.0f} : {1e3 * other.median:.0f} ms", ratio, target, held)


def card() -> str:
    """What the figures were measured on, in one line."""
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    system = next((line.partition("=")[2].strip('"') for line in _lines("/etc/os-release") if line.startswith("PRETTY_NAME=")), "")
    processor = names[0] if names else platform.processor() or platform.machine()
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}"
    return f"{processor}, {os.cpu_count()} cores, {system or platform.system()}, {versions}"


def read(path: Path) -> tuple[str, dict[str, Figure]]:
    """The machine's card and the figures by key; nothing where there is no record yet."""
    if not path.exists():
        return "", {}
    data = json.loads(path.read_text("utf-8"))
    figures = [Figure(**{**row, "ratio": tuple(row["ratio"])}) for row in data["figures"]]
    return data["machine"], {figure.key: figure for figure in figures}


def write(found: Iterable[Figure], path: Path) -> None:
    """Put figures on record, in place of those with the same keys; all others stay."""
    _, known = read(path)
    for figure in found:
        old = known.get(figure.key)
        known[figure.key] = replace(figure, before=old.measured if old else "")
    rows: list[dict[str, Any]] = [asdict(figure) for figure in known.values()]
    path.write_text(json.dumps({"machine": card(), "figures": rows}, indent=1, ensure_ascii=False) + "\n", "utf-8")


def slower(found: Iterable[Figure], known: dict[str, Figure]) -> list[str]:
    """A sentence for each figure that is slower than on record."""
    said = []
    for figure in found:
        old = known.get(figure.key)
        if figure.held and old is not None and old.ratio and figure.ratio[1] > old.ratio[2] * MARGIN:
            said.append(f"{figure.key}: {_ratio(figure.ratio)}, on record {_ratio(old.ratio)}")
    return said


def put_into(page: Path, path: Path) -> None:
    """Write the machine and the table into a page, between its markers.

    Raises:
        SystemExit: it has none.
    """
    machine, figures = read(path)
    text = page.read_text("utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        sys.exit(f"{page} has no place for the table: it stands between\n{BEGIN}\n{END}")
    rows = [f"| {figure.what} | {figure.before} | {figure.measured} | {figure.target} |" for figure in figures.values()]
    table = "\n".join(["| what | before | measured | target |", "| --- | --- | --- | --- |", *rows])
    page.write_text(f"{head}{BEGIN}\n{machine}.\n\n{table}\n{END}{tail}", "utf-8")


def _ratio(ratio: Sequence[float]) -> str:
    middle, low, high = ratio
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text("utf-8").splitlines()
    except OSError:
        return []
