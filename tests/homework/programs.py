"""Update rules as students write them, right or with one or two slips, put together from pieces of source by a seed.

A program is a student's habits (names, helper variables, in place or not, how config is read and written, which form of the rule)
and, for every place where a choice is made, what was chosen there. A slip is one or more wrong choices; it goes by its id in
the catalogue. Nothing here is derived from the grader's own formulas: what two programs have in common is found by running them.
"""

from __future__ import annotations

import random
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final, NamedTuple

import numpy as np

Choices = Mapping[str, str]
Rule = Callable[..., tuple[Any, Any]]

RULES: Final = ("sgd_momentum", "rmsprop", "adam")
FORMS: Final = {"sgd_momentum": ("",), "rmsprop": ("inside", "outside")} | {
    "adam": ("outside", "folded", "inside", "folded inside", "guarded", "guarded inside")
}
STATE: Final = {"sgd_momentum": ("velocity",), "rmsprop": ("cache",), "adam": ("m", "v", "t")}
DEFAULTS: Final = {
    "sgd_momentum": {"learning_rate": "1e-2", "momentum": "0.9"},
    "rmsprop": {"learning_rate": "1e-2", "decay_rate": "0.99", "epsilon": "1e-8"},
    "adam": {"learning_rate": "1e-3", "beta1": "0.9", "beta2": "0.999", "epsilon": "1e-8"},
}

