"""solver.py: the recorded gradient norm, and that the given training loop still trains. The model is staff's in both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from .. import expect
from ..exam import Exam, check
from ..expect import Array
from ..finding import Mismatch
from ..fixtures import norms
from ..sandbox.ending import Ending, SessionEnded
from ..sandbox.session import Remote, Session
from ..student import SOLVER, staff_source
from .misconceptions import Misconception, catalogue, nearest_by_value

_CLASSES: Final = 3
_FEATURES: Final = 6
_RATE: Final = 1e-3


@check("solver.grad_norm")
def grad_norm(exam: Exam) -> None:
    """The mean of the gradients' L2 norms is recorded once per training step."""
    data = _data(np.random.default_rng(5), 8, 4)
    histories: list[Any] = []
    with exam.student.module(SOLVER, {"stub_model.py": staff_source("stub_model.py")}) as (session, solver_module):
        stub = session.module("stub_model").attr("StubModel")
        for family in norms().families:
            model = stub(dict(family.params), [dict(grads) for grads in family.gradients], _CLASSES)
            solver = solver_module.attr("Solver")(
                model, data, update_rule="sgd", optim_config={"learning_rate": _RATE},
                num_epochs=len(family.gradients) // 2, batch_size=4, verbose=False,
            )  # fmt: skip
            histories += session.fetch(solver.attr("train")(), solver.attr("log_grad_norm_history"))[1:]
    with exam.part():
        try:
            _judge_norms(histories, exam.limit("rel_error"))
        except Mismatch as mismatch:
            raise Mismatch(f"After Solver(…).train() on a small made-up model, {mismatch.student}", mismatch.staff) from None
    if not exam.passed:
        slip = _norm_slip(histories, exam.limit("rel_error"))
        exam.diagnose(slip, hint=slip is not catalogue()["grad_norm.nothing"])


def _judge_norms(histories: list[Any], limit: float) -> None:
    name = "log_grad_norm_history"
    if isinstance(histories[0], list) and not histories[0]:
        raise Mismatch(
            f"{name} is still empty; it should hold one number for each of the {len(norms().families[0].gradients)} training "
            "steps. The line belongs in _step in deeplearning/solver.py and may not be filled in yet."
        )
    expect.one_reading(_recorded_norms(histories, name), dict(norms().readings), limit, name, noun="steps")


def _recorded_norms(histories: list[Any], name: str) -> Array:
    """One finite number a step over all families, float64."""
    found = []
    for history, family in zip(histories, norms().families, strict=True):
        found.append(expect.numbers(history, name, length=len(family.gradients)))
        expect.finite(found[-1], name)
    return np.concatenate(found)


def _norm_slip(histories: list[Any], limit: float) -> Misconception | None:
    first = histories[0]
    if isinstance(first, list) and not first:
        return catalogue()["grad_norm.nothing"]
    if isinstance(first, list) and isinstance(first[0], list | np.ndarray) and np.ndim(first[0]) > 0:
        return catalogue()["grad_norm.lists"]
    try:
        found = _recorded_norms(histories, "")
    except Mismatch:
        return None
    return nearest_by_value("grad_norm", found, norms().slips, limit)


@check("solver.training", parts=("histories", "updates", "learning"))
def training(exam: Exam) -> None:
    """The training loop (given) still trains a model and records its history."""
    data = _data(np.random.default_rng(6), 60, 30, separation=3.0)
    extra = {"staff_solver.py": exam.student.handed_out(SOLVER), "stub_model.py": staff_source("stub_model.py")}
    with exam.student.module(SOLVER, extra) as (session, solver_module):
        loop = _Loop(session, solver_module)
        try:
            recorded = [_recorded(loop, run) for run in _RUNS]
        except SessionEnded as error:
            if error.ending is not Ending.RAISED or not any(frame.function == "_step" for frame in error.frames):
                raise
            # The graded line lies in _step and is charged under solver.grad_norm: the rest of the loop is judged without it.
            loop = _Loop(session, solver_module, own_step=False)
            recorded = [_recorded(loop, run) for run in _RUNS]
            exam.note("Your _step raised (that is charged under the gradient norm), so the loop ran with _step as handed out.")
        scores = _learned(loop, data)
    with exam.part("histories"):
        for run, answer in zip(_RUNS, recorded, strict=True):
            _judge_histories(run, answer)
    with exam.part("updates"):
        for run, answer in zip(_RUNS, recorded, strict=True):
            _judge_updates(run, answer)
    with exam.part("learning"):
        wanted = exam.limit("accuracy")
        predictions = expect.array(scores, "the trained model's scores", shape=(30, _CLASSES)).argmax(axis=1)
        accuracy = float((predictions == data["y_val"]).mean())
        if not accuracy >= wanted:
            raise Mismatch(
                f"On data that is easy to tell apart, the trained model gets {accuracy:.0%} of the validation images right; "
                f"the loop as handed out gets at least {wanted:.0%}."
            )
    if len(exam.passed) < 3:
        exam.note("Outside the blank in _step, solver.py was handed out complete: compare yours with the original.")


