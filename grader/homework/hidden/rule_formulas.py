"""Each update rule as a product of choices: where students decide, what is right there, and what else they write.

A rule is worked out for many variants at once, one a row: `rows.choose` gives every row the value of the option that it takes in
a group. An option is what a line of code computes, not how it is written; options of different groups are independent, so two
slips are two options. `slip_search` lists the variants and compares them with answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from ...grading.expect import Array
from .reference_rules import DEFAULTS

State = dict[str, Any]
Options = Mapping[str, str]  # group -> option


@dataclass(slots=True)
class Rows:
    """The variants that are still looked at.

    Attributes:
        options: by group, the code of each row's option (see `code`); groups that all rows have right may be left out.
        reading: of each row, as `READINGS` counts them for the rule.
    """

    options: Mapping[str, Array]
    reading: Array

    def take(self, group: str, option: str) -> Array:
        """(rows,) whether a row takes this option."""
        chosen = self.options.get(group)
        return np.zeros(len(self.reading), bool) if chosen is None else chosen == code(option)

    def choose(self, group: str, right: Any, **options: Callable[[], Any]) -> Array:
        """(rows, n): `right`, and in the rows that take another option what that gives."""
        chosen = self.options.get(group)
        value = np.asarray(right, dtype=np.float64)
        if chosen is None:
            return value
        made = {}
        for name, make in options.items():
            rows = chosen == code(name)
            if rows.any():
                made[name] = rows, np.asarray(make(), dtype=np.float64)
        width = max((array.shape[-1] for array in (value, *(one for _, one in made.values())) if array.ndim), default=1)
        result = np.empty((len(chosen), width))
        result[:] = value
        for rows, array in made.values():
            result[rows] = array[rows] if array.ndim == 2 and len(array) > 1 else array
        return result

    def read_as(self, *readings: int) -> Array:
        """(rows, 1): 1 where a row follows one of these readings, else 0."""
        return np.isin(self.reading, readings).astype(np.float64)[:, None]

    def repeated(self, times: int) -> Rows:
        """Each row so many times, one after the other."""
        return Rows({group: chosen.repeat(times) for group, chosen in self.options.items()}, self.reading.repeat(times))

    def kept(self, rows: Array) -> Rows:
        """Those rows alone, by a mask or by number."""
        options = {group: chosen[rows] for group, chosen in self.options.items()}
        return Rows({group: chosen for group, chosen in options.items() if chosen.any()}, self.reading[rows])


_NUMBERS: Final[dict[str, int]] = {}


def code(option: str) -> int:
    """The number that stands for an option in `Rows`; 0 stands for what is right."""
    return _NUMBERS.setdefault(option, len(_NUMBERS) + 1)


Settings = Mapping[str, Any]  # a number each, or one a row: (rows, 1)
Formula = Callable[[Rows, Array, Array, State, Settings], Array]


_HARD_CODED: Final[Mapping[str, tuple[float, ...]]] = {
    "epsilon": (1e-5, 1e-6, 1e-7, 1e-10),
    "momentum": (0.99, 0.95, 0.5),
    "decay_rate": (0.9, 0.95, 0.999),
    "beta1": (0.99, 0.95),
    "beta2": (0.99, 0.9, 0.9999),
}  # what is written instead of the default


def _setting(x: Rows, rule: str, h: Settings, name: str) -> Array:
    """A hyper-parameter as config has it, or hard-coded."""
    others = {f"{value:g}": partial(float, value) for value in _HARD_CODED.get(name, ())}
    return x.choose(f"{name}_from", h[name], fixed=lambda: DEFAULTS[rule][name], **others)


def _fixed(name: str) -> tuple[Options, ...]:
    """All ways to hard-code a hyper-parameter."""
    return tuple({f"{name}_from": option} for option in ("fixed", *(f"{value:g}" for value in _HARD_CODED.get(name, ()))))


def _moved(x: Rows, w: Array, step: Array) -> Array:
    moved: Array = w + x.choose("sign", -1.0, ascends=lambda: 1.0) * step
    return moved


def momentum(x: Rows, w: Array, g: Array, c: State, h: Settings) -> Array:
    """SGD with momentum: one step of every row; `c` holds the state (rows, n) and is brought up to date."""
    mu, lr = (_setting(x, "sgd_momentum", h, name) for name in ("momentum", "learning_rate"))
    old = c["velocity"]
    share = x.choose("old", mu, full=lambda: 1.0, dropped=lambda: 0.0, complement=lambda: 1 - mu, negative=lambda: -mu)
    factor = x.choose(
        "new",
        1.0,
        complement=lambda: 1 - mu,
        momentum=lambda: mu,
        rate=lambda: lr,
        rate_negative=lambda: -lr,
        negative=lambda: -1.0,
    )
    new = share * old + factor * x.choose("fed", g, squared=lambda: g * g)
    along = x.choose(
        "direction",
        new,
        stale=lambda: old,
        nesterov=lambda: g + mu * new,
        nesterov_scaled=lambda: mu * new - lr * g,
        gradient=lambda: 0 * old + g,
        both=lambda: new + g,
    )
    step = x.choose("rate", lr, missing=lambda: 1.0, twice=lambda: lr * lr) * along
    next_w = _moved(x, w, step)
    c["velocity"] = x.choose(
        "velocity_stored",
        new,
        not_stored=lambda: old,
        step=lambda: step,
        gradient=lambda: 0 * old + g,
        next_w=lambda: next_w,
        negative=lambda: -new,
    )
    return next_w


def _divided(x: Rows, w: Array, rate: Array, over: Array, root: Callable[[Array], Array], e: Array, inside: Array) -> Array:
    """w moved along rate · over / root, with ε where the reading has it or where it got instead.

    Args:
        root: what stands for the root of the average plus what is added to it.
        inside: (rows, 1), 1 where the reading has ε inside the root.
    """
    elsewhere = {name: lambda: 0.0 for name in ("missing", "behind", "in_brackets", "by_gradient", "to_w", "times")}
    within = x.choose("epsilon", e * inside, twice=lambda: e, **elsewhere)
    beside = x.choose("epsilon", e * (1 - inside), twice=lambda: e, **elsewhere)
    divisor = (root(within) + beside) * x.choose("epsilon", 1.0, times=lambda: e)
    added = x.choose("epsilon", 0.0, behind=lambda: e, in_brackets=lambda: rate * e, by_gradient=lambda: e * over)
    return _moved(x, w, rate * over / divisor + added) + x.choose("epsilon", 0.0, to_w=lambda: e)


def rmsprop(x: Rows, w: Array, g: Array, c: State, h: Settings) -> Array:
    """RMSProp: one step of every row, as `momentum`."""
    rho, lr, e = (_setting(x, "rmsprop", h, name) for name in ("decay_rate", "learning_rate", "epsilon"))
    old = c["cache"]
    square = g * g
    fed = x.choose(
        "fed",
        square,
        not_squared=lambda: g,
        doubled=lambda: 2 * g,
        absolute=lambda: np.abs(g),
        mean=lambda: 0 * g + np.mean(square, axis=-1, keepdims=True),
        product=lambda: ((1 - rho) * g) ** 2,
    )
    share = x.choose("old", rho, full=lambda: 1.0, dropped=lambda: 0.0, complement=lambda: 1 - rho)
    new = share * old + x.choose("new", 1 - rho, full=lambda: 1.0, decay=lambda: rho) * fed
    used = x.choose("used", new, stale=lambda: old)

    def root(within: Array) -> Array:
        return x.choose(
            "root",
            np.sqrt(used + within),
            missing=lambda: used + within,
            of_rate=lambda: np.sqrt(lr + within),
            squared=lambda: (used + within) ** 2,
        )

    over = x.choose("numerator", g, missing=lambda: 1.0 + 0 * g, squared=lambda: square, cache=lambda: used)
    rate = x.choose("rate", lr, missing=lambda: 1.0, twice=lambda: lr * lr, root=lambda: np.sqrt(lr))
    next_w = _divided(x, w, rate, over, root, e, x.read_as(0))
    c["cache"] = x.choose(
        "cache_stored",
        new,
        not_stored=lambda: old,
        root=lambda: np.sqrt(new),
        square=lambda: square + 0 * old,
    )
    return next_w


def adam(x: Rows, w: Array, g: Array, c: State, h: Settings) -> Array:
    """Adam: one step of every row, as `momentum`."""
    b1, b2, lr, e = (_setting(x, "adam", h, name) for name in ("beta1", "beta2", "learning_rate", "epsilon"))
    old_m, old_v, t = c["m"], c["v"], c["t"]
    used_t = x.choose("t_used", t + 1, uncounted=lambda: t, one=lambda: 1.0 + 0 * t, twice=lambda: t + 2)

    m_fed = x.choose("m_fed", g, squared=lambda: g * g, rate=lambda: lr * g)
    m = _share(x, "m_old", b1, b2) * old_m + _fresh_share(x, "m_new", b1, b2) * m_fed
    v_fed = x.choose(
        "v_fed",
        g * g,
        not_squared=lambda: g,
        doubled=lambda: 2 * g,
        absolute=lambda: np.abs(g),
        square_of_m=lambda: m * m,
        m_times_g=lambda: m * g,
        product=lambda: ((1 - b2) * g) ** 2,
    )
    fresh = _fresh_share(x, "v_new", b2, b1) * v_fed
    v = _share(x, "v_old", b2, b1) * x.choose("v_kept", old_v, as_m=lambda: m) + fresh
    v = x.choose("v_kept", v, largest=lambda: np.maximum(old_v, v), as_m=lambda: v)
    m = x.choose("v_kept", m, as_m=lambda: v)

    used_m, used_v = x.choose("m_used", m, stale=lambda: old_m), x.choose("v_used", v, stale=lambda: old_v)
    guard = e * x.read_as(*_GUARDED_READINGS)
    c1, c2 = _correction(x, "m", b1, b2, used_t) + guard, _correction(x, "v", b2, b1, used_t) + guard
    m_hat = x.choose("m_hat", used_m / c1, none=lambda: used_m, multiplied=lambda: used_m * c1, brackets=lambda: used_m + c1 - 1)
    v_hat = x.choose("v_hat", used_v / c2, none=lambda: used_v, multiplied=lambda: used_v * c2, brackets=lambda: used_v + c2 - 1)
    root_c2 = x.choose("fold", np.sqrt(c2), no_root=lambda: c2)
    ratio = x.choose("m_hat", 1 / c1, none=lambda: 1.0, multiplied=lambda: c1)
    ratio = ratio * x.choose("v_hat", root_c2, none=lambda: 1.0, multiplied=lambda: 1 / root_c2)
    folded = x.read_as(*_FOLDED_READINGS) > 0
    over_m, over_v = np.where(folded, used_m, m_hat), np.where(folded, used_v, v_hat)

    def root(within: Array) -> Array:
        return x.choose(
            "root",
            np.sqrt(over_v + within),
            missing=lambda: over_v + within,
            of_rate=lambda: np.sqrt(lr + within),
            of_m=lambda: np.sqrt(over_m + within),
            squared=lambda: (over_v + within) ** 2,
        )

    over = x.choose("numerator", over_m, gradient=lambda: g + 0 * over_m, second_moment=lambda: over_v)
    rate = x.choose("rate", lr, missing=lambda: 1.0, twice=lambda: lr * lr, root=lambda: np.sqrt(lr)) * np.where(folded, ratio, 1.0)
    next_w = _divided(x, w, rate, over, root, e, x.read_as(*_INSIDE_READINGS))
    c["m"] = x.choose(
        "m_stored", m, not_stored=lambda: old_m, corrected=lambda: m_hat, gradient=lambda: g + 0 * m, exchanged=lambda: v
    )
    c["v"] = x.choose(
        "v_stored", v, not_stored=lambda: old_v, corrected=lambda: v_hat, gradient=lambda: g * g + 0 * v, exchanged=lambda: m
    )
    c["t"] = x.choose("t_stored", t + 1, not_stored=lambda: t, twice=lambda: t + 2, one=lambda: 1.0 + 0 * t)
    return next_w


def _share(x: Rows, group: str, beta: Array, other: Array) -> Array:
    """The factor of an old average."""
    return x.choose(group, beta, full=lambda: 1.0, dropped=lambda: 0.0, complement=lambda: 1 - beta, other_beta=lambda: other)


def _fresh_share(x: Rows, group: str, beta: Array, other: Array) -> Array:
    """The factor of what is new in an average."""
    return x.choose(group, 1 - beta, full=lambda: 1.0, decay=lambda: beta, other_beta=lambda: 1 - other)


def _correction(x: Rows, moment: str, right: Array, other: Array, t: Array) -> Array:
    """The divisor of a moment: 1 − β^t, and what is written in its place."""
    beta = x.choose(f"{moment}_beta", right, other=lambda: other)
    return x.choose(
        f"{moment}_power",
        1 - beta**t,
        missing=lambda: 1 - beta + 0 * t,
        product=lambda: 1 - beta * t,
        of_complement=lambda: 1 - (1 - beta) ** t,
        no_complement=lambda: beta**t,
        complement_too=lambda: (1 - beta) ** t,
    )


# Readings of Adam, as `READINGS` counts them.
_FOLDED_READINGS: Final = (1, 3)
_INSIDE_READINGS: Final = (2, 3, 5)
_GUARDED_READINGS: Final = (4, 5)

FORMULAS: Final[Mapping[str, Formula]] = {"sgd_momentum": momentum, "rmsprop": rmsprop, "adam": adam}
# Options of a group "…_stored" that no formula works out, but whoever keeps the state: the key is gone from config after a step;
# the rule keeps what it remembers under another key.
GONE, OTHER_KEY = "gone", "other_key"

# What counts as one slip: options of one line or of lines that are written alike, and where it has several forms, those of each.
# Its id is the catalogue's, and the more common slip stands first.
SLIPS: Final[Mapping[str, Mapping[str, Options | tuple[Options, ...]]]] = {
    "sgd_momentum": {
        "rate_in_velocity": {"new": "rate_negative", "rate": "missing", "sign": "ascends"},
        "rate_in_velocity_subtracted": {"new": "rate", "rate": "missing"},
        "velocity_not_stored": {"velocity_stored": "not_stored"},
        "velocity_missing": {"velocity_stored": GONE},
        "nesterov": {"direction": "nesterov"},
        "damped": {"new": "complement"},
        "ascends": {"sign": "ascends"},
        "stale_velocity": {"direction": "stale"},
        "swapped": {"old": "full", "new": "momentum"},
        "momentum_ignored": {"old": "full"},
        "no_memory": {"old": "dropped"},
        "negative_velocity": {"new": "negative", "sign": "ascends"},
        "rate_twice": {"new": "rate"},
        "rate_missing": {"rate": "missing"},
        "scaled_velocity_stored": {"velocity_stored": "step"},
        "fixed_momentum": _fixed("momentum"),
        "fixed_rate": {"learning_rate_from": "fixed"},
        "velocity_other_key": {"velocity_stored": OTHER_KEY},
        "nesterov_rate_in": {"new": "rate_negative", "direction": "nesterov_scaled", "rate": "missing", "sign": "ascends"},
        "negative_gradient": {"new": "negative"},
        "old_velocity_negative": {"old": "negative"},
        "rate_squared": {"rate": "twice"},
        "complement_swapped": {"old": "complement", "new": "momentum"},
        "complement_for_momentum": {"old": "complement"},
        "both_scaled": {"new": "momentum"},
        "squared": {"fed": "squared"},
        "gradient_for_velocity": {"direction": "gradient"},
        "velocity_and_gradient": {"direction": "both"},
        "gradient_stored": {"velocity_stored": "gradient"},
        "next_w_stored": {"velocity_stored": "next_w"},
        "stored_negative": {"velocity_stored": "negative"},
    },
    "rmsprop": {
        "epsilon_to_w": {"epsilon": "to_w"},
        "epsilon_after_division": {"epsilon": "behind"},
        "epsilon_in_brackets": {"epsilon": "in_brackets"},
        "cache_not_stored": {"cache_stored": "not_stored"},
        "cache_missing": {"cache_stored": GONE},
        "root_missing": {"root": "missing"},
        "decay_swapped": {"old": "complement", "new": "decay"},
        "not_squared": {"fed": "not_squared"},
        "complement_missing": {"new": "full"},
        "adagrad": {"old": "full", "new": "full"},
        "stale_cache": {"used": "stale"},
        "ascends": {"sign": "ascends"},
        "root_over_rate": {"rate": "root", "root": "missing"},
        "root_of_rate": {"root": "of_rate"},
        "epsilon_times_root": {"epsilon": "times"},
        "rate_twice": {"rate": "twice"},
        "rate_missing": {"rate": "missing"},
        "product_squared": {"new": "full", "fed": "product"},
        "epsilon_missing": {"epsilon": "missing"},
        "fixed_decay": _fixed("decay_rate"),
        "scalar_cache": {"fed": "mean"},
        "epsilon_twice": {"epsilon": "twice"},
        "cache_other_key": {"cache_stored": OTHER_KEY},
        "root_squared": {"root": "squared"},
        "doubled": {"fed": "doubled"},
        "absolute": {"fed": "absolute"},
        "old_in_full": {"old": "full"},
        "old_dropped": {"old": "dropped"},
        "no_memory": {"old": "dropped", "new": "full"},
        "decay_for_both": {"new": "decay"},
        "complement_for_both": {"old": "complement"},
        "gradient_missing": {"numerator": "missing"},
        "gradient_squared": {"numerator": "squared"},
        "cache_for_gradient": {"numerator": "cache"},
        "epsilon_by_gradient": {"epsilon": "by_gradient"},
        "root_stored": {"cache_stored": "root"},
        "square_stored": {"cache_stored": "square"},
        "fixed_rate": {"learning_rate_from": "fixed"},
        "fixed_epsilon": _fixed("epsilon"),
    },
    "adam": {
        "t_not_stored": {"t_stored": "not_stored"},
        "t_before_increment": {"t_used": "uncounted"},
        "t_never_incremented": {"t_used": "uncounted", "t_stored": "not_stored"},
        "t_twice": {"t_stored": "twice"},
        "no_correction": {"m_hat": "none", "v_hat": "none"},
        "power_missing": {"m_power": "missing", "v_power": "missing"},
        "power_of_complement": {"m_power": "of_complement", "v_power": "of_complement"},
        "moments_not_stored": {"m_stored": "not_stored", "v_stored": "not_stored"},
        "moments_missing": {"m_stored": GONE, "v_stored": GONE},
        "corrected_stored": {"m_stored": "corrected", "v_stored": "corrected"},
        "epsilon_to_w": {"epsilon": "to_w"},
        "epsilon_after_division": {"epsilon": "behind"},
        "epsilon_in_brackets": {"epsilon": "in_brackets"},
        "beta1_for_both": {"v_old": "other_beta", "v_new": "other_beta", "v_beta": "other"},
        "beta2_for_both": {"m_old": "other_beta", "m_new": "other_beta", "m_beta": "other"},
        "beta1_averages_both": {"v_old": "other_beta", "v_new": "other_beta"},
        "beta2_averages_both": {"m_old": "other_beta", "m_new": "other_beta"},
        "beta1_corrects_both": {"v_beta": "other"},
        "beta2_corrects_both": {"m_beta": "other"},
        "betas_swapped": {
            "m_old": "other_beta",
            "m_new": "other_beta",
            "v_old": "other_beta",
            "v_new": "other_beta",
            "m_beta": "other",
            "v_beta": "other",
        },
        "complement_swapped": {"m_old": "complement", "m_new": "decay", "v_old": "complement", "v_new": "decay"},
        "root_missing": {"root": "missing"},
        "not_squared": {"v_fed": "not_squared"},
        "squares_m": {"v_fed": "square_of_m"},
        "complement_missing_m": {"m_new": "full"},
        "complement_missing_v": {"v_new": "full"},
        "only_m_corrected": {"v_hat": "none"},
        "only_v_corrected": {"m_hat": "none"},
        "correction_multiplied": {"m_hat": "multiplied", "v_hat": "multiplied"},
        "folded_without_root": {"fold": "no_root"},
        "epsilon_times_root": {"epsilon": "times"},
        "epsilon_missing": {"epsilon": "missing"},
        "ascends": {"sign": "ascends"},
        "gradient_for_m": {"numerator": "gradient"},
        "stale_moments": {"m_used": "stale", "v_used": "stale"},
        "aliased_moments": {"v_kept": "as_m"},
        "rate_twice": {"rate": "twice"},
        "rate_missing": {"rate": "missing"},
        "rate_in_m": {"m_fed": "rate", "rate": "missing"},
        "amsgrad": {"v_kept": "largest"},
        "fixed_betas": {"beta1_from": "fixed", "beta2_from": "fixed"},
        "fixed_beta1": _fixed("beta1"),
        "fixed_beta2": _fixed("beta2"),
        "t_starts_at_one": {"t_start": "one"},
        "t_counted_twice": {"t_used": "twice", "t_stored": "twice"},
        "t_ahead": {"t_used": "twice"},
        "t_always_one": {"t_used": "one", "t_stored": "one"},
        "t_missing": {"t_stored": GONE},
        "t_other_key": {"t_stored": OTHER_KEY},
        "power_missing_m": {"m_power": "missing"},
        "power_missing_v": {"v_power": "missing"},
        "power_as_product": {"m_power": "product", "v_power": "product"},
        "power_as_product_m": {"m_power": "product"},
        "power_as_product_v": {"v_power": "product"},
        "correction_brackets": {"m_hat": "brackets", "v_hat": "brackets"},
        "correction_brackets_m": {"m_hat": "brackets"},
        "correction_brackets_v": {"v_hat": "brackets"},
        "correction_without_one": {"m_power": "no_complement", "v_power": "no_complement"},
        "complement_to_power": {"m_power": "complement_too", "v_power": "complement_too"},
        "m_not_stored": {"m_stored": "not_stored"},
        "v_not_stored": {"v_stored": "not_stored"},
        "moments_other_key": {"m_stored": OTHER_KEY, "v_stored": OTHER_KEY},
        "corrected_m_stored": {"m_stored": "corrected"},
        "corrected_v_stored": {"v_stored": "corrected"},
        "gradient_stored": {"m_stored": "gradient", "v_stored": "gradient"},
        "moments_exchanged": {"m_stored": "exchanged", "v_stored": "exchanged"},
        "averages_swapped": {"m_old": "other_beta", "m_new": "other_beta", "v_old": "other_beta", "v_new": "other_beta"},
        "corrections_swapped": {"m_beta": "other", "v_beta": "other"},
        "complement_swapped_m": {"m_old": "complement", "m_new": "decay"},
        "complement_swapped_v": {"v_old": "complement", "v_new": "decay"},
        "root_over_rate": {"rate": "root", "root": "missing"},
        "root_of_rate": {"root": "of_rate"},
        "root_of_m": {"root": "of_m"},
        "root_squared": {"root": "squared"},
        "doubled": {"v_fed": "doubled"},
        "absolute": {"v_fed": "absolute"},
        "m_times_gradient": {"v_fed": "m_times_g"},
        "squares_in_m": {"m_fed": "squared"},
        "complements_missing": {"m_new": "full", "v_new": "full"},
        "product_squared": {"v_new": "full", "v_fed": "product"},
        "old_in_full": {"m_old": "full", "v_old": "full"},
        "old_m_in_full": {"m_old": "full"},
        "old_v_in_full": {"v_old": "full"},
        "old_dropped": {"m_old": "dropped", "v_old": "dropped"},
        "old_m_dropped": {"m_old": "dropped"},
        "old_v_dropped": {"v_old": "dropped"},
        "no_memory": {"m_old": "dropped", "m_new": "full", "v_old": "dropped", "v_new": "full"},
        "m_is_gradient": {"m_old": "dropped", "m_new": "full"},
        "v_is_square": {"v_old": "dropped", "v_new": "full"},
        "decay_for_both_m": {"m_new": "decay"},
        "decay_for_both_v": {"v_new": "decay"},
        "correction_multiplied_m": {"m_hat": "multiplied"},
        "correction_multiplied_v": {"v_hat": "multiplied"},
        "epsilon_twice": {"epsilon": "twice"},
        "epsilon_by_gradient": {"epsilon": "by_gradient"},
        "v_for_m": {"numerator": "second_moment"},
        "stale_m": {"m_used": "stale"},
        "stale_v": {"v_used": "stale"},
        "rate_in_m_and_step": {"m_fed": "rate"},
        "fixed_rate": {"learning_rate_from": "fixed"},
        "fixed_epsilon": _fixed("epsilon"),
    },
}


def ways(rule: str) -> list[tuple[str, Options]]:
    """The slips of a rule with their options; one of several forms comes as often."""
    return [
        (slip, options)
        for slip, forms in SLIPS.get(rule, {}).items()
        for options in (forms if isinstance(forms, tuple) else (forms,))
    ]


def has_effect(rule: str, options: Options, reading: int) -> bool:
    """Whether these options are options at all under a reading."""
    if rule != "adam":
        return True
    if reading in _FOLDED_READINGS:
        return "brackets" not in options.values()
    return "fold" not in options
