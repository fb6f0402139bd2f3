"""logs.*: every honest set of log files passes, whatever wrote it, and a missing file costs its own part."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np
import pytest

from grader.grading.homework import ROOT
from grader.grading.results import Outcome
from grader.homework.submission_logs import run_lengths
from tests.homework.conftest import Ask, assert_full_marks, assert_no_marks, judged, lost, said
from tests.homework.logfiles import as_json, but, drawn_stds, history, honest, npz, results, sgd_lengths

ITEMS = ("optimizer_experiment", "sgd_momentum_compare", "w_stds", "initialization_experiment", "best_model")


@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("batch", [100, 300, 600, 800, 6000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, ">f8"], ids=["float64", "float32", "big-endian"])
def test_an_honest_set_passes(ask: Ask, item: str, batch: int, dtype: Any) -> None:
    assert_full_marks(judged(ask, item, honest(batch=batch, dtype=dtype, seed=batch)))


@pytest.mark.parametrize("batch", range(100, 6100, 100))
def test_the_real_loop_leaves_the_lengths_the_check_expects(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "student_src"))
    solver_module = importlib.import_module("deeplearning.solver")
    for name in [name for name in sys.modules if name.partition(".")[0] == "deeplearning"]:
        monkeypatch.delitem(sys.modules, name)

    class Model:
        def __init__(self) -> None:
            self.params = {"W1": np.zeros(1)}

        def loss(self, X: Any, y: Any = None) -> Any:
            return np.zeros((len(X), 2)) if y is None else (0.0, {"W1": np.zeros(1)})

    images = {"X_train": np.zeros((60, 1)), "y_train": np.zeros(60), "X_val": np.zeros((1, 1)), "y_val": np.zeros(1)}
    epochs = 5 * batch // 100
    solver = solver_module.Solver(Model(), images, num_epochs=epochs, batch_size=batch // 100, verbose=False)
    solver.train()
    lengths = len(solver.loss_history), len(solver.train_acc_history)
    assert lengths == sgd_lengths(batch) == run_lengths(6000, batch, epochs)


def test_a_batch_size_that_does_not_divide_the_images_is_recognized(ask: Ask) -> None:
    for batch in (700, 1100, 2500, 3100, 5900, 7000):
        assert_full_marks(judged(ask, "sgd_momentum_compare", honest(batch=batch)))


@pytest.mark.parametrize("losses", [but(np.full(200, 2.0), 0, np.inf), np.full(200, np.inf)])
def test_he_may_start_at_infinity(ask: Ask, losses: Any) -> None:
    files = honest() | {"initialization_experiment_he.npz": history(train_losses=losses)}
    assert_full_marks(judged(ask, "initialization_experiment", files))


@pytest.mark.parametrize("seed", range(12))
def test_the_stds_of_an_honest_draw_pass(ask: Ask, seed: int) -> None:
    assert_full_marks(judged(ask, "w_stds", honest(seed=seed)))


@pytest.mark.parametrize("final", [(0.10, 0.13), (0.68, 0.73), (0.5, 0.5), (0.0, 0.0), (0.539, 0.5)])
def test_either_reading_of_the_accuracy_difference_passes(ask: Ask, final: tuple[float, float]) -> None:
    assert_full_marks(judged(ask, "sgd_momentum_compare", honest() | finals(*final)))


def finals(sgd: float, momentum: float) -> dict[str, bytes]:
    """The six comparison logs with these final training accuracies."""
    files = {}
    for seed in (100, 200, 300):
        files[f"sgd_momentum_compare_sgd_{seed}.npz"] = history(300, 16, train=sgd)
        files[f"sgd_momentum_compare_sgd_momentum_{seed}.npz"] = history(300, 6, train=momentum)
    return files


def test_a_slip_in_the_optional_rule_costs_nothing(ask: Ask) -> None:
    for data in (history(train=0.3), b"", None):
        found = judged(ask, "optimizer_experiment", honest() | {"optimizer_experiment_rmsprop.npz": data})
        assert lost(found) == {"rmsprop"}
        assert (found.outcome, found.score) == (Outcome.PASSED, found.maximum)
        assert ("optimizer_experiment_rmsprop.npz" in said(found)) is (data is not None)  # its absence is not worth a word


@pytest.mark.parametrize(
    ("item", "name", "parts"),
    [
        ("optimizer_experiment", "optimizer_experiment_adam.npz", {"adam"}),
        ("sgd_momentum_compare", "sgd_momentum_compare_sgd_300.npz", {"sgd_300", "accuracies_agree"}),
        ("w_stds", "w_stds_zero.json", {"zero"}),
        ("initialization_experiment", "initialization_experiment_random.npz", {"random"}),
        ("best_model", "best_fc_model.npz", {"history", "accuracy"}),
        ("best_model", "results.json", {"results", "history", "accuracy"}),
    ],
)
def test_a_missing_file_loses_its_parts_and_is_named(ask: Ask, item: str, name: str, parts: set[str]) -> None:
    found = judged(ask, item, honest() | {name: None})
    assert lost(found) == parts
    assert name in said(found)


@pytest.mark.parametrize("item", ITEMS)
def test_without_any_log_the_item_is_missing(ask: Ask, item: str) -> None:
    found = judged(ask, item, {})
    assert_no_marks(found, Outcome.MISSING)
    assert len([finding for finding in found.findings if finding.student]) == 1


def test_settings_as_other_kinds_of_numbers_pass(ask: Ask) -> None:
    for replaced in ({"num_epochs": 10.0, "batch_size": 200.0}, {"lr_decay": 1}, {"extra": [1, 2]}, {"val_acc": 0.5030000001}):
        assert_full_marks(judged(ask, "best_model", honest() | {"results.json": results(**replaced)}))


def test_a_claim_that_differs_from_the_log_is_told_to_staff_and_costs_nothing(ask: Ask) -> None:
    found = judged(ask, "best_model", honest() | {"results.json": results(val_acc=0.55)})
    assert (found.score, lost(found)) == (found.maximum, set())
    assert any("0.55" in finding.staff and "0.503" in finding.staff for finding in found.findings)
    assert not said(found)


def test_numpy_scalars_and_further_arrays_in_a_log_pass(ask: Ask) -> None:
    accuracies = {"train_accs": [np.float64(0.5)] * 6, "val_accs": np.array([0, 1, 0, 1, 1, 1])}
    log = npz(train_losses=[np.float32(2.0)] * 200, lr=np.float32(1e-3), **accuracies)
    assert_full_marks(judged(ask, "optimizer_experiment", honest() | {"optimizer_experiment_adam.npz": log}))


def test_stds_written_as_whole_numbers_pass(ask: Ask) -> None:
    assert_full_marks(
        judged(ask, "w_stds", honest() | {"w_stds_zero.json": b"\xef\xbb\xbf[0, 0, 0, 0, 0, 0, 0, 0, 0, -0.0, 0]\r\n"})
    )
    stds = as_json([round(std, 5) for std in drawn_stds("he", 3)])
    assert_full_marks(judged(ask, "w_stds", honest() | {"w_stds_he.json": stds}))