@dataclass(frozen=True, slots=True)
class _Loop:
    """The student's Solver in a session; without `own_step` its `_step` is replaced by the one handed out."""

    session: Session
    module: Remote
    own_step: bool = True

    def train(self, model: Remote, data: Any, **settings: Any) -> tuple[Remote, Remote]:
        """A Solver, and what its `train()` returns, both still inside."""
        solver = self.module.attr("Solver")(model, data, update_rule="sgd", verbose=False, **settings)
        if not self.own_step:
            step = self.session.module("staff_solver").attr("Solver").attr("_step")
            solver.set_attr("_step", self.session.module("types").attr("MethodType")(step, solver))
        return solver, solver.attr("train")()


@dataclass(frozen=True, slots=True)
class _Run:
    """A training run on a model whose accuracy after each step is fixed: `levels[steps]` of the examples are right."""

    batch: int
    epochs: int
    levels: tuple[float, ...]
    rate: float = 0.5
    decay: float = 0.5

    @property
    def per_epoch(self) -> int:
        """Steps an epoch."""
        return max(_TRAIN // self.batch, 1)

    @property
    def checks(self) -> list[int]:
        """The steps after which accuracies are taken: the first, and each epoch's last."""
        steps = self.per_epoch * self.epochs
        return [step for step in range(1, steps + 1) if step == 1 or step % self.per_epoch == 0]


_TRAIN, _VAL = 1200, 20  # more than the 1000 examples on which the training accuracy is taken
# The best validation accuracy lies in the middle, so that the parameters put back are not the last ones. In the second run an
# epoch is one step.
_RUNS: Final = (
    _Run(batch=400, epochs=3, levels=(0, 0.1, 0.2, 0.3, 0.35, 0.4, 0.8, 0.1, 0.2, 0.6)),
    _Run(batch=_TRAIN, epochs=3, levels=(0, 0.3, 0.9, 0.4)),
)
_START: Final = {"W1": np.array([[1.0, -2.0], [0.5, 3.0]]), "b1": np.array([0.25, -1.0])}
_SLOPE: Final = {"W1": np.array([[0.5, 1.0], [-2.0, 0.25]]), "b1": np.array([4.0, -8.0])}


def _ranked(size: int) -> tuple[Array, Array]:
    """X (size, 2) with rows (label, rank), ranks evenly spread over 0 … 1 or all in the middle, and y (size,)."""
    y = np.arange(size) % _CLASSES
    ranks = (np.arange(size) + 0.5) / size if size == _VAL else np.full(size, 0.25)
    return np.column_stack([y.astype(np.float64), ranks]), y


def _recorded(loop: _Loop, run: _Run) -> tuple[Any, ...]:
    """Histories (losses, two accuracies, iterations), the model's batches, and its parameters afterwards."""
    (X_train, y_train), (X_val, y_val) = _ranked(_TRAIN), _ranked(_VAL)
    data = {"X_train": X_train, "y_train": y_train, "X_val": X_val, "y_val": y_val}
    recording = loop.session.module("stub_model").attr("RecordingModel")
    model = recording({name: value.copy() for name, value in _START.items()}, [dict(_SLOPE)], _CLASSES, list(run.levels))
    solver, trained = loop.train(
        model, data, optim_config={"learning_rate": run.rate}, lr_decay=run.decay,
        num_epochs=run.epochs, batch_size=run.batch, log_acc_iteration=True,
    )  # fmt: skip
    names = ("loss_history", "train_acc_history", "val_acc_history", "log_acc_iteration_history")
    histories = [solver.attr(name) for name in names]
    return loop.session.fetch(trained, *histories, model.attr("batches"), model.attr("params"))[1:]


def _judge_histories(run: _Run, answer: tuple[Any, ...]) -> None:
    losses, train_accs, val_accs, iterations, _, _ = answer
    levels = [run.levels[step] for step in run.checks]
    _same_history("loss_history", losses, [float(step) for step in range(1, run.per_epoch * run.epochs + 1)])
    _same_history("train_acc_history", train_accs, [float(level > 0.25) for level in levels])
    _same_history("val_acc_history", val_accs, [round(level * _VAL) / _VAL for level in levels])
    _same_history("log_acc_iteration_history", iterations, [float(step) for step in run.checks])


def _same_history(name: str, value: Any, wanted: list[float]) -> None:
    found = expect.numbers(value, name, length=len(wanted))
    if not np.allclose(found, wanted, rtol=1e-6, atol=1e-9):
        at = int(np.argmax(~np.isclose(found, wanted, rtol=1e-6, atol=1e-9)))
        raise Mismatch(
            f"After Solver(…).train() on a small made-up model, {name}[{at}] is {found[at]:g}; the loop as handed out leaves "
            "another value.",
            f"expected {wanted[at]:g}",
        )


def _judge_updates(run: _Run, answer: tuple[Any, ...]) -> None:
    *_, val_accs, _, batches, params = answer
    _judge_batches(run, batches)
    best = run.checks[int(np.argmax([run.levels[step] for step in run.checks]))]
    rates = [run.rate * run.decay ** (step // run.per_epoch) for step in range(best)]
    for name, start in _START.items():
        wanted = start - sum(rates) * _SLOPE[name]
        found = expect.array(expect.item(params, name, "the trained model's params"), name, shape=start.shape)
        if not np.allclose(found, wanted, rtol=1e-6, atol=1e-9):
            raise Mismatch(
                f"After training, {name} is not what the updates up to the best validation accuracy lead to: each step moves every "
                "parameter, the learning rate decays after each epoch, and the best parameters are put back at the end.",
                f"found {found.tolist()}, expected {wanted.tolist()} (best after step {best}, val_accs {val_accs})",
            )


def _judge_batches(run: _Run, batches: Any) -> None:
    """Each batch has its size, holds labels beside their own examples, and is drawn from the whole training set."""
    X_train, _ = _ranked(_TRAIN)
    if not isinstance(batches, list) or len(batches) != run.per_epoch * run.epochs:
        raise Mismatch("The model's loss(X, y) was not called exactly once in each training step.")
    for batch in batches:
        X, y = expect.pair(batch, ("X", "y"), "a batch")
        X = expect.array(X, "a batch of X_train", shape=(run.batch, 2))
        if not (isinstance(y, np.ndarray) and np.array_equal(X[:, 0], y) and set(y.tolist()) == set(X_train[:, 0].tolist())):
            raise Mismatch("A batch holds other labels than those of its examples.")


def _learned(loop: _Loop, data: Any) -> Any:
    """Train staff's network with staff's optimizer: its scores on the validation data afterwards."""
    network = loop.session.module("deeplearning.classifiers.fc_net").attr("FullyConnectedNet")
    model = network([16], input_dim=_FEATURES, num_classes=_CLASSES, weight_scale=0.1)
    _, trained = loop.train(model, data, optim_config={"learning_rate": 0.2}, lr_decay=0.95, num_epochs=10, batch_size=20)
    return loop.session.fetch(trained, model.attr("loss")(data["X_val"]))[1]


def _data(draw: np.random.Generator, train: int, val: int, separation: float = 1.0) -> dict[str, Any]:
    """Labelled points around one centre a class: X (N, features) float64, y (N,) int64."""
    centres = separation * np.eye(_CLASSES, _FEATURES)
    data: dict[str, Any] = {}
    for name, size in (("train", train), ("val", val)):
        y = np.arange(size) % _CLASSES
        data[f"X_{name}"] = centres[y] + 0.3 * draw.normal(size=(size, _FEATURES))
        data[f"y_{name}"] = y
    return data
