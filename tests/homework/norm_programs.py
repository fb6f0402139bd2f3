"""The recorded gradient norm as students write it, right or with one or two slips: whole copies of solver.py by a seed.

As in `programs`, a program is a student's habits and what was chosen in every place where a choice is made, written without a
look at the grader's own formulas.
"""

from __future__ import annotations

import importlib
import random
import sys
import time
import types
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import combinations
from typing import Any, Final

import numpy as np

from grader.grading.findings import Mismatch
from grader.homework import norm_slips, published, solver
from grader.homework.hidden import gradient_norms
from tests.conftest import OPTIM, SAMPLES, SOLVER
from tests.homework.programs import Choices, Program
from tests.homework.verdicts import RIGHT, UNNOTICED, Verdict, how

TOPIC: Final = "grad_norm"
LIMIT: Final = 1e-5  # the rubric's
# Slip -> what is chosen in its place.
SLIPS: Final[dict[str, Choices]] = {
    "sum": {"aggregate": "sum"},
    "squared": {"root": "none"},
    "parameters": {"of": "parameters"},
    "last_only": {"position": "last"},
    "first_only": {"position": "first"},
    "flattened": {"aggregate": "flat"},
    "flattened_mean": {"aggregate": "flat, divided"},
    "weights_only": {"kind": "W"},
    "biases_only": {"kind": "b"},
    "lists": {"aggregate": "none", "history": "lists"},
    "absolute": {"norm": "absolute", "root": "none"},
    "root_mean_square": {"inner": "mean"},
    "largest": {"aggregate": "largest"},
    "mean_gradient": {"norm": "plain", "inner": "mean", "root": "none"},
    "running": {"steps": "running"},
    "step_before": {"steps": "before"},
    "in_loop": {"history": "in the loop"},
    "each_norm": {"aggregate": "none", "history": "each"},
    "quadratic_mean": {"aggregate": "quadratic"},
    "largest_entry": {"norm": "maximum", "root": "none", "inner": "maximum"},
    "times_rate": {"scale": "rate"},
    "over_batch": {"scale": "batch"},
    "by_layers": {"aggregate": "layers"},
    "last_layer_only": {"position": "last layer"},
    "running_mean": {"steps": "running mean"},
    "other_gradients": {"steps": "other"},
    "overwritten": {"history": "overwritten"},
    "reversed": {"history": "reversed"},
}
_UNWRITTEN: Final = [  # what no line of code does
    {"in_loop", "step_before"}, {"in_loop", "running_mean"}, {"other_gradients", "parameters"}, {"in_loop", "quadratic_mean"},
]  # fmt: skip
_CLASSES: Final = 3
_LINES: Final = (
    "        norms = [np.linalg.norm(grad) for grad in grads.values()]\n        self.log_grad_norm_history.append(np.mean(norms))\n"
)
_UPDATED: Final = "            self.optim_configs[name] = next_config\n"


def pairs() -> list[tuple[str, str]]:
    """All pairs of slips that go together."""
    apart = [pair for pair in combinations(SLIPS, 2) if not SLIPS[pair[0]].keys() & SLIPS[pair[1]].keys()]
    return [pair for pair in apart if set(pair) not in _UNWRITTEN]


def programs(slips: int, seed: int = 0) -> Iterator[Program]:
    """Programs with that many slips (0, 1 or 2) without end, every combination once before any comes again."""
    sets: Sequence[tuple[str, ...]] = [(slip,) for slip in SLIPS] if slips == 1 else pairs() if slips else [()]
    draw = random.Random(f"{TOPIC} {slips} {seed}")
    number = 0
    while True:
        for chosen in draw.sample(sets, len(sets)):
            yield program(chosen, f"{seed} {number}")
            number += 1


def program(slips: Sequence[str], seed: int | str | None) -> Program:
    """One student's solver.py with these slips; in the plainest style if `seed` is None."""
    hand = _Hand(None if seed is None else random.Random(f"{slips} {seed}"), slips)
    lines = "".join(f"        {line}\n" for line in _written(hand))
    source = (SAMPLES / "reference" / SOLVER).read_text("utf-8")
    if hand.behind:
        source = source.replace(_LINES, "        pass\n").replace(_UPDATED, _UPDATED + lines)
    else:
        source = source.replace(_LINES, lines)
    return Program(TOPIC, "behind the update" if hand.behind else "before the update", tuple(slips), source)


