"""fc_net.init.* and fc_net.loss: any honest draw passes, each way to get an initialization wrong fails, the loss costs nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.grading.results import Outcome, Report
from grader.homework import fc_net
from tests.homework.conftest import Ask, assert_full_marks, assert_no_marks, lost, right, said

FILE = "deeplearning/classifiers/fc_net.py"
W = 'self.params[f"W{i}"] = '
LINES = {
    "he": f"{W}np.random.normal(0.0, np.sqrt(2.0 / fan_in), (fan_in, fan_out))",
    "random": f"{W}np.random.normal(0.0, weight_scale, (fan_in, fan_out))",
    "zero": f"{W}np.zeros((fan_in, fan_out))",
}
STD = {"he": "np.sqrt(2.0 / fan_in)", "random": "weight_scale"}
NETWORKS: dict[str, fc_net.Build] = fc_net.NETWORKS
HANDOUT, ALL = {"handout_network"}, set(NETWORKS)
DRAWN = ("he", "random")


def instead(scheme: str, *code: str) -> tuple[str, str, str]:
    """Put these statements where the reference initializes W; `std` is the right standard deviation."""
    indent = "\n" + 16 * " "
    return FILE, LINES[scheme], indent.join([f"std = {STD.get(scheme, '0.0')}", *code])


SIZE = "(fan_in, fan_out)"
HONEST = {
    "randn times std": [f"{W}np.random.randn(fan_in, fan_out) * std"],
    "standard_normal": [f"{W}std * np.random.standard_normal(size={SIZE})"],
    "a new generator in each layer": [f"{W}np.random.default_rng().normal(0, std, {SIZE})"],
    "one seeded generator": ["self.rng = np.random.default_rng(7) if i == 1 else self.rng", f"{W}self.rng.normal(0, std, {SIZE})"],
    "seeded once": ["i == 1 and np.random.seed(1)", f"{W}np.random.normal(scale=std, size={SIZE})"],
    "RandomState": [f"{W}np.random.RandomState(i).randn(fan_in, fan_out) * std"],
    "Box-Muller": [
        f"u, angle = 1 - np.random.rand(*{SIZE}), 2 * np.pi * np.random.rand(*{SIZE})",
        f"{W}std * np.sqrt(-2 * np.log(u)) * np.cos(angle)",
    ],
    "Python's random": [
        "import random",
        f"{W}np.array([random.gauss(0, std) for _ in range(fan_in * fan_out)]).reshape(fan_in, fan_out)",
    ],
    "drawn transposed": [f"{W}np.random.normal(0, std, (fan_out, fan_in)).T"],
    "drawn flat in Fortran order": [f"{W}np.random.normal(0, std, fan_in * fan_out).reshape({SIZE}, order='F')"],
    "drawn as float32": [f"{W}np.random.normal(0, std, {SIZE}).astype(np.float32)"],
    "drawn row by row": [f"{W}np.stack([np.random.normal(0, std, fan_out) for _ in range(fan_in)])"],
    "written into an empty array": [f"{W}np.empty({SIZE})", 'self.params[f"W{i}"][...] = np.random.normal(0, std, ' + SIZE + ")"],
    "burnt in and thinned": [f"{W}np.random.normal(0, std, (2 * fan_in, fan_out))[1::2]"],
    "sign flipped": [f"{W}-np.random.normal(0, std, {SIZE})"],
}


@pytest.mark.parametrize("scheme", DRAWN)
@pytest.mark.parametrize("draw", HONEST)
def test_any_honest_normal_draw_passes(ask: Ask, scheme: str, draw: str) -> None:
    assert_full_marks(ask(f"fc_net.init.{scheme}", instead(scheme, *HONEST[draw])))


@pytest.mark.parametrize("scheme", DRAWN)
def test_layers_drawn_from_the_last_to_the_first_pass(ask: Ask, scheme: str) -> None:
    std = {"he": "np.sqrt(2 / dims[k - 1])", "random": "weight_scale"}[scheme]
    code = [
        "if i == 1:",
        "    for k in range(self.num_layers, 0, -1):",
        '        self.params[f"W{k}"] = np.random.normal(0, ' + std + ", (dims[k - 1], dims[k]))",
    ]
    assert_full_marks(ask(f"fc_net.init.{scheme}", instead(scheme, *code)))


@pytest.mark.parametrize("zeros", [f"np.zeros({SIZE}, int)", f"np.zeros({SIZE}, np.float32)", f"-0.0 * np.random.randn(*{SIZE})"])
def test_any_zeros_pass(ask: Ask, zeros: str) -> None:
    assert_full_marks(ask("fc_net.init.zero", instead("zero", W + zeros)))


NORMAL = "np.random.normal(0, {}, (fan_in, fan_out))"
RESAMPLED = "[draw.__setitem__(far, np.random.randn(far.sum())) for far in [abs(draw) > 2] * 9 for far in [abs(draw) > 2]]"
# slip -> the statements, the networks that show it, and a word of the message.
WRONG_DRAWS = {
    "10 % too wide": ([W + NORMAL.format("1.1 * std")], ALL, "standard deviation"),
    "10 % too narrow": ([W + NORMAL.format("0.9 * std")], ALL, "standard deviation"),
    "variance taken for std": ([W + NORMAL.format("std ** 2")], ALL, "standard deviation"),
    "std taken for variance": ([W + NORMAL.format("std ** 0.5")], ALL, "standard deviation"),
    "off centre": ([W + NORMAL.format("std") + " + 0.2 * std"], ALL, "mean"),
    "uniform of the right std": ([f"{W}np.random.uniform(-3**0.5 * std, 3**0.5 * std, {SIZE})"], ALL, "normal distribution"),
    "uniform up to std": ([f"{W}np.random.uniform(-std, std, {SIZE})"], ALL, "standard deviation"),
    "two-valued": ([f"{W}std * np.random.choice([-1.0, 1.0], {SIZE})"], ALL, "normal distribution"),
    "positive half": ([W + "abs(" + NORMAL.format("std") + ")"], ALL, "mean"),
    "truncated": (["draw = np.random.randn(fan_in, fan_out)", RESAMPLED, f"{W}std * draw"], ALL, "standard deviation"),
    "constant": ([f"{W}np.full({SIZE}, std)"], ALL, "mean"),
    "zeros": ([f"{W}np.zeros({SIZE})"], ALL, "standard deviation"),
    "one column copied": ([f"{W}np.repeat(np.random.normal(0, std, (fan_in, 1)), fan_out, axis=1)"], ALL, "W1"),
    "one row copied": ([f"{W}np.tile(np.random.normal(0, std, fan_out), (fan_in, 1))"], ALL, "W1"),
    "a fixed seed in every layer": (["np.random.seed(0)", W + NORMAL.format("std")], ALL, "drawn anew"),
    "a layer handed out again": (
        [
            "draw = " + NORMAL.format("std"),
            "first = self.__dict__.setdefault('first', draw) if i > 1 else draw",
            f"{W}first if i % 2 == 0 and first.shape == draw.shape else draw",
        ],
        HANDOUT,
        "the values go along with those of W2, which is not what",
    ),
    "one matrix for all": (
        [f"draw = self.__dict__.setdefault({SIZE}, np.random.normal(0, std, {SIZE}))", f"{W}draw"],
        HANDOUT | {"other_widths"},  # of which two layers have one shape where staff grade
        "drawn anew",
    ),
    "shape swapped": ([f"{W}np.random.normal(0, std, (fan_out, fan_in))"], ALL, "shape"),
    "flat": ([f"{W}np.random.normal(0, std, fan_in * fan_out)"], ALL, "shape"),
    "one number": ([f"{W}np.array(np.random.normal(0, std))"], ALL, "shape"),
    "one NaN": ([W + NORMAL.format("std"), 'self.params[f"W{i}"][0, 0] = np.nan'], ALL, "NaN"),
    "one huge value": ([W + NORMAL.format("std"), 'self.params[f"W{i}"][0, 0] = 1e30'], ALL, "W1"),
    "last layer left out": ([f"if i < self.num_layers: {W}" + NORMAL.format("std")], ALL, "has no 'W"),
    "last layer left out, first of thrice the std": (
        [f"if i < self.num_layers: {W}" + NORMAL.format("std * (3 if i == 1 else 1)")], ALL, "has no 'W",
    ),
    "last layer of half the std": ([W + NORMAL.format("std * (0.5 if i == self.num_layers else 1)")], ALL, "W"),
    "biases drawn": ([W + NORMAL.format("std"), 'self.params[f"b{i}"] = np.random.normal(0, std, fan_out)'], ALL, "b1"),
    "biases of one": ([W + NORMAL.format("std"), 'self.params[f"b{i}"] = np.ones(fan_out)'], ALL, "b1"),
    "biases as long as the input": ([W + NORMAL.format("std"), 'self.params[f"b{i}"] = np.zeros(fan_in)'], ALL, "b1"),
    "a misspelt name": (['self.params[f"w{i}"] = ' + NORMAL.format("std")], ALL, "W1"),
}  # fmt: skip


@pytest.mark.parametrize("scheme", DRAWN)
@pytest.mark.parametrize("slip", WRONG_DRAWS)
def test_a_wrong_draw_fails_and_says_where(ask: Ask, scheme: str, slip: str) -> None:
    code, networks, word = WRONG_DRAWS[slip]
    found = ask(f"fc_net.init.{scheme}", instead(scheme, *code))
    assert lost(found) == networks, said(found)
    assert word in said(found)


@pytest.mark.parametrize(
    "std",
    ["np.sqrt(2 / fan_out)", "2 / fan_in", "np.sqrt(1 / fan_in)", "np.sqrt(2 / (fan_in + fan_out))", "2 / np.sqrt(fan_in)",
     "np.sqrt(2) / fan_in", "np.sqrt(3 / fan_in)", "np.sqrt(2 / input_dim)", "np.sqrt(2 / 50)", "weight_scale",
     "np.sqrt(2 / fan_in) * weight_scale", "np.sqrt(2 / (fan_in if i < self.num_layers else fan_out))"],
)  # fmt: skip
def test_another_formula_than_he_fails_in_both_networks(ask: Ask, std: str) -> None:
    found = ask("fc_net.init.he", instead("he", W + NORMAL.format(std)))
    assert_no_marks(found)
    assert "standard deviation" in said(found)


def test_layers_that_are_off_are_named_once_each_and_zeros_have_lost_no_signs(ask: Ask) -> None:
    text = said(ask("fc_net.init.he", instead("he", f"{W}np.zeros({SIZE})")))
    assert "these are off: W1, W2." in text
    assert "these are off: W1, W2, W3, W4, W5, W6, W7, W8, W9, W10, W11." in text
    assert " to W" not in text
    assert "signs" not in text


def test_a_truncated_normal_of_the_right_std_is_noticed(ask: Ask) -> None:
    code = ["draw = np.random.randn(fan_in, fan_out)", RESAMPLED, f"{W}std * draw / draw.std()"]
    found = ask("fc_net.init.he", instead("he", *code))
    assert lost(found) >= HANDOUT
    assert "normal distribution" in said(found)


def test_a_weight_scale_that_is_ignored_fails_where_it_is_not_the_default(ask: Ask) -> None:
    found = ask("fc_net.init.random", instead("random", W + NORMAL.format("1e-2")))
    assert lost(found) == {name for name, build in NETWORKS.items() if build.weight_scale != 1e-2}


@pytest.mark.parametrize("scheme", LINES)
@pytest.mark.parametrize("cast", ["float64", "float32", "float16", "int64"])
def test_a_dtype_that_is_ignored_fails_where_another_is_asked_for(ask: Ask, scheme: str, cast: str) -> None:
    edit = (FILE, "self.params[name] = value.astype(dtype)", f"self.params[name] = value.astype(np.{cast})")
    found = ask(f"fc_net.init.{scheme}", edit)
    assert lost(found) == {name for name, build in NETWORKS.items() if build.dtype != cast}
    assert "dtype" in said(found)


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ([f"{W}np.zeros((fan_out, fan_in))"], "shape"),
        ([f"{W}np.zeros(fan_in)"], "shape"),
        ([f"{W}np.full({SIZE}, 1e-30)"], "not all zeros"),
        ([f"{W}np.random.normal(0, weight_scale, {SIZE})"], "not all zeros"),
        ([f"{W}np.zeros({SIZE})", 'self.params[f"W{i}"][-1, -1] = np.nan'], "NaN"),
        ([f"{W}np.zeros({SIZE})", 'self.params[f"b{i}"] = np.ones(fan_out)'], "b1"),
        ([f"if i < self.num_layers: {W}np.zeros({SIZE})"], "has no 'W"),
        (["pass"], "has no 'W1'"),
    ],
)
def test_zeros_that_are_none_fail(ask: Ask, code: list[str], word: str) -> None:
    found = ask("fc_net.init.zero", instead("zero", *code))
    assert_no_marks(found)
    assert word in said(found)


@pytest.mark.parametrize("params", ["None", "[]", "list(self.params.values())", "{'W1': None}", "{'W1': [[0.0]]}"])
def test_params_that_are_no_dict_of_arrays_are_described(ask: Ask, params: str) -> None:
    last = (FILE, "    def loss(self, X, y=None):\n", f"        self.params = {params}\n\n    def loss(self, X, y=None):\n")
    assert_no_marks(ask("fc_net.init.zero", last))


LOSS_EDITS = {
    "regularization doubled": (
        "loss += 0.5 * self.reg * np.sum(w * w)",
        "loss += self.reg * np.sum(w * w)",
        {"scores", "gradients"},
    ),
    "regularization left out of the gradients": ('grads[f"W{i}"] += self.reg * w', "pass", {"scores", "loss"}),
    "last layer without its bias": ('self.params[f"b{last}"])', '0 * self.params[f"b{last}"])', set()),
    "scores never returned alone": (
        "if y is None:\n            return scores",
        "if False:\n            return scores",
        {"loss", "gradients"},
    ),
    "a key renamed": ('grads[f"b{i}"] = dw, db', 'grads[f"B{i}"] = dw, db', {"scores", "loss"}),
    "loss as an array": ("return loss, grads", "return np.array([loss]), grads", {"scores", "gradients"}),
    "gradients as a list": ("return loss, grads", "return loss, list(grads.values())", {"scores", "loss"}),
    "nothing returned": ("return loss, grads", "pass", set()),
}


@pytest.mark.parametrize("slip", LOSS_EDITS)
def test_an_edit_of_the_given_loss_is_noticed_and_costs_nothing(ask: Ask, slip: str) -> None:
    old, new, still_right = LOSS_EDITS[slip]
    found = ask("fc_net.loss", (FILE, old, new))
    assert found.outcome is not Outcome.PASSED
    assert found.shown_only
    assert right(found) == still_right, said(found)
    assert said(found)


def test_a_broken_loss_leaves_the_total_as_it_was(graded: Callable[..., Report], make: Callable[..., Path]) -> None:
    old, new, _ = LOSS_EDITS["nothing returned"]
    whole, broken = graded(make()), graded(make((FILE, old, new)))
    assert broken.score == whole.score
    assert broken.all_passed
    assert {item.id for item in broken.items if item.outcome is not Outcome.PASSED} == {"fc_net.loss"}
