"""fc_net.py: how the network's weights are initialized, and that its given loss still works."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from ..grading import expect, sampling
from ..grading.context import Context
from ..grading.expect import Array
from ..grading.findings import Finding, Mismatch
from ..sandbox.errors import SessionEnded
from ..sandbox.forms import Number, Row
from ..sandbox.session import Asked, Remote, Session
from . import answers, cells, initialization_slips, network
from .blanks import told_as_blank
from .files import FC_NET
from .misconceptions import tell
from .published import Stds, spreads
from .registry import check


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
_UNSEEN: Final[dict[Build, tuple[str, Stds]]] = {}


def also_build(part: str, build: Build, stds: Stds) -> None:
    """Register one more network on which a part of every initialization hangs; what it is students are not told.

    `stds` are the standard deviations that He's initialization, and each slip of it, gives its layers, as `spreads` has them.
    """
    _UNSEEN[build] = part, stds


def _cell(scheme: str) -> Callable[[], str]:
    """What an item on this initialization asks, for a cell."""
    return lambda: cells.initialization(scheme, map(_arguments, NETWORKS.values()))


def _arguments(build: Build) -> str:
    """What the constructor is called with beside the initialization, as it is typed."""
    usual = Build(build.hidden)
    named: dict[str, tuple[object, object]] = {"input_dim": (build.input_dim, usual.input_dim)}
    named |= {
        "num_classes": (build.classes, usual.classes),
        "weight_scale": (build.weight_scale, usual.weight_scale),
        "seed": (build.seed, usual.seed),
    }
    given = [f"{name}={value}" for name, (value, default) in named.items() if value != default]
    given += [f"dtype=np.{build.dtype}"] if build.dtype != usual.dtype else []
    return ", ".join(["[50] * 10" if build is HANDOUT else str(list(build.hidden)), *given])


@check("fc_net.init.he", parts=_PARTS, tolerances=("false_alarm",))
@told_as_blank(FC_NET, "he")
@cells.shown_in_a_cell(_cell("he"), len(_PARTS))
def he(context: Context) -> None:
    """He initialization: shapes, biases, spread by fan-in, normal distribution, in every layer."""
    _initialization(context, "he", lambda part, build: _stds(part, build)["he"])


@check("fc_net.init.random", parts=_PARTS, tolerances=("false_alarm",))
@told_as_blank(FC_NET, "random")
@cells.shown_in_a_cell(_cell("random"), len(_PARTS))
def random(context: Context) -> None:
    """Random initialization (given): normal with standard deviation weight_scale."""
    _initialization(context, "random", lambda _, build: [build.weight_scale] * len(build.shapes))


@check("fc_net.init.zero", parts=_PARTS)
@told_as_blank(FC_NET, "zero")
@cells.shown_in_a_cell(_cell("zero"), len(_PARTS))
def zero(context: Context) -> None:
    """Zero initialization: every weight and bias is zero, in the right shape."""
    seen = []
    told: set[str] = set()
    for part, build, params in _networks(context, "zero"):
        seen.append((_stds(part, build), build, params))
        with _settled(context, part, "zero", build, told):
            for name, matrix in named_weights(params, build):
                _all_zero(matrix, name)
    if len(context.passed) < len(_PARTS):
        tell(context, initialization_slips.of("zero", seen))


@check("fc_net.loss", parts=("scores", "loss", "gradients"), tolerances=("rel_error",))
@told_as_blank(FC_NET, "loss", "random")  # where 'random' is a blank too, no network can be made
@cells.shown_in_a_cell(lambda: cells.given_loss(network.example()), 3)
def loss(context: Context) -> None:
    """The network's loss and gradients (given) still work."""
    limit = context.limit("rel_error")
    case = network.example()
    with context.student.module(FC_NET) as (session, fc_net):
        net = fc_net.attr("FullyConnectedNet").call_as(
            "FullyConnectedNet(…)",
            list(case.hidden),
            input_dim=case.input_dim,
            num_classes=case.classes,
            reg=case.reg,
            dtype=_dtype(session, "float64"),
        )
        net.set_attr("params", case.params)
        evaluate = net.attr("loss")
        both = Row((Number(), answers.params({name: grad.size for name, grad in case.gradients.items()})))
        scores, answer = session.fetch(evaluate(case.X).like(answers.array(case.scores.size)), evaluate(case.X, case.y).like(both))
    try:
        value, grads = expect.pair(answer, ("loss", "grads"), "loss(X, y)")
        with context.part("scores"):
            expect.close(scores, case.scores, limit, "what loss(X) returns")
        with context.part("loss"):
            found = expect.number(value, "the loss that loss(X, y) returns")
            expect.close(np.array([found]), np.array([case.loss]), limit, "the loss that loss(X, y) returns")
        with context.part("gradients"):
            for name, wanted in case.gradients.items():
                expect.close(expect.item(grads, name, "the dict of gradients"), wanted, limit, f"the gradient of {name}")
    finally:
        if len(context.passed) < 3:
            context.note("If FullyConnectedNet.loss was handed out complete to you, compare yours with the original.")


def _stds(part: str, build: Build) -> Stds:
    return _UNSEEN[build][1] if build in _UNSEEN else spreads()[part]


