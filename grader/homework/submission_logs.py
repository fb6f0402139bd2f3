"""submission_logs/: what the notebook recorded. Names, keys, lengths, ranges and the handout's thresholds; nothing is run again.

Staff's half adds quiet parts to these items (`hidden/log_consistency.py`): what does not fit together is told to staff and costs
nothing unless the rubric gives such a part a weight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from ..grading import expect, sampling
from ..grading.context import Context
from ..grading.expect import Array
from ..grading.findings import Mismatch
from ..submission.collect import Submission
from ..submission.text import name as cleaned
from .files import COMPARED, FC_NET, LAYOUT, OPTIM, RULES, SCHEMES
from .log_reader import HISTORY, MAX_ENTRIES, OPTIONAL, Blanks, LogReader
from .registry import check
from .sections import SECTIONS

LN_10 = math.log(10.0)
SEEDS = (100, 200, 300)
_TRAIN_IMAGES = 49_000
_INITIALIZATIONS = f"The notebook's cell that compares the initializations ({SECTIONS['initialization']})"
_CELLS = {  # beginning of a log's name -> what writes it
    "optimizer_experiment": f"The notebook's cell that compares the four update rules ({SECTIONS['adam']})",
    "sgd_momentum_compare": f"The notebook's cell that tunes the batch size of plain SGD ({SECTIONS['momentum']})",
    "w_stds": _INITIALIZATIONS,
    "initialization_experiment": _INITIALIZATIONS,
    "best_fc_model": f"The notebook's cell behind the training ({SECTIONS['test']})",
    "results": f"The notebook's cell behind the training ({SECTIONS['test']})",
}
_ADAM, _MOMENTUM, _RMSPROP = "optim.adam.golden", "optim.sgd_momentum.golden", "optim.rmsprop.golden"
_HE, _ZERO = "fc_net.init.he", "fc_net.init.zero"
_RANDOM, _LOSS = (FC_NET, "random"), (FC_NET, "loss")  # given in most terms
_INITIALIZED: Final = {"he": (FC_NET, "he"), "zero": (FC_NET, "zero")}
_BLANKS: Final = {  # what has to be written before a run can be made, by the beginning of its name; RMSProp is optional
    "optimizer_experiment": Blanks({"sgd_momentum": (OPTIM, "sgd_momentum"), "adam": (OPTIM, "adam")}, (_RANDOM, _LOSS)),
    "sgd_momentum_compare": Blanks({"sgd_momentum": (OPTIM, "sgd_momentum")}, (_RANDOM, _LOSS)),
    "w_stds": Blanks(_INITIALIZED, (_RANDOM,)),
    "initialization_experiment": Blanks(_INITIALIZED, (_RANDOM, _LOSS)),
    "best_model": Blanks({}, ((OPTIM, "adam"), (FC_NET, "he"), _LOSS)),
}


def writer(name: str) -> str:
    """What writes the log of this name, as the beginning of a sentence."""
    return next(cell for start, cell in _CELLS.items() if name.startswith(start))


def missing_logs(submission: Submission) -> list[str]:
    """Sentences on the logs that are not in a submission, by the cell that writes them; optional ones are not missed."""
    texts = []
    absent: dict[str, list[str]] = {}
    for name in LAYOUT.expected_logs:
        path = LAYOUT.log(name)
        if path in submission.refused:
            texts.append(submission.refused[path])
        elif path not in submission.logs and name not in OPTIONAL:
            absent.setdefault(writer(name), []).append(name)
    for cell, names in absent.items():
        texts.append(f"{', '.join(names)} in {LAYOUT.logs}/. {cell} writes {'it' if len(names) == 1 else 'them'}.")
    return texts


@check("logs.optimizer_experiment", parts=RULES, reads=("logs",), tolerances=("train_accuracy",))
def optimizer_experiment(context: Context) -> None:
    """optimizer_experiment_*.npz: 200 iterations with each update rule."""
    logs = LogReader(context, _CELLS["optimizer_experiment"])
    wanted = context.limit("train_accuracy")
    for rule in RULES:
        with logs.part(rule):
            name = f"optimizer_experiment_{rule}.npz"
            history = logs.npz(name, (200, 6))
            _lengths(history, name, 200, 6)
            expect.finite(history["train_losses"], f"{name}: train_losses")
            if rule in ("adam", "rmsprop"):
                best = float(history["train_accs"].max())
                if not best >= wanted:
                    raise Mismatch(
                        f"{name}: the training accuracy reaches {best:.3f}; it should reach {wanted:g} in 5 epochs.",
                        missed_by=_times(wanted, best),
                    )
    calls = {"sgd_momentum.npz": (_MOMENTUM,), "adam.npz": (_ADAM,), "rmsprop.npz": (_RMSPROP,)}
    logs.close("optimizer_experiment", calls, _BLANKS["optimizer_experiment"])


@check("logs.sgd_momentum_compare", parts=(*COMPARED, "accuracies_agree"), reads=("logs",), tolerances=("difference",))
def sgd_momentum_compare(context: Context) -> None:
    """sgd_momentum_compare_*.npz: SGD with a larger batch keeps up with momentum, over three seeds."""
    logs = LogReader(context, _CELLS["sgd_momentum_compare"])
    final: dict[str, list[float]] = {"sgd": [], "sgd_momentum": []}
    batches: dict[int, int] = {}
    for rule in final:
        for seed in SEEDS:
            with logs.part(f"{rule}_{seed}"):
                name = f"sgd_momentum_compare_{rule}_{seed}.npz"
                history = logs.npz(name, (300, 6) if rule == "sgd_momentum" else None)
                if rule == "sgd":
                    batches[seed] = logs.evidence.batches[name] = _batch_size(history, name)
                else:
                    _lengths(history, name, 300, 6)
                expect.finite(history["train_losses"], f"{name}: train_losses")
                final[rule].append(float(history["train_accs"][-1]))
    with logs.part("accuracies_agree", of=COMPARED):
        _accuracies_agree(final, batches, context.limit("difference"))
    calls = {f"momentum_{seed}.npz": (_MOMENTUM,) for seed in SEEDS}
    logs.close("sgd_momentum_compare", calls, _BLANKS["sgd_momentum_compare"])


@check("logs.w_stds", parts=SCHEMES, reads=("logs",), tolerances=("false_alarm",))
def w_stds(context: Context) -> None:
    """w_stds_*.json: the standard deviation of each layer's weights, for each initialization."""
    logs = LogReader(context, _INITIALIZATIONS)
    wanted = {
        "he": np.array([0.02551551815399] + [0.2] * 10),
        "random": np.full(11, 0.01),
        "zero": np.zeros(11),
    }
    sizes = [3072 * 50] + [2500] * 9 + [500]
    for scheme in SCHEMES:
        with logs.part(scheme):
            name = f"w_stds_{scheme}.json"
            stds = expect.numbers(logs.json(name), name, length=11)
            logs.evidence.stds[name] = (stds, wanted[scheme].tolist(), sizes)
            for layer, (found, std, size) in enumerate(zip(stds, wanted[scheme], sizes, strict=True), start=1):
                if std == 0:
                    fits = bool(found == 0)
                else:
                    ratio = max(0.0, min(float(found) / float(std), 1e9))  # its square is finite, also for a claim of 1e308
                    p = sampling.chi_square_p(size * ratio**2, size - 1)
                    fits = found > 0 and p >= context.limit("false_alarm") / 22
                if not fits:
                    raise Mismatch(
                        f"{name}: layer {layer} has standard deviation {found:.4g}, which {size} weights initialized with "
                        f"'{scheme}' do not have.",
                        f"expected about {std:.6g}",
                    )
    logs.close("w_stds", {"he.json": (_HE,), "zero.json": (_ZERO,)}, _BLANKS["w_stds"])


