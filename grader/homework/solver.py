"""solver.py: the recorded gradient norm, and that the given training loop still trains. The model is staff's in both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, Final

import numpy as np

from ..grading import expect
from ..grading.context import Context
from ..grading.expect import Array
from ..grading.findings import Mismatch
from ..sandbox.errors import Ending, SessionEnded
from ..sandbox.session import Remote, Session
from . import answers, cells, norm_slips
from .blanks import is_blank, told_as_blank
from .files import SOLVER
from .misconceptions import catalogue, tell
from .network import normal
from .published import Family, Norms, norms
from .registry import check

_CLASSES: Final = 3
_FEATURES: Final = 6
_RATE: Final = 1e-3
_UNSEEN: Final[list[Callable[[], Norms]]] = []


def also_train_on(gradients: Callable[[], Norms]) -> None:
    """Register more gradients for `solver.grad_norm`, asked behind the handout's; of them students are told nothing."""
    _UNSEEN.append(gradients)


@cache
def _asked() -> Norms:
    return joined([norms(), *(unseen() for unseen in _UNSEEN)])


@check("solver.grad_norm", tolerances=("rel_error",))
@told_as_blank(SOLVER, "grad_norm")
@cells.shown_in_a_cell(lambda: cells.gradient_norm(norms().families[0].params, norms().families[0].gradients), 1)
def grad_norm(context: Context) -> None:
    """The mean of the gradients' L2 norms is recorded once per training step."""
    data, public, asked = _data(5, 8, 4), norms(), _asked()
    histories: list[Any] = []
    with context.student.module(SOLVER, {"stub_model.py": context.student.source("stub_model.py")}) as (session, solver_module):
        stub = session.module("stub_model").attr("StubModel")
        for number, family in enumerate(asked.families):
            session.secret = session.secret or number >= len(public.families)
            model = stub(dict(family.params), [dict(grads) for grads in family.gradients], _CLASSES)
            solver = solver_module.attr("Solver")(
                model, data, update_rule="sgd", optim_config={"learning_rate": _RATE},
                num_epochs=len(family.gradients) // 2, batch_size=4, verbose=False,
            )  # fmt: skip
            solver.set_attr("record_grad_norm", True)  # where recording has to be switched on
            histories.append(_recorded_history(session, solver, model, len(family.gradients)))
    shown = histories[: len(public.families)]
    with context.part():
        try:
            _judge_norms(shown, public, context.limit("rel_error"))
            judge_all_norms(histories, asked, context.limit("rel_error"))
        except Mismatch as mismatch:
            raise Mismatch(f"After Solver(…).train() on a small made-up model, {mismatch.student}", mismatch.staff) from None
    if not context.passed:
        slips = norm_slips.of(histories, asked, context.limit("rel_error"))
        if slips == [catalogue()["grad_norm.nothing"]]:  # what there is to say of it is said
            context.diagnose(slips[0], hint=False)
        else:
            tell(context, slips)


def _recorded_history(session: Session, solver: Remote, model: Remote, steps: int) -> Any:
    """What a training loop leaves; where it raises outside of the step, which is charged as training, what the steps alone do."""
    try:
        solver.attr("train")()
        return session.fetch(solver.attr("log_grad_norm_history").like(answers.history(steps)))[0]
    except SessionEnded as error:
        if error.ending is not Ending.RAISED or any(frame.function == "_step" for frame in error.frames):
            raise
        try:
            model.attr("restart")()
            solver.set_attr("log_grad_norm_history", [])
            for _ in range(steps):
                solver.attr("_step")()
            return session.fetch(solver.attr("log_grad_norm_history").like(answers.history(steps)))[0]
        except SessionEnded:
            raise error from None


def joined(sets: Sequence[Norms]) -> Norms:
    """The gradients of all sets one after the other, and what each reading and each slip gives for them."""
    readings = {name: np.concatenate([one.readings[name] for one in sets]) for name in sets[0].readings}
    slips = {
        name: [[number for row in rows for number in row] for rows in zip(*(one.slips[name] for one in sets), strict=True)]
        for name in sets[0].slips
    }
    return Norms(tuple(family for one in sets for family in one.families), readings, slips)


