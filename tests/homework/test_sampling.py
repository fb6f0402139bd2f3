"""grader/sampling.py: its p-values against exact tails, how often an honest draw is failed, how often a wrong one is noticed."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from grader.grading import sampling
from grader.grading.expect import Array
from grader.homework import fc_net
from grader.homework.fc_net import HANDOUT, Build
from grader.homework.hidden import unseen_questions

NETWORKS: dict[str, Build] = {
    **fc_net.NETWORKS,
    **{f"{part}, unseen": build for part, build in unseen_questions.NETWORKS.items()},
}
OTHER = NETWORKS["other_widths"]
LEVEL = 1e-7 / len(NETWORKS)  # of one network: the rubric's limit is for the whole item
Draw = Callable[[np.random.Generator, tuple[int, int], float], Array]


def honest(draw: np.random.Generator, shape: tuple[int, int], std: float) -> Array:
    """N(0, std²), as a student should draw it."""
    return draw.normal(0.0, std, shape)


def he(build: Build) -> list[float]:
    """The standard deviation of each layer under He initialization."""
    return [math.sqrt(2.0 / fan_in) for fan_in, _ in build.shapes]


def verdict(build: Build, draw: np.random.Generator, sampler: Draw) -> float:
    """Smallest p-value of one network's tests times their number: below `a`, the network is failed at level `a`."""
    weights = [
        (f"W{layer}", sampler(draw, shape, std).astype(build.dtype), std)
        for layer, (shape, std) in enumerate(zip(build.shapes, he(build), strict=True), start=1)
    ]
    found = list(sampling.tests(weights))
    adjusted = min(test.p for test in found) * len(found)
    for level in (LEVEL, 0.05):
        assert bool(sampling.alarms(found, level, len(found))) == (adjusted < level)
    return adjusted


@cache
def _nodes() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(40)
    return nodes, weights


def exact_tails(value: float, degrees: int) -> tuple[float, float]:
    """P(X <= value) and P(X >= value) of a chi-square variable, each by Gauss-Legendre integration of its density.

    Each tail is integrated over the 60 standard deviations next to `value`, in pieces of one, so that nothing is subtracted.
    """
    scale, (nodes, weights) = math.sqrt(2.0 * degrees), _nodes()

    def density(x: Array) -> Array:
        logarithm = (degrees / 2 - 1) * np.log(x) - x / 2 - degrees / 2 * math.log(2.0) - math.lgamma(degrees / 2)
        return np.exp(logarithm)

    def integral(low: float, high: float) -> float:
        if high <= low:
            return 0.0
        return float(np.sum(weights * density((high - low) / 2 * nodes + (high + low) / 2)) * (high - low) / 2)

    lower = sum(integral(max(value - (k + 1) * scale, 0.0), max(value - k * scale, 0.0)) for k in range(60))
    upper = sum(integral(value + k * scale, value + (k + 1) * scale) for k in range(60))
    return lower, upper


@pytest.mark.parametrize(
    ("degrees", "most"),
    [(40, 3.2), (45, 2.8), (60, 2.2), (90, 1.6), (120, 1.4), (499, 1.1), (2499, 1.02), (4799, 1.01), (153_599, 1.001)],
)
def test_chi_square_p_is_hardly_below_the_exact_tail_and_not_far_above(degrees: int, most: float) -> None:
    compared = 0
    for deviation in np.linspace(-8.0, 12.0, 401):
        value = degrees + deviation * math.sqrt(2.0 * degrees)
        if value <= 0:
            continue
        lower, upper = exact_tails(value, degrees)
        assert lower + upper == pytest.approx(1.0, rel=1e-6)  # the integration itself
        exact = 2.0 * min(lower, upper)
        if exact < 1e-10:
            continue
        compared += 1
        assert 0.998 < sampling.chi_square_p(value, degrees) / exact < most, (value, exact)
    assert compared > 150


