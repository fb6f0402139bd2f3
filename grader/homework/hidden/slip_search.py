"""Which one or two independent slips explain all answers of a rule: a search over every combination, under each accepted reading.

All variants are worked out side by side (`rule_formulas`); one that disagrees with an answer is dropped at once, so that after
the first steps only what explains the answers is left, and that has to explain the rest as well. Each step starts from what was
answered to the one before, so the few that are left are worked out for all steps of a scenario side by side as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from ...grading import expect
from ...grading.expect import Array
from ..misconceptions import SAME_SINGLE
from ..published import Track
from . import corpus
from .reference_rules import COUNTED, DEFAULTS, READINGS, STATE
from .rule_formulas import FORMULAS, GONE, OTHER_KEY, Rows, code, has_effect, ways
from .scenarios import Scenario
from .traces import Record
from .traces import Track as Answers

_AT_ONCE: Final = 50_000  # numbers, over variants and steps, that are worked out side by side
_SAME: Final = 1e-9  # relative: rounding in float64 lies far below, and two variants differ by far more
_NONE: Final[Any] = object()
_SETTINGS: Final = frozenset(key for defaults in DEFAULTS.values() for key in defaults)


@dataclass(frozen=True, slots=True)
class Variants:
    """Every combination of at most two slips under every reading.

    Attributes:
        rows: what each variant chooses.
        slips: (rows, 2) which slips it has, by number, -1 for none.
    """

    rows: Rows
    slips: Array


@cache
def variants(rule: str) -> Variants:
    """All variants of a rule, in the order in which they are preferred: fewer slips first, then the more common ones."""
    table = [options for _, options in ways(rule)]
    groups = sorted({group for options in table for group in options})
    codes = np.array([[code(options[group]) if group in options else 0 for group in groups] for options in (*table, {})], np.int16)
    readings = range(len(READINGS[rule]))
    effect = np.array([[has_effect(rule, options, reading) for reading in readings] for options in (*table, {})])
    decides = (codes[:-1] > 0).astype(np.int16)
    alone = np.arange(len(table))
    chosen = np.vstack([[[-1, -1]], np.column_stack([alone, 0 * alone - 1]), np.argwhere(np.triu(decides @ decides.T == 0, 1))])
    at, reading = np.nonzero(effect[chosen[:, 0]] & effect[chosen[:, 1]])
    slips = chosen[at]
    options = codes[slips[:, 0]] + codes[slips[:, 1]]  # they decide in different groups: one of the two is 0, right
    return Variants(Rows(dict(zip(groups, np.ascontiguousarray(options.T), strict=True)), reading), slips)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A combination of slips, none for a right rule, that explains every answer, and the reading under which it does."""

    slips: tuple[str, ...]
    reading: int


@dataclass(frozen=True, slots=True)
class Found:
    """What explains every answer.

    Attributes:
        simplest: the combinations of fewest slips, each once; one that another explains with a part of what it has wrong is left
            out.
        single: the slips that do so alone; () stands for a right rule.
    """

    simplest: list[Explanation]
    single: frozenset[tuple[str, ...]]


def search(rule: str, asked: Iterable[tuple[Scenario, Record]]) -> Found:
    """What explains every answer to `asked`, whose numbers have to be plain."""
    left = _explaining(rule, asked)
    return Found(_fewest(rule, left), frozenset(slips for slips in _named(rule, left) if len(slips) <= 1))


def _fewest(rule: str, left: Array) -> list[Explanation]:
    found = variants(rule)
    number = (found.slips[left] >= 0).sum(axis=1)
    first = _named(rule, left[number == number.min(initial=2)])
    rows = found.rows.kept(np.array([*first.values()], dtype=np.intp))
    return [
        Explanation(slips, reading)
        for slips, reading, keep in zip(first, rows.reading.tolist(), _simplest(rows), strict=True)
        if keep
    ]


def explaining(rule: str, asked: Iterable[tuple[Scenario, Record]], most: int = 2) -> list[tuple[str, ...]]:
    """Every combination of at most so many slips that explains every answer, simple or not."""
    return list(_named(rule, _explaining(rule, asked, most)))


