"""fc_net.py: how the network's weights are initialized, and that its given loss still works."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from .. import expect, sampling
from ..exam import Exam, check
from ..expect import Array
from ..finding import Mismatch
from ..fixtures import spreads
from ..sandbox.session import Remote, Session
from ..student import FC_NET
from ..text import clean
from . import init_slips, network


@dataclass(frozen=True, slots=True)
class Build:
    """A network to ask for: arguments beyond `initialization`, as the constructor takes them."""

    hidden: tuple[int, ...]
    input_dim: int = 3 * 32 * 32
    classes: int = 10
    weight_scale: float = 1e-2
    dtype: str = "float32"
    seed: int | None = None

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(fan_in, fan_out) of every layer."""
        return list(pairwise((self.input_dim, *self.hidden, self.classes)))


# The handout's network has square hidden layers, which cannot tell fan_in from fan_out or W from its transpose.
HANDOUT: Final = Build((50,) * 10)
NETWORKS: Final = {
    "handout_network": HANDOUT,
    "other_widths": Build((40, 90, 60), input_dim=120, classes=45, weight_scale=3e-2, dtype="float64"),
    "one_hidden_layer": Build((150,), input_dim=60, classes=20, weight_scale=0.5, seed=3),
}
_PARTS: Final = tuple(NETWORKS)


@check("fc_net.init.he", parts=_PARTS)
def he(exam: Exam) -> None:
    """He initialization: shapes, biases, spread by fan-in, normal distribution, in every layer."""
    _initialization(exam, "he", lambda part, _: spreads()[part]["he"])


@check("fc_net.init.random", parts=_PARTS)
def random(exam: Exam) -> None:
    """Random initialization (given): normal with standard deviation weight_scale."""
    _initialization(exam, "random", lambda _, build: [build.weight_scale] * len(build.shapes))


@check("fc_net.init.zero", parts=_PARTS)
def zero(exam: Exam) -> None:
    """Zero initialization: every weight and bias is zero, in the right shape."""
    seen = []
    told: set[str] = set()
    for part, build, params in _networks(exam, "zero"):
        seen.append((part, build, params))
        with exam.part(part), _of("zero", build, told):
            for name, matrix in named_weights(params, build):
                _all_zero(matrix, name)
    if len(exam.passed) < len(_PARTS):
        exam.diagnose(init_slips.of("zero", seen))


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
    try:
        value, grads = expect.pair(answer, ("loss", "grads"), "loss(X, y)")
        with exam.part("scores"):
            expect.close(scores, case.scores, limit, "what loss(X) returns")
        with exam.part("loss"):
            found = expect.number(value, "the loss that loss(X, y) returns")
            expect.close(np.array([found]), np.array([case.loss]), limit, "the loss that loss(X, y) returns")
        with exam.part("gradients"):
            for name, wanted in case.gradients.items():
                expect.close(expect.item(grads, name, "the dict of gradients"), wanted, limit, f"the gradient of {name}")
    finally:
        if len(exam.passed) < 3:
            exam.note("FullyConnectedNet.loss was handed out complete: compare yours with the original.")


def _initialization(exam: Exam, scheme: str, stds: Callable[[str, Build], list[float]]) -> None:
    budget = exam.limit("false_alarm") / len(NETWORKS)
    seen = []
    told: set[str] = set()
    for part, build, params in _networks(exam, scheme):
        seen.append((part, build, params))
        with exam.part(part), _of(scheme, build, told):
            weights, wanted = named_weights(params, build), stds(part, build)
            _drawn_separately(weights)
            alarms = draw_alarms(weights, wanted, budget)
            if alarms:
                _report(scheme, build, alarms, dict(zip((name for name, _ in weights), wanted, strict=True)))
    if len(exam.passed) < len(_PARTS):
        exam.diagnose(init_slips.of(scheme, seen))


def draw_alarms(weights: list[tuple[str, Array]], stds: list[float], false_alarm: float) -> list[sampling.Test]:
    """The tests that say these matrices are no draw from N(0, std²); a fair draw has one with probability `false_alarm`."""
    with np.errstate(over="ignore", invalid="ignore"):  # finite weights may be enormous
        tests = list(sampling.tests([(name, matrix, std) for (name, matrix), std in zip(weights, stds, strict=True)]))
    return sampling.alarms(tests, false_alarm, len(tests))


