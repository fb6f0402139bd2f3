"""Values no honest code returns, everywhere a value is asked for: they may cost points, never the grader."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.rubric import Rubric
from grader.sandbox.supervisor import Sandbox

from .arena import CODE, CORPUS, REFERENCE, Arena, plain
from .driver import verdict

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers at the end of their range are asked for on purpose

VALUES = {
    "none": "None",
    "nan": "float('nan')",
    "infinity": "float('-inf')",
    "huge integer": "2**63 - 1",
    "integer beyond 64 bits": "10**400",
    "true": "True",
    "text": "'nan'",
    "text of a megabyte": "'\\x1b[2J' * 300_000",
    "bytes": "b'0.1'",
    "complex": "1e308 + 1e308j",
    "object": "object()",
    "empty list": "[]",
    "empty dict": "{}",
    "nested list": "[[[[[]]]]]",
    "dict of arrays": "{'W1': np.ones(3), '': None}",
    "no dimensions": "np.array(0.5)",
    "no entries": "np.empty(0)",
    "no rows": "np.empty((0, 5))",
    "sixteen dimensions": "np.ones((1,) * 16)",
    "thirty dimensions": "np.ones((1,) * 30)",
    "array of nan": "np.full(SHAPE, np.nan)",
    "array of infinities": "np.full(SHAPE, np.inf)",
    "array of the largest": "np.full(SHAPE, np.finfo(float).max)",
    "array of both ends": "np.resize([np.finfo(float).max, -np.finfo(float).max], SHAPE)",
    "array of the smallest": "np.full(SHAPE, 5e-324)",
    "array of zeros": "np.zeros(SHAPE)",
    "array of minus zeros": "np.full(SHAPE, -0.0)",
    "array of halves": "np.full(SHAPE, 0.5, np.float16)",
    "array of long doubles": "np.full(SHAPE, 0.5, np.longdouble)",
    "array of integers": "np.ones(SHAPE, int)",
    "array of truths": "np.ones(SHAPE, bool)",
    "array of complex": "np.ones(SHAPE, complex)",
    "array of texts": "np.full(SHAPE, 'x')",
    "array of objects": "np.full(SHAPE, None)",
    "array of dates": "np.zeros(SHAPE, 'M8[s]')",
    "transposed array": "np.full(SHAPE[::-1], 0.1)",
    "masked array": "np.ma.masked_array(np.ones(SHAPE), True)",
}

# What is spoiled, and how: SHAPE stands for the shape the grader waits for, VALUE for the value.
PLACES = {
    "update rules": ("optim", "def adam(w, dw, config=None):\n    return VALUE, VALUE\nsgd_momentum = rmsprop = adam"),
    "next parameters": (
        "optim",
        "def spoil(rule):\n    def spoiled(w, dw, config=None):\n        return VALUE, rule(w, dw, config)[1]\n    return spoiled\n"
        "adam, rmsprop, sgd_momentum = map(spoil, (adam, rmsprop, sgd_momentum))",
    ),
    "state": (
        "optim",
        "def spoil(rule):\n    def spoiled(w, dw, config=None):\n        next_w, config = rule(w, dw, config)\n"
        "        return next_w, {**config, **dict.fromkeys(('m', 'v', 't', 'velocity', 'cache'), VALUE)}\n    return spoiled\n"
        "adam, rmsprop, sgd_momentum = map(spoil, (adam, rmsprop, sgd_momentum))",
    ),
    "parameters": (
        "fc_net",
        "_init = FullyConnectedNet.__init__\ndef init(self, *a, **k):\n    _init(self, *a, **k)\n"
        "    self.params = {name: VALUE for name, array in self.params.items()}\nFullyConnectedNet.__init__ = init",
    ),
    "one layer": (
        "fc_net",
        "_init = FullyConnectedNet.__init__\ndef init(self, *a, **k):\n    _init(self, *a, **k)\n"
        "    array = self.params['W2']\n    self.params['W2'] = VALUE\nFullyConnectedNet.__init__ = init",
    ),
    "all of the parameters": (
        "fc_net",
        "_init = FullyConnectedNet.__init__\ndef init(self, *a, **k):\n    _init(self, *a, **k)\n"
        "    array = self.params['W1']\n    self.params = VALUE\nFullyConnectedNet.__init__ = init",
    ),
    "loss and gradients": (
        "fc_net",
        "_loss = FullyConnectedNet.loss\ndef loss(self, X, y=None):\n    array = _loss(self, X)\n"
        "    if y is None:\n        return VALUE\n"
        "    return VALUE, {name: VALUE for name, array in self.params.items()}\nFullyConnectedNet.loss = loss",
    ),
    "histories": (
        "solver",
        "array = np.zeros(4)\ndef train(self):\n"
        "    self.loss_history = self.train_acc_history = self.val_acc_history = [VALUE] * 11\n"
        "    self.log_grad_norm_history = [VALUE] * 4\nSolver.train = train",
    ),
    "history": (
        "solver",
        "array = np.zeros(4)\ndef train(self):\n    self.loss_history = self.train_acc_history = VALUE\n"
        "    self.val_acc_history = self.log_grad_norm_history = VALUE\nSolver.train = train",
    ),
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
@pytest.mark.parametrize(("file", "code"), PLACES.values(), ids=PLACES.keys())
def test_no_value_makes_the_grader_fail(
    file: str, code: str, value: str, arena: Arena, rubric: Rubric, sandbox: Sandbox, tmp_path: Path
) -> None:
    honest = (REFERENCE / CODE[file]).read_text("utf-8")
    shape = "w.shape" if file == "optim" else "np.shape(array)"
    spoiled = code.replace("VALUE", f"({value})").replace("SHAPE", shape)
    target = tmp_path / CODE[file]
    target.parent.mkdir(parents=True)
    target.write_text(honest + (CORPUS / "prelude.py.txt").read_text("utf-8") + spoiled + "\n", "utf-8")
    costly = ("optim.adam.behaviour", "optim.rmsprop.behaviour")  # the same code as for the third rule
    asked = [item.id for item in rubric.graded if item.id.startswith(file + ".") and item.id not in costly]
    result, shown = verdict(tmp_path, rubric, sandbox, asked)
    plain(shown)
    outcomes = {test["extra_data"]["id"]: test["extra_data"]["outcome"] for test in result["tests"]}
    failed = [
        (test["extra_data"]["id"], test["extra_data"]["staff"])
        for test in result["tests"]
        if test["extra_data"]["outcome"] == "grader error"
    ]
    assert not failed
    assert list(outcomes) == asked