def _explaining(rule: str, asked: Iterable[tuple[Scenario, Record]], most: int = 2) -> Array:
    """Which variants explain every answer, by number."""
    found = variants(rule)
    left: Array = np.flatnonzero((found.slips >= 0).sum(axis=1) <= most)
    rows = found.rows if len(left) == len(found.slips) else found.rows.kept(left)
    ordered = sorted(asked, key=lambda one: _cost(one[0]))
    with np.errstate(all="ignore"):
        if ordered and len(rows.reading) == len(found.slips):
            keep = _may_explain(rule, rows, *ordered[0])
            left, rows = left[keep], rows.kept(keep)
        for scenario, record in ordered:
            for number, track in enumerate(scenario.tracks):
                if not len(left):
                    return left
                try:
                    keep = _at_once(rule, rows, scenario.rates, track, record.tracks[number] if record.tracks else None)
                except _OneByOne:
                    keep = _walked(rule, rows, scenario.rates, track, _answers(record, number))
                if len(keep) < len(left):
                    left, rows = left[keep], rows.kept(keep)
    return left


@dataclass(frozen=True, slots=True)
class _FirstStep:
    """What every variant of a rule makes of the first step of one scenario, the one that is looked at first."""

    scenario: Scenario
    next_w: Array
    state: Mapping[str, Array]


@cache
def _first_step(rule: str) -> _FirstStep:
    scenario = min((one for one in corpus.scenarios(rule) if one.plain), key=_cost)
    rows, start = variants(rule).rows, scenario.tracks[0]
    w, state, hyper = _beginning(rule, rows, start)
    if scenario.rates[0] is not None:
        hyper["learning_rate"] = float(scenario.rates[0])
    next_w = FORMULAS[rule](rows, w, np.array(start.grads[0], dtype=np.float64).reshape(1, -1), state, hyper)
    return _FirstStep(scenario, next_w, state)


def _may_explain(rule: str, rows: Rows, scenario: Scenario, record: Record) -> Array:
    """(rows,) which of all variants of a rule the first answer leaves, where it is to the scenario they were worked out for."""
    first, answer = _first_step(rule), next(_answers(record, 0), _NONE)
    if scenario is not first.scenario or answer is _NONE:
        return np.ones(len(rows.reading), bool)
    start = scenario.tracks[0]
    return _same(rule, rows, _numbers(start.w), first.next_w, first.state, answer, start)


def _named(rule: str, variants_left: Array) -> dict[tuple[str, ...], int]:
    """The slips of these variants, each combination with the first variant that has it."""
    names = [slip for slip, _ in ways(rule)]
    first: dict[tuple[str, ...], int] = {}
    for at, slips in zip(variants_left.tolist(), variants(rule).slips[variants_left].tolist(), strict=True):
        first.setdefault(tuple(names[slip] for slip in slips if slip >= 0), at)
    return first


def _simplest(rows: Rows) -> Array:
    """(rows,) whether no other row gets by with a part of what it has wrong."""
    options = np.array([*rows.options.values(), 0 * rows.reading]).T
    within = ((options == 0) | (options == options[:, None])).all(axis=2)  # [i, j]: all that j has wrong, i has wrong alike
    simplest: Array = ~(within & ~within.T).any(axis=1)
    return simplest


def _cost(scenario: Scenario) -> tuple[bool, int, int]:
    """Scenarios that tell most for least come first: with a state to begin from, and small."""
    bare = all(not (track.config or {}).keys() - _SETTINGS for track in scenario.tracks)
    return bare, sum(track.w.size for track in scenario.tracks), len(scenario.rates)


def _answers(record: Record, track: int) -> Iterator[Any]:
    """What came back for one parameter, step by step, until the rule raised."""
    for step in record.steps:
        if track >= len(step):
            return
        yield step[track][0]


