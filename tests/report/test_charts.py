"""Curves as drawings: what is drawn where, what is heard, and that nothing a student wrote or recorded breaks it."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from grader.report.charts import MAX_POINTS, STYLE, Band, Line, figure, thinned

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    """The drawing as a browser takes it; an error if it is not well-formed."""
    return ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def paths(svg: str, kind: str = "student") -> list[list[list[tuple[int, int]]]]:
    """For each line of that kind the places of each of its pieces, the legend's sample left out."""
    found = []
    for path in parsed(svg).iter(f"{SVG}path"):
        if kind not in path.get("class", "").split():
            continue
        pieces = []
        for piece in path.get("d", "").split("M")[1:]:
            numbers = [int(number) for number in re.findall(r"-?\d+", piece)]
            x, y = numbers[:2]
            places = [(x, y)]
            for across, up in zip(numbers[2::2], numbers[3::2], strict=False):
                x, y = x + across, y + up
                places.append((x, y))
            pieces.append(places)
        found.append(pieces[:-1])
    return found


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in parsed(svg).iter(f"{SVG}text")]


def test_a_line_goes_through_its_values_in_order() -> None:
    svg = figure("Losses", [Line("adam", [0, 1, 2], [2.0, 0.0, 1.0], "student")], y_label="loss")
    (((first, second, third),),) = paths(svg)
    assert first[0] < second[0] < third[0]
    assert second[0] - first[0] == third[0] - second[0]
    assert first[1] < third[1] < second[1], "greater values lie higher, which is less in SVG"
    assert abs((first[1] + second[1]) / 2 - third[1]) <= 1
    assert {"0", "1", "2"} <= set(texts(svg))


def test_the_figure_can_be_heard() -> None:
    lines = [Line("sgd", [0, 1], [2.5, 1.25], "student"), Line("sgd", [0, 1], [2.4, 1.2], "published")]
    root = parsed(figure("Optimizers", lines, Band([0, 1], [2, 1], [3, 2]), y_label="training loss"))
    assert root.get("role") == "img"
    assert root.get("aria-label") == (
        "Optimizers: training loss with the published band, sgd from 2.5 to 1.25; sgd (published) from 2.4 to 1.2."
    )
    assert root.findtext(f"{SVG}title") == "Optimizers"


def test_kinds_of_line_differ_without_colour_and_names_keep_theirs() -> None:
    kinds = ("student", "replay", "published")
    svg = figure("T", [Line(name, [0, 1], [0, 1], kind) for name in ("a", "b") for kind in kinds], y_label="y")  # type: ignore[arg-type]
    drawn = {
        (path.get("class", "").split()[0], path.get("class", "").split()[1]): path.get("stroke-dasharray")
        for path in parsed(svg).iter(f"{SVG}path")
        if path.get("class")
    }
    assert {kind: dashes for (kind, _), dashes in drawn.items()}.keys() == set(kinds)
    assert len(set(drawn.values())) == 3
    assert {colour for _, colour in drawn} == {"c0", "c1"}
    assert [text for text in texts(svg) if text.startswith("a")] == ["a", "a (replay)", "a (published)"]
    for colour in ("c0", "c1"):
        assert STYLE.count(f".curves .{colour}{{color:") == 2, "one colour for light pages, one for dark ones"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_a_gap(bad: float) -> None:
    svg = figure("T", [Line("a", range(5), [1.0, 2.0, bad, 3.0, 4.0], "student")], y_label="y")
    ((before, after),) = paths(svg)
    assert (len(before), len(after)) == (2, 2)
    assert paths(figure("T", [Line("a", [0, 1], [bad, bad], "student")], y_label="y")) == [[]]


@pytest.mark.parametrize(
    ("last", "told"), [(400, "400"), (1, "0.2"), (0.02, "0.005"), (200_000, "200000"), (5e9, "5e+09"), (1e-7, "2e-08")]
)
def test_ticks_are_round_and_short(last: float, told: str) -> None:
    svg = figure("T", [Line("a", [0, last], [0, 1], "student")], y_label="y")
    assert told in texts(svg)
    assert all(len(text) <= 6 for text in texts(svg))


