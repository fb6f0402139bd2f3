"""solver.py: the recorded gradient norm, and that the given training loop still trains. The model is staff's in both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from .. import expect
from ..exam import Exam, check
from ..expect import Array
from ..finding import Mismatch
from ..sandbox.ending import Ending, SessionEnded
from ..sandbox.session import Remote, Session
from ..student import SOLVER, staff_source
from .misconceptions import catalogue, nearest_by_value

_CLASSES: Final = 3
_FEATURES: Final = 6
_RATE: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Family:
    """Parameters and, for each training step, their gradients, as a stub model hands them out."""

    params: Mapping[str, Array]
    gradients: tuple[Mapping[str, Array], ...]


@check("solver.grad_norm")
def grad_norm(exam: Exam) -> None:
    """The mean of the gradients' L2 norms is recorded once per training step."""
    data = _data(np.random.default_rng(5), 8, 4)
    histories: list[Any] = []
    with exam.student.module(SOLVER, {"stub_model.py": staff_source("stub_model.py")}) as (session, solver_module):
        stub = session.module("stub_model").attr("StubModel")
        for family in families():
            model = stub(dict(family.params), [dict(grads) for grads in family.gradients], _CLASSES)
            solver = solver_module.attr("Solver")(
                model, data, update_rule="sgd", optim_config={"learning_rate": _RATE},
                num_epochs=len(family.gradients) // 2, batch_size=4, verbose=False,
            )  # fmt: skip
            histories += session.fetch(solver.attr("train")(), solver.attr("log_grad_norm_history"))[1:]
    with exam.part():
        _judge_norms(exam, histories)


def _judge_norms(exam: Exam, histories: list[Any]) -> None:
    name = "log_grad_norm_history"
    if isinstance(histories[0], list) and not histories[0]:
        exam.diagnose(catalogue()["grad_norm.nothing"], hint=False)
        raise Mismatch(f"{name} is still empty after {len(families()[0].gradients)} training steps: nothing was recorded.")
    if isinstance(histories[0], list) and isinstance(histories[0][0], list | np.ndarray) and np.ndim(histories[0][0]) > 0:
        exam.diagnose(catalogue()["grad_norm.lists"])
    found = []
    for history, family in zip(histories, families(), strict=True):
        found.append(expect.numbers(history, name, length=len(family.gradients)))
        expect.finite(found[-1], name)
    everything, limit = np.concatenate(found), exam.limit("rel_error")
    try:
        expect.one_reading(everything, _over_families(_READINGS), limit, name, noun="steps")
    except Mismatch:
        exam.diagnose(nearest_by_value("grad_norm", everything, _over_families(_SLIPS) | _with_memory(), limit))
        raise