def _walked(rule: str, rows: Rows, rates: Sequence[float | None], start: Track, answers: Iterator[Any]) -> Array:
    """Which of the rows give all of these answers, by number."""
    w, state, hyper = _beginning(rule, rows, start)
    left = np.arange(len(rows.reading))
    for number, rate in enumerate(rates):
        answer = next(answers, _NONE)
        if answer is _NONE:  # it raised, which no variant does
            return left
        if rate is not None:
            hyper["learning_rate"] = float(rate)
        gradient = np.array(start.grads[number], dtype=np.float64).reshape(1, -1)
        next_w = FORMULAS[rule](rows, w, gradient, state, hyper)
        keep = _same(rule, rows, w, next_w, state, answer, start)
        if not keep.all():
            left, rows = left[keep], rows.kept(keep)
            state = {key: _rows(values, keep) for key, values in state.items()}
        if not left.size:
            return left
        w, config = _numbers(answer[0]), answer[1]  # from here on as answered, so that rounding does not add up
        hyper = {name: _setting(config, name, value) for name, value in DEFAULTS[rule].items()}
        state = {key: _carried(rows, key, w, values, config) for key, values in state.items()}
    return left


def _beginning(rule: str, rows: Rows, start: Track) -> tuple[Array, dict[str, Array], dict[str, float]]:
    """The parameters (1, n), the state (rows or 1, n) and the settings before the first step."""
    given = dict(start.config or {})
    w = np.array(start.w, dtype=np.float64).reshape(1, -1)
    state = {}
    for key in _keys(rule):
        elsewhere = rows.take(f"{key}_stored", OTHER_KEY)
        state[key] = np.where(elsewhere[:, None], _fresh(rows, key, w), _begun(rows, key, w, given))
    return w, state, {name: float(given.get(name, value)) for name, value in DEFAULTS[rule].items()}


class _OneByOne(Exception):
    """Steps that cannot be worked out side by side."""


def _at_once(rule: str, rows: Rows, rates: Sequence[float | None], start: Track, answers: Answers | None) -> Array:
    """As `_walked`, every step of every row side by side.

    Raises:
        _OneByOne: they are too many, not all answered in one form, or what one leaves for the next is not seen in its answer.
    """
    steps, count = len(rates), len(rows.reading)
    if answers is None or steps * count * start.w.size > _AT_ONCE:
        raise _OneByOne
    if any(rows.take(f"{key}_stored", option).any() for key in _keys(rule) for option in (GONE, OTHER_KEY)):
        raise _OneByOne
    after = {"next_w": _column(answers.next_w, start, steps)}
    after |= {
        key: _counts(answers.kept.get(key)) if key == "t" else _column(answers.kept.get(key), start, steps) for key in _keys(rule)
    }
    w, begun, hyper = _beginning(rule, rows, start)
    state = {}
    for key, values in begun.items():
        before = np.empty((count, steps, after[key].shape[1]))
        before[:, 0], before[:, 1:] = values, after[key][:-1]
        state[key] = before.reshape(count * steps, -1)
    w = np.tile(np.vstack([w, after["next_w"][:-1]]), (count, 1))
    gradient = np.tile(np.array(start.grads, dtype=np.float64).reshape(steps, -1), (count, 1))
    met = {name: _settings(rule, name, value, rates, answers) for name, value in hyper.items()}
    settings = {name: np.tile(values, (count, 1)) if len({*values.flat}) > 1 else values[0, 0] for name, values in met.items()}
    found = {"next_w": FORMULAS[rule](rows.repeated(steps), w, gradient, state, settings), **state}
    keep = np.ones(count * steps, bool)
    for name, values in found.items():
        keep &= _close(values, np.tile(after[name], (count, 1)), _SAME, w if name == "next_w" else 0.0)
    explained: Array = np.flatnonzero(keep.reshape(count, steps).all(axis=1))
    return explained


def _column(values: Any, start: Track, steps: int) -> Array:
    """(steps, n): arrays as they were answered, if they are what they should be."""
    if isinstance(values, np.ndarray) and values.dtype == np.float64 and values.shape == (steps, *start.w.shape):
        return values.reshape(steps, -1)
    raise _OneByOne


def _counts(values: Any) -> Array:
    """(steps, 1): t as it was answered."""
    if isinstance(values, list) and all(type(count) is int and abs(count) < 2**53 for count in values):
        return np.array(values, dtype=np.float64)[:, None]
    raise _OneByOne


def _settings(rule: str, name: str, begun: float, rates: Sequence[float | None], answers: Answers) -> Array:
    """(steps, 1): a hyper-parameter as each step meets it; `begun` is what it begins with."""
    default = DEFAULTS[rule][name]
    kept = answers.kept.get(name, [default] * len(rates))
    if not isinstance(kept, list):
        raise _OneByOne
    met = [begun, *(_setting({name: value}, name, default) for value in kept[:-1])]
    if name == "learning_rate":
        met = [before if rate is None else float(rate) for before, rate in zip(met, rates, strict=True)]
    return np.array(met)[:, None]


