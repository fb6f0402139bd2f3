"""What the public checks ask, as programs for a cell of the notebook: what a check tells of an answer, its cell shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, Final, Protocol

from ..grading.context import Context
from ..grading.expect import Array
from ..grading.findings import Finding
from ..grading.source_code import assigned, literal, wrapped
from ..sandbox.errors import SessionEnded
from .network import Example
from .rules import RULES

Question = Callable[[Context], None]
_IMPORT: Final = "import numpy as np\nfrom deeplearning.optim import {}\n\n"


class Track(Protocol):
    """One parameter's way through some steps."""

    @property
    def w(self) -> Array:
        """Where it starts."""

    @property
    def config(self) -> dict[str, Any] | None:
        """What the rule is called with first."""

    @property
    def grads(self) -> tuple[Array, ...]:
        """The dw of each step."""


def shown_in_a_cell(code: Callable[[], str], parts: int) -> Callable[[Question], Question]:
    """Decorate a check of so many parts: where they are not all right, what was asked is told too, as a program."""

    def decorate(function: Question) -> Question:
        @wraps(function)
        def asked(context: Context) -> None:
            def asking() -> Finding:
                return Finding("What was asked, for a cell:", code=code())

            try:
                function(context)
            except SessionEnded as error:
                if not any(label.startswith("import ") for label in (error.doing, *error.asked)):
                    context.findings.insert(0, asking())
                raise
            if len(context.passed) < parts:
                context.findings.append(asking())

        return asked

    return decorate


def golden_step(name: str) -> str:
    """One step from the handout's arrays, and what it gives."""
    rule = RULES[name]
    given = {key: _span(*value) if isinstance(value, tuple) else repr(value) for key, value in rule.golden.items()}
    kept = [*rule.state, *(["t"] if rule.counted else [])]
    return _IMPORT.format(name) + "\n".join(
        [
            f"w = {_span(-0.4, 0.6)}",
            f"dw = {_span(-0.6, 0.4)}",
            "config = {",
            *(f"    {key!r}: {value}," for key, value in given.items()),
            "}",
            f"next_w, config = {name}(w, dw, config)",
            "print(next_w)",
            *(f"print(config[{key!r}])" for key in kept),
        ]
    )


def steps(
    rule: str,
    tracks: Sequence[Track],
    rates: Sequence[float | None],
    *,
    layout: str = "C",
    with_dw: bool = False,
    printed_from: int | None = None,
) -> str:
    """Parameters stepped side by side, and what the last step leaves, dw among it if that is wanted.

    Args:
        rates: the learning rate that is set before each step, None where it stays.
        layout: of the arrays in memory: "C", "F", "strided" or "reversed".
        printed_from: the step, counted from 0, from which on each step's result is printed; None for the last alone.
    """
    numbers = [str(number) if len(tracks) > 1 else "" for number in range(1, len(tracks) + 1)]
    lines = []
    for number, track in zip(numbers, tracks, strict=True):
        lines += [_laid_out(f"w{number}", track.w, layout), assigned(f"config{number}", track.config)]
    empty = [track.config is None for track in tracks]
    for step, rate in enumerate(rates):
        lines.append(f"\n# step {step + 1}")
        for which, (number, track) in enumerate(zip(numbers, tracks, strict=True)):
            if rate is not None:
                lines += [f"config{number} = {{}}"] if empty[which] else []
                lines.append(f"config{number}['learning_rate'] = {rate!r}")
            empty[which] = False
            lines.append(_laid_out("dw", track.grads[step], layout))
            lines.append(f"w{number}, config{number} = {rule}(w{number}, dw, config{number})")
            if step >= (len(rates) - 1 if printed_from is None else printed_from):
                lines.append(f"print(w{number}, config{number}{', dw' if with_dw else ''})")
    return _IMPORT.format(rule) + "\n".join(lines)