def _initialization(context: Context, scheme: str, stds: Callable[[str, Build], list[float]]) -> None:
    half = context.limit("false_alarm") / 2  # the other half is for the networks that only staff build
    seen = []
    told: set[str] = set()
    for part, build, params in _networks(context, scheme):
        seen.append((_stds(part, build), build, params))
        budget = half / len(_UNSEEN if build in _UNSEEN else NETWORKS)
        with _settled(context, part, scheme, build, told):
            weights, wanted = named_weights(params, build), stds(part, build)
            _drawn_separately(weights)
            alarms = draw_alarms(weights, wanted, budget)
            if alarms:
                _report(scheme, build, alarms, dict(zip((name for name, _ in weights), wanted, strict=True)))
    if len(context.passed) < len(_PARTS):
        tell(context, initialization_slips.of(scheme, seen))


def draw_alarms(weights: list[tuple[str, Array]], stds: list[float], false_alarm: float) -> list[sampling.Test]:
    """The tests that say these matrices are no draw from N(0, std²); a fair draw has one with probability `false_alarm`."""
    with np.errstate(over="ignore", invalid="ignore"):  # finite weights may be enormous
        tests = list(sampling.tests([(name, matrix, std) for (name, matrix), std in zip(weights, stds, strict=True)]))
    return sampling.alarms(tests, false_alarm, len(tests))


def _report(scheme: str, build: Build, alarms: list[sampling.Test], stds: Mapping[str, float]) -> None:
    first = alarms[0]
    shapes = {f"W{layer}": shape for layer, shape in enumerate(build.shapes, start=1)}
    where = f" (fan_in {shapes[first.name][0]}, fan_out {shapes[first.name][1]})" if first.name in shapes else ""
    off = {name for test in alarms for name in _looked_at(test.name, list(stds))}
    names = [name for name in stds if name in off]
    others = f"only {names[0]} is off" if len(names) == 1 else f"these are off: {', '.join(names)}"
    raise Mismatch(
        f"in {first.name}{where} {first.what}, which is not what '{scheme}' should give; {others}.",
        "; ".join(f"{t.name}: {t.what}, p = {t.p:.2g}, std wanted {stds.get(t.name, '-')}" for t in alarms[:20]),
    )


def _looked_at(name: str, names: list[str]) -> list[str]:
    """The matrices that a test looked at: one, or all from one to another."""
    first, _, last = name.partition(" to ")
    return names[names.index(first) : names.index(last or first) + 1]


@contextmanager
def _settled(context: Context, part: str, scheme: str, build: Build, told: set[str]) -> Iterator[None]:
    """Settle a part by a network that the self-check builds too; one that only staff build can take it away again."""
    if build not in _UNSEEN:
        with context.part(part), _of(scheme, build, told):
            yield
        return
    try:
        yield
    except Mismatch as mismatch:
        if part in context.passed:
            context.passed.remove(part)
            text = (
                "The networks that the self-check builds are as they should be; others, of other sizes, are not. What "
                f"initialization='{scheme}' sets has to follow from the sizes and settings that the network is made with."
            )
            staff = f"{_call(scheme, build)}: {mismatch.student} {mismatch.staff}"
            context.findings.append(Finding("" if text in told else text, staff, part))
            told.add(text)


@contextmanager
def _of(scheme: str, build: Build, told: set[str]) -> Iterator[None]:
    """Begin what is wrong with a network with the call that made it; what was `told` of another one is not said again."""
    try:
        yield
    except Mismatch as mismatch:
        again = mismatch.student in told
        told.add(mismatch.student)
        raise Mismatch("" if again else f"{_call(scheme, build)}: {mismatch.student}", mismatch.staff or "the same") from None


def _networks(context: Context, scheme: str) -> Iterator[tuple[str, Build, Any]]:
    """Every network's part name, arguments and parameters, all built in one process, one after the other; staff's own at the end.

    Where one of these ends the process or raises, no part is right.
    """
    with context.student.module(FC_NET) as (session, fc_net):
        for part, build in NETWORKS.items():
            (params,) = session.fetch(_params(session, fc_net, scheme, build))
            yield part, build, params
        session.secret = session.secret or bool(_UNSEEN)
        try:
            found = session.fetch(*[_params(session, fc_net, scheme, build) for build in _UNSEEN])
        except SessionEnded:
            context.passed.clear()
            raise
        for (build, (part, _)), params in zip(_UNSEEN.items(), found, strict=True):
            yield part, build, params


def _params(session: Session, fc_net: Remote, scheme: str, build: Build) -> Asked:
    """A network's parameters, in the form they should have."""
    layers = range(len(build.shapes) + 1)  # some count from 0, so that each name may stand for the next layer
    sizes = dict.fromkeys((f"W{layer}" for layer in layers), max(fan_in * fan_out for fan_in, fan_out in build.shapes))
    sizes |= dict.fromkeys((f"b{layer}" for layer in layers), max(fan_out for _, fan_out in build.shapes))
    return _built(session, fc_net, scheme, build).attr("params").like(answers.params(sizes))


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
    label = f"FullyConnectedNet(…, initialization='{scheme}')"
    return fc_net.attr("FullyConnectedNet").call_as(label, list(build.hidden), initialization=scheme, **given)


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
            raise Mismatch(f"params has no '{name}', so the weights of layer {layer} were never set.")
        matrix = expect.array(expect.item(params, name, "params"), name, shape=(fan_in, fan_out), dtype=build.dtype)
        bias = expect.array(expect.item(params, f"b{layer}", "params"), f"b{layer}", shape=(fan_out,), dtype=build.dtype)
        if not np.isfinite(matrix).all():
            raise Mismatch(f"{name} holds NaN or infinite values.")
        _all_zero(bias, f"b{layer}")
        weights.append((name, matrix))
    if extra := expect.only(params, [f"{kind}{layer}" for kind in "Wb" for layer in range(1, len(weights) + 1)]):
        raise Mismatch(f"params also holds {extra}, which belongs to no layer; training would not know it.")
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
