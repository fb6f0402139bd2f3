"""fc_net.py: how the network's weights are initialized, and that its given loss still works."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .. import expect, sampling
from ..exam import Exam, check
from ..expect import Array
from ..finding import Mismatch
from ..student import FC_NET
from . import network


@dataclass(frozen=True, slots=True)
class Build:
    """A network to ask for: arguments beyond `initialization`, as the constructor takes them."""

    hidden: tuple[int, ...]
    input_dim: int = 3 * 32 * 32
    classes: int = 10
    weight_scale: float = 1e-2
    dtype: str = "float32"

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(fan_in, fan_out) of every layer."""
        widths = (self.input_dim, *self.hidden, self.classes)
        return list(pairwise(widths))


# The handout's network has square hidden layers, which cannot tell fan_in from fan_out or W from its transpose.
HANDOUT = Build((50,) * 10)
OTHER = Build((40, 90, 60), input_dim=120, classes=45, weight_scale=3e-2, dtype="float64")
_NETWORKS = {"handout_network": HANDOUT, "other_widths": OTHER}
_PARTS = tuple(_NETWORKS)


@check("fc_net.init.he", parts=_PARTS)
def he(exam: Exam) -> None:
    """He initialization: shapes, biases, spread by fan-in, normal distribution, in every layer."""
    _initialization(exam, "he", lambda build: [math.sqrt(2.0 / fan_in) for fan_in, _ in build.shapes])


@check("fc_net.init.random", parts=_PARTS)
def random(exam: Exam) -> None:
    """Random initialization (given): normal with standard deviation weight_scale."""
    _initialization(exam, "random", lambda build: [build.weight_scale] * len(build.shapes))


@check("fc_net.init.zero", parts=_PARTS)
def zero(exam: Exam) -> None:
    """Zero initialization: every weight and bias is zero, in the right shape."""
    for part, build in _NETWORKS.items():
        params = _params(exam, "zero", build)
        with exam.part(part):
            for name, matrix in _weights(params, build):
                _all_zero(matrix, name)


@check("fc_net.loss", parts=("scores", "loss", "gradients"))
def loss(exam: Exam) -> None:
    """The network's loss and gradients (given) still work."""
    limit = exam.limit("rel_error")
    case = network.example()
    with exam.student.module(FC_NET) as (session, fc_net):
        net = fc_net.attr("FullyConnectedNet")(
            list(case.hidden), input_dim=case.input_dim, num_classes=case.classes, reg=case.reg, dtype=_dtype(session, "float64")
        )
        net.set_attr("params", case.params)
        evaluate = net.attr("loss")
        scores, answer = session.fetch(evaluate(case.X), evaluate(case.X, case.y))
    value, grads = expect.pair(answer, ("loss", "grads"), "loss(X, y)")
    with exam.part("scores"):
        expect.close(scores, case.scores, limit, "the scores of loss(X)")
    with exam.part("loss"):
        found = expect.number(value, "the loss of loss(X, y)")
        expect.close(np.array([found]), np.array([case.loss]), limit, "the loss of loss(X, y)")
    with exam.part("gradients"):
        for name, wanted in case.gradients.items():
            expect.close(expect.item(grads, name, "the gradients"), wanted, limit, f"the gradient of {name}")


def _initialization(exam: Exam, scheme: str, stds: Any) -> None:
    budget = exam.limit("false_alarm") / len(_NETWORKS)
    for part, build in _NETWORKS.items():
        params = _params(exam, scheme, build)
        with exam.part(part):
            weights = _weights(params, build)
            _drawn_separately(weights)
            wanted = stds(build)
            tests = list(sampling.tests([(name, W, std) for (name, W), std in zip(weights, wanted, strict=True)]))
            alarms = sampling.alarms(tests, budget, len(tests))
            if alarms:
                first = alarms[0]
                shapes = dict(zip((name for name, _ in weights), build.shapes, strict=True))
                where = f" (fan_in {shapes[first.name][0]}, fan_out {shapes[first.name][1]})" if first.name in shapes else ""
                table = dict(zip((name for name, _ in weights), wanted, strict=True))
                raise Mismatch(
                    f"{_call(scheme, build)}: in {first.name}{where} {first.what}, which is not what '{scheme}' should give; "
                    f"{_how_many(alarms)}.",
                    "; ".join(f"{t.name}: {t.what}, p = {t.p:.2g}, std wanted {table.get(t.name, '-')}" for t in alarms[:20]),
                )


def _params(exam: Exam, scheme: str, build: Build) -> Any:
    with exam.student.module(FC_NET) as (session, fc_net):
        net = fc_net.attr("FullyConnectedNet")(
            list(build.hidden),
            input_dim=build.input_dim,
            num_classes=build.classes,
            weight_scale=build.weight_scale,
            dtype=_dtype(session, build.dtype),
            initialization=scheme,
        )
        (params,) = session.fetch(net.attr("params"))
    return params


def _dtype(session: Any, name: str) -> Any:
    """The NumPy scalar type itself, as the handout passes it (`dtype=np.float32`)."""
    return session.module("numpy").attr(name)


def _weights(params: Any, build: Build) -> list[tuple[str, Array]]:
    """Check names, shapes, dtypes, finiteness and that biases are zero; return the named weight matrices in order."""
    weights = []
    for layer, (fan_in, fan_out) in enumerate(build.shapes, start=1):
        name = f"W{layer}"
        if isinstance(params, Mapping) and name not in params:
            raise Mismatch(f"params has no '{name}': this initialization leaves the weights of layer {layer} unset.")
        matrix = expect.array(expect.item(params, name, "params"), name, shape=(fan_in, fan_out), dtype=build.dtype)
        bias = expect.array(expect.item(params, f"b{layer}", "params"), f"b{layer}", shape=(fan_out,), dtype=build.dtype)
        if not np.isfinite(matrix).all():
            raise Mismatch(f"{name} holds NaN or infinite values.")
        _all_zero(bias, f"b{layer}")
        weights.append((name, matrix))
    return weights


def _drawn_separately(weights: list[tuple[str, Array]]) -> None:
    for (name, matrix), (other, following) in pairwise(weights):
        if matrix.shape == following.shape and matrix.any() and np.array_equal(matrix, following):
            raise Mismatch(f"{name} and {other} hold the same values; every layer should be drawn anew.")


def _all_zero(values: Array, name: str) -> None:
    if not (values == 0).all():
        raise Mismatch(f"{name} is not all zeros: its largest entry is {np.abs(values).max():.3g}.")


def _call(scheme: str, build: Build) -> str:
    hidden = "[50]*10" if build is HANDOUT else f"{list(build.hidden)}, input_dim={build.input_dim}, num_classes={build.classes}"
    return f"FullyConnectedNet({hidden}, initialization='{scheme}')"


def _how_many(alarms: list[sampling.Test]) -> str:
    names = list(dict.fromkeys(test.name for test in alarms))
    return f"only {names[0]} is off" if len(names) == 1 else f"off are {', '.join(names[:11])}"