_BOTH_BETAS: Final = {"m_old": "beta2", "m_new": "1 - beta2", "v_old": "beta1", "v_new": "1 - beta1"}
_EPSILON: Final[dict[str, Choices]] = {
    "epsilon_to_w": {"epsilon": "to w"},
    "epsilon_after_division": {"epsilon": "behind"},
    "epsilon_in_brackets": {"epsilon": "in brackets"},
    "epsilon_by_gradient": {"epsilon": "by gradient"},
    "epsilon_times_root": {"epsilon": "times"},
    "epsilon_twice": {"epsilon": "twice"},
    "epsilon_missing": {"epsilon": "none"},
    "fixed_epsilon": {"fixed epsilon": "yes"},
    "root_missing": {"root": "none"},
    "root_of_rate": {"root": "rate"},
    "root_over_rate": {"root": "none", "rate": "root"},
    "root_squared": {"root": "square"},
}
_RATE: Final[dict[str, Choices]] = {
    "ascends": {"sign": "+"},
    "rate_missing": {"rate": "none"},
    "fixed_rate": {"fixed learning_rate": "yes"},
    "gradient_changed": {"damage": "yes"},
    "settings_changed": {"settings": "changed"},
}
# Slip -> what is chosen in its place. Two slips go together where they choose in different places.
SLIPS: Final[dict[str, dict[str, Choices]]] = {
    "sgd_momentum": {
        "rate_in_velocity": {"new": "-rate", "rate": "none", "sign": "+"},
        "rate_in_velocity_subtracted": {"new": "rate", "rate": "none"},
        "velocity_not_stored": {"store": "no"},
        "velocity_missing": {"store": "missing"},
        "velocity_other_key": {"store": "other key"},
        "nesterov": {"along": "nesterov"},
        "nesterov_rate_in": {"new": "-rate", "along": "nesterov, rate in", "rate": "none", "sign": "+"},
        "damped": {"new": "1 - mu"},
        "stale_velocity": {"along": "old"},
        "swapped": {"old": "1", "new": "mu"},
        "momentum_ignored": {"old": "1"},
        "no_memory": {"old": "0"},
        "negative_velocity": {"new": "-1", "sign": "+"},
        "negative_gradient": {"new": "-1"},
        "old_velocity_negative": {"old": "-mu"},
        "rate_twice": {"new": "rate"},
        "rate_squared": {"rate": "twice"},
        "scaled_velocity_stored": {"store": "step"},
        "complement_swapped": {"old": "1 - mu", "new": "mu"},
        "complement_for_momentum": {"old": "1 - mu"},
        "both_scaled": {"new": "mu"},
        "squared": {"what": "square"},
        "gradient_for_velocity": {"along": "gradient"},
        "velocity_and_gradient": {"along": "both"},
        "gradient_stored": {"store": "gradient"},
        "next_w_stored": {"store": "next_w"},
        "stored_negative": {"store": "negative"},
        "fixed_momentum": {"fixed momentum": "yes"},
        **_RATE,
    },
    "rmsprop": {
        **_EPSILON,
        **_RATE,
        "rate_twice": {"rate": "twice"},
        "cache_not_stored": {"store": "no"},
        "cache_missing": {"store": "missing"},
        "cache_other_key": {"store": "other key"},
        "root_stored": {"store": "root"},
        "square_stored": {"store": "square"},
        "decay_swapped": {"old": "1 - rho", "new": "rho"},
        "complement_missing": {"new": "1"},
        "adagrad": {"old": "1", "new": "1"},
        "old_in_full": {"old": "1"},
        "old_dropped": {"old": "0"},
        "no_memory": {"old": "0", "new": "1"},
        "decay_for_both": {"new": "rho"},
        "complement_for_both": {"old": "1 - rho"},
        "product_squared": {"new": "product", "what": "product"},
        "not_squared": {"what": "dw"},
        "doubled": {"what": "2 dw"},
        "absolute": {"what": "|dw|"},
        "scalar_cache": {"what": "mean"},
        "stale_cache": {"used": "old"},
        "gradient_missing": {"over": "1"},
        "gradient_squared": {"over": "square"},
        "cache_for_gradient": {"over": "cache"},
        "fixed_decay": {"fixed decay_rate": "yes"},
    },
    "adam": {
        **_EPSILON,
        **_RATE,
        "root_of_m": {"root": "m"},
        "rate_twice": {"rate": "twice"},
        "t_not_stored": {"t": "not stored"},
        "t_before_increment": {"t": "after"},
        "t_never_incremented": {"t": "never"},
        "t_twice": {"t": "twice"},
        "t_counted_twice": {"t": "counted twice"},
        "t_ahead": {"t": "ahead"},
        "t_always_one": {"t": "one"},
        "t_missing": {"t": "missing"},
        "t_other_key": {"t": "other key"},
        "t_starts_at_one": {"t start": "1"},
        "no_correction": {"m_hat": "none", "v_hat": "none"},
        "only_m_corrected": {"v_hat": "none"},
        "only_v_corrected": {"m_hat": "none"},
        "correction_multiplied": {"m_hat": "times", "v_hat": "times"},
        "correction_multiplied_m": {"m_hat": "times"},
        "correction_multiplied_v": {"v_hat": "times"},
        "correction_brackets": {"m_hat": "brackets", "v_hat": "brackets", "one": "apart"},
        "correction_brackets_m": {"m_hat": "brackets", "one": "apart"},
        "correction_brackets_v": {"v_hat": "brackets", "one": "apart"},
        "power_missing": {"m_power": "none", "v_power": "none"},
        "power_missing_m": {"m_power": "none"},
        "power_missing_v": {"v_power": "none"},
        "power_as_product": {"m_power": "product", "v_power": "product"},
        "power_as_product_m": {"m_power": "product"},
        "power_as_product_v": {"v_power": "product"},
        "power_of_complement": {"m_power": "1 - (1 - beta)", "v_power": "1 - (1 - beta)"},
        "correction_without_one": {"m_power": "beta", "v_power": "beta", "one": "gone"},
        "complement_to_power": {"m_power": "(1 - beta)", "v_power": "(1 - beta)", "one": "inside"},
        "folded_without_root": {"fold": "no root"},
        "beta1_for_both": {"v_old": "beta1", "v_new": "1 - beta1", "v_beta": "beta1"},
        "beta2_for_both": {"m_old": "beta2", "m_new": "1 - beta2", "m_beta": "beta2"},
        "beta1_averages_both": {"v_old": "beta1", "v_new": "1 - beta1"},
        "beta2_averages_both": {"m_old": "beta2", "m_new": "1 - beta2"},
        "beta1_corrects_both": {"v_beta": "beta1"},
        "beta2_corrects_both": {"m_beta": "beta2"},
        "betas_swapped": {**_BOTH_BETAS, "m_beta": "beta2", "v_beta": "beta1"},
        "averages_swapped": _BOTH_BETAS,
        "corrections_swapped": {"m_beta": "beta2", "v_beta": "beta1"},
        "moments_not_stored": {"m_store": "no", "v_store": "no"},
        "m_not_stored": {"m_store": "no"},
        "v_not_stored": {"v_store": "no"},
        "moments_missing": {"m_store": "missing", "v_store": "missing"},
        "moments_other_key": {"m_store": "other key", "v_store": "other key"},
        "corrected_stored": {"m_store": "hat", "v_store": "hat"},
        "corrected_m_stored": {"m_store": "hat"},
        "corrected_v_stored": {"v_store": "hat"},
        "gradient_stored": {"m_store": "gradient", "v_store": "gradient"},
        "moments_exchanged": {"m_store": "exchanged", "v_store": "exchanged"},
        "complement_swapped": {"m_old": "1 - beta1", "m_new": "beta1", "v_old": "1 - beta2", "v_new": "beta2"},
        "complement_swapped_m": {"m_old": "1 - beta1", "m_new": "beta1"},
        "complement_swapped_v": {"v_old": "1 - beta2", "v_new": "beta2"},
        "complements_missing": {"m_new": "1", "v_new": "1"},
        "complement_missing_m": {"m_new": "1"},
        "complement_missing_v": {"v_new": "1"},
        "old_in_full": {"m_old": "1", "v_old": "1"},
        "old_m_in_full": {"m_old": "1"},
        "old_v_in_full": {"v_old": "1"},
        "old_dropped": {"m_old": "0", "v_old": "0"},
        "old_m_dropped": {"m_old": "0"},
        "old_v_dropped": {"v_old": "0"},
        "no_memory": {"m_old": "0", "m_new": "1", "v_old": "0", "v_new": "1"},
        "m_is_gradient": {"m_old": "0", "m_new": "1"},
        "v_is_square": {"v_old": "0", "v_new": "1"},
        "decay_for_both_m": {"m_new": "beta1"},
        "decay_for_both_v": {"v_new": "beta2"},
        "not_squared": {"v_what": "dw"},
        "doubled": {"v_what": "2 dw"},
        "absolute": {"v_what": "|dw|"},
        "squares_m": {"v_what": "square of m"},
        "m_times_gradient": {"v_what": "m dw"},
        "squares_in_m": {"m_what": "square"},
        "product_squared": {"v_new": "product", "v_what": "product"},
        "rate_in_m": {"m_what": "rate dw", "rate": "none"},
        "rate_in_m_and_step": {"m_what": "rate dw"},
        "amsgrad": {"v_kept": "largest"},
        "aliased_moments": {"v_kept": "as m"},
        "gradient_for_m": {"over": "dw"},
        "v_for_m": {"over": "v"},
        "stale_moments": {"m_used": "old", "v_used": "old"},
        "stale_m": {"m_used": "old"},
        "stale_v": {"v_used": "old"},
        "fixed_betas": {"fixed beta1": "yes", "fixed beta2": "yes"},
        "fixed_beta1": {"fixed beta1": "yes"},
        "fixed_beta2": {"fixed beta2": "yes"},
    },
}