@pytest.mark.parametrize("degrees", [40, 499, 153_599])
def test_chi_square_p_falls_to_nothing_on_both_sides(degrees: int) -> None:
    assert sampling.chi_square_p(float(degrees), degrees) > 0.9
    for value in (0.0, -1.0, 1e3 * degrees, math.inf):
        assert sampling.chi_square_p(value, degrees) < 1e-10
    assert math.isnan(sampling.chi_square_p(math.nan, degrees))


def test_a_p_value_that_is_nan_raises_an_alarm() -> None:
    fine, broken = sampling.Test("W1", "fine", 0.5), sampling.Test("W2", "broken", math.nan)
    assert sampling.alarms([fine, broken], 1e-7, 2) == [broken]


def test_normality_p_bounds_the_tail_it_stands_for() -> None:
    draw = np.random.default_rng(3)
    found = np.array([sampling.normality_p(draw.normal(0.0, 2.0, 500), 2.0) for _ in range(400)])
    for level in (0.3, 0.1, 0.03):
        assert float(np.mean(found < level)) <= level
    assert sampling.normality_p(draw.uniform(-math.sqrt(3), math.sqrt(3), 20_000), 1.0) < 1e-10


@pytest.mark.parametrize("name", NETWORKS)
def test_an_honest_draw_is_hardly_ever_failed(name: str) -> None:
    draw = np.random.default_rng(1)
    found = np.array([verdict(NETWORKS[name], draw, honest) for _ in range(200)])
    assert found.min() > LEVEL
    # The union bound promises at most 20 of 200 at the level 0.1; the tests' promise can be watched there, not at 1e-7.
    assert np.sum(found < 0.1) <= 30


@pytest.mark.long
@pytest.mark.parametrize("name", NETWORKS)
def test_the_false_alarm_rate_over_20000_honest_draws(name: str) -> None:
    draw, count = np.random.default_rng(2), 20_000
    found = np.array([verdict(NETWORKS[name], draw, honest) for _ in range(count)])
    rates = {a: float(np.mean(found < a)) for a in (0.1, 0.01, 0.001, LEVEL)}
    print(
        f"\n{name}: {count} honest draws: failed {rates[LEVEL]:.0%}; smallest p-value is {found.min() / LEVEL:.3g} times "
        f"the limit; rates at 0.1, 0.01, 0.001: {rates[0.1]:.4f}, {rates[0.01]:.4f}, {rates[0.001]:.5f}"
    )
    assert rates[LEVEL] == 0
    for a in (0.1, 0.01, 0.001):  # 5 standard deviations of a count with that expectation
        assert rates[a] <= a + 5 * math.sqrt(a / count)


HALF_WIDTH = math.sqrt(3.0)
WRONG: dict[str, Draw] = {
    "10 % too wide": lambda draw, shape, std: draw.normal(0.0, 1.1 * std, shape),
    "10 % too narrow": lambda draw, shape, std: draw.normal(0.0, 0.9 * std, shape),
    "fan_out": lambda draw, shape, _: draw.normal(0.0, math.sqrt(2.0 / shape[1]), shape),
    "variance for std": lambda draw, shape, std: draw.normal(0.0, std**2, shape),
    "Xavier": lambda draw, shape, _: draw.normal(0.0, math.sqrt(2.0 / sum(shape)), shape),
    "uniform of the right std": lambda draw, shape, std: draw.uniform(-HALF_WIDTH * std, HALF_WIDTH * std, shape),
    "Laplace of the right std": lambda draw, shape, std: draw.laplace(0.0, std / math.sqrt(2.0), shape),
    "one column copied": lambda draw, shape, std: np.repeat(draw.normal(0.0, std, (shape[0], 1)), shape[1], axis=1),
    "one row copied": lambda draw, shape, std: np.repeat(draw.normal(0.0, std, (1, shape[1])), shape[0], axis=0),
    "two columns taking turns": lambda draw, shape, std: np.resize(draw.normal(0.0, std, (2, shape[0])), shape[::-1]).T,
    "last layer of half the std": lambda draw, shape, std: draw.normal(0.0, std / (2 if shape[1] in (10, 45) else 1), shape),
}