def _report(scheme: str, build: Build, alarms: list[sampling.Test], stds: Mapping[str, float]) -> None:
    first = alarms[0]
    shapes = {f"W{layer}": shape for layer, shape in enumerate(build.shapes, start=1)}
    where = f" (fan_in {shapes[first.name][0]}, fan_out {shapes[first.name][1]})" if first.name in shapes else ""
    names = list(dict.fromkeys(test.name for test in alarms))
    others = f"only {names[0]} is off" if len(names) == 1 else f"these are off: {', '.join(names[:11])}"
    raise Mismatch(
        f"in {first.name}{where} {first.what}, which is not what '{scheme}' should give; {others}.",
        "; ".join(f"{t.name}: {t.what}, p = {t.p:.2g}, std wanted {stds.get(t.name, '-')}" for t in alarms[:20]),
    )


@contextmanager
def _of(scheme: str, build: Build, told: set[str]) -> Iterator[None]:
    """Begin what is wrong with a network with the call that made it; what was `told` of another one is not said again."""
    try:
        yield
    except Mismatch as mismatch:
        again = mismatch.student in told
        told.add(mismatch.student)
        raise Mismatch("" if again else f"{_call(scheme, build)}: {mismatch.student}", mismatch.staff or "the same") from None


def _networks(exam: Exam, scheme: str) -> Iterator[tuple[str, Build, Any]]:
    """Every network's part name, arguments and parameters, all built in one process, one after the other."""
    with exam.student.module(FC_NET) as (session, fc_net):
        for part, build in NETWORKS.items():
            (params,) = session.fetch(_built(session, fc_net, scheme, build).attr("params"))
            yield part, build, params


def _built(session: Session, fc_net: Remote, scheme: str, build: Build) -> Remote:
    """The network, called with what differs from the defaults only, as the handout calls it."""
    usual = Build(build.hidden)
    arguments: dict[str, Any] = {"input_dim": build.input_dim, "num_classes": build.classes, "weight_scale": build.weight_scale}
    defaults = (usual.input_dim, usual.classes, usual.weight_scale)
    given = {name: value for (name, value), default in zip(arguments.items(), defaults, strict=True) if value != default}
    if build.dtype != usual.dtype:
        given["dtype"] = _dtype(session, build.dtype)
    if build.seed is not None:
        given["seed"] = build.seed
    return fc_net.attr("FullyConnectedNet")(list(build.hidden), initialization=scheme, **given)


def _dtype(session: Session, name: str) -> Remote:
    """The NumPy scalar type itself, as the handout passes it (`dtype=np.float32`)."""
    return session.module("numpy").attr(name)


def named_weights(params: Any, build: Build) -> list[tuple[str, Array]]:
    """Check names, shapes, dtypes, finiteness and that biases are zero; return the named weight matrices in order.

    Raises:
        Mismatch: naming the first parameter that is not as it should be.
    """
    weights = []
    for layer, (fan_in, fan_out) in enumerate(build.shapes, start=1):
        name = f"W{layer}"
        if isinstance(params, Mapping) and name not in params:
            raise Mismatch(
                f"params has no '{name}', so the weights of layer {layer} were never set. The blank in "
                "deeplearning/classifiers/fc_net.py may not be filled in yet."
            )
        matrix = expect.array(expect.item(params, name, "params"), name, shape=(fan_in, fan_out), dtype=build.dtype)
        bias = expect.array(expect.item(params, f"b{layer}", "params"), f"b{layer}", shape=(fan_out,), dtype=build.dtype)
        if not np.isfinite(matrix).all():
            raise Mismatch(f"{name} holds NaN or infinite values.")
        _all_zero(bias, f"b{layer}")
        weights.append((name, matrix))
    extra = sorted(set(params) - {f"{kind}{layer}" for kind in "Wb" for layer in range(1, len(weights) + 1)})
    if extra:
        raise Mismatch(f"params also holds {clean(repr(extra[0]), 60)}, which belongs to no layer; training would not know it.")
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