def forms(rule: str, slips: Sequence[str]) -> list[str]:
    """The accepted forms in which these slips can be made."""
    if "folded_without_root" in slips:
        return [] if any("correction_brackets" in slip for slip in slips) else [form for form in FORMS[rule] if "folded" in form]
    return [form for form in FORMS[rule] if not ("folded" in form and any("correction_brackets" in slip for slip in slips))]


def pairs(rule: str) -> list[tuple[str, str]]:
    """All pairs of slips that go together."""
    table = SLIPS[rule]
    apart = [pair for pair in combinations(table, 2) if not table[pair[0]].keys() & table[pair[1]].keys()]
    return [pair for pair in apart if forms(rule, pair)]


@dataclass(frozen=True, slots=True)
class Program:
    """The source of one function, and what is in it.

    Attributes:
        rule: its name.
        form: which accepted form of the rule it follows.
        slips: what is wrong, ids of the catalogue without the rule's name.
        source: the text of the function.
    """

    rule: str
    form: str
    slips: tuple[str, ...]
    source: str

    def function(self) -> Rule:
        """The function itself; our own source, so that it may run here."""
        names: dict[str, Any] = {"np": np}
        exec(compile(self.source, f"<{self.rule}>", "exec"), names)
        made: Rule = names[self.rule]
        return made


def program(rule: str, slips: Sequence[str], seed: int | str) -> Program:
    """One student's version of `rule` with these slips."""
    draw = random.Random(f"{rule} {slips} {seed}")
    form = draw.choice(forms(rule, slips))
    return _written(rule, slips, form, _Hand(draw, rule, _chosen(rule, slips)))


def plain(rule: str, slips: Sequence[str], form: str | None = None) -> Program:
    """The same in the plainest style; `form` is the first one that fits, if not given."""
    form = forms(rule, slips)[0] if form is None else form
    return _written(rule, slips, form, _Hand(None, rule, _chosen(rule, slips)))


def programs(rule: str, slips: int, seed: int = 0) -> Iterator[Program]:
    """Programs with that many slips (0, 1 or 2) without end, every combination once before any comes again."""
    sets: Sequence[tuple[str, ...]] = [(slip,) for slip in SLIPS[rule]] if slips == 1 else pairs(rule) if slips else [()]
    draw = random.Random(f"{rule} {slips} {seed}")
    number = 0
    while True:
        for chosen in draw.sample(sets, len(sets)):
            yield program(rule, chosen, f"{seed} {number}")
            number += 1


def _chosen(rule: str, slips: Sequence[str]) -> Choices:
    return {place: choice for slip in slips for place, choice in SLIPS[rule][slip].items()}


def _written(rule: str, slips: Sequence[str], form: str, hand: _Hand) -> Program:
    write = {"sgd_momentum": _momentum, "rmsprop": _rmsprop, "adam": _adam}[rule]
    lines = [*_head(hand), *write(hand, form)]
    return Program(
        rule, form, tuple(slips), f"def {rule}(w, dw, config=None):\n" + textwrap.indent("\n".join(lines), "    ") + "\n"
    )


class _X(NamedTuple):
    """A piece of source that is an expression; `level` says how it binds: 0 a sum, 1 a product, 2 a power, 3 alone."""

    text: str
    level: int = 3

    def bound(self, level: int) -> str:
        """The text, in brackets where it binds less than that."""
        return self.text if self.level >= level else f"({self.text})"


_W, _DW, _ONE = _X("w"), _X("dw"), _X("1")


