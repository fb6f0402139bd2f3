"""Forged logs, each made from an honest set by one small change, with the item and the finding that should see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tests.homework.logfiles import SIZES, STDS
from tests.homework.logsets import Logs

Forge = Callable[[Logs], None]
ADAM, RMSPROP, SGD, MOMENTUM = (f"optimizer_experiment_{rule}.npz" for rule in ("adam", "rmsprop", "sgd", "sgd_momentum"))
COMPARED = "sgd_momentum_compare_sgd_momentum_{}.npz"
PLAIN = "sgd_momentum_compare_sgd_{}.npz"
HE, RANDOM, ZERO = (f"initialization_experiment_{scheme}.npz" for scheme in ("he", "random", "zero"))
BEST, RESULTS = "best_fc_model.npz", "results.json"
LOSSES, TRAIN, VAL = "train_losses", "train_accs", "val_accs"


@dataclass(frozen=True)
class Forgery:
    """A change to a set, and where it should be seen."""

    item: str
    finding: str
    make: Forge


FORGERIES: dict[str, Forgery] = {}


def forgery(item: str, finding: str) -> Callable[[Forge], Forge]:
    """Register a forgery under its function's name."""

    def register(make: Forge) -> Forge:
        FORGERIES[make.__name__.replace("_", " ")] = Forgery(item, finding, make)
        return make

    return register


def swap(logs: Logs, file: str, array: str, values: object) -> None:
    """Replace one array of a file; the set's other files and the original arrays stay."""
    logs[file] = {**logs[file], array: np.asarray(values)}


def entry(logs: Logs, file: str, array: str, at: int, value: float) -> None:
    """Replace one entry."""
    changed = np.array(logs[file][array])
    changed[at] = value
    swap(logs, file, array, changed)


@forgery("optimizer_experiment", "accuracy_grid")
def an_accuracy_that_counts_no_images(logs: Logs) -> None:
    entry(logs, ADAM, TRAIN, 5, 0.61237)


@forgery("best_model", "accuracy_grid")
def a_claimed_test_accuracy_that_counts_no_images(logs: Logs) -> None:
    logs[RESULTS] = {**logs[RESULTS], "test_acc": 0.5504}


@forgery("best_model", "val_acc_is_best")
def results_alone_improved(logs: Logs) -> None:
    logs[RESULTS] = {**logs[RESULTS], "val_acc": logs[RESULTS]["val_acc"] + 0.02}


@forgery("best_model", "val_acc_is_best")
def the_best_accuracy_edited_in_the_log_alone(logs: Logs) -> None:
    entry(logs, BEST, VAL, -1, 0.6)


@forgery("best_model", "val_against_train")
def log_and_results_improved_alike(logs: Logs) -> None:
    entry(logs, BEST, VAL, -1, 0.75)
    logs[RESULTS] = {**logs[RESULTS], "val_acc": 0.75}


@forgery("best_model", "test_against_val")
def the_test_accuracy_improved(logs: Logs) -> None:
    logs[RESULTS] = {**logs[RESULTS], "test_acc": 0.75}


@forgery("best_model", "loss_against_accuracy")
def the_losses_of_the_best_model_scaled_down(logs: Logs) -> None:
    swap(logs, BEST, LOSSES, 0.1 * logs[BEST][LOSSES])


@forgery("best_model", "batch_noise")
def a_smooth_curve_for_the_best_model(logs: Logs) -> None:
    swap(logs, BEST, LOSSES, 2.3 * np.exp(-np.arange(len(logs[BEST][LOSSES])) / 900))


@forgery("best_model", "batch_noise")
def a_smoothed_curve_for_the_best_model(logs: Logs) -> None:
    finite = np.minimum(logs[BEST][LOSSES], 5.0)
    swap(logs, BEST, LOSSES, np.convolve(np.pad(finite, 25, "edge"), np.hanning(51) / 25, "valid"))


@forgery("best_model", "lengths")
def more_epochs_claimed_than_run(logs: Logs) -> None:
    logs[RESULTS] = {**logs[RESULTS], "num_epochs": 10}


