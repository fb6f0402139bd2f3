"""submission_logs/: what the notebook recorded. Names, keys, lengths, ranges and the handout's thresholds; nothing is run again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import expect, sampling
from ..exam import Exam, check
from ..expect import Array
from ..finding import Finding, Mismatch
from ..sandbox.ending import SessionEnded
from ..student import Missing
from ..text import clean

LN_10 = math.log(10.0)
HISTORY = ("train_losses", "train_accs", "val_accs")
SEEDS = (100, 200, 300)
_TRAIN_IMAGES = 49_000
_RULES = ("sgd", "sgd_momentum", "adam", "rmsprop")
_SCHEMES = ("he", "random", "zero")
_COMPARED = tuple(f"{rule}_{seed}" for rule in ("sgd", "sgd_momentum") for seed in SEEDS)
_MAX_ENTRIES = 1_000_000


class LogReader:
    """Opens an item's log files in the sandbox; a file that is missing or cannot be opened costs only its own part."""

    def __init__(self, exam: Exam, cell: str) -> None:
        """`cell` names the notebook section that writes these files, for messages."""
        self._exam = exam
        self._cell = cell
        self._absent: list[str] = []
        self._place = -1

    @contextmanager
    def part(self, name: str, *, of: tuple[str, ...] = ()) -> Iterator[None]:
        """As `Exam.part`; a file that is missing or ends its reader fails this part only.

        `of` names the parts a part without a file of its own is made of: it is missing when all of them are.
        """
        if of and self._exam.missing >= set(of):
            self._exam.missing.add(name)
        with self._exam.part(name):
            try:
                yield
            except Mismatch as mismatch:
                raise (Mismatch("") if name in self._exam.missing else mismatch) from None
            except Missing:
                self._exam.missing.add(name)
                raise Mismatch("") from None

    def npz(self, name: str) -> dict[str, Array]:
        """The histories in `submission_logs/<name>`: finite-length 1-D real arrays by name, checked to be there.

        Raises:
            Missing, Mismatch: there is no such file, or it cannot be opened or is not as it should be.
        """
        answer = self._read("read_npz", name)
        arrays = answer.get("arrays")
        if not isinstance(arrays, Mapping):
            raise Mismatch(f"{name} {_clause(answer)}. {self._cell} writes it.")
        found = {}
        for key in HISTORY:
            values = expect.numbers(expect.item(arrays, key, name), f"{name}: {key}")
            if values.size > _MAX_ENTRIES:
                raise Mismatch(f"{name}: {key} has {values.size} entries.")
            found[key] = values
        for key in ("train_accs", "val_accs"):
            bad = ~((found[key] >= 0) & (found[key] <= 1))
            if bad.any():
                at = int(np.argmax(bad))
                raise Mismatch(f"{name}: {key}[{at}] is {found[key][at]:g}; an accuracy is between 0 and 1.")
        if np.isnan(found["train_losses"]).any():
            raise Mismatch(f"{name}: train_losses holds NaN.")
        return found

    def json(self, name: str) -> Any:
        """The data in `submission_logs/<name>`; raises as `npz`."""
        answer = self._read("read_json", name)
        if "value" not in answer:
            raise Mismatch(f"{name} {_clause(answer)}. {self._cell} writes it.")
        return answer["value"]

    def _read(self, reader: str, name: str) -> dict[str, Any]:
        try:
            data = self._exam.student.log(name)
        except Missing as missing:
            self._tell_missing(name, str(missing))
            raise
        try:
            answer = self._exam.student.read(reader, data)
        except SessionEnded as error:
            raise Mismatch(f"{name} could not be opened: {error.reason}.", f"{error.ending}: {error.message}") from None
        return answer if isinstance(answer, dict) else {}

    def _tell_missing(self, name: str, why: str) -> None:
        """One sentence for all files that are not there; what was refused is told for itself."""
        if "not in the submission" not in why:
            self._exam.note(why)
            return
        self._absent.append(name)
        names = ", ".join(self._absent)
        finding = Finding(f"Not in submission_logs/: {names}. {self._cell} writes {'it' if len(self._absent) == 1 else 'them'}.")
        if self._place < 0:
            self._place = len(self._exam.findings)
            self._exam.findings.append(finding)
        else:
            self._exam.findings[self._place] = finding


@check("logs.optimizer_experiment", parts=_RULES)
def optimizer_experiment(exam: Exam) -> None:
    """optimizer_experiment_*.npz: 200 iterations with each update rule."""
    logs = LogReader(exam, "The notebook's cell that compares the four update rules (section 2.4)")
    wanted = exam.limit("train_accuracy")
    for rule in _RULES:
        with logs.part(rule):
            name = f"optimizer_experiment_{rule}.npz"
            history = logs.npz(name)
            _lengths(history, name, 200, 6)
            expect.finite(history["train_losses"], f"{name}: train_losses")
            if rule in ("adam", "rmsprop"):
                best = float(history["train_accs"].max())
                if not best >= wanted:
                    raise Mismatch(f"{name}: the training accuracy reaches {best:.3f}; it should reach {wanted:g} in 5 epochs.")