def initialization(scheme: str, networks: Iterable[str]) -> str:
    """Networks, each by what stands before `initialization` in its constructor's brackets, built as they were; their parameters."""
    from ..sandbox.inside.worker import SEED  # with all that the sandbox's side needs, and only where something is wrong

    return "\n".join(
        [
            "import numpy as np",
            "from deeplearning.classifiers.fc_net import FullyConnectedNet",
            "",
            f"np.random.seed({SEED})",
            "networks = [",
            *(wrapped(f"    FullyConnectedNet({arguments}, initialization={scheme!r}),") for arguments in networks),
            "]",
            "for network in networks:",
            "    for name, values in network.params.items():",
            "        print(name, values.shape, values.dtype, 'std', values.std(), 'mean', values.mean())",
            "    print()",
        ]
    )


def given_loss(case: Example) -> str:
    """The network's loss and gradients on fixed parameters and data."""
    width = f"input_dim={case.input_dim}, num_classes={case.classes}, reg={case.reg}, dtype=np.float64"
    return "\n".join(
        [
            "import numpy as np",
            "from deeplearning.classifiers.fc_net import FullyConnectedNet",
            "",
            f"network = FullyConnectedNet({list(case.hidden)}, {width})",
            *(assigned(f"network.params[{name!r}]", value) for name, value in case.params.items()),
            assigned("X", case.X),
            f"y = np.array({case.y.tolist()})",
            "scores = network.loss(X)",
            "loss, grads = network.loss(X, y)",
            "print(scores, loss, grads)",
        ]
    )


def gradient_norm(params: Mapping[str, Array], gradients: Sequence[Mapping[str, Array]]) -> str:
    """An epoch of two training steps of a model that hands out these gradients, and what is recorded."""
    dtype = next(iter(params.values())).dtype
    layers = sum(name.startswith("W") for name in params)
    inputs, classes = params["W1"].shape[0], params[f"b{layers}"].size
    return "\n".join(
        [
            "import numpy as np",
            "from deeplearning.solver import Solver",
            "",
            "class Model:",
            f"    num_layers, dtype, reg, use_batchnorm = {layers}, np.{dtype}, 0.0, False",
            "    steps = 0",
            "",
            "    def loss(self, X, y=None):",
            "        if y is None:",
            f"            return np.zeros((len(X), {classes}))",
            "        self.steps += 1",
            "        return 1.0, {name: values.copy() for name, values in gradients[self.steps - 1].items()}",
            "",
            "model = Model()",
            "model.params = {}",
            "gradients = [{}, {}]",
            *(assigned(f"model.params[{name!r}]", value) for name, value in params.items()),
            *(
                assigned(f"gradients[{step}][{name!r}]", value)
                for step, grads in enumerate(gradients[:2])
                for name, value in grads.items()
            ),
            f"X, y = np.zeros((8, {inputs})), np.zeros(8, dtype=int)",
            "data = {'X_train': X, 'y_train': y, 'X_val': X, 'y_val': y}",
            "settings = {'optim_config': {'learning_rate': 0.001}, 'num_epochs': 1, 'batch_size': 4}",
            "solver = Solver(model, data, update_rule='sgd', verbose=False, **settings)",
            "solver.record_grad_norm = True",
            "solver.train()",
            "print(solver.log_grad_norm_history)",
        ]
    )


def _laid_out(name: str, values: Array, layout: str) -> str:
    """The statement that makes an array, in the order it had in memory."""
    value = literal(values)
    if layout == "F":
        value = f"np.asfortranarray({value})"
    elif layout == "strided" and values.ndim:
        value = f"np.repeat({value}, 2, axis=-1)[..., ::2]"
    elif layout == "reversed" and values.ndim:
        value = f"np.array({value}[..., ::-1])[..., ::-1]"
    return wrapped(f"{name} = {value}")


def _span(start: float, stop: float) -> str:
    return f"np.linspace({start}, {stop}, 20).reshape(4, 5)"
