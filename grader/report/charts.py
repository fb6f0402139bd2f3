"""Learning curves as small drawings: one SVG a figure, made of text alone, for any page that holds STYLE.

A figure reads without STYLE too, in the colour of the text around it: the kinds of line differ by their dashes. What a student
named is escaped. Values may be infinite or NaN, as of a run that diverged: the line has a gap there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..submission.text import clean

Numbers = Sequence[float] | NDArray[Any]
Kind = Literal["student", "replay", "published"]

MAX_POINTS: Final = 60
_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 400, 46, 384, 36, 196  # the frame within the drawing; the legend lies below
_LEGEND_COLUMNS, _LEGEND_ROW = 2, 15
_TICKS: Final = 5
_LIMIT: Final = 1e150  # beyond it nothing is drawn to scale, and differences stay finite
_DASHES: Final[dict[Kind, str]] = {"student": "", "replay": "7 3", "published": "1 3"}
_COLOURS: Final = (  # on white, on black; after Okabe and Ito, told apart by colour-blind readers
    ("#0067a3", "#56b4e9"),
    ("#b64a00", "#f0935a"),
    ("#00775a", "#2fc79b"),
    ("#8a3f76", "#e29cc8"),
    ("#7a6200", "#d9c43a"),
    ("#444c55", "#b9c2cb"),
)


def _strokes(column: int) -> str:
    return "".join(f".curves .c{i}{{color:{pair[column]}}}" for i, pair in enumerate(_COLOURS))


STYLE: Final = (
    ".curves{width:100%;max-width:27rem;height:auto}.curves text{font-size:11px}"
    f"{_strokes(0)}\n@media screen and (prefers-color-scheme:dark){{{_strokes(1)}}}\n"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A curve: `y` over `x`, drawn as far as both go."""

    name: str
    x: Numbers
    y: Numbers
    kind: Kind


@dataclass(frozen=True, slots=True)
class Band:
    """An area between two curves over `x`, in the colour of the lines called `name`, if there are any."""

    x: Numbers
    low: Numbers
    high: Numbers
    name: str = ""