def judge_all_norms(histories: Sequence[Any], asked: Norms, limit: float) -> None:
    """One reading has to explain the handout's gradients and all others; what is not right then is told without a number."""
    try:
        _judge_norms(histories, asked, limit)
    except Mismatch as mismatch:
        raise Mismatch(
            "log_grad_norm_history is right for the gradients of the self-check and not for others, of models with other layers "
            "and in another number of steps. Each number has to be worked out from the gradients of its own step.",
            f"{mismatch.student} {mismatch.staff}",
        ) from None


def _judge_norms(histories: Sequence[Any], asked: Norms, limit: float) -> None:
    name = "log_grad_norm_history"
    if isinstance(histories[0], list) and not histories[0]:
        raise Mismatch(
            f"{name} is still empty; it should hold one number for each of the {len(asked.families[0].gradients)} training "
            "steps. The line belongs in _step in deeplearning/solver.py."
        )
    expect.one_reading(_recorded_norms(histories, asked.families, name), dict(asked.readings), limit, name, noun="steps")


def _recorded_norms(histories: Sequence[Any], families: Sequence[Family], name: str) -> Array:
    """One finite number a step over all families, float64."""
    found = []
    for history, family in zip(histories, families, strict=True):
        found.append(expect.numbers(history, name, length=len(family.gradients)))
        expect.finite(found[-1], name)
    return np.concatenate(found)


@check("solver.training", parts=("histories", "updates", "learning"), tolerances=("accuracy",))
def training(context: Context) -> None:
    """The training loop (given) still trains a model and records its history."""
    data = _data(6, 60, 30, separation=3.0)
    try:
        recorded, scores = _trained(context, data)
    except SessionEnded as error:
        # The graded line lies in _step and is charged under solver.grad_norm: the rest of the loop is judged without it.
        try:
            recorded, scores = _trained(context, data, own_step=False)
        except SessionEnded:
            raise error from None
        if not is_blank(context, SOLVER, "grad_norm"):
            context.note(
                "With your _step the loop does not come to its end (that is charged under the gradient norm), so it ran with a "
                "plain step."
            )
    with context.part("histories"):
        for run, answer in zip(_RUNS, recorded, strict=True):
            _judge_histories(run, answer)
    with context.part("updates"):
        for run, answer in zip(_RUNS, recorded, strict=True):
            _judge_updates(run, answer)
    with context.part("learning"):
        wanted = context.limit("accuracy")
        scores = expect.array(scores, "the trained model's scores", shape=(30, _CLASSES))
        if not np.isfinite(scores).all():
            raise Mismatch("The trained model's scores hold NaN or infinite values.")
        predictions = scores.argmax(axis=1)
        accuracy = float((predictions == data["y_val"]).mean())
        if not accuracy >= wanted:
            raise Mismatch(
                f"On data that is easy to tell apart, the trained model gets {accuracy:.0%} of the validation images right; "
                f"the loop as handed out gets at least {wanted:.0%}."
            )
    if len(context.passed) < 3:
        context.note("Outside the blank in _step, solver.py was handed out complete: compare yours with the original.")


def _trained(context: Context, data: Any, *, own_step: bool = True) -> tuple[list[tuple[Any, ...]], Any]:
    """What each run left, and how a network trained on `data` scores; in a process of its own where the step is a plain one."""
    extra = {name: context.student.source(name) for name in ("plain_step.py", "stub_model.py")}
    with context.student.module(SOLVER, extra, alone=not own_step) as (session, solver_module):
        loop = _Loop(session, solver_module, own_step)
        return [_recorded(loop, run) for run in _RUNS], _learned(loop, data)


