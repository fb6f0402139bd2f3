"""Initializations as students write them, right or with one or two slips: whole copies of fc_net.py by a seed.

As in `programs`, a program is a student's habits and what was chosen in every place where a choice is made, written without a
look at the grader's own formulas.
"""

from __future__ import annotations

import random
import sys
import time
import types
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Any, Final

import numpy as np

from grader.grading.findings import Mismatch
from grader.homework import fc_net, initialization_slips
from grader.homework.fc_net import Build
from grader.homework.hidden import initialization_stds, unseen_questions
from tests.conftest import FC_NET, SAMPLES
from tests.homework.programs import Choices, Program
from tests.homework.verdicts import RIGHT, UNNOTICED, Verdict, how

TOPIC: Final = "init"
FALSE_ALARM: Final = 1e-7  # the rubric's

_DRAWN: Final[dict[str, Choices]] = {
    "uniform": {"values": "uniform"},
    "uniform_narrow": {"values": "narrow"},
    "uniform_positive": {"values": "from 0"},
    "uniform_half": {"values": "half"},
    "positive": {"values": "positive"},
    "constant": {"values": "constant", "anew": "-"},
    "same_draw": {"anew": "no"},
}
_ANYWHERE: Final[dict[str, Choices]] = {
    "transposed": {"shape": "transposed"},
    "last_layer": {"layer": "last"},
    "first_layer": {"layer": "first"},
    "biases_drawn": {"biases": "drawn"},
    "biases_constant": {"biases": "constant"},
    "biases_missing": {"biases": "missing"},
    "biases_shape": {"biases": "shape"},
    "counted_from_zero": {"names": "from 0"},
    "dtype_ignored": {"dtype": "ignored"},
}
_ALL_OF_STD: Final = ("gain", "fan", "form", "scale")
# By scheme: slip -> what is chosen in its place. Two slips go together where they choose in different places.
OF_SCHEME: Final[dict[str, dict[str, Choices]]] = {
    "he": {
        "fan_out": {"fan": "out"},
        "variance_as_std": {"form": "no root"},
        "gain_missing": {"gain": "one"},
        "glorot": {"fan": "sum"},
        "gain_not_rooted": {"form": "root of fan"},
        "root_of_gain_only": {"form": "root of gain"},
        "scaled_by_weight_scale": {"scale": "weight_scale"},
        "weight_scale_for_he": dict.fromkeys(_ALL_OF_STD, "weight_scale"),
        "unit_normal": dict.fromkeys(_ALL_OF_STD, "none"),
        "first_fan_everywhere": {"fan": "first"},
        "fan_mean": {"fan": "mean"},
        "gain_six": {"gain": "six"},
        "gain_inverse": {"gain": "half"},
        "divided": {"form": "divided"},
        "root_twice": {"form": "root twice"},
        "variance_squared": {"form": "squared"},
        "fan_product": {"fan": "product"},
        "torch_default": {"gain": "one", "values": "narrow"},
        **_DRAWN,
        **_ANYWHERE,
    },
    "random": {
        "unit_normal": {"scale": "none"},
        "he_for_random": {"scale": "he"},
        "scale_squared": {"scale": "squared"},
        "scale_rooted": {"scale": "root"},
        "scale_fixed": {"scale": "fixed"},
        **_DRAWN,
        **_ANYWHERE,
    },
    "zero": {"not_zero": {"values": "not zero"}, **_ANYWHERE},
}
SLIPS: Final = {slip: choices for table in OF_SCHEME.values() for slip, choices in table.items()}
_LINES: Final = {
    "he": '                self.params[f"W{i}"] = np.random.normal(0.0, np.sqrt(2.0 / fan_in), (fan_in, fan_out))\n',
    "random": '                self.params[f"W{i}"] = np.random.normal(0.0, weight_scale, (fan_in, fan_out))\n',
    "zero": '                self.params[f"W{i}"] = np.zeros((fan_in, fan_out))\n',
}


def sets(slips: int) -> list[tuple[str, tuple[str, ...]]]:
    """Every scheme with every combination of that many slips (0, 1 or 2) that go together in it."""
    if slips == 0:
        return [(scheme, ()) for scheme in OF_SCHEME]
    if slips == 1:
        return [(scheme, (slip,)) for scheme, table in OF_SCHEME.items() for slip in table]
    return [
        (scheme, pair)
        for scheme, table in OF_SCHEME.items()
        for pair in combinations(table, 2)
        if not table[pair[0]].keys() & table[pair[1]].keys()
    ]