class _Hand:
    """How one student writes; without a `draw` always the first way."""

    def __init__(self, draw: random.Random | None, rule: str, chosen: Choices) -> None:
        self._draw, self.rule, self._chosen = draw, rule, chosen
        self._quote = self.one_of('"', "'")
        self._square, self._root, self._power = self.one_of(0, 1, 2, 3), self.one_of(0, 0, 1, 2), self.one_of(0, 0, 1, 2)
        self.own_frame = self.sometimes(0.4)
        self.in_place = self.sometimes(0.3)
        self.reads = self.one_of("direct", "local", "tuple", "get")
        self._names: set[str] = {"w", "dw", "config", "next_w", "step", "np"}
        self.named: dict[str, _X] = {}

    def choice(self, place: str, right: str) -> str:
        """What is chosen in a place."""
        return self._chosen.get(place, right)

    def wrong(self, *places: str) -> bool:
        """Whether anything else than the right thing is chosen in one of these places."""
        return any(place in self._chosen for place in places)

    def one_of(self, *ways: Any) -> Any:
        """One of these ways."""
        return ways[0] if self._draw is None else self._draw.choice(ways)

    def sometimes(self, share: float) -> bool:
        """Yes in that share of cases."""
        return self._draw is not None and self._draw.random() < share

    def name(self, *ways: str) -> str:
        """A name that is not taken."""
        name: str = self.one_of(*ways)
        while name in self._names:
            name += "_"
        self._names.add(name)
        return name

    def key(self, name: str) -> _X:
        return _X(f"config[{self._quote}{name}{self._quote}]")

    def get(self, name: str, default: str) -> _X:
        return _X(f"config.get({self._quote}{name}{self._quote}, {default})")

    def square(self, x: _X) -> _X:
        ways = (
            _X(f"{x.bound(3)}**2", 2),
            _X(f"{x.bound(2)} * {x.bound(2)}", 1),
            _X(f"np.square({x.text})"),
            _X(f"np.power({x.text}, 2)"),
        )
        return ways[self._square]

    def root(self, x: _X) -> _X:
        ways = _X(f"np.sqrt({x.text})"), _X(f"{x.bound(3)}**0.5", 2), _X(f"np.power({x.text}, 0.5)")
        return ways[self._root]

    def power(self, x: _X, t: _X) -> _X:
        ways = _X(f"{x.bound(3)}**{t.bound(3)}", 2), _X(f"np.power({x.text}, {t.text})"), _X(f"pow({x.text}, {t.text})")
        return ways[self._power]

    def plus(self, a: _X, b: _X) -> _X:
        """A sum in either order."""
        if self.sometimes(0.3) and not b.text.startswith("-"):
            a, b = b, a
        if b.text.startswith("-"):
            return _X(f"{a.text} - {b.text[1:]}", 0)
        return _X(f"{a.text} + {b.text}", 0)

    def minus(self, a: _X, b: _X) -> _X:
        return _X(f"{a.text} - {b.bound(1)}", 0)

    def times(self, *factors: _X | None) -> _X:
        """A product; factors that are None, or one, are left out."""
        kept = [one for one in factors if one is not None and one.text != "1"]
        sign = [one.text for one in kept].count("-1") % 2
        kept = [one for one in kept if one.text != "-1"] or [_ONE]
        if self.sometimes(0.2) and not any(one.text.startswith("-") for one in kept):
            kept.reverse()
        made = kept[0] if len(kept) == 1 else _X(" * ".join([kept[0].bound(1), *(one.bound(2) for one in kept[1:])]), 1)
        return _X(f"-{made.bound(1)}", 1) if sign else made

    def over(self, a: _X, b: _X) -> _X:
        return _X(f"np.divide({a.text}, {b.text})") if self.sometimes(0.07) else _X(f"{a.bound(1)} / {b.bound(2)}", 1)


_NAMES: Final = {
    "learning_rate": ("lr", "alpha", "learning_rate", "eta"),
    "momentum": ("mu", "momentum", "beta", "gamma"),
    "decay_rate": ("rho", "decay_rate", "decay", "gamma"),
    "epsilon": ("eps", "epsilon"),
    "beta1": ("beta1", "b1", "beta_1"),
    "beta2": ("beta2", "b2", "beta_2"),
    "velocity": ("v", "velocity", "vel"),
    "cache": ("r", "cache", "avg_sq", "s"),
    "m": ("m", "mt", "m_t", "first_moment"),
    "v": ("v", "vt", "v_t", "second_moment"),
    "t": ("t", "t", "steps"),
}


def _head(hand: _Hand) -> list[str]:
    """The defaults, and what the student gives names of their own."""
    lines = ["config = {} if config is None else config"] if hand.sometimes(0.2) else ["if config is None:", "    config = {}"]
    defaults = DEFAULTS[hand.rule]
    if not (hand.own_frame and hand.reads == "get"):
        lines += [f'config.setdefault("{name}", {value})' for name, value in defaults.items()]
    if hand.sometimes(0.15):
        lines.append(hand.one_of("config = dict(config)", "config = config.copy()", "config = {**config}"))
    local: dict[str, str] = {}
    for name, value in defaults.items():
        read = hand.get(name, value) if hand.reads == "get" else hand.key(name)
        if hand.wrong(f"fixed {name}"):
            read = _X(value)
        if hand.reads == "direct" or (read.text == value and hand.sometimes(0.4)):
            hand.named[name] = read
        else:
            hand.named[name] = _X(hand.name(*_NAMES[name]))
            local[hand.named[name].text] = read.text
    if hand.reads == "tuple" and len(local) > 1:
        return [*lines, f"{', '.join(local)} = {', '.join(local.values())}"]
    return [*lines, *(f"{name} = {value}" for name, value in local.items())]