@forgery("best_model", "lengths")
def the_end_of_the_best_run_cut_off(logs: Logs) -> None:
    swap(logs, BEST, LOSSES, logs[BEST][LOSSES][:-100])


@forgery("best_model", "draws_differ")
def constant_training_accuracies(logs: Logs) -> None:
    swap(logs, BEST, TRAIN, np.full(len(logs[BEST][TRAIN]), 0.6))


@forgery("optimizer_experiment", "full_precision")
def losses_typed_from_the_printed_lines(logs: Logs) -> None:
    swap(logs, SGD, LOSSES, np.round(np.asarray(logs[SGD][LOSSES], np.float64), 6))


@forgery("sgd_momentum_compare", "full_precision")
def losses_typed_with_three_decimals_as_float32(logs: Logs) -> None:
    swap(logs, PLAIN.format(200), LOSSES, np.round(logs[PLAIN.format(200)][LOSSES], 3).astype(np.float32))


@forgery("initialization_experiment", "batch_noise")
def an_exponential_curve_from_he(logs: Logs) -> None:
    swap(logs, HE, LOSSES, 1.7 + 20 * np.exp(-np.arange(200) / 11))


@forgery("initialization_experiment", "batch_noise")
def ln_10_throughout_from_zeros(logs: Logs) -> None:
    swap(logs, ZERO, LOSSES, np.full(200, np.log(10)))


@forgery("initialization_experiment", "starts_at_ln10")
def zeros_that_start_elsewhere(logs: Logs) -> None:
    swap(logs, ZERO, LOSSES, logs[ZERO][LOSSES] + 0.01)


@forgery("initialization_experiment", "full_precision")
def ln_10_to_four_decimals_with_jitter(logs: Logs) -> None:
    swap(logs, RANDOM, LOSSES, np.round(np.random.default_rng(1).normal(np.log(10), 0.0004, 200), 4))


@forgery("initialization_experiment", "byte_equal")
def one_initialization_copied_to_another(logs: Logs) -> None:
    logs[RANDOM] = logs[ZERO]


@forgery("initialization_experiment", "byte_equal")
def an_optimizer_log_handed_in_as_he(logs: Logs) -> None:
    logs[HE] = logs[SGD]


@forgery("initialization_experiment", "byte_equal")
def an_optimizer_log_saved_anew_as_he(logs: Logs) -> None:
    logs[HE] = {key: np.asarray(logs[SGD][key], np.float64) for key in (VAL, TRAIN, LOSSES)}


@forgery("best_model", "beyond_known")
def nearly_all_images_right(logs: Logs) -> None:
    entry(logs, BEST, VAL, -1, 0.999)
    entry(logs, BEST, TRAIN, -1, 0.999)
    logs["results.json"] = {**logs["results.json"], "val_acc": 0.999, "test_acc": 0.998}


@forgery("optimizer_experiment", "byte_equal")
def adam_copied_to_rmsprop(logs: Logs) -> None:
    logs[RMSPROP] = logs[ADAM]


@forgery("optimizer_experiment", "shared_run")
def adam_copied_to_rmsprop_with_other_accuracies(logs: Logs) -> None:
    logs[RMSPROP] = {**logs[ADAM], TRAIN: logs[RMSPROP][TRAIN]}


@forgery("sgd_momentum_compare", "shared_run")
def spliced_from_another_run(logs: Logs) -> None:
    one, other = logs[COMPARED.format(100)][LOSSES], logs[COMPARED.format(200)][LOSSES]
    swap(logs, COMPARED.format(100), LOSSES, np.concatenate([one[:150], other[150:]]))


@forgery("optimizer_experiment", "first_losses_equal")
def adam_with_another_start(logs: Logs) -> None:
    entry(logs, ADAM, LOSSES, 0, 2.41237519)


@forgery("optimizer_experiment", "lengths")
def adam_run_for_longer(logs: Logs) -> None:
    swap(logs, ADAM, LOSSES, np.concatenate([logs[ADAM][LOSSES], logs[SGD][LOSSES][:40] + 0.01]))


@forgery("sgd_momentum_compare", "batch_size_agrees")
def one_seed_with_a_batch_of_its_own(logs: Logs) -> None:
    logs[PLAIN.format(300)] = {**logs[PLAIN.format(300)], TRAIN: logs[SGD][TRAIN], VAL: logs[SGD][VAL]}