def programs(slips: int, seed: int = 0) -> Iterator[Program]:
    """Programs with that many slips (0, 1 or 2) without end, every combination once before any comes again."""
    draw = random.Random(f"{TOPIC} {slips} {seed}")
    number = 0
    while True:
        for scheme, chosen in draw.sample(sets(slips), len(sets(slips))):
            yield program(scheme, chosen, f"{seed} {number}")
            number += 1


def program(scheme: str, slips: Sequence[str], seed: int | str | None) -> Program:
    """One student's fc_net.py with these slips in a scheme; in the plainest style if `seed` is None."""
    hand = _Hand(None if seed is None else random.Random(f"{scheme} {slips} {seed}"), scheme, slips)
    lines = "".join(f"{16 * ' '}{line}\n" for line in _written(hand))
    source = (SAMPLES / "reference" / FC_NET).read_text("utf-8")
    assert source.count(_LINES[scheme]) == 1
    return Program(TOPIC, scheme, tuple(slips), source.replace(_LINES[scheme], lines))


class _Hand:
    """How one student writes; without a `draw` always the first way."""

    def __init__(self, draw: random.Random | None, scheme: str, slips: Sequence[str]) -> None:
        self._draw = draw
        self.scheme = scheme
        self._chosen = {place: choice for slip in slips for place, choice in OF_SCHEME[scheme][slip].items()}
        self.fan_in = self.one_of("fan_in", "dims[i - 1]", "n_in")
        self.fan_out = self.one_of("fan_out", "dims[i]", "n_out")
        self.seed = self.one_of(0, 1, 7, 42, 182)

    def choice(self, place: str, right: str = "") -> str:
        """What is chosen in a place."""
        return self._chosen.get(place, right)

    def one_of(self, *ways: Any) -> Any:
        """One of these ways."""
        return ways[0] if self._draw is None else self._draw.choice(ways)


def _std(hand: _Hand) -> str:
    """The standard deviation as an expression that binds like a product."""
    if hand.scheme == "random":
        ways: Mapping[str, Sequence[str]] = {
            "": ("weight_scale",),
            "none": ("1.0",),
            "he": (f"np.sqrt(2.0 / {hand.fan_in})",),
            "squared": ("weight_scale**2", "(weight_scale * weight_scale)"),
            "root": ("np.sqrt(weight_scale)", "weight_scale**0.5"),
            "fixed": ("0.01", "1e-2"),
        }
        return str(hand.one_of(*ways[hand.choice("scale")]))
    if hand.choice("form") in ("weight_scale", "none"):
        return "weight_scale" if hand.choice("form") == "weight_scale" else "1.0"
    gain = hand.one_of(*{"": ("2.0", "2", "2."), "one": ("1.0", "1"), "six": ("6.0", "6"), "half": ("0.5",)}[hand.choice("gain")])
    fi, fo = hand.fan_in, hand.fan_out
    fan = hand.one_of(
        *{
            "": (fi,), "out": (fo,), "sum": (f"({fi} + {fo})", f"sum(({fi}, {fo}))"),
            "mean": (f"(({fi} + {fo}) / 2)", f"np.mean([{fi}, {fo}])"), "first": ("input_dim", "dims[0]"),
            "product": (f"({fi} * {fo})",),
        }[hand.choice("fan")]
    )  # fmt: skip
    forms: Mapping[str, Sequence[str]] = {
        "": (
            f"np.sqrt({gain} / {fan})",
            f"({gain} / {fan})**0.5",
            f"np.sqrt({gain}) / np.sqrt({fan})",
            f"math.sqrt({gain} / {fan})",
        ),
        "no root": (f"({gain} / {fan})",),
        "root of fan": (f"{gain} / np.sqrt({fan})", f"({gain} / {fan}**0.5)"),
        "root of gain": (f"np.sqrt({gain}) / {fan}", f"(np.sqrt({gain}) / {fan})"),
        "divided": (f"np.sqrt({fan} / {gain})", f"1 / np.sqrt({gain} / {fan})"),
        "root twice": (f"np.sqrt(np.sqrt({gain} / {fan}))", f"({gain} / {fan})**0.25"),
        "squared": (f"({gain} / {fan})**2", f"({gain} / {fan})**2"),
    }
    formed = hand.one_of(*forms[hand.choice("form")])
    return f"weight_scale * {formed}" if hand.choice("scale") else str(formed)