@dataclass(slots=True)
class _State:
    """One array that is remembered: what it is called before and after a step, and the lines that read and store it."""

    old: _X
    new: _X
    read: list[str]
    store: list[str]
    in_place: bool = False


def _state(hand: _Hand, key: str, store: str, *, keeps_old: bool) -> _State:
    """How `key` is read, worked on and stored; `store` is "new" where it is the new value that is stored."""
    stored = hand.one_of(f"{key}_t", f"my_{key}", f"{key}_") if store == "other key" else key
    zeros = hand.one_of("np.zeros_like(w)", "np.zeros(w.shape, dtype=w.dtype)", "np.zeros_like(dw)")
    read, asked = [], hand.key(stored)
    if not hand.own_frame:
        read = [f'config.setdefault("{key}", np.zeros_like(w))']
    if hand.own_frame and store in ("new", "other key") and hand.sometimes(0.4):
        read = [f"if {asked.text[7:-1]} not in config:", f"    {asked.text} = {zeros}"]
    elif hand.own_frame or store == "other key":
        asked = hand.get(stored, zeros)
    free = store == "new" and not keeps_old
    in_place = hand.in_place and free
    if free and asked == hand.key(key) and hand.sometimes(0.4):
        return _State(asked, asked, read, [], in_place)
    new = _X(hand.name(*_NAMES[key]))
    old = _X(hand.name(f"{new.text}_old", f"prev_{new.text}", f"old_{key}")) if keeps_old else new
    copied = ".copy()" if hand.sometimes(0.2) else ""
    lines = {"new": [f"{hand.key(key).text} = {new.text}"], "other key": [f"{hand.key(stored).text} = {new.text}"]}
    if store == "new" and hand.sometimes(0.2):
        lines["new"] = [hand.one_of(f"config.update({key}={new.text})", f"config = dict(config, {key}={new.text})")]
    return _State(old, new, [*read, f"{old.text} = {asked.text}{copied}"], lines.get(store, []), in_place)


def _average(hand: _Hand, at: _State, old: _X | None, new: _X | None, fed: _X) -> list[str]:
    """The lines that bring `at` up to date as old·(what was there) + new·fed; None is a factor of one, zero drops its term."""
    term = hand.times(new, fed)
    if old is not None and old.text == "0":
        return [f"{at.new.text} = {term.text if term != _DW else 'dw.copy()'}"]
    if at.in_place:
        lines = [f"{at.new.text} *= {old.text}"] if old is not None else []
        negative = term.text.startswith("-")
        return [*lines, f"{at.new.text} -= {term.text[1:]}" if negative else f"{at.new.text} += {term.text}"]
    if new is not None and old is not None and new.text == f"1 - {old.text}" and hand.sometimes(0.1):
        return [f"{at.new.text} = {at.old.text} + {hand.times(new, hand.minus(fed, at.old)).text}"]
    return [f"{at.new.text} = {hand.plus(hand.times(old, at.old), term).text}"]


def _moved(hand: _Hand, step: _X, *, free: bool = True, added: _X | None = None) -> list[str]:
    """w moved along a step; `added` stands behind it on the same line. `free`: w itself may be changed."""
    sign = hand.choice("sign", "-")
    if added is not None:
        return [f"next_w = w {sign} {step.bound(1)} + {added.text}"]
    if free and hand.sometimes(0.3):
        return [f"w {sign}= {step.text}", "next_w = w"]
    if hand.sometimes(0.2):
        return [f"step = {step.text}", f"next_w = w {sign} step"]
    if step.text.startswith("-"):
        return [f"next_w = w {sign} ({step.text})"]
    return [f"next_w = w {sign} {step.bound(1)}"]


def _rate(hand: _Hand) -> _X | None:
    rate = hand.named["learning_rate"]
    ways = {"right": rate, "none": None, "twice": _X(f"{rate.text} * {rate.text}", 1), "root": _X(f"np.sqrt({rate.text})")}
    return ways[hand.choice("rate", "right")]


def _end(hand: _Hand, *missing: str) -> list[str]:
    """What is returned."""
    lines = []
    if missing:
        kept = [
            f'"{name}": {hand.key(name).text if hand.wrong(f"fixed {name}") else hand.named[name].text}'
            for name in DEFAULTS[hand.rule]
        ]
        kept += [f'"{key}": config["{key}"]' for key in STATE[hand.rule] if key not in missing]
        lines.append(f"config = {{{', '.join(kept)}}}")
    if hand.wrong("settings"):
        others = ", ".join(f'"{name}"' for name in DEFAULTS[hand.rule])
        lost = f"config = {{key: value for key, value in config.items() if key not in ({others})}}"
        rate = hand.key("learning_rate").text
        lines.append(hand.one_of(lost, f"{rate} = {hand.get('learning_rate', '1e-2').text} * 0.99"))
    if hand.wrong("damage"):
        lines.append(hand.one_of("dw *= 2", "dw -= 1", "dw[...] = 0"))
    return [*lines, "return next_w, config"]