@check("logs.initialization_experiment", parts=SCHEMES, reads=("logs",), tolerances=("loss",))
def initialization_experiment(context: Context) -> None:
    """initialization_experiment_*.npz: 200 iterations from each initialization."""
    logs = LogReader(context, _INITIALIZATIONS)
    near = context.limit("loss")
    for scheme in SCHEMES:
        with logs.part(scheme):
            name = f"initialization_experiment_{scheme}.npz"
            history = logs.npz(name, (200, 6))
            _lengths(history, name, 200, 6)
            losses = history["train_losses"]
            if scheme == "he":  # may start at inf: the softmax of large scores
                continue
            off = ~(np.abs(losses - LN_10) <= near)
            if off.any():
                at = int(np.argmax(off))
                raise Mismatch(
                    f"{name}: train_losses[{at}] is {losses[at]:.4g}; with '{scheme}' weights the loss starts at ln 10 = 2.3026 "
                    "and stays there."
                )
    logs.close("initialization_experiment", {"he.npz": (_HE,), "zero.npz": (_ZERO,)}, _BLANKS["initialization_experiment"])


@check("logs.best_model", parts=("history", "results", "accuracy"), reads=("logs",), tolerances=("val_accuracy",))
def best_model(context: Context) -> None:
    """best_fc_model.npz and results.json: the best model's history, settings and validation accuracy."""
    logs = LogReader(context, _CELLS["best_fc_model"])
    wanted = context.limit("val_accuracy")
    settings: dict[str, float] = {}
    history: dict[str, Array] = {}
    logs.evidence.results = settings  # filled below
    with logs.part("results"):
        _settings(logs.json("results.json"), settings)
    with logs.part("history"):
        name = "best_fc_model.npz"
        run = None
        if settings.keys() >= {"num_epochs", "batch_size"}:
            logs.evidence.batches[name] = int(settings["batch_size"])
            run = run_lengths(_TRAIN_IMAGES, int(settings["batch_size"]), int(settings["num_epochs"]))
        history = logs.npz(name, run)
        if run is None:
            raise Mismatch(f"{name} cannot be held against results.json, whose num_epochs or batch_size is missing or not right.")
        _lengths(history, name, *run)
    with logs.part("accuracy", of=("history", "results")):
        if "val_acc" not in settings or not history or not history["val_accs"].size:
            raise Mismatch("The validation accuracy needs val_accs in best_fc_model.npz and val_acc in results.json.")
        best, claimed = float(history["val_accs"].max()), settings["val_acc"]
        if not (best >= wanted and claimed >= wanted):
            raise Mismatch(
                f"The best validation accuracy is {best:.3f} in best_fc_model.npz and {claimed:.3f} in results.json; "
                f"it should be at least {wanted:g}.",
                missed_by=_times(wanted, min(best, claimed)),
            )
    fits = logs.close("best_model", {"model.npz": (_ADAM, _HE)}, _BLANKS["best_model"])
    own = fits and not logs.evidence.shipped  # what does not fit together, or the course handed out, is no record of theirs
    if own and context.passed >= {"history", "results", "accuracy"}:
        context.measured["val_accuracy"] = min(float(history["val_accs"].max()), settings["val_acc"])