def test_a_value_far_away_does_not_flatten_the_rest() -> None:
    usual = [2.0 - i / 50 for i in range(50)]
    svg = figure("T", [Line("a", range(51), [*usual, 1e30], "student")], y_label="y")
    (((*course, last),),) = paths(svg)
    heights = [y for _, y in course]
    assert max(heights) - min(heights) > 40
    assert last[1] < min(heights)


def test_long_curves_keep_their_ends_and_extremes() -> None:
    y = np.sin(np.arange(5000) / 50)
    y[1234], y[4321] = 9.0, -9.0
    x, kept = thinned(np.arange(5000), y)
    assert len(x) <= MAX_POINTS
    assert (x[0], x[-1]) == (0, 4999)
    assert {9.0, -9.0} <= set(kept)
    assert all(x[1:] > x[:-1])
    assert np.array_equal(kept, y[x.astype(int)])
    diverged = np.where(np.arange(5000) > 2500, np.nan, 1.0)
    assert np.isnan(thinned(np.arange(5000), diverged)[1]).any()


def test_two_hundred_thousand_points_stay_small() -> None:
    lines = [Line(f"run {i}", np.arange(200_000), np.random.default_rng(i).random(200_000), "student") for i in range(4)]
    assert len(figure("T", lines, y_label="y")) < 6_000


def test_the_band_lies_between_its_curves() -> None:
    svg = figure("T", [Line("a", [0, 2], [0, 10], "student")], Band([0, 1, 2], [0, 4, 8], [2, 6, 10]), y_label="y")
    (area,) = (path.get("d", "") for path in parsed(svg).iter(f"{SVG}path") if path.get("class") == "band")
    assert area.startswith("M")
    assert area.endswith("z")
    both = [Band([0, 2], [0, 8], [2, 10], "a"), Band([0, 2], [1, 9], [3, 11], "elsewhere")]
    svg = figure("T", [Line("a", [0, 2], [0, 10], "student")], both, y_label="y")
    assert [path.get("class") for path in parsed(svg).iter(f"{SVG}path") if "band" in path.get("class", "")] == ["band c0", "band"]
    assert 'class="band"' not in figure("T", [Line("a", [0, 2], [0, 10], "student")], y_label="y")


def test_names_become_text_only() -> None:
    evil = "</text></svg><script>alert(1)</script>\"' onload=x &\x1b[31m"
    svg = figure(evil, [Line(evil, [0, 1], [0, 1], "student")], y_label=evil)
    root = parsed(svg)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {"svg", "title", "g", "text", "path"}
    assert set(root.keys()) == {"class", "viewBox", "role", "aria-label"}
    assert "<script>" in "".join(texts(svg))
    assert "\x1b" not in svg


numbers = some.lists(some.floats(), max_size=200)


@given(some.lists(some.tuples(numbers, numbers), max_size=4), some.none() | some.tuples(numbers, numbers, numbers))
def test_any_recorded_numbers_are_drawn_within_the_frame(
    runs: list[tuple[list[float], ...]], area: tuple[list[float], ...] | None
) -> None:
    lines = [Line(f"run {i}", x, y, "student") for i, (x, y) in enumerate(runs)]
    svg = figure("T", lines, Band(area[0], area[1], area[2]) if area else None, y_label="y")
    root = parsed(svg)
    width, height = (int(number) for number in root.get("viewBox", "").split()[2:])
    for pieces in paths(svg):
        assert sum(map(len, pieces)) <= MAX_POINTS + len(pieces)
        assert all(0 <= x <= width and 0 <= y <= height for piece in pieces for x, y in piece)
    assert not re.search(r"\b(nan|inf)\b", svg)
    assert len(texts(svg)) >= 2 + len(lines)