def _momentum(hand: _Hand, _form: str) -> list[str]:
    mu, rate = hand.named["momentum"], _rate(hand)
    store, along = hand.choice("store", "new"), hand.choice("along", "new")
    keeps_old = along == "old"
    if store in ("missing", "other key") or keeps_old or hand.sometimes(0.4):
        hand.own_frame = True
        at = _state(hand, "velocity", store, keeps_old=keeps_old)
    else:  # the handout's own lines read what they call v, and store it
        v = _X("v")
        new = _X(hand.name("new_v", "v_new", "vel")) if store == "no" else v
        read, keep = ['v = config.get("velocity", np.zeros_like(w))'], ['config["velocity"] = v']
        at = _State(v, new, read, keep, hand.in_place and store == "new")
    fed = hand.square(_DW) if hand.wrong("what") else _DW
    factors = {"mu": mu, "1 - mu": _X(f"1 - {mu.text}", 0), "-mu": _X(f"-{mu.text}", 1), "1": None, "0": _X("0"), "-1": _X("-1")}
    factors |= {"rate": hand.named["learning_rate"], "-rate": _X(f"-{hand.named['learning_rate'].text}", 1)}
    old, new_factor = hand.choice("old", "mu"), hand.choice("new", "1")
    if (old, new_factor) == ("mu", "mu") and not at.in_place:
        lines = [f"{at.new.text} = {hand.times(mu, hand.plus(at.old, fed)).text}"]
    else:
        lines = _average(hand, at, factors[old], factors[new_factor], fed)
    ahead = {"new": at.new, "old": at.old, "gradient": _DW}
    ahead |= {"both": hand.plus(at.new, _DW), "nesterov": hand.plus(hand.times(mu, at.new), _DW)}
    if along == "nesterov, rate in":
        ahead[along] = hand.plus(hand.times(mu, at.new), hand.times(factors["-rate"], _DW))
    step = hand.times(rate, ahead[along])
    moved = _moved(hand, step, free=store != "next_w")
    others = {"step": step.text, "gradient": "dw.copy()", "next_w": "next_w", "negative": f"-{at.new.text}"}
    stored = [f"{hand.key('velocity').text} = {others[store]}"] if store in others else at.store
    if store in ("new", "other key") and hand.sometimes(0.5) and at.new.text != "v":
        return [*at.read, *lines, *stored, *moved, *_end(hand)]
    return [*at.read, *lines, *moved, *stored, *_end(hand, *(["velocity"] if store == "missing" else []))]


def _quotient(hand: _Hand, over: _X, radicand: _X, root: Callable[[_X], _X], *, inside: bool, rate: _X | None) -> list[str]:
    """The line that moves w along over / root(radicand), with ε in one place or another."""
    eps, place = hand.named["epsilon"], hand.choice("epsilon", "right")
    divisor = root(radicand)
    if place == "right":
        divisor = root(hand.plus(radicand, eps)) if inside else hand.plus(root(radicand), eps)
    elif place == "twice":
        divisor = hand.plus(root(hand.plus(radicand, eps)), eps)
    elif place == "times":
        divisor = hand.times(divisor, eps)
    if place == "in brackets":
        return _moved(hand, hand.times(rate, hand.plus(hand.over(over, divisor), eps)))
    if place == "by gradient":
        return _moved(hand, hand.times(hand.plus(hand.over(rate or _ONE, divisor), eps), over))
    way = hand.one_of(0, 0, 1, 2)
    if way == 0 or rate is None:
        step = hand.over(hand.times(rate, over), divisor)
    else:
        step = hand.times(rate, hand.over(over, divisor)) if way == 1 else hand.times(hand.over(rate, divisor), over)
    if place == "to w":
        return _moved(hand, step, added=eps)
    return _moved(hand, _X(f"{step.text} + {eps.text}", 0) if place == "behind" else step)


def _rmsprop(hand: _Hand, form: str) -> list[str]:
    rho = hand.named["decay_rate"]
    store = hand.choice("store", "new")
    keeps_old = hand.wrong("used")
    at = _state(hand, "cache", store, keeps_old=keeps_old)
    fed = {
        "square": hand.square(_DW), "dw": _DW, "2 dw": _X("2 * dw", 1), "|dw|": _X("np.abs(dw)"),
        "mean": _X(f"np.mean({hand.square(_DW).text})"), "product": _X(f"((1 - {rho.text}) * dw)**2", 2),
    }[hand.choice("what", "square")]  # fmt: skip
    factors = {"rho": rho, "1 - rho": _X(f"1 - {rho.text}", 0), "1": None, "0": _X("0"), "product": None}
    old, new = hand.choice("old", "rho"), hand.choice("new", "1 - rho")
    if (old, new) in (("rho", "rho"), ("1 - rho", "1 - rho")) and not at.in_place and hand.sometimes(0.7):
        lines = [f"{at.new.text} = {hand.times(factors[old], hand.plus(at.old, fed)).text}"]
    else:
        lines = _average(hand, at, factors[old], factors[new], fed)
    used = at.old if keeps_old else at.new
    over = {"dw": _DW, "1": _ONE, "square": hand.square(_DW), "cache": used}[hand.choice("over", "dw")]
    moved = _quotient(hand, over, used, _root(hand, None), inside=form == "inside", rate=_rate(hand))
    others = {"root": f"np.sqrt({at.new.text})", "square": hand.square(_DW).text}
    stored = [f"{hand.key('cache').text} = {others[store]}"] if store in others else at.store
    if store in ("new", "other key") and hand.sometimes(0.5):
        return [*at.read, *lines, *stored, *moved, *_end(hand)]
    return [*at.read, *lines, *moved, *stored, *_end(hand, *(["cache"] if store == "missing" else []))]