@dataclass(frozen=True, slots=True)
class _Loop:
    """The student's Solver in a session; without `own_step` its `_step` is replaced by a plain one."""

    session: Session
    module: Remote
    own_step: bool = True

    def train(self, model: Remote, data: Any, **settings: Any) -> Remote:
        """A Solver that has trained."""
        solver = self.module.attr("Solver")(model, data, update_rule="sgd", verbose=False, **settings)
        if not self.own_step:
            step = self.session.module("plain_step").attr("plain_step")
            solver.set_attr("_step", self.session.module("types").attr("MethodType")(step, solver))
        solver.attr("train")()  # what it returns is not asked for
        return solver


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
    everything = loop.session.put(X_train)  # one object for both, so that the model knows it again
    data = {"X_train": everything, "y_train": y_train, "X_val": X_val, "y_val": y_val}
    recording = loop.session.module("stub_model").attr("RecordingModel")
    start = {name: value.copy() for name, value in _START.items()}
    model = recording(start, [dict(_SLOPE)], _CLASSES, list(run.levels), everything)
    solver = loop.train(
        model, data, optim_config={"learning_rate": run.rate}, lr_decay=run.decay,
        num_epochs=run.epochs, batch_size=run.batch, log_acc_iteration=True,
    )  # fmt: skip
    names = ("loss_history", "train_acc_history", "val_acc_history", "log_acc_iteration_history")
    lengths = (run.per_epoch * run.epochs, *3 * (len(run.checks),))
    histories = [solver.attr(name).like(answers.history(length)) for name, length in zip(names, lengths, strict=True)]
    batches = answers.batches(run.per_epoch * run.epochs, run.batch, _START["W1"].shape[0])
    params = answers.params({name: value.size for name, value in _START.items()})
    return loop.session.fetch(*histories, model.attr("batches").like(batches), model.attr("params").like(params))


def _judge_histories(run: _Run, answer: tuple[Any, ...]) -> None:
    losses, train_accs, val_accs, iterations, _, _ = answer
    levels = [run.levels[step] for step in run.checks]
    _same_history("loss_history", losses, [float(step) for step in range(1, run.per_epoch * run.epochs + 1)])
    _same_history("train_acc_history", train_accs, [float(level > 0.25) for level in levels])
    _same_history("val_acc_history", val_accs, [round(level * _VAL) / _VAL for level in levels])
    from_one = [float(step) for step in run.checks]
    _same_history("log_acc_iteration_history", iterations, from_one, [step - 1 for step in from_one])  # both were handed out


def _same_history(name: str, value: Any, *accepted: list[float]) -> None:
    """Hold a history against the accepted ones, all of one length."""
    found = expect.numbers(value, name, length=len(accepted[0]))
    if not any(np.allclose(found, wanted, rtol=1e-6, atol=1e-9) for wanted in accepted):
        at = int(np.argmax(~np.isclose(found, accepted[0], rtol=1e-6, atol=1e-9)))
        raise Mismatch(
            f"After Solver(…).train() on a small made-up model, {name}[{at}] is {found[at]:g}; the loop as handed out leaves "
            "another value.",
            f"expected {' or '.join(f'{wanted[at]:g}' for wanted in accepted)}",
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
    rank = X_train[0, 1]  # all have the same
    if not isinstance(batches, list) or len(batches) != run.per_epoch * run.epochs:
        raise Mismatch("The model's loss(X, y) was not called exactly once in each training step.")
    for batch in batches:
        X, y = expect.pair(batch, ("X", "y"), "a batch")
        X = expect.array(X, "a batch of X_train", shape=(run.batch, 2))
        if not (isinstance(y, np.ndarray) and np.array_equal(X[:, 0], y) and set(y.tolist()) == set(X_train[:, 0].tolist())):
            raise Mismatch("A batch holds other labels than those of its examples.")
        if not (X[:, 1] == rank).all():
            raise Mismatch("A batch holds other numbers than the examples of X_train that it was drawn from.")


def _learned(loop: _Loop, data: Any) -> Any:
    """Train staff's network with staff's optimizer: its scores on the validation data afterwards."""
    network = loop.session.module("deeplearning.classifiers.fc_net").attr("FullyConnectedNet")
    model = network([16], input_dim=_FEATURES, num_classes=_CLASSES, weight_scale=0.1)
    loop.train(model, data, optim_config={"learning_rate": 0.2}, lr_decay=0.95, num_epochs=10, batch_size=20)
    scores = model.attr("loss")(data["X_val"])
    return loop.session.fetch(scores.like(answers.array(len(data["X_val"]) * _CLASSES)))[0]


@cache
def _data(seed: int, train: int, val: int, separation: float = 1.0) -> dict[str, Any]:
    """Labelled points around one centre a class: X (N, features) float64, y (N,) int64."""
    draw = Random(seed)
    centres = separation * np.eye(_CLASSES, _FEATURES)
    data: dict[str, Any] = {}
    for name, size in (("train", train), ("val", val)):
        y = np.arange(size) % _CLASSES
        data[f"X_{name}"] = centres[y] + normal(draw, size, _FEATURES, spread=0.3)
        data[f"y_{name}"] = y
    return data