def figure(title: str, lines: Sequence[Line], band: Band | Sequence[Band] | None = None, *, y_label: str) -> str:
    """One `<svg>`: the lines over one pair of axes, lines of one name in one colour, a legend, and all of it in a sentence.

    A few values far beyond all others are drawn at the edge, so that the rest can be seen.
    """
    drawn = [(line, *thinned(line.x, line.y)) for line in lines]
    bands = [band] if isinstance(band, Band) else band or ()
    areas = [(one.name, thinned(one.x, one.low), thinned(one.x, one.high)) for one in bands]
    curves = [*((x, y) for _, x, y in drawn), *(edge for _, *edges in areas for edge in edges)]
    across = _Scale.over([x for x, _ in curves], _LEFT, _RIGHT)
    up = _Scale.over([y for _, y in curves], _BOTTOM, _TOP)
    names = list(dict.fromkeys(line.name for line in lines))
    rows = -(-len(lines) // _LEGEND_COLUMNS)
    height = _BOTTOM + 20 + _LEGEND_ROW * rows
    label = escape(_sentence(title, y_label, drawn, bool(areas)), quote=True)
    out = [
        f'<svg class="curves" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}"><title>{_text(title)}</title>',
        f'<g fill="currentColor" font-family="sans-serif" font-size="11"><text x="4" y="13" font-weight="600">{_text(title)}</text>'
        f'<text x="4" y="28">{_text(y_label)}</text>',
    ]
    out += [f'<text x="{_LEFT - 4}" y="{at + 4}" text-anchor="end">{told}</text>' for at, told in up.ticks()]
    out += [f'<text x="{at}" y="{_BOTTOM + 13}" text-anchor="middle">{told}</text>' for at, told in across.ticks()]
    for number, line in enumerate(lines):
        at_x, at_y = _legend_place(number)
        out.append(f'<text x="{at_x + 28}" y="{at_y + 4}">{_text(_called(line))}</text>')
    grid = "".join(f"M{_LEFT} {at}H{_RIGHT}" for at, _ in up.ticks())
    out.append(f'</g><g fill="none" stroke="currentColor" stroke-linejoin="round"><path opacity=".2" d="{grid}"/>')
    out.append(f'<path opacity=".6" d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}"/>')
    for name, low, high in areas:
        out.append(_area(low, high, across, up, f"band{_colour(name, names)}"))
    out.append('<g stroke-width="1.5" stroke-linecap="round">')
    for number, (line, x, y) in enumerate(drawn):
        dashes = f' stroke-dasharray="{_DASHES[line.kind]}"' if _DASHES[line.kind] else ""
        at_x, at_y = _legend_place(number)
        path = "".join(_path(piece) for piece in _pieces(x, y, across, up))
        out.append(f'<path class="{line.kind}{_colour(line.name, names)}"{dashes} d="{path}M{at_x} {at_y}h22"/>')
    return "".join([*out, "</g></g></svg>\n"])


def thinned(x: Numbers, y: Numbers, most: int = MAX_POINTS) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """At most `most` (4 or more) of the points: the first, the last, and the lowest and highest of each stretch between.

    A stretch without any finite value leaves one NaN: a gap.
    """
    length = min(len(x), len(y))
    along, values = np.asarray(x[:length], np.float64), np.asarray(y[:length], np.float64)
    if length <= most:
        return along, values
    kept = [0]
    finite = np.isfinite(values)
    lowest, highest = np.where(finite, values, np.inf), np.where(finite, values, -np.inf)
    stretches = (most - 2) // 2
    long, longer = divmod(length - 2, stretches)
    start = 1
    for number in range(stretches):
        end = start + long + (number < longer)
        low, high = start + int(lowest[start:end].argmin()), start + int(highest[start:end].argmax())
        kept += sorted({low, high}) if finite[low] else [start]
        start = end
    kept.append(length - 1)
    return along[kept], values[kept]


def _colour(name: str, names: Sequence[str]) -> str:
    return f" c{names.index(name) % len(_COLOURS)}" if name in names else ""


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values `low` to `high` to places `start` to `end` of the drawing."""

    low: float
    high: float
    start: int
    end: int

    @classmethod
    def over(cls, series: Sequence[NDArray[np.float64]], start: int, end: int) -> _Scale:
        """A scale that holds all finite values, but for a few far away."""
        values = np.concatenate([np.zeros(0), *series])
        values = np.sort(np.clip(values[np.isfinite(values)], -_LIMIT, _LIMIT))
        if not values.size:
            return cls(0.0, 1.0, start, end)
        low, high = float(values[0]), float(values[-1])
        # as np.quantile, which would take longer than all else
        lower, upper = np.interp((0.05, 0.95), np.linspace(0, 1, values.size), values).tolist()
        common = upper - lower
        if common > 0:
            high = upper + 2 * common if high > upper + 20 * common else high
            low = lower - 2 * common if low < lower - 20 * common else low
        if high - low < max(abs(low), abs(high)) * 1e-9 + 1e-100:
            apart = max(abs(low), abs(high)) * 0.1 or 0.5
            low, high = low - apart, high + apart
        return cls(low, high, start, end)

    def places(self, values: Numbers) -> list[int]:
        """Where finite values are drawn; at the edge if they lie beyond."""
        share = (np.asarray(values).clip(self.low, self.high) - self.low) / (self.high - self.low)
        found: list[int] = np.rint(self.start + share * (self.end - self.start)).astype(int).tolist()
        return found

    def ticks(self) -> list[tuple[int, str]]:
        """A few round values: where they lie and how they read."""
        span = (self.high - self.low) / _TICKS
        unit = 10.0 ** math.floor(math.log10(span))
        step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= span * 0.999)
        top = math.floor(math.log10(max(abs(self.low), abs(self.high))))
        digits = max(top - math.floor(math.log10(step)) + 1, top + 1 if top < 6 else 1, 1)  # no 1e+02 for 100
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        values = [number * step for number in range(first, last + 1)]
        return list(zip(self.places(values), [f"{value:.{min(digits, 12)}g}" for value in values], strict=True))


def _pieces(x: NDArray[np.float64], y: NDArray[np.float64], across: _Scale, up: _Scale) -> Iterator[list[tuple[int, int]]]:
    """The stretches of a line without a gap, as places."""
    finite = np.isfinite(x) & np.isfinite(y)
    if finite.all() and x.size:  # as nearly all are
        yield list(zip(across.places(x), up.places(y), strict=True))
        return
    ends = np.flatnonzero(np.diff(finite, prepend=False, append=False))
    for first, end in zip(ends[::2].tolist(), ends[1::2].tolist(), strict=True):
        yield list(zip(across.places(x[first:end]), up.places(y[first:end]), strict=True))


def _path(places: Sequence[tuple[int, int]]) -> str:
    """Relative steps, which are short; a single place becomes a dot."""
    (x, y), *rest = places
    out = [f"M{x} {y}", "l" if rest else "h0"]
    for next_x, next_y in rest:
        across, up = next_x - x, next_y - y
        out.append(f"{'' if across < 0 or out[-1] == 'l' else ' '}{across}{'' if up < 0 else ' '}{up}")
        x, y = next_x, next_y
    return "".join(out)


def _area(
    low: tuple[NDArray[np.float64], NDArray[np.float64]],
    high: tuple[NDArray[np.float64], NDArray[np.float64]],
    across: _Scale,
    up: _Scale,
    style: str,
) -> str:
    there = [place for piece in _pieces(*low, across, up) for place in piece]
    back = [place for piece in _pieces(*high, across, up) for place in piece]
    if not there or not back:
        return ""
    return f'<path class="{style}" fill="currentColor" stroke="none" opacity=".13" d="{_path(there + back[::-1])}z"/>'


def _legend_place(number: int) -> tuple[int, int]:
    row, column = divmod(number, _LEGEND_COLUMNS)
    return 6 + column * (_WIDTH // _LEGEND_COLUMNS), _BOTTOM + 25 + row * _LEGEND_ROW


def _called(line: Line) -> str:
    return line.name if line.kind == "student" else f"{line.name} ({line.kind})"


def _sentence(title: str, y_label: str, drawn: list[tuple[Line, NDArray[np.float64], NDArray[np.float64]]], banded: bool) -> str:
    told = []
    for line, _, y in drawn:
        ends = y[np.isfinite(y)]
        course = f"from {ends[0]:.3g} to {ends[-1]:.3g}" if ends.size else "without a finite value"
        told.append(f"{clean(_called(line), 60)} {course}")
    band = " with the published band" if banded else ""
    return f"{clean(title, 80)}: {clean(y_label, 40)}{band}, {'; '.join(told) or 'nothing recorded'}."


def _text(value: str) -> str:
    return escape(clean(value, 44).replace("\n", " "), quote=True)