@check("solver.training", parts=("histories", "learning"))
def training(exam: Exam) -> None:
    """The training loop (given) still trains a model and records its history."""
    data = _data(np.random.default_rng(6), 60, 30, separation=3.0)
    epochs, batch = 10, 20
    staff_step = {"staff_solver.py": exam.student.handed_out(SOLVER)}
    with exam.student.module(SOLVER, staff_step) as (session, solver_module):
        try:
            answers = _train(session, solver_module, data, epochs, batch, own_step=True)
        except SessionEnded as error:
            if error.ending is not Ending.RAISED or not any(frame.function == "_step" for frame in error.frames):
                raise
            # The graded line lies in _step and is charged under solver.grad_norm: the rest of the loop is judged without it.
            answers = _train(session, solver_module, data, epochs, batch, own_step=False)
            exam.note("Your _step raised (that is charged under the gradient norm), so the loop ran with _step as handed out.")
    losses, train_accs, val_accs, scores = answers
    with exam.part("histories"):
        steps = epochs * (60 // batch)
        expect.finite(expect.numbers(losses, "loss_history", length=steps), "loss_history")
        for name, value in (("train_acc_history", train_accs), ("val_acc_history", val_accs)):
            accuracies = expect.numbers(value, name, length=epochs + 1)
            if not ((accuracies >= 0) & (accuracies <= 1)).all():
                raise Mismatch(f"{name} holds values outside 0 … 1.")
    with exam.part("learning"):
        wanted = exam.limit("accuracy")
        predictions = expect.array(scores, "the trained model's scores", shape=(30, _CLASSES)).argmax(axis=1)
        accuracy = float((predictions == data["y_val"]).mean())
        if not accuracy >= wanted:
            raise Mismatch(
                f"after {epochs} epochs on well separated data the model gets {accuracy:.0%} of the validation images right; "
                f"the loop as handed out gets at least {wanted:.0%}."
            )


def _train(session: Session, solver_module: Remote, data: Any, epochs: int, batch: int, *, own_step: bool) -> tuple[Any, ...]:
    """Train staff's network and optimizer with the student's loop: losses, accuracies (2) and the scores afterwards."""
    network = session.module("deeplearning.classifiers.fc_net").attr("FullyConnectedNet")
    model = network([16], input_dim=_FEATURES, num_classes=_CLASSES, weight_scale=0.1)
    solver = solver_module.attr("Solver")(
        model, data, update_rule="sgd", optim_config={"learning_rate": 0.2}, lr_decay=0.95,
        num_epochs=epochs, batch_size=batch, verbose=False,
    )  # fmt: skip
    if not own_step:
        step = session.module("staff_solver").attr("Solver").attr("_step")
        solver.set_attr("_step", session.module("types").attr("MethodType")(step, solver))
    names = ("loss_history", "train_acc_history", "val_acc_history")
    trained = solver.attr("train")()
    return session.fetch(trained, *(solver.attr(name) for name in names), model.attr("loss")(data["X_val"]))[1:]


def _data(draw: np.random.Generator, train: int, val: int, separation: float = 1.0) -> dict[str, Any]:
    """Labelled points around one centre a class: X (N, features) float64, y (N,) int64."""
    centres = separation * np.eye(_CLASSES, _FEATURES)
    data: dict[str, Any] = {}
    for name, size in (("train", train), ("val", val)):
        y = np.arange(size) % _CLASSES
        data[f"X_{name}"] = centres[y] + 0.3 * draw.normal(size=(size, _FEATURES))
        data[f"y_{name}"] = y
    return data


@cache
def families() -> tuple[Family, ...]:
    """What the loop is run on: other widths, numbers of parameters, types and seeds.

    Scales are far apart, and different in every step and parameter, so that sums, squares, the last gradient or all entries
    in one give other numbers than the mean of the norms.
    """
    two_layers = {"W1": (_FEATURES, 4), "b1": (4,), "W2": (4, _CLASSES), "b2": (_CLASSES,)}
    normalized = {"W1": (3, 7), "b1": (7,), "gamma1": (7,), "beta1": (7,), "W2": (7, 2), "b2": (2,)}
    return (
        _family(5, two_layers, "float64", steps=4),
        _family(8, normalized, "float32", steps=2),
        _family(9, {"W1": (_FEATURES, _CLASSES), "b1": (_CLASSES,)}, "float64", steps=2),
    )


def _family(seed: int, shapes: Mapping[str, tuple[int, ...]], dtype: str, steps: int) -> Family:
    draw = np.random.default_rng(seed)
    factors = (1.0, 4.0, 0.3, 9.0, 0.7, 2.0)
    gradients = tuple(
        {n: (scale * f * draw.normal(size=shape)).astype(dtype) for (n, shape), f in zip(shapes.items(), factors, strict=False)}
        for scale in (1.0, 0.01, 30.0, 2.5)[:steps]
    )
    return Family({name: draw.normal(size=shape).astype(dtype) for name, shape in shapes.items()}, gradients)


def _over_families(recorders: Mapping[str, Any]) -> dict[str, Array]:
    """For each way to record one step's gradients, what it records over all steps of all families."""
    steps = [[g.astype(np.float64) for g in grads.values()] for family in families() for grads in family.gradients]
    return {name: np.array([record(step) for step in steps]) for name, record in recorders.items()}


def _with_memory() -> dict[str, Array]:
    """The slips that need more than one step's gradients."""
    parameters: list[float] = []
    totals: list[float] = []
    for family in families():
        at = {name: value.astype(np.float64) for name, value in family.params.items()}
        total = 0.0
        for grads in family.gradients:
            parameters.append(_mean_norm(list(at.values())))
            total += _mean_norm(list(grads.values()))
            totals.append(total)
            at = {name: value - _RATE * grads[name] for name, value in at.items()}
    return {"grad_norm.parameters": np.array(parameters), "grad_norm.running": np.array(totals)}


def _mean_norm(arrays: list[Array]) -> float:
    return float(np.mean([np.linalg.norm(a) for a in arrays]))


def _flat(arrays: list[Array]) -> Array:
    return np.concatenate([a.ravel() for a in arrays])


# Both readings of "the mean of l2 norm of each gradient": entrywise (Frobenius), or the matrix 2-norm for matrices.
_READINGS: Final = {
    "Frobenius": _mean_norm,
    "spectral": lambda grads: float(np.mean([np.linalg.norm(g, 2) for g in grads])),
}
_SLIPS: Final = {
    "grad_norm.sum": lambda grads: sum(np.linalg.norm(g) for g in grads),
    "grad_norm.squared": lambda grads: np.mean([np.sum(g**2) for g in grads]),
    "grad_norm.last_only": lambda grads: np.linalg.norm(grads[-1]),
    "grad_norm.first_only": lambda grads: np.linalg.norm(grads[0]),
    "grad_norm.flattened": lambda grads: np.linalg.norm(_flat(grads)),
    "grad_norm.flattened_mean": lambda grads: np.linalg.norm(_flat(grads)) / len(grads),
    "grad_norm.weights_only": lambda grads: _mean_norm([g for g in grads if g.ndim > 1]),
    "grad_norm.biases_only": lambda grads: _mean_norm([g for g in grads if g.ndim == 1]),
    "grad_norm.absolute": lambda grads: np.mean([np.sum(np.abs(g)) for g in grads]),
    "grad_norm.root_mean_square": lambda grads: np.mean([np.sqrt(np.mean(g**2)) for g in grads]),
    "grad_norm.largest": lambda grads: max(np.linalg.norm(g) for g in grads),
    "grad_norm.mean_gradient": lambda grads: np.mean([np.mean(g) for g in grads]),
}