def _root(hand: _Hand, m_hat: _X | None) -> Callable[[_X], _X]:
    """What stands where the root should."""
    rate, eps = hand.named["learning_rate"], hand.named["epsilon"]

    def instead(x: _X, of: _X) -> _X:
        return hand.root(hand.plus(of, eps)) if x.text.count(eps.text) and x.level == 0 else hand.root(of)

    ways: dict[str, Callable[[_X], _X]] = {
        "right": hand.root,
        "none": lambda x: x,
        "square": hand.square,
        "rate": lambda x: instead(x, rate),
        "m": lambda x: instead(x, m_hat or x),
    }
    return ways[hand.choice("root", "right")]


def _count(hand: _Hand) -> tuple[list[str], _X, list[str]]:
    """How t is counted: the lines before, what is used, and the lines at the end."""
    way, start = hand.choice("t", "right"), hand.choice("t start", "0")
    key = hand.one_of("step", "T", "iter") if way == "other key" else "t"
    at = hand.key(key)
    frame = [] if hand.own_frame else [f'config.setdefault("t", {start})']
    asked = hand.get(key, start) if hand.own_frame or way == "other key" else at
    t = _X(hand.name(*_NAMES["t"]))
    direct = hand.one_of(True, False)
    counted = f"{at.text} += 1" if asked == at else f"{at.text} = {asked.text} + 1"
    stored = f"{at.text} = {t.text}"
    if way in ("right", "other key"):
        if direct:
            return [*frame, counted], at, []
        if hand.sometimes(0.4):
            return [*frame, f"{t.text} = {at.text} = {asked.text} + 1"], t, []
        return [*frame, f"{t.text} = {asked.text} + 1"], t, [stored]
    if way == "after":
        if asked == at and direct:
            return frame, at, [counted]
        return [*frame, f"{t.text} = {asked.text}"], t, [f"{at.text} = {t.text} + 1"]
    if way == "never":
        return ([*frame, f"{t.text} = {asked.text}"], t, []) if not direct or asked != at else (frame, at, [])
    if way == "twice":
        if direct:
            return [*frame, counted], at, [f"{at.text} += 1"]
        return [*frame, f"{t.text} = {asked.text} + 1"], t, [f"{at.text} = {t.text} + 1"]
    if way == "counted twice":
        return [*frame, *([counted, f"{at.text} += 1"] if direct else [f"{at.text} = {asked.text} + 2"])], at, []
    if way == "ahead":
        return [*frame, counted, f"{t.text} = {at.text} + 1"], t, []
    if way == "one":
        return [*frame, f"{t.text} = 1"], t, [stored]
    return [*frame, f"{t.text} = {asked.text} + 1"], t, []  # not stored, or missing


def _correction(hand: _Hand, moment: str, t: _X) -> _X:
    """1 - β^t, or what stands in its place."""
    beta = hand.named[hand.choice(f"{moment}_beta", {"m": "beta1", "v": "beta2"}[moment])]
    other = _X(f"1 - {beta.text}", 0)
    ways = {
        "right": lambda: _minus(hand.power(beta, t)),
        "none": lambda: other,
        "product": lambda: _minus(_X(f"{beta.text} * {t.text}", 1)),
        "1 - (1 - beta)": lambda: _minus(hand.power(other, t)),
        "beta": lambda: hand.power(beta, t),
        "(1 - beta)": lambda: hand.power(other, t),
    }
    return ways[hand.choice(f"{moment}_power", "right")]()


def _minus(x: _X) -> _X:
    return _X(f"1 - {x.bound(1)}", 0)


