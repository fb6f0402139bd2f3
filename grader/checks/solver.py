"""solver.py: the recorded gradient norm, and that the given training loop still trains. The model is staff's in both."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import expect
from ..exam import Exam, check
from ..expect import Array
from ..finding import Mismatch
from ..student import SOLVER, staff_source

_CLASSES = 3


@check("solver.grad_norm")
def grad_norm(exam: Exam) -> None:
    """The mean of the gradients' L2 norms is recorded once per training step."""
    draw = np.random.default_rng(5)
    params = {name: draw.normal(size=shape) for name, shape in _SHAPES.items()}
    # Scales far apart, and different in every step: sums, squares, the last gradient or all entries in one give other numbers.
    gradients = [
        {
            name: scale * factor * draw.normal(size=shape)
            for (name, shape), factor in zip(_SHAPES.items(), (1, 4, 0.3, 9), strict=True)
        }
        for scale in (1.0, 0.01, 30.0, 2.5)
    ]
    data = _data(draw, 8, 4)
    with exam.student.module(SOLVER, {"stub_model.py": staff_source("stub_model.py")}) as (session, solver_module):
        model = session.module("stub_model").attr("StubModel")(params, gradients, _CLASSES)
        solver = solver_module.attr("Solver")(
            model, data, update_rule="sgd", optim_config={"learning_rate": 1e-3}, num_epochs=2, batch_size=4, verbose=False
        )
        (_, history) = session.fetch(solver.attr("train")(), solver.attr("log_grad_norm_history"))
    with exam.part():
        name = "log_grad_norm_history"
        steps = len(gradients)
        if isinstance(history, list) and not history:
            raise Mismatch(f"{name} is still empty after {steps} training steps: nothing was recorded.")
        found = expect.numbers(history, name, length=steps)
        expect.finite(found, name)
        expect.one_reading(found, _readings(gradients), exam.limit("rel_error"), name, noun="steps")


@check("solver.training", parts=("histories", "learning"))
def training(exam: Exam) -> None:
    """The training loop (given) still trains a model and records its history."""
    draw = np.random.default_rng(6)
    data = _data(draw, 60, 30, separation=3.0)
    epochs, batch = 10, 20
    with exam.student.module(SOLVER) as (session, solver_module):
        network = session.module("deeplearning.classifiers.fc_net").attr("FullyConnectedNet")
        model = network([16], input_dim=_FEATURES, num_classes=_CLASSES, weight_scale=0.1)
        solver = solver_module.attr("Solver")(
            model, data, update_rule="sgd", optim_config={"learning_rate": 0.2}, lr_decay=0.95,
            num_epochs=epochs, batch_size=batch, verbose=False,
        )  # fmt: skip
        _, losses, train_accs, val_accs, scores = session.fetch(
            solver.attr("train")(),
            solver.attr("loss_history"),
            solver.attr("train_acc_history"),
            solver.attr("val_acc_history"),
            model.attr("loss")(data["X_val"]),
        )
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


_FEATURES = 6
_SHAPES = {"W1": (_FEATURES, 4), "b1": (4,), "W2": (4, _CLASSES), "b2": (_CLASSES,)}


def _data(draw: np.random.Generator, train: int, val: int, separation: float = 1.0) -> dict[str, Any]:
    """Labelled points around one centre a class: X (N, features) float64, y (N,) int64."""
    centres = separation * np.eye(_CLASSES, _FEATURES)
    data: dict[str, Any] = {}
    for name, size in (("train", train), ("val", val)):
        y = np.arange(size) % _CLASSES
        data[f"X_{name}"] = centres[y] + 0.3 * draw.normal(size=(size, _FEATURES))
        data[f"y_{name}"] = y
    return data


def _readings(gradients: list[dict[str, Array]]) -> dict[str, Array]:
    """Both readings of "the mean of l2 norm of each gradient": entrywise (Frobenius), or the matrix 2-norm for matrices."""
    return {
        "Frobenius": np.array([np.mean([np.linalg.norm(g) for g in grads.values()]) for grads in gradients]),
        "spectral": np.array([np.mean([np.linalg.norm(g, 2) for g in grads.values()]) for grads in gradients]),
    }