def _values(hand: _Hand, std: str, size: str) -> str:
    """The weights of a layer as an expression."""
    source = "np.random"
    if hand.choice("anew") == "no":
        source = hand.one_of("np.random", f"np.random.default_rng({hand.seed})", f"np.random.RandomState({hand.seed})")
    elif not hand.choice("values"):
        source = hand.one_of("np.random", "np.random", "np.random.default_rng()", "np.random.RandomState(i)")
    normal = [f"{source}.normal(0, {std}, {size})", f"{source}.normal(loc=0.0, scale={std}, size={size})"]
    normal += [f"{source}.standard_normal({size}) * ({std})", f"({std}) * {source}.normal(size={size})"]
    if source == "np.random":
        normal += [f"np.random.randn{size} * ({std})", f"({std}) * np.random.randn{size}"]
    evenly = f"{source}.uniform" if "default_rng" in source else hand.one_of(f"{source}.uniform", f"{source}.uniform")
    unit = f"{source}.random({size})" if "RandomState" not in source else f"{source}.random_sample({size})"
    ways: Mapping[str, Sequence[str]] = {
        "": normal,
        "uniform": (f"{evenly}(-np.sqrt(3) * ({std}), np.sqrt(3) * ({std}), {size})", f"(2 * {unit} - 1) * 3**0.5 * ({std})"),
        "narrow": (f"{evenly}(-({std}), {std}, {size})", f"(2 * {unit} - 1) * ({std})"),
        "from 0": (f"{evenly}(0, {std}, {size})", f"{unit} * ({std})"),
        "half": (f"{evenly}(-({std}) / 2, ({std}) / 2, {size})", f"({unit} - 0.5) * ({std})"),
        "positive": [f"np.abs({one})" for one in normal],
        "constant": (f"np.full({size}, {std})", f"np.ones({size}) * ({std})"),
    }
    return str(hand.one_of(*ways[hand.choice("values")]))


def _written(hand: _Hand) -> list[str]:
    """The lines of the blank."""
    lines = [f"{hand.fan_in} = dims[i - 1]"] if hand.fan_in == "n_in" else []
    lines += [f"{hand.fan_out} = dims[i]"] if hand.fan_out == "n_out" else []
    number = "i - 1" if hand.choice("names") else "i"
    key = hand.one_of(f'f"W{{{number}}}"', f'"W" + str({number})', f'"W%d" % ({number})')
    size = f"({hand.fan_out}, {hand.fan_in})" if hand.choice("shape") else f"({hand.fan_in}, {hand.fan_out})"
    if hand.scheme == "zero":
        zeros = hand.one_of(f"np.zeros({size})", f"0.0 * np.random.randn{size}", f"np.full({size}, 0.0)")
        others = (f"1e-3 * np.random.randn{size}", f"np.full({size}, 1e-8)", f"np.random.normal(0, weight_scale, {size})")
        values = hand.one_of(*others) if hand.choice("values") else zeros
    else:
        std = _std(hand)
        if hand.one_of(False, True):
            lines.append(f"std = {std}")
            std = "std"
        if hand.choice("anew") == "no":
            lines.append(f"np.random.seed({hand.seed})")
        values = _values(hand, std, size)
    stored = hand.one_of([f"self.params[{key}] = {values}"], [f"W = {values}", f"self.params[{key}] = W"])
    if hand.choice("layer"):
        lines += [f"if i {'< self.num_layers' if hand.choice('layer') == 'last' else '> 1'}:", *(f"    {line}" for line in stored)]
        otherwise = [f"self.params[{key}] = weight_scale / 100 * np.random.randn{size}"]
        if hand.scheme == "he":
            otherwise.append(f"self.params[{key}] = np.zeros({size})")
        lines += hand.one_of([], *(["else:", f"    {one}"] for one in otherwise))
    else:
        lines += stored
    bias = hand.one_of('f"b{i}"', '"b" + str(i)')
    biases = {
        "drawn": (f"0.01 * np.random.randn({hand.fan_out})", f"np.random.rand({hand.fan_out})"),
        "constant": (f"np.ones({hand.fan_out})", f"np.full({hand.fan_out}, 0.1)", f"np.zeros({hand.fan_out}) + 0.01"),
        "shape": (f"np.zeros((1, {hand.fan_out}))", f"np.zeros(({hand.fan_out}, 1))", f"np.zeros({hand.fan_in} + 1)"),
    }  # fmt: skip
    if hand.choice("biases") == "missing":
        lines.append(f"del self.params[{bias}]")
    elif hand.choice("biases"):
        lines.append(f"self.params[{bias}] = {hand.one_of(*biases[hand.choice('biases')])}")
    if hand.choice("dtype"):
        lines.append(hand.one_of("dtype = np.float32", "dtype = np.float64"))
    return lines