@pytest.mark.parametrize("slip", WRONG)
def test_a_wrong_draw_is_noticed_every_time(slip: str) -> None:
    draw, count = np.random.default_rng(4), 200
    found = np.array([verdict(OTHER, draw, WRONG[slip]) for _ in range(count)])
    noticed = float(np.mean(found < LEVEL))
    print(f"{slip}: noticed in {noticed:.1%} of {count} draws of the small network, largest p-value {found.max():.2g}")
    assert noticed == 1.0


def _again(draw: np.random.Generator, build: Build, how: Callable[[Array], Array]) -> list[tuple[str, Array, float]]:
    """A network's weights, of which every second hidden layer is the first hidden one again, changed somehow."""
    weights = []
    first: Array | None = None
    for layer, (shape, std) in enumerate(zip(build.shapes, he(build), strict=True), start=1):
        matrix = draw.normal(0.0, std, shape)
        if first is None and shape == build.shapes[1]:
            first = matrix
        elif first is not None and layer % 2 == 0 and shape == first.shape:
            matrix = how(first)
        weights.append((f"W{layer}", matrix.astype(build.dtype), std))
    return weights


AGAIN: dict[str, Callable[[Array], Array]] = {
    "as it was": lambda matrix: matrix,
    "turned": lambda matrix: matrix.T,
    "with the other sign": lambda matrix: -matrix,
    "half of it": lambda matrix: np.vstack([matrix[:25], np.random.default_rng(9).normal(0.0, 0.2, (25, 50))]),
}


@pytest.mark.parametrize("how", AGAIN)
def test_a_layer_that_comes_again_is_noticed_and_named(how: str) -> None:
    draw = np.random.default_rng(6)
    for _ in range(20):
        found = list(sampling.tests(_again(draw, HANDOUT, AGAIN[how])))
        alarms = sampling.alarms(found, LEVEL, len(found))
        assert {test.name for test in alarms if "go along" in test.what} == {"W4", "W6", "W8", "W10"}
        assert next(test.what for test in alarms if test.name == "W4") == "the values go along with those of W2"


def test_a_generator_that_starts_anew_with_each_layer_is_noticed_where_no_two_layers_have_one_shape() -> None:
    weights = [
        (f"W{layer}", np.random.default_rng(7).normal(0.0, std, shape), std)
        for layer, (shape, std) in enumerate(zip(OTHER.shapes, he(OTHER), strict=True), start=1)
    ]
    found = list(sampling.tests(weights))
    named = {test.name for test in sampling.alarms(found, LEVEL, len(found)) if "go along" in test.what}
    assert named == {f"W{layer}" for layer in range(2, len(weights) + 1)}


def test_how_far_independent_matrices_go_along_is_what_chance_says() -> None:
    draw = np.random.default_rng(8)
    found = np.array([_smallest_along(draw) for _ in range(2_000)])
    for level in (0.3, 0.1, 0.01):  # 5 standard deviations of a count with that expectation
        assert float(np.mean(found < level)) <= level + 5 * math.sqrt(level / found.size)
    assert float(np.mean(found < 0.3)) > 0.2  # and hardly rarer, so that the bound is not idle


def _smallest_along(draw: np.random.Generator) -> float:
    unit = [(f"W{layer}", draw.normal(size=shape)) for layer, shape in enumerate([(9, 7), (7, 7), (7, 7), (7, 5)])]
    tests = list(sampling.tests([(name, values, 1.0) for name, values in unit]))
    along = [test.p for test in tests if "go along" in test.what]
    return min(along) * len(along)


@pytest.mark.parametrize("slip", ["10 % too wide", "fan_out", "uniform of the right std", "last layer of half the std"])
def test_a_wrong_draw_of_the_handouts_network_is_noticed_every_time(slip: str) -> None:
    draw = np.random.default_rng(5)
    assert max(verdict(HANDOUT, draw, WRONG[slip]) for _ in range(20)) < LEVEL