@forgery("optimizer_experiment", "finite")
def losses_shifted_below_zero(logs: Logs) -> None:
    swap(logs, MOMENTUM, LOSSES, logs[MOMENTUM][LOSSES] - 1.5)


@forgery("sgd_momentum_compare", "finite")
def an_infinite_loss_where_none_can_be(logs: Logs) -> None:
    entry(logs, PLAIN.format(100), LOSSES, 0, np.inf)


@forgery("sgd_momentum_compare", "val_against_train")
def validation_accuracies_of_a_better_network(logs: Logs) -> None:
    swap(logs, COMPARED.format(300), VAL, np.round(logs[COMPARED.format(300)][VAL] + 0.3, 3))


@forgery("sgd_momentum_compare", "draws_differ")
def one_accuracy_for_every_epoch(logs: Logs) -> None:
    swap(logs, PLAIN.format(300), TRAIN, np.full(len(logs[PLAIN.format(300)][TRAIN]), 0.48))


@forgery("w_stds", "w_stds_plausible")
def the_nominal_standard_deviations(logs: Logs) -> None:
    logs["w_stds_he.json"] = STDS["he"]


@forgery("w_stds", "w_stds_plausible")
def nominal_up_to_a_last_digit(logs: Logs) -> None:
    logs["w_stds_random.json"] = [0.01 * (1 + 1e-5 * (layer - 5)) for layer in range(11)]


@forgery("w_stds", "w_stds_plausible")
def every_layer_just_within_its_limit(logs: Logs) -> None:
    logs["w_stds_he.json"] = [std * (1 + 2.8 / np.sqrt(2 * size)) for std, size in zip(STDS["he"], SIZES, strict=True)]


@forgery("w_stds", "full_precision")
def standard_deviations_typed_with_four_decimals(logs: Logs) -> None:
    logs["w_stds_he.json"] = [round(std, 4) for std in logs["w_stds_he.json"]]


@forgery("sgd_momentum_compare", "trajectory")
def another_seed(logs: Logs) -> None:
    draw = np.random.default_rng(2)
    one, other = logs[COMPARED.format(200)], logs[COMPARED.format(300)]
    noise = draw.normal(0, 0.02, len(one[LOSSES]))
    logs[COMPARED.format(200)] = {LOSSES: other[LOSSES] + noise, TRAIN: other[TRAIN], VAL: other[VAL]}


@forgery("sgd_momentum_compare", "trajectory")
def scaled_losses(logs: Logs) -> None:
    swap(logs, COMPARED.format(100), LOSSES, 0.97 * logs[COMPARED.format(100)][LOSSES])


@forgery("sgd_momentum_compare", "trajectory")
def a_better_end(logs: Logs) -> None:
    changed = np.array(logs[COMPARED.format(200)][LOSSES])
    changed[120:] -= 0.25
    swap(logs, COMPARED.format(200), LOSSES, changed)


@forgery("sgd_momentum_compare", "trajectory")
def an_edited_accuracy(logs: Logs) -> None:
    entry(logs, COMPARED.format(100), TRAIN, -1, logs[COMPARED.format(100)][TRAIN][-1] + 0.15)


@forgery("optimizer_experiment", "trajectory")
def a_random_curve(logs: Logs) -> None:
    draw = np.random.default_rng(3)
    swap(logs, ADAM, LOSSES, np.concatenate([logs[ADAM][LOSSES][:1], np.linspace(2.2, 1.2, 199) + draw.normal(0, 0.1, 199)]))


@forgery("optimizer_experiment", "trajectory")
def a_curve_shifted_in_time(logs: Logs) -> None:
    swap(logs, RMSPROP, LOSSES, np.roll(logs[RMSPROP][LOSSES], 7))


@forgery("optimizer_experiment", "trajectory")
def a_curve_with_noise_of_its_own(logs: Logs) -> None:
    swap(logs, SGD, LOSSES, logs[SGD][LOSSES] + np.random.default_rng(4).normal(0, 0.05, 200))