def _adam(hand: _Hand, form: str) -> list[str]:
    named, folded, inside = hand.named, "folded" in form, "inside" in form
    counting, t, counted_late = _count(hand)
    store = {key: hand.choice(f"{key}_store", "new") for key in ("m", "v")}
    kept = hand.choice("v_kept", "new")
    m = _state(hand, "m", store["m"], keeps_old=hand.wrong("m_used") or kept == "as m")
    v = _state(hand, "v", store["v"], keeps_old=hand.wrong("v_used") or kept != "new")
    factors: dict[str, _X | None] = {"1": None, "0": _X("0"), "product": None}
    for beta in ("beta1", "beta2"):
        factors |= {beta: named[beta], f"1 - {beta}": _X(f"1 - {named[beta].text}", 0)}

    m_fed = {"dw": _DW, "square": hand.square(_DW), "rate dw": hand.times(named["learning_rate"], _DW)}[hand.choice("m_what", "dw")]
    m_lines = _average(hand, m, factors[hand.choice("m_old", "beta1")], factors[hand.choice("m_new", "1 - beta1")], m_fed)
    v_fed = {
        "square": hand.square(_DW), "dw": _DW, "2 dw": _X("2 * dw", 1), "|dw|": _X("np.abs(dw)"), "square of m": hand.square(m.new),
        "m dw": _X(f"{m.new.text} * dw", 1), "product": _X(f"((1 - {named['beta2'].text}) * dw)**2", 2),
    }[hand.choice("v_what", "square")]  # fmt: skip
    v_from = _State(m.new, v.new, [], []) if kept == "as m" else v
    v_lines = _average(hand, v_from, factors[hand.choice("v_old", "beta2")], factors[hand.choice("v_new", "1 - beta2")], v_fed)
    if kept == "as m":
        v_lines.append(f"{m.new.text} = {v.new.text}")
    elif kept == "largest":
        v_lines.append(f"{v.new.text} = np.maximum({v.old.text}, {v.new.text})")
    averages = [*m_lines, *v_lines] if kept == "as m" or hand.wrong("v_what") or not hand.sometimes(0.3) else [*v_lines, *m_lines]

    used_m, used_v = m.old if hand.wrong("m_used") else m.new, v.old if hand.wrong("v_used") else v.new
    c1, c2 = _correction(hand, "m", t), _correction(hand, "v", t)
    if "guarded" in form:
        c1, c2 = (_X(f"{one.text} + {named['epsilon'].text}", 0) for one in (c1, c2))
    helpers: list[str] = []

    def called(expression: _X, *ways: str) -> _X:
        """A helper variable, for some."""
        if expression.level == 3 or not hand.sometimes(0.7):
            return expression
        name = _X(hand.name(*ways))
        helpers.append(f"{name.text} = {expression.text}")
        return name

    if not hand.wrong("one") and hand.sometimes(0.3):
        c1, c2 = called(c1, "c1", "bias1", "correction1"), called(c2, "c2", "bias2", "correction2")
    m_hat, v_hat = _hat(hand, "m", used_m, c1), _hat(hand, "v", used_v, c2)
    rate, over, radicand = _rate(hand), used_m, used_v
    if folded:
        rate = _folded(hand, c1, c2, rate)
        rate = called(rate, "lr_t", "alpha_t", "step_size") if rate is not None else None
        if {"hat"} & set(store.values()) or hand.wrong("root"):
            m_hat, v_hat = called(m_hat, "m_hat"), called(v_hat, "v_hat")
    else:
        over = m_hat = called(m_hat, "m_hat", "mhat", "m_corrected", "mt_hat")
        radicand = v_hat = called(v_hat, "v_hat", "vhat", "v_corrected", "vt_hat")
    over = {"m": over, "dw": _DW, "v": radicand}[hand.choice("over", "m")]
    moved = _quotient(hand, over, radicand, _root(hand, used_m if folded else m_hat), inside=inside, rate=rate)
    stored = []
    for key, at, hat, fresh, other in (("m", m, m_hat, "dw.copy()", v), ("v", v, v_hat, hand.square(_DW).text, m)):
        others = {"hat": hat.text, "gradient": fresh, "exchanged": other.new.text}
        stored += [f"{hand.key(key).text} = {others[store[key]]}"] if store[key] in others else at.store
    missing = [key for key in ("m", "v") if store[key] == "missing"] + (["t"] if hand.choice("t", "right") == "missing" else [])
    reading = [*counting, *m.read, *v.read] if hand.sometimes(0.6) else [*m.read, *v.read, *counting]
    if {*store.values()} <= {"new", "other key"} and not missing and hand.sometimes(0.5):
        return [*reading, *averages, *stored, *helpers, *moved, *counted_late, *_end(hand)]
    return [*reading, *averages, *helpers, *moved, *stored, *counted_late, *_end(hand, *missing)]


def _hat(hand: _Hand, moment: str, used: _X, correction: _X) -> _X:
    """A moment as it is corrected."""
    ways: dict[str, Callable[[], _X]] = {
        "right": lambda: hand.over(used, correction),
        "none": lambda: used,
        "times": lambda: hand.times(used, correction),
        "brackets": lambda: _X(f"{used.text} / {correction.text}", 0),
    }
    return ways[hand.choice(f"{moment}_hat", "right")]()


def _folded(hand: _Hand, c1: _X, c2: _X, rate: _X | None) -> _X | None:
    """The learning rate with both corrections in it."""
    first, second = hand.choice("m_hat", "right"), hand.choice("v_hat", "right")
    root = _X(f"np.sqrt({c2.text})") if hand.choice("fold", "root") == "root" else c2
    above = [one for one in (rate, root if second == "right" else None, c1 if first == "times" else None) if one is not None]
    made: _X | None = hand.times(*above) if above else None
    if first == "right":
        made = _X(f"{(made or _ONE).bound(1)} / {c1.bound(2)}", 1)
    if second == "times":
        made = _X(f"{(made or _ONE).bound(1)} / {root.bound(2)}", 1)
    return made