class _Hand:
    """How one student writes; without a `draw` always the first way."""

    def __init__(self, draw: random.Random | None, slips: Sequence[str]) -> None:
        self._draw = draw
        self._chosen = {place: choice for slip in slips for place, choice in SLIPS[slip].items()}
        self.behind = self.one_of(False, True)  # both places were handed out
        self.norm = ""

    def choice(self, place: str, right: str) -> str:
        """What is chosen in a place."""
        return self._chosen.get(place, right)

    def one_of(self, *ways: Any) -> Any:
        """One of these ways."""
        return ways[0] if self._draw is None else self._draw.choice(ways)


def _norm(hand: _Hand, of: str) -> str:
    """The norm of one array."""
    key = hand.choice("norm", "square"), hand.choice("inner", "sum"), hand.choice("root", "root")
    ways: Mapping[tuple[str, str, str], Sequence[str]] = {
        ("square", "sum", "root"): (
            "np.linalg.norm({})", "np.linalg.norm({}.ravel())", "np.sqrt(np.sum({}**2))", "np.sqrt(np.vdot({0}, {0}))",
            "np.linalg.norm({}, 2)", "np.sqrt(({0} * {0}).sum())", "np.linalg.norm({}.flatten(), ord=2)", "np.sum({}**2)**0.5",
        ),
        ("square", "sum", "none"): (
            "np.sum({}**2)", "np.linalg.norm({})**2", "({0} * {0}).sum()", "np.vdot({0}, {0})", "np.linalg.norm({}, 2)**2",
            "np.square({}).sum()",
        ),
        ("square", "mean", "root"): (
            "np.sqrt(np.mean({}**2))", "(np.linalg.norm({0}) / np.sqrt({0}.size))", "np.sqrt(({0} * {0}).mean())",
        ),
        ("square", "mean", "none"): ("np.mean({}**2)", "({0} * {0}).mean()", "(np.sum({0}**2) / {0}.size)"),
        ("absolute", "sum", "none"): (
            "np.sum(np.abs({}))", "np.abs({}).sum()", "np.linalg.norm({}.ravel(), 1)", "np.linalg.norm({}, 1)",
        ),
        ("absolute", "mean", "none"): ("np.mean(np.abs({}))", "abs({}).mean()"),
        ("plain", "mean", "none"): ("np.mean({})", "{}.mean()"),
        ("maximum", "maximum", "none"): ("np.max(np.abs({}))", "np.abs({}).max()", "np.linalg.norm({}, np.inf)"),
    }  # fmt: skip
    hand.norm = hand.norm or hand.one_of(*ways[key])
    return hand.norm.format(of)


def _names(hand: _Hand) -> str:
    """The names of what is looked at, as an expression."""
    table = hand.one_of("grads", "grads.keys()", "self.model.params", "list(grads)")
    kind, position = hand.choice("kind", "all"), hand.choice("position", "all")
    letter = {"W": "W", "b": "b"}.get(kind, "")
    tests = [f'k[0] == "{letter}"', f'k.startswith("{letter}")', f'"{letter}" in k'] if letter else []
    if position == "last layer":
        last = hand.one_of('f"{k}{self.model.num_layers}"', "k + str(self.model.num_layers)")
        return f'[{last} for k in "{letter or "Wb"}"]'
    if not letter and position == "all":
        return str(table)
    listed = f"[k for k in {table} if {hand.one_of(*tests)}]" if letter else f"list({table})"
    return listed + {"first": "[:1]", "last": "[-1:]"}.get(position, "")


