"""Hypothesis strategies for scenarios; imported only where examples are generated or shrunk (Hypothesis takes 0.3 s to load)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException, NoSuchExample
from hypothesis.extra.numpy import array_shapes, arrays
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from ..published import Track
from .reference_rules import COUNTED, DEFAULTS, STATE
from .scenarios import LAYOUTS, UNKNOWN, Scenario

MAX_STEPS = 12
_SMALLEST_NORMAL = 1e-30  # below, float32 squares vanish; a gradient this small is as good as zero

# Everything is repeatable and leaves nothing behind: the same code and version of Hypothesis give the same examples.
_REPEATABLE = settings(
    derandomize=True, database=None, deadline=None, phases=(Phase.generate,), suppress_health_check=list(HealthCheck)
)


def examples(rule: str, count: int) -> list[Scenario]:
    """`count` scenarios as Hypothesis draws them for `rule`."""
    drawn: list[Scenario] = []

    @settings(_REPEATABLE, max_examples=count)
    @given(scenarios(rule))
    def collect(scenario: Scenario) -> None:
        drawn.append(scenario)

    with _no_constants_of_other_modules():
        collect()
    return drawn


def smallest(rule: str, fails: Any, tries: int) -> Scenario | None:
    """The simplest scenario for which `fails(scenario)` holds, or None if none turns up.

    At most `tries` scenarios are asked about, and never by the clock, so that the answer does not depend on the machine.
    """
    asked = 0

    def still_fails(scenario: Scenario) -> bool:
        nonlocal asked
        asked += 1
        return asked <= tries and bool(fails(scenario))

    try:
        with _no_constants_of_other_modules():
            return find(
                scenarios(rule),
                still_fails,
                settings=settings(_REPEATABLE, max_examples=tries, phases=(Phase.generate, Phase.shrink)),
            )
    except (NoSuchExample, HypothesisException):  # nothing found, or the code answers differently each time
        return None


@contextmanager
def _no_constants_of_other_modules() -> Iterator[None]:
    """Keep Hypothesis from drawing numbers it has seen in the source of whatever modules are loaded.

    That makes examples depend on who imports what, and they have to be the same for every submission. There is no setting for
    it, so the one property that collects them is replaced for as long as examples are drawn.
    """
    provider = providers.HypothesisProvider
    collected = provider.__dict__["_local_constants"]
    provider._local_constants = property(lambda _: Constants())  # type: ignore[assignment, method-assign]
    providers.CONSTANTS_CACHE.cache.clear()
    try:
        yield
    finally:
        provider._local_constants = collected  # type: ignore[method-assign]
        providers.CONSTANTS_CACHE.cache.clear()


@st.composite
def scenarios(draw: st.DrawFn, rule: str) -> Scenario:
    """Scenarios for `rule`; what is drawn first and smallest is what a person reads most easily."""
    steps = draw(st.integers(1, MAX_STEPS))
    number = draw(st.integers(1, 2))
    dtype = draw(st.sampled_from(("float64", "float32")))
    shape = draw(st.just((1,)) | array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=3) | st.just(()))
    layout = draw(st.sampled_from(LAYOUTS))
    values = elements(draw(st.sampled_from(scales(dtype))), dtype)
    configs = st.none() | config(rule, shape, dtype)
    tracks = tuple(
        Track(
            draw(arrays(dtype, shape, elements=elements(1.0, dtype))),
            draw(configs),
            tuple(draw(arrays(dtype, shape, elements=values)) for _ in range(steps)),
        )
        for _ in range(number)
    )
    changes = draw(st.booleans())
    rates = tuple(draw(st.none() | st.sampled_from((1.0, 0.5, 0.1, 1e-3))) if changes else None for _ in range(steps))
    return Scenario(tracks, rates, layout)


def scales(dtype: str) -> tuple[float, ...]:
    """Magnitudes of a gradient's entries: everyday, tiny, huge."""
    return (1.0, 1e-9, 1e15 if dtype == "float32" else 1e100)


def elements(scale: float, dtype: str) -> st.SearchStrategy[float]:
    """Finite numbers of magnitude up to about 3·scale, with zero and without what is too small to square."""
    width = 32 if dtype == "float32" else 64
    low, high = (float(np.dtype(dtype).type(bound * scale)) for bound in (-3.0, 3.0))
    kept = st.floats(low, high, width=width).map(lambda x: 0.0 if abs(x) < _SMALLEST_NORMAL else x)  # type: ignore[arg-type]
    return kept | st.sampled_from([float(np.dtype(dtype).type(x * scale)) for x in (0.0, 1.0, -1.0, 0.5)])


def config(rule: str, shape: tuple[int, ...], dtype: str) -> st.SearchStrategy[dict[str, Any]]:
    """A partial configuration: any hyper-parameters, any of the state, sometimes a key nobody knows."""
    rates = st.sampled_from((0.5, 0.1, 1.0, 1e-4)) | st.floats(1e-5, 1.0)
    decays = st.sampled_from((0.5, 0.9, 0.0, 0.99)) | st.floats(0.0, 0.9999)
    hyper = {
        name: rates if name == "learning_rate" else st.sampled_from((1e-8, 0.1, 1e-3, 1e-10)) if name == "epsilon" else decays
        for name in DEFAULTS[rule]
    }
    anything = elements(1.0, dtype)
    squares = anything.map(abs)
    state: dict[str, st.SearchStrategy[Any]] = {
        key: arrays(dtype, shape, elements=squares if key in ("cache", "v") else anything) for key in STATE[rule]
    }
    if rule in COUNTED:
        state["t"] = st.integers(0, 1000)
    return st.fixed_dictionaries({}, optional={**hyper, **state, UNKNOWN: st.just("keep me")})