@check("logs.sgd_momentum_compare", parts=(*_COMPARED, "accuracies_agree"))
def sgd_momentum_compare(exam: Exam) -> None:
    """sgd_momentum_compare_*.npz: SGD with a larger batch keeps up with momentum, over three seeds."""
    logs = LogReader(exam, "The notebook's cell that tunes the batch size of plain SGD (section 2.2)")
    final: dict[str, list[float]] = {"sgd": [], "sgd_momentum": []}
    batches: dict[int, int] = {}
    for rule in final:
        for seed in SEEDS:
            with logs.part(f"{rule}_{seed}"):
                name = f"sgd_momentum_compare_{rule}_{seed}.npz"
                history = logs.npz(name)
                if rule == "sgd":
                    batches[seed] = _batch_size(history, name)
                else:
                    _lengths(history, name, 300, 6)
                expect.finite(history["train_losses"], f"{name}: train_losses")
                final[rule].append(float(history["train_accs"][-1]))
    with logs.part("accuracies_agree", of=_COMPARED):
        _accuracies_agree(final, batches, exam.limit("difference"))


@check("logs.w_stds", parts=_SCHEMES)
def w_stds(exam: Exam) -> None:
    """w_stds_*.json: the standard deviation of each layer's weights, for each initialization."""
    logs = LogReader(exam, "The notebook's cell that compares the initializations (section 3)")
    wanted = {
        "he": np.array([math.sqrt(2 / 3072)] + [0.2] * 10),
        "random": np.full(11, 0.01),
        "zero": np.zeros(11),
    }
    sizes = [3072 * 50] + [2500] * 9 + [500]
    for scheme in _SCHEMES:
        with logs.part(scheme):
            name = f"w_stds_{scheme}.json"
            stds = expect.numbers(logs.json(name), name, length=11)
            for layer, (found, std, size) in enumerate(zip(stds, wanted[scheme], sizes, strict=True), start=1):
                if std == 0:
                    fits = bool(found == 0)
                else:
                    p = sampling.chi_square_p(size * min(found / std, 1e9) ** 2, size - 1)  # finite, also for a claim of 1e300
                    fits = found > 0 and p >= exam.limit("false_alarm") / 22
                if not fits:
                    raise Mismatch(
                        f"{name}: layer {layer} has standard deviation {found:.4g}, which a draw of '{scheme}' with "
                        f"{size} weights does not give.",
                        f"expected about {std:.6g}",
                    )


@check("logs.initialization_experiment", parts=_SCHEMES)
def initialization_experiment(exam: Exam) -> None:
    """initialization_experiment_*.npz: 200 iterations from each initialization."""
    logs = LogReader(exam, "The notebook's cell that compares the initializations (section 3)")
    near = exam.limit("loss")
    for scheme in _SCHEMES:
        with logs.part(scheme):
            name = f"initialization_experiment_{scheme}.npz"
            history = logs.npz(name)
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


@check("logs.best_model", parts=("history", "results", "accuracy"))
def best_model(exam: Exam) -> None:
    """best_fc_model.npz and results.json: the best model's history, settings and validation accuracy."""
    logs = LogReader(exam, "The notebook's section 5 (Test your model)")
    wanted = exam.limit("val_accuracy")
    settings: dict[str, float] = {}
    history: dict[str, Array] = {}
    with logs.part("results"):
        _settings(logs.json("results.json"), settings)
    with logs.part("history"):
        name = "best_fc_model.npz"
        history = logs.npz(name)
        if not settings.keys() >= {"num_epochs", "batch_size"}:
            raise Mismatch(f"{name} cannot be held against results.json, whose num_epochs or batch_size is missing or not right.")
        _lengths(history, name, *run_lengths(_TRAIN_IMAGES, int(settings["batch_size"]), int(settings["num_epochs"])))
    with logs.part("accuracy", of=("history", "results")):
        if "val_acc" not in settings or not history or not history["val_accs"].size:
            raise Mismatch("The validation accuracy needs val_accs in best_fc_model.npz and val_acc in results.json.")
        best, claimed = float(history["val_accs"].max()), settings["val_acc"]
        if not (best >= wanted and claimed >= wanted):
            raise Mismatch(
                f"The best validation accuracy is {best:.3f} in best_fc_model.npz and {claimed:.3f} in results.json; "
                f"it should be at least {wanted:g}."
            )
        if not abs(best - claimed) < 5e-4:
            exam.note(staff=f"results.json claims val_acc = {claimed!r}, the largest of val_accs in best_fc_model.npz is {best!r}")


def _settings(results: Any, usable: dict[str, float]) -> None:
    """Put the settings that are right into `usable`, whatever the others are; then raise for the first that is not."""
    whole, share, positive = "a whole number of at least 1", "an accuracy, between 0 and 1", "a positive number"
    wanted: dict[str, tuple[str, Callable[[float], bool]]] = {
        "val_acc": (share, lambda value: 0 <= value <= 1),
        "test_acc": (share, lambda value: 0 <= value <= 1),
        "lr": (positive, lambda value: 0 < value < math.inf),
        "num_epochs": (whole, lambda value: 1 <= value <= _MAX_ENTRIES and value == int(value)),
        "batch_size": (whole, lambda value: 1 <= value <= _MAX_ENTRIES and value == int(value)),
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
        shown = f"'{clean(rule, 40)}'" if isinstance(rule, str) and len(rule) < 40 else expect.describe(rule)
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
            f"{difference:.4f}, relatively {relative:.4f}; it should be less than {limit:g}."
        )


def _clause(answer: Mapping[str, Any]) -> str:
    """The reader's own clause on what is wrong; anything else did not come from the reader."""
    text = answer.get("error")
    return text if isinstance(text, str) and len(text) < 100 else "could not be read"