def _written(hand: _Hand) -> list[str]:
    """The lines of the blank."""
    of, steps, how = hand.choice("of", "gradients"), hand.choice("steps", "own"), hand.choice("history", "number")
    aggregate = hand.choice("aggregate", "mean")
    table, head = "grads", []
    if of == "parameters":
        table = "self.model.params"
    elif steps == "other":
        table = "other"
        asked = hand.one_of("self.X_train, self.y_train", "X_batch, y_batch" if hand.behind else "self.X_train, self.y_train")
        head = [f"{hand.one_of('_', 'loss')}, other = self.model.loss({asked})"]
    array = f"{table}[k]"
    names = _names(hand)
    scale, scaled = hand.choice("scale", "none"), ""
    if scale != "none":
        rate = ('self.optim_config["learning_rate"]', 'self.optim_configs["W1"]["learning_rate"]')
        scaled = (
            hand.one_of(*(f" * {one}" for one in rate)) if scale == "rate" else hand.one_of(" / self.batch_size", " / len(X_batch)")
        )
        if hand.one_of(False, True):
            array, scaled = f"({array}{scaled})", ""
    if "flat" in aggregate:
        return [*head, *_flattened(hand, names, array, scaled, steps, how)]
    way = hand.one_of("comprehension", "loop", "list", "sum")
    norm = _norm(hand, array)
    norms = f"[{norm} for k in {names}]"
    if how == "in the loop":
        return [*head, *_inside_the_loop(hand, names, norm, scaled, aggregate, steps)]
    if aggregate == "none":
        value = (
            f"np.array({norms}){scaled}" if scaled or steps not in ("own", "other") else hand.one_of(norms, f"np.array({norms})")
        )
        return [*head, *_recorded(hand, value, steps, how)]
    if aggregate == "mean" and way in ("loop", "sum") and not hand.choice("kind", "") and not hand.choice("position", ""):
        count = hand.one_of(f"len({table})" if table != "self.model.params" else "len(grads)", "len(grads)", "len(grads.keys())")
        if way == "sum":
            return [*head, *_recorded(hand, f"sum({norm} for k in {names}) / {count}{scaled}", steps, how)]
        head += ["total = 0", f"for k in {names}:", f"    total += {norm}"]
        return [*head, *_recorded(hand, f"total / {count}{scaled}", steps, how)]
    if aggregate == "sum" and way == "loop":
        return [*head, "total = 0.0", f"for k in {names}:", f"    total += {norm}", *_recorded(hand, f"total{scaled}", steps, how)]
    head += ["norms = []", f"for k in {names}:", f"    norms.append({norm})"] if way == "list" else [f"norms = {norms}"]
    values: Mapping[str, Sequence[str]] = {
        "mean": ("np.mean(norms)", "np.array(norms).mean()", "sum(norms) / len(norms)", "float(np.average(norms))"),
        "sum": ("sum(norms)", "np.sum(norms)"),
        "largest": ("max(norms)", "np.max(norms)"),
        "layers": ("sum(norms) / self.model.num_layers", "np.sum(norms) / (len(grads) // 2)", "sum(norms) / (len(grads) / 2)"),
        "quadratic": ("np.sqrt(np.mean(np.square(norms)))", "np.sqrt(sum(n**2 for n in norms) / len(norms))"),
    }  # fmt: skip
    return [*head, *_recorded(hand, f"{hand.one_of(*values[aggregate])}{scaled}", steps, how)]


def _flattened(hand: _Hand, names: str, array: str, scaled: str, steps: str, how: str) -> list[str]:
    """One norm over all entries."""
    count = "len(grads)" if not hand.choice("kind", "") and not hand.choice("position", "") else f"len({names})"
    divided = f" / {count}" if "divided" in hand.choice("aggregate", "") else ""
    usual = (hand.choice("norm", "square"), hand.choice("inner", "sum"))
    root = hand.choice("root", "root") == "root"
    if usual == ("square", "sum") and (how == "in the loop" or hand.one_of(False, True)):
        squares = hand.one_of(f"np.sum({array}**2)", f"({array} * {array}).sum()", f"np.linalg.norm({array})**2")
        value = f"{hand.one_of('np.sqrt(total)', 'total**0.5') if root else 'total'}{divided}{scaled}"
        lines = ["total = 0", f"for k in {names}:", f"    total += {squares}"]
        if how == "in the loop":
            return [*_before_the_loop(steps), *lines, *(f"    {line}" for line in _inside(hand, value, steps))]
        return [*lines, *_recorded(hand, value, steps, how)]
    if how == "in the loop":
        lines = ["parts = []", f"for k in {names}:", f"    parts.append({array}.ravel())", "    flat = np.concatenate(parts)"]
        value = f"{_norm(hand, 'flat')}{divided}{scaled}"
        return [*_before_the_loop(steps), *lines, *(f"    {line}" for line in _inside(hand, value, steps))]
    joined = hand.one_of("np.concatenate([{}.ravel() for k in {}])", "np.hstack([{}.flatten() for k in {}])")
    return [f"flat = {joined.format(array, names)}", *_recorded(hand, f"{_norm(hand, 'flat')}{divided}{scaled}", steps, how)]


