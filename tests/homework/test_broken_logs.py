"""logs.*: a rule that is broken in one way costs exactly the parts it concerns, and the message names file and entry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grader.grading.results import Outcome
from tests.homework.conftest import Ask, judged, lost, said
from tests.homework.logfiles import STDS, as_json, but, history, honest, results, sgd_lengths

LOSSES, ACCURACIES = np.full(200, 2.0), np.full(6, 0.5)
# What replaces one of a run's arrays, the array's name, and a word that says what is wrong.
BROKEN_HISTORIES: dict[str, tuple[dict[str, Any], str, str]] = {
    "one loss short": ({"train_losses": LOSSES[1:]}, "train_losses", "199"),
    "one loss more": ({"train_losses": np.full(201, 2.0)}, "train_losses", "201"),
    "no losses": ({"train_losses": []}, "train_losses", "0"),
    "one accuracy short": ({"train_accs": ACCURACIES[1:]}, "train_accs", "5"),
    "one accuracy more": ({"val_accs": np.full(7, 0.5)}, "val_accs", "7"),
    "a loss is NaN": ({"train_losses": but(LOSSES, 7, np.nan)}, "train_losses", "NaN"),
    "an accuracy in per cent": ({"train_accs": but(ACCURACIES, 5, 50.0)}, "train_accs[5]", "50"),
    "an accuracy below zero": ({"val_accs": but(ACCURACIES, 3, -0.1)}, "val_accs[3]", "-0.1"),
    "an accuracy is NaN": ({"val_accs": but(ACCURACIES, 2, np.nan)}, "val_accs[2]", "nan"),
    "an accuracy is infinite": ({"train_accs": but(ACCURACIES, 0, np.inf)}, "train_accs[0]", "inf"),
    "losses left out": ({"train_losses": None}, "train_losses", "no entry"),
    "misspelt": ({"train_losses": None, "train_loss": LOSSES}, "train_losses", "it has 'train_loss'"),
    "accuracies left out": ({"val_accs": None}, "val_accs", "no entry"),
    "losses in two dimensions": ({"train_losses": LOSSES.reshape(20, 10)}, "train_losses", "(20, 10)"),
    "one number": ({"val_accs": 0.5}, "val_accs", "list of numbers"),
    "texts": ({"train_losses": LOSSES.astype(str)}, "train_losses", "list of numbers"),
    "complex": ({"train_losses": LOSSES.astype(complex)}, "train_losses", "complex128"),
    "booleans": ({"train_accs": ACCURACIES > 0}, "train_accs", "bool"),
    "dates": ({"train_losses": LOSSES.astype("M8[s]")}, "train_losses", "list of numbers"),
}  # fmt: skip


@pytest.mark.parametrize("slip", BROKEN_HISTORIES)
@pytest.mark.parametrize(
    ("item", "name", "part"),
    [
        ("optimizer_experiment", "optimizer_experiment_sgd_momentum.npz", "sgd_momentum"),
        ("initialization_experiment", "initialization_experiment_he.npz", "he"),
    ],
)
def test_a_broken_history_loses_its_part_and_names_file_and_entry(ask: Ask, item: str, name: str, part: str, slip: str) -> None:
    replaced, entry, word = BROKEN_HISTORIES[slip]
    found = judged(ask, item, honest() | {name: history(**replaced)})
    assert lost(found) == {part}, said(found)
    for expected in (name, entry, word):
        assert expected in said(found, part)


BEST, RESULTS = "best_fc_model.npz", "results.json"
COMPARE, MOMENTUM = "sgd_momentum_compare_sgd_", "sgd_momentum_compare_sgd_momentum_"
AGREE = "accuracies_agree"
# item -> slip -> the file, its bytes, the parts lost, and words of the message.
BROKEN_RULES: dict[str, dict[str, tuple[str, bytes, set[str], tuple[str, ...]]]] = {
    "optimizer_experiment": {
        "adam does not learn": ("optimizer_experiment_adam.npz", history(train=0.449), {"adam"}, ("reaches 0.449", "0.45")),
        "rmsprop does not learn": ("optimizer_experiment_rmsprop.npz", history(train=0.3), {"rmsprop"}, ("reaches 0.300",)),
        "sgd diverges": ("optimizer_experiment_sgd.npz", history(train_losses=but(LOSSES, 199, np.inf)), {"sgd"}, ("[199]", "inf")),
    },
    "sgd_momentum_compare": {
        "momentum for ten epochs": (
            f"{MOMENTUM}200.npz", history(600, 11), {"sgd_momentum_200", AGREE}, ("train_losses", "600", "300")
        ),
        "momentum with another batch": (
            f"{MOMENTUM}100.npz", history(150, 6), {"sgd_momentum_100", AGREE}, ("train_losses", "150")
        ),
        "no such batch size": (f"{COMPARE}300.npz", history(300, 17), {"sgd_300", AGREE}, ("300 losses", "17", "multiple")),
        "batch size 50": (f"{COMPARE}300.npz", history(240, 3), {"sgd_300", AGREE}, ("240 losses", "multiple")),
        "empty": (f"{COMPARE}300.npz", history(0, 0), {"sgd_300", AGREE}, ("0 losses", "multiple")),
        "another batch for one seed": (
            f"{COMPARE}200.npz", history(*sgd_lengths(600), train=0.55), {AGREE}, ("different batch sizes", "600", "200")
        ),
        "sgd lags behind": (f"{COMPARE}100.npz", history(300, 16, train=0.2), {AGREE}, ("differ", "0.04")),
    },
    "w_stds": {
        "he with fan_out": ("w_stds_he.json", as_json([0.2] * 11), {"he"}, ("layer 1", "0.2")),
        "he 10 % off in layer 5": ("w_stds_he.json", as_json([*STDS["he"][:4], 0.22, *[0.2] * 6]), {"he"}, ("layer 5", "0.22")),
        "he, last layer not He": ("w_stds_he.json", as_json([*STDS["he"][:10], 0.01]), {"he"}, ("layer 11", "0.01")),
        "he, variances": ("w_stds_he.json", as_json([std**2 for std in STDS["he"]]), {"he"}, ("layer 1",)),
        "he, negative": ("w_stds_he.json", as_json([STDS["he"][0], -0.2, *STDS["he"][2:]]), {"he"}, ("layer 2", "-0.2")),
        "he, infinite": ("w_stds_he.json", b"[Infinity" + b", 0.2" * 10 + b"]", {"he"}, ("layer 1", "inf")),
        "he, huge": ("w_stds_he.json", as_json([STDS["he"][0], *[1e300] * 10]), {"he"}, ("layer 2", "1e+300")),
        "he, NaN": ("w_stds_he.json", as_json([float("nan"), *STDS["he"][1:]]), {"he"}, ("layer 1", "nan")),
        "random with the wrong scale": ("w_stds_random.json", as_json([0.001] * 11), {"random"}, ("layer 1", "0.001")),
        "random, all zero": ("w_stds_random.json", as_json([0] * 11), {"random"}, ("layer 1",)),
        "zero not zero": ("w_stds_zero.json", as_json([0.0] * 10 + [1e-9]), {"zero"}, ("layer 11", "1e-09")),
        "ten numbers": ("w_stds_zero.json", as_json([0.0] * 10), {"zero"}, ("10", "11")),
        "twelve numbers": ("w_stds_he.json", as_json([*STDS["he"], 0.2]), {"he"}, ("12", "11")),
        "a text among them": ("w_stds_random.json", as_json(["0.01", *[0.01] * 10]), {"random"}, ("[0]", "str")),
        "a list among them": ("w_stds_random.json", as_json([*[0.01] * 10, [0.01]]), {"random"}, ("[10]", "list")),
        "true": ("w_stds_zero.json", as_json([False] * 11), {"zero"}, ("[0]", "number")),
        "by name": ("w_stds_he.json", as_json({f"W{i}": 0.2 for i in range(11)}), {"he"}, ("dict", "list of numbers")),
        "null": ("w_stds_he.json", b"null", {"he"}, ("None", "list of numbers")),
    },
    "initialization_experiment": {
        "zero learns": ("initialization_experiment_zero.npz", history(), {"zero"}, ("train_losses", "ln 10")),
        "random starts elsewhere": (
            "initialization_experiment_random.npz", history(constant=True, train_losses=but(np.full(200, 2.303), 0, 5.5)),
            {"random"}, ("train_losses[0]", "5.5", "ln 10"),
        ),
        "zero explodes": ("initialization_experiment_zero.npz", history(train_losses=[np.inf] * 200), {"zero"}, ("inf", "ln 10")),
        "he with 8 epochs": ("initialization_experiment_he.npz", history(320, 9), {"he"}, ("train_losses", "320", "200")),
    },
    "best_model": {
        "another rule": (RESULTS, results(update_rule="sgd"), {"results"}, ("update_rule", "'sgd'", "adam")),
        "no rule": (RESULTS, results(update_rule=None), {"results"}, ("update_rule", "no entry")),
        "a rule that is no text": (RESULTS, results(update_rule=["adam"]), {"results"}, ("update_rule", "list")),
        "test_acc in per cent": (RESULTS, results(test_acc=48.1), {"results"}, ("test_acc", "48.1")),
        "lr as a text": (RESULTS, results(lr="1e-3"), {"results"}, ("lr", "str")),
        "lr zero": (RESULTS, results(lr=0), {"results"}, ("lr", "positive")),
        "lr_decay left out": (RESULTS, results(lr_decay=None), {"results"}, ("lr_decay", "no entry")),
        "lr_decay negative": (RESULTS, results(lr_decay=-0.9), {"results"}, ("lr_decay", "-0.9")),
        "lr infinite": (RESULTS, results(lr=float("inf")), {"results"}, ("lr", "inf")),
        "half an epoch": (RESULTS, results(num_epochs=10.5), {"results", "history"}, ("num_epochs", "10.5", "whole")),
        "num_epochs NaN": (RESULTS, results(num_epochs=float("nan")), {"results", "history"}, ("num_epochs", "nan")),
        "num_epochs infinite": (RESULTS, results(num_epochs=float("inf")), {"results", "history"}, ("num_epochs", "inf")),
        "batch_size zero": (RESULTS, results(batch_size=0), {"results", "history"}, ("batch_size", "whole")),
        "batch_size true": (RESULTS, results(batch_size=True), {"results", "history"}, ("batch_size", "True")),
        "batch_size of another run": (RESULTS, results(batch_size=100), {"history"}, (BEST, "train_losses", "2450", "4900")),
        "one epoch more": (RESULTS, results(num_epochs=11), {"history"}, (BEST, "train_losses", "2450", "2695")),
        "val_acc in per cent": (RESULTS, results(val_acc=50.3), {"results", "accuracy"}, ("val_acc", "50.3")),
        "val_acc too low": (RESULTS, results(val_acc=0.449), {"accuracy"}, ("0.449", "0.45", RESULTS)),
        "accuracies too low": (BEST, history(2450, 11, val=0.44), {"accuracy"}, ("0.440", "0.45", BEST)),
        "one loss short": (BEST, history(2449, 11), {"history"}, (BEST, "train_losses", "2449")),
        "no accuracies": (BEST, history(2450, 0), {"history", "accuracy"}, (BEST, "train_accs", "0 entries")),
        "not a dict": (RESULTS, as_json([0.503]), {"results", "history", "accuracy"}, (RESULTS, "list")),
    },
}  # fmt: skip


@pytest.mark.parametrize(("item", "slip"), [(item, slip) for item, slips in BROKEN_RULES.items() for slip in slips])
def test_a_broken_rule_loses_exactly_its_parts_and_says_which(ask: Ask, item: str, slip: str) -> None:
    name, data, parts, words = BROKEN_RULES[item][slip]
    found = judged(ask, item, honest() | {name: data})
    assert lost(found) == parts, said(found)
    assert found.outcome is (Outcome.WRONG if parts == set(found.parts) else found.outcome)
    assert found.outcome is not Outcome.MISSING
    for word in words:
        assert word in said(found)


def test_points_follow_the_weights_of_the_parts(ask: Ask) -> None:
    for item, slip, score in (
        ("optimizer_experiment", "adam does not learn", 4),
        ("best_model", "another rule", 4),
        ("w_stds", "null", 2),
    ):
        name, data, _, _ = BROKEN_RULES[item][slip]
        assert judged(ask, item, honest() | {name: data}).score == score


@pytest.mark.parametrize(
    ("item", "slip", "factor"),
    [
        ("optimizer_experiment", "adam does not learn", 0.45 / 0.449),
        ("best_model", "val_acc too low", 0.45 / 0.449),
        ("best_model", "another rule", None),
    ],
)
def test_a_missed_threshold_says_by_what_factor(ask: Ask, item: str, slip: str, factor: float | None) -> None:
    name, data, _, _ = BROKEN_RULES[item][slip]
    found = [one.missed_by for one in judged(ask, item, honest() | {name: data}).findings if one.missed_by is not None]
    assert found == ([pytest.approx(factor)] if factor else [])


def test_accuracies_that_hardly_disagree_say_by_what_factor(ask: Ask) -> None:
    def missed(train: float) -> list[float]:
        logs = honest() | {f"{COMPARE}{seed}.npz": history(300, 16, train=train) for seed in (100, 200, 300)}
        return [one.missed_by for one in judged(ask, "sgd_momentum_compare", logs).findings if one.missed_by is not None]

    (far,), (further,) = missed(0.3), missed(0.2)
    assert 1 < far < further