def _setting(config: Mapping[str, Any], name: str, default: float) -> float:
    """A hyper-parameter as a step leaves it for the next."""
    value = config.get(name, default)
    return float(value) if isinstance(value, int | float | np.floating | np.integer) else default


def _carried(rows: Rows, key: str, w: Array, values: Array, config: Mapping[str, Any]) -> Array:
    """(rows or 1, n): the state as a step leaves it for the next."""
    gone, elsewhere = (rows.take(f"{key}_stored", option)[:, None] for option in (GONE, OTHER_KEY))
    shown = _numbers(config[key]) if key in config else _fresh(rows, key, w)
    if not gone.any() and not elsewhere.any():
        return shown
    return np.where(elsewhere, values, np.where(gone, _fresh(rows, key, w), shown))


def _keys(rule: str) -> tuple[str, ...]:
    return (*STATE[rule], "t") if rule in COUNTED else STATE[rule]


def _fresh(rows: Rows, key: str, w: Array) -> Array:
    """(rows or 1, n): what the state is where config has none yet."""
    return np.atleast_2d(rows.choose("t_start", 0.0, one=lambda: 1.0)) if key == "t" else np.zeros_like(w[:1])


def _begun(rows: Rows, key: str, w: Array, given: Mapping[str, Any]) -> Array:
    """The same where config may have one."""
    return np.array(given[key], dtype=np.float64).reshape(1, -1) if key in given else _fresh(rows, key, w)


def _rows(values: Array, keep: Array) -> Array:
    return values if len(values) == 1 else values[keep]


def _same(rule: str, rows: Rows, w: Array, next_w: Array, state: Mapping[str, Any], answer: Any, start: Track) -> Array:
    """(rows,) whether each row's step is what was answered."""
    if not isinstance(answer, tuple | list) or len(answer) != 2 or not isinstance(answer[1], Mapping):
        return np.zeros(len(rows.reading), bool)
    given = start.config or {}
    keep = np.broadcast_to(_equal(next_w, answer[0], start.w.size, beside=w), rows.reading.shape)
    for key in _keys(rule):
        gone, elsewhere = (rows.take(f"{key}_stored", option) for option in (GONE, OTHER_KEY))
        shown = np.where(elsewhere[:, None], _begun(rows, key, w, given), state[key])
        if key in answer[1]:
            keep = keep & ~gone & _equal(shown, answer[1][key], 1 if key == "t" else start.w.size)
        else:  # gone, or never put there
            keep = keep & (gone | ((shown == _fresh(rows, key, w)).all(axis=1) if key not in given else False))
    return keep


def _numbers(value: Any) -> Array:
    """(1, n): an answer, of which it is known that it is numbers."""
    found = expect.real(value)
    assert found is not None
    return found.astype(np.float64, copy=False).reshape(1, -1)


def _equal(values: Array, found: Any, size: int, beside: Array | float = 0.0) -> Array:
    """(rows,) whether a row's numbers are these up to rounding.

    What is not finite agrees at the same places: whether it is NaN or infinite depends on the order of multiplications.

    Args:
        size: how many numbers there should be; one stands for as many that are alike.
        beside: what they were summed with, and may have cancelled.
    """
    array = expect.real(found)
    if array is None or array.dtype == np.float16 or array.size not in (1, size):
        return np.zeros(len(values), bool)
    return _close(values, _numbers(array), SAME_SINGLE if array.dtype == np.float32 else _SAME, beside)


def _close(values: Array, numbers: Array, limit: float, beside: Array | float) -> Array:
    """(rows,) whether a row's numbers are those, of which there is one row or as many."""
    scale = np.max(np.abs(numbers), axis=1, keepdims=True, initial=0.0, where=np.isfinite(numbers))
    close = np.abs(values - numbers) <= limit * (np.abs(numbers) + np.abs(beside) + 1e-3 * scale)
    alike = (values == numbers) | ~(np.isfinite(values) | np.isfinite(numbers))
    same: Array = (close | alike).all(axis=1)
    return same