@cache
def asked() -> Mapping[Build, tuple[str, Mapping[str, list[float]]]]:
    """The networks that staff ask for, those of the self-check first: the part each settles, and its standard deviations."""
    networks = [*fc_net.NETWORKS.items(), *unseen_questions.NETWORKS.items()]
    return {build: (part, initialization_stds.stds(build)) for part, build in networks}


def built(program: Program, builds: Sequence[Build], seed: int | None = None) -> list[Any]:
    """The params of each network, all made by one import of the program; drawn from this seed, or one of the program's own."""
    layer_utils = types.ModuleType("deeplearning.layer_utils")
    fakes = {"deeplearning": types.ModuleType("deeplearning"), "deeplearning.layer_utils": layer_utils}
    kept = {name: sys.modules.get(name) for name in fakes}
    names: dict[str, Any] = {}
    sys.modules.update(fakes)
    try:
        exec(compile(program.source, "<fc_net.py>", "exec"), names)
    finally:
        for name, module in kept.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module
    np.random.seed(zlib.crc32(program.source.encode()) if seed is None else seed)
    return [
        names["FullyConnectedNet"](
            list(build.hidden), build.input_dim, build.classes, weight_scale=build.weight_scale, dtype=getattr(np, build.dtype),
            seed=build.seed, initialization=program.form,
        ).params
        for build in builds
    ]  # fmt: skip


def passes(scheme: str, params: Sequence[Any]) -> bool:
    """Whether all networks are initialized rightly, as the check judges them."""
    try:
        for (build, (_, stds)), found in zip(asked().items(), params, strict=True):
            weights = fc_net.named_weights(found, build)
            if scheme == "zero":
                if any(matrix.any() for _, matrix in weights):
                    return False
                continue
            fc_net._drawn_separately(weights)
            wanted = stds["he"] if scheme == "he" else [build.weight_scale] * len(weights)
            if fc_net.draw_alarms(weights, wanted, FALSE_ALARM / 2 / len(fc_net.NETWORKS)):
                return False
    except Mismatch:
        return False
    return True


def named(scheme: str, params: Sequence[Any]) -> tuple[str, ...]:
    """What is told of networks, the first of those that are asked for."""
    networks = [(stds, build, found) for (build, (_, stds)), found in zip(asked().items(), params, strict=False)]
    return tuple(slip.id.partition(".")[2] for slip in initialization_slips.of(scheme, networks))


def judged(program: Program) -> Verdict:
    """What is told of a program."""
    params = built(program, list(asked()))
    if passes(program.form, params):
        return Verdict(UNNOTICED if program.slips and not same_function(program, ()) else RIGHT, (), 0.0)
    start = time.process_time()
    told = named(program.form, params)
    seconds = time.process_time() - start
    at_home = named(program.form, params[: len(fc_net.NETWORKS)])
    return Verdict(how(program, told, same_function, lambda: [program.slips]), told, seconds, at_home)


def same_function(program: Program, slips: Sequence[str]) -> bool:
    """Whether programs with these slips and with those, written plainly, draw the same for a network that nobody asks for."""
    if not OF_SCHEME[program.form].keys() >= set(slips):
        return False
    one, other = (_plain_numbers(program.form, tuple(each)) for each in (program.slips, slips))
    return len(one) == len(other) and bool(np.allclose(one, other, rtol=1e-9))


def alike() -> tuple[int, list[list[str]]]:
    """How many combinations of one or two slips there are, and which are one function in their plainest style, simplest first."""
    combined = [one for slips in (0, 1, 2) for one in sets(slips)]
    groups: dict[tuple[str, ...], list[str]] = {}
    for scheme, slips in combined:
        numbers = tuple(f"{number:.7g}" for number in _plain_numbers(scheme, slips))
        groups.setdefault((scheme, *numbers), []).append(f"{' + '.join(slips) or 'right'} ('{scheme}')")
    return len(combined) - len(OF_SCHEME), [group for group in groups.values() if len(group) > 1]


@cache
def _plain_numbers(scheme: str, slips: tuple[str, ...]) -> Any:
    build = Build((7, 11, 5), input_dim=9, classes=4, weight_scale=0.07, dtype="float64")
    (params,) = built(program(scheme, slips, None), [build], seed=3)
    arrays = [params.get(f"{kind}{number}", np.zeros(0)) for number in range(5) for kind in "Wb"]
    return np.concatenate([*map(np.ravel, arrays), *([array.itemsize, array.ndim, *array.shape] for array in arrays)])