def _settings(results: Any, usable: dict[str, float]) -> None:
    """Put the settings that are right into `usable`, whatever the others are; then raise for the first that is not."""
    whole, share, positive = "a whole number of at least 1", "an accuracy, between 0 and 1", "a positive number"
    wanted: dict[str, tuple[str, Callable[[float], bool]]] = {
        "val_acc": (share, lambda value: 0 <= value <= 1),
        "test_acc": (share, lambda value: 0 <= value <= 1),
        "lr": (positive, lambda value: 0 < value < math.inf),
        "num_epochs": (whole, lambda value: 1 <= value <= MAX_ENTRIES and value == int(value)),
        "batch_size": (whole, lambda value: 1 <= value <= MAX_ENTRIES and value == int(value)),
        "lr_decay": (positive, lambda value: 0 < value < math.inf),
    }
    wrong: list[Mismatch] = []
    for key, (kind, fits) in wanted.items():
        try:
            value = expect.number(expect.item(results, key, "results.json"), f"results.json: {key}")
            if not fits(value):
                raise Mismatch(f"results.json: {key} is {value:g}; it should be {kind}.")
            usable[key] = value
        except Mismatch as mismatch:
            wrong.append(mismatch)
    if wrong:
        raise wrong[0]
    rule = expect.item(results, "update_rule", "results.json")
    if rule != "adam":
        shown = f"'{cleaned(rule, 40)}'" if isinstance(rule, str) and len(rule) < 40 else expect.describe(rule)
        raise Mismatch(f"results.json: update_rule is {shown}; the handout asks for adam.")


def _lengths(history: Mapping[str, Array], name: str, iterations: int, accuracies: int) -> None:
    for key, length in (("train_losses", iterations), ("train_accs", accuracies), ("val_accs", accuracies)):
        if history[key].size != length:
            raise Mismatch(f"{name}: {key} has {history[key].size} entries; this run leaves {length}.")


def run_lengths(images: int, batch: int, epochs: int) -> tuple[int, int]:
    """How many losses and how many accuracies a training run leaves.

    Accuracies are taken after iteration 1 and at each epoch's end; where an epoch is one iteration, the first two coincide.
    """
    per_epoch = max(images // batch, 1)
    return epochs * per_epoch, epochs + (1 if per_epoch > 1 else 0)


def _batch_size(history: Mapping[str, Array], name: str) -> int:
    """The batch size B a plain-SGD log belongs to, from its lengths: 5·B/100 epochs on 6000 images."""
    losses, accuracies, val_accuracies = (history[key].size for key in HISTORY)
    for batch in range(100, 100 * (accuracies // 5 + 2), 100):
        if run_lengths(6000, batch, batch // 20) == (losses, accuracies) and accuracies == val_accuracies:
            return batch
    raise Mismatch(
        f"{name}: {losses} losses, {accuracies} training and {val_accuracies} validation accuracies belong to no batch size "
        "that is a multiple of 100."
    )


def _accuracies_agree(final: Mapping[str, list[float]], batches: Mapping[int, int], limit: float) -> None:
    """Either reading passes: the difference of the two mean accuracies (the handout's words) or its rel_error (its code)."""
    if any(len(values) != len(SEEDS) for values in final.values()):
        raise Mismatch("The accuracies can be compared only when all six sgd_momentum_compare files are right.")
    if len(set(batches.values())) != 1:
        sizes = ", ".join(f"{batch} (seed {seed})" for seed, batch in batches.items())
        raise Mismatch(f"The three plain-SGD runs use different batch sizes: {sizes}.")
    sgd, momentum = (sum(final[rule]) / len(SEEDS) for rule in ("sgd", "sgd_momentum"))
    difference = abs(sgd - momentum)
    relative = difference / max(1e-8, sgd + momentum)
    if not min(difference, relative) < limit:
        raise Mismatch(
            f"The mean final training accuracies are {sgd:.4f} (SGD) and {momentum:.4f} (momentum): they differ by "
            f"{difference:.4f}, relatively {relative:.4f}; it should be less than {limit:g}.",
            missed_by=_times(min(difference, relative), limit),
        )


def _times(value: float, limit: float) -> float | None:
    """How many times the limit a value is."""
    return value / limit if limit > 0 else None