def _inside_the_loop(hand: _Hand, names: str, norm: str, scaled: str, aggregate: str, steps: str) -> list[str]:
    """The history grows inside the loop over the gradients."""
    count = "len(grads)" if not hand.choice("kind", "") and not hand.choice("position", "") else f"len({names})"
    values = {"mean": f"total / {count}", "sum": "total", "layers": "total / self.model.num_layers", "largest": "total"}
    grown = f"    total = max(total, {norm})" if aggregate == "largest" else f"    total += {norm}"
    inside = [f"    {line}" for line in _inside(hand, f"{values[aggregate]}{scaled}", steps)]
    start = "total = float('-inf')" if aggregate == "largest" else "total = 0"
    return [*_before_the_loop(steps), start, f"for k in {names}:", grown, *inside]


def _before_the_loop(steps: str) -> list[str]:
    return ["kept = getattr(self, 'kept', 0.0)"] if steps == "running" else []


def _inside(hand: _Hand, value: str, steps: str) -> list[str]:
    if steps == "running":
        return [f"self.kept = kept + {value}", "self.log_grad_norm_history.append(self.kept)"]
    return [hand.one_of(f"self.log_grad_norm_history.append({value})", f"self.log_grad_norm_history += [{value}]")]


def _recorded(hand: _Hand, value: str, steps: str, how: str) -> list[str]:
    """The lines that put a value on record."""
    lines = []
    if steps == "running":
        lines = [f"self.kept = getattr(self, 'kept', 0.0) + {value}"]
        value = "self.kept"
    elif steps == "running mean":
        lines = [f"self.kept = getattr(self, 'kept', []) + [{value}]"]
        value = "np.mean(self.kept, axis=0)"
    elif steps == "before":
        first = hand.one_of("zero", "own", "none")
        if first == "none":
            stored = [line.replace("@", "self.kept") for line in _stored(hand, how)]
            return ["if hasattr(self, 'kept'):", *(f"    {line}" for line in stored), f"self.kept = {value}"]
        start = f"0 * {value}" if hand.choice("aggregate", "") == "none" else "0.0"
        lines = [f"now = {value}", f"before = getattr(self, 'kept', {start if first == 'zero' else 'now'})", "self.kept = now"]
        value = "before"
    elif hand.one_of(False, True):
        lines, value = [f"value = {value}"], "value"
    return [*lines, *(line.replace("@", value) for line in _stored(hand, how))]


def _stored(hand: _Hand, how: str) -> list[str]:
    at = "self.log_grad_norm_history"
    if how == "each":
        return list(hand.one_of([f"{at}.extend(@)"], [f"{at} += list(@)"], ["for one in @:", f"    {at}.append(one)"]))
    if how == "overwritten":
        return [hand.one_of(f"{at} = [@]", f"{at} = @")]
    if how == "reversed":
        return [hand.one_of(f"{at}.insert(0, @)", f"{at} = [@] + {at}")]
    if how == "lists":
        return [f"{at}.append(@)"]
    return [hand.one_of(f"{at}.append(@)", f"{at} += [@]", f"{at} = {at} + [@]")]


@cache
def _optim() -> types.ModuleType:
    """The reference's optim.py."""
    module = types.ModuleType("optim")
    exec((SAMPLES / "reference" / OPTIM).read_text("utf-8"), module.__dict__)
    return module


@cache
def _stub() -> Any:
    """The model that hands out gradients, as in the sandbox."""
    return importlib.import_module("grader.homework.mounted.stub_model").StubModel


