"""A submission's recorded runs: a small record beside its verdict, and figures of them for the class page.

    OUT/submissions/<id>/curves.json    {"best_fc_model.npz": {"train_losses": [[1, 2, …], [2.31, 2.29, …]], …}, …}

Each series is thinned to `POINTS` places and values; null stands for a value that is not finite.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..grading.atomic import replacing
from ..grading.curves import PublishedCurve, Series
from ..grading.homework import Homework
from ..grading.results import ItemResult
from ..report.charts import Band, Line, Numbers, figure, thinned

FILE: Final = "curves.json"
POINTS: Final = 50
Points = tuple[Sequence[float], Sequence[float]]
Record = Mapping[str, Mapping[str, Points]]


def packed(items: Iterable[ItemResult], series: Sequence[Series]) -> dict[str, dict[str, list[list[float | None]]]]:
    """The record of what the items' checks read, ready for JSON."""
    starts = {one.key: one.start for one in series}
    return {
        file: {key: _packed(values, starts[key]) for key, values in history.items() if key in starts}
        for item in items
        for file, history in sorted(item.curves.items())
    }


def _packed(values: Numbers, start: int) -> list[list[float | None]]:
    x, y = thinned(range(start, start + len(values)), values, POINTS)
    return [[int(place) for place in x], [float(f"{value:.4g}") if np.isfinite(value) else None for value in y]]


def load(path: Path) -> Record:
    """The record as it was written; empty if there is none or it is damaged."""
    try:
        found = json.loads(path.read_bytes())
        return {
            str(file): {str(key): (_floats(points[0]), _floats(points[1])) for key, points in history.items()}
            for file, history in found.items()
        }
    except (OSError, ValueError, TypeError, AttributeError, LookupError):
        return {}


def add(path: Path, record: Mapping[str, Any]) -> None:
    """Put runs into a record as it lies there; of one that is there already the new one counts.

    Raises:
        OSError: the folder cannot be written.
    """
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        found = {}
    known = found if isinstance(found, dict) else {}
    with replacing(path) as file:
        file.write(json.dumps({**known, **record}, separators=(",", ":"), allow_nan=False).encode())


def _floats(values: Iterable[float | None]) -> list[float]:
    return [float("nan") if value is None else float(value) for value in values]


def figures(record: Record, homework: Homework) -> Iterator[str]:
    """Drawings, runs of one experiment in one, with what is published of each."""
    left = {file.rpartition(".")[0] or file: history for file, history in record.items()}
    for group in homework.curve_groups:
        prefix = group.prefix
        whole = homework.curve_series[0].name  # what the line of a log is called that has no more to its name
        runs = {stem[len(prefix) :] or whole: left.pop(stem) for stem in sorted(left) if stem.startswith(prefix)}
        if runs:
            known = {name: _known(f"{prefix}{name}", history, homework) for name, history in runs.items()}
            found = {name: one for name, one in known.items() if one is not None}
            yield from _group(group.title, runs, found, homework.curve_series)


def _known(stem: str, history: Mapping[str, Points], homework: Homework) -> PublishedCurve | None:
    starts = {one.key: one.start for one in homework.curve_series}
    entries = {key: int(at[-1]) + 1 - starts.get(key, 0) for key, (at, _) in history.items() if len(at)}
    return homework.published_curve(stem, entries)


def _group(
    title: str, runs: Mapping[str, Mapping[str, Points]], known: Mapping[str, PublishedCurve], series: Sequence[Series]
) -> Iterator[str]:
    main, *others = series
    bands = [Band(one.at, one.low, one.high, name) for name, one in known.items()]
    lines = [Line(name, *history[main.key], "student") for name, history in runs.items() if main.key in history]
    lines += [Line(name, one.at, one.losses, "published") for name, one in known.items()]
    yield figure(title, lines, bands, y_label=main.label)
    if len(runs) == 1 and not known and others:
        (history,) = runs.values()
        both = [Line(one.name, *history[one.key], "student") for one in others if one.key in history]
        yield figure(title, both, y_label=others[0].shared or others[0].label)
        return
    for one in others:
        lines = [Line(name, *history[one.key], "student") for name, history in runs.items() if one.key in history]
        for name, curve in known.items():
            values = curve.series.get(one.key, ())
            if len(values):
                lines.append(Line(name, range(len(values)), values, "published"))
        yield figure(title, lines, y_label=one.label)