def recorded(program: Program, families: Sequence[published.Family]) -> list[Any]:
    """The histories of the program's runs on these families."""
    package = types.ModuleType("deeplearning")
    package.optim = _optim()  # type: ignore[attr-defined]
    names: dict[str, Any] = {}
    kept = {name: sys.modules.get(name) for name in ("deeplearning", "deeplearning.optim")}
    sys.modules.update({"deeplearning": package, "deeplearning.optim": package.optim})
    try:
        exec(compile(program.source, "<solver.py>", "exec"), names)
    finally:
        for name, module in kept.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module
    draw = np.random.default_rng(5)
    data: dict[str, Any] = {f"X_{part}": draw.normal(size=(8, 6)) for part in ("train", "val")}
    data |= {f"y_{part}": np.arange(8) % _CLASSES for part in ("train", "val")}
    histories = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for family in families:
            copied = [{name: grad.copy() for name, grad in grads.items()} for grads in family.gradients]
            model = _stub()({name: value.copy() for name, value in family.params.items()}, copied, _CLASSES)
            made = names["Solver"](
                model, data, update_rule="sgd", optim_config={"learning_rate": 1e-3},
                num_epochs=len(family.gradients) // 2, batch_size=4, verbose=False,
            )  # fmt: skip
            made.train()
            histories.append(made.log_grad_norm_history)
    return histories


@cache
def asked(home: bool = False) -> published.Norms:
    """All that staff ask, or what is asked at home."""
    sets = [published.norms()] if home else [published.norms(), published.norms(published.UNSEEN_NORMS)]
    return solver.joined(sets)


def passes(histories: Sequence[Any]) -> bool:
    """Whether one accepted reading explains all histories, as the check judges them."""
    try:
        solver.judge_all_norms(histories, asked(), LIMIT)
    except Mismatch:
        return False
    return True


def named(histories: Sequence[Any], norms: published.Norms) -> tuple[str, ...]:
    """What is told."""
    return tuple(slip.id.partition(".")[2] for slip in norm_slips.of(histories, norms, LIMIT))


def judged(program: Program) -> Verdict:
    """What is told of a program."""
    histories = recorded(program, asked().families)
    if passes(histories):
        return Verdict(UNNOTICED if program.slips else RIGHT, (), 0.0)
    start = time.process_time()
    told = named(histories, asked())
    seconds = time.process_time() - start
    at_home = named(histories[: len(asked(home=True).families)], asked(home=True))
    return Verdict(how(program, told, same_function, partial(_explaining, histories)), told, seconds, at_home)


def _explaining(histories: Sequence[Any]) -> list[tuple[str, ...]]:
    found = norm_slips.explaining(histories, asked(), LIMIT)
    return [tuple(slip.partition(".")[2] for slip in slips) for slips in found]


def same_function(program: Program, slips: Sequence[str]) -> bool:
    """Whether a program with these slips, in one style or another, records the same of gradients that nobody asks."""
    found = _numbers(recorded(program, _others()))
    made = (_program_numbers(tuple(slips), seed) for seed in (None, *range(40)))
    return any(len(found) == len(other) and np.allclose(found, other, rtol=1e-6, atol=1e-12) for other in made)


@cache
def _others() -> Sequence[published.Family]:
    shapes = {"W1": (5, 3), "b1": (3,), "W2": (3, 6), "b2": (6,), "W3": (6, 3), "b3": (3,)}
    rising, falling = (0.2, 0.5, 1.0, 2.0, 4.0, 7.0), (6.0, 9.0, 3.0, 1.0, 0.4, 0.2)
    return tuple(gradient_norms._family(77, shapes, "float64", steps=4, factors=factors) for factors in (rising, falling))


def alike() -> tuple[int, list[list[str]]]:
    """How many combinations of one or two slips there are, and which record the same in their plainest style, simplest first."""
    sets = [(), *((slip,) for slip in SLIPS), *pairs()]
    groups: dict[tuple[str, ...], list[str]] = {}
    for slips in sets:
        numbers = tuple(f"{number:.7g}" for number in _program_numbers(slips, None))
        lists = ("lists",) * ("lists" in slips)
        groups.setdefault((*numbers, *lists), []).append(" + ".join(slips) or "right")
    return len(sets) - 1, [group for group in groups.values() if len(group) > 1]


@cache
def _program_numbers(slips: tuple[str, ...], seed: int | None) -> Any:
    return _numbers(recorded(program(slips, seed), _others()))


def _numbers(histories: Sequence[Any]) -> Any:
    return np.concatenate([np.ravel(np.array(history, dtype=np.float64)) for history in histories])
