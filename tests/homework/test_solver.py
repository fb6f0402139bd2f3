"""solver.grad_norm and solver.training: the accepted norms pass, other quantities and a broken loop fail, each charged once."""

from __future__ import annotations

import pytest

from grader.grading.results import Outcome
from tests.homework.conftest import Ask, assert_full_marks, assert_no_marks, right, said

FILE, OPTIM = "deeplearning/solver.py", "deeplearning/optim.py"
RECORD = """\
        norms = [np.linalg.norm(grad) for grad in grads.values()]
        self.log_grad_norm_history.append(np.mean(norms))
"""
UPDATE = """\
            next_w, next_config = self.update_rule(w, grads[name], self.optim_configs[name])
            self.model.params[name] = next_w
"""


def recorded(*lines: str) -> tuple[str, str, str]:
    """Put these lines where the reference records the gradient norm."""
    return FILE, RECORD, "".join(f"        {line}\n" for line in ("history = self.log_grad_norm_history", *lines))


ACCEPTED = {
    "Frobenius": ["history.append(np.mean([np.linalg.norm(g) for g in grads.values()]))"],
    "Frobenius by name": [
        "history.append(np.mean([np.linalg.norm(g, 'fro') if g.ndim > 1 else np.linalg.norm(g) for g in grads.values()]))"
    ],
    "Frobenius by hand": ["history.append(sum((grads[k] ** 2).sum() ** 0.5 for k in grads) / len(grads))"],
    "Frobenius of the flattened": ["history.append(np.average([np.linalg.norm(g.ravel(), ord=2) for g in grads.values()]))"],
    "spectral": ["history.append(np.mean([np.linalg.norm(g, 2) for g in grads.values()]))"],
    "spectral by singular values": [
        "history.append(np.mean([np.linalg.svd(np.atleast_2d(g), compute_uv=False).max() for g in grads.values()]))"
    ],
    "a loop": ["total = 0", "for key, grad in grads.items(): total += np.linalg.norm(grad)", "history.append(total / len(grads))"],
    "Python's float": ["history.append(float(np.mean([np.linalg.norm(g) for g in grads.values()])))"],
    "float32": ["history.append(np.float32(np.mean([np.linalg.norm(g) for g in grads.values()])))"],
    "an array without axes": ["history.append(np.array(np.mean([np.linalg.norm(g) for g in grads.values()])))"],
    "layer by layer": [
        "layers, total = self.model.num_layers, 0",
        "for i in range(1, layers + 1): total += np.linalg.norm(grads[f'W{i}']) + np.linalg.norm(grads[f'b{i}'])",
        "history.append(total / (2 * layers))",
    ],
    "as many as there are parameters": [
        "names = [k for k in self.model.params if not self.model.use_batchnorm or 'gamma' not in k]",
        "history.append(sum(np.linalg.norm(grads[k].astype(self.model.dtype)) for k in names) / len(names))",
    ],
    "asked again before the update": [
        "_, again = self.model.loss(X_batch, y_batch)",
        "history.append(np.mean([np.linalg.norm(g) for g in again.values()]))",
    ],
    "history replaced": ["self.log_grad_norm_history = history + [np.mean([np.linalg.norm(g) for g in grads.values()])]"],
}


@pytest.mark.parametrize("reading", ACCEPTED)
def test_an_accepted_norm_passes(ask: Ask, reading: str) -> None:
    assert_full_marks(ask("solver.grad_norm", recorded(*ACCEPTED[reading])))


@pytest.mark.parametrize("reading", ["layer by layer", "as many as there are parameters", "asked again before the update"])
def test_what_uses_the_model_as_the_network_is_used_costs_no_training(ask: Ask, reading: str) -> None:
    assert_full_marks(ask("solver.training", recorded(*ACCEPTED[reading])))


ASKED_ONCE_MORE = "history.append(np.mean([np.linalg.norm(g) for g in self.model.loss({})[1].values()]))"


@pytest.mark.parametrize("asked", ["X_batch, y_batch", "self.X_train, self.y_train"])
@pytest.mark.parametrize("behind", [False, True], ids=["before the update", "behind the update"])
def test_the_model_asked_once_more_is_charged_under_the_norm_alone(ask: Ask, asked: str, behind: bool) -> None:
    line = recorded(ASKED_ONCE_MORE.format(asked))
    kept = "            self.optim_configs[name] = next_config\n"
    edits = [(FILE, kept, kept + line[2]), (FILE, RECORD, "")] if behind else [line]
    found, training = ask("solver.grad_norm", *edits), ask("solver.training", *edits)
    assert_full_marks(training)
    if asked == "X_batch, y_batch" and not behind:
        assert_full_marks(found)
    else:
        assert_no_marks(found)


MEAN = "np.mean([np.linalg.norm(g) for g in grads.values()])"
MISTAKES = {
    "sum": ["history.append(sum(np.linalg.norm(g) for g in grads.values()))"],
    "largest": ["history.append(max(np.linalg.norm(g) for g in grads.values()))"],
    "squared": ["history.append(np.mean([np.linalg.norm(g) ** 2 for g in grads.values()]))"],
    "L1": ["history.append(np.mean([np.abs(g).sum() for g in grads.values()]))"],
    "nuclear": ["history.append(np.mean([np.linalg.norm(g, 'nuc') if g.ndim > 1 else np.linalg.norm(g) for g in grads.values()]))"],
    "of the weights": ["history.append(np.mean([np.linalg.norm(w) for w in self.model.params.values()]))"],
    "of the last parameter": ["for g in grads.values(): norm = np.mean(np.linalg.norm(g))", "history.append(norm)"],
    "of the first parameter": ["history.append(np.linalg.norm(grads['W1']))"],
    "of the matrices only": ["history.append(np.mean([np.linalg.norm(g) for k, g in grads.items() if k[0] == 'W']))"],
    "of all entries in one": ["history.append(np.linalg.norm(np.concatenate([g.ravel() for g in grads.values()])))"],
    "of all entries in one, shared": ["history.append(np.sqrt(sum(np.sum(g**2) for g in grads.values())) / len(grads))"],
    "of each row": ["history.append(np.mean([np.mean(np.linalg.norm(g, axis=-1)) for g in grads.values()]))"],
    "root mean square": ["history.append(np.mean([np.sqrt(np.mean(g ** 2)) for g in grads.values()]))"],
    "of the mean gradient": ["history.append(np.mean([np.mean(g) for g in grads.values()]))"],
    "of the update": ["history.append(self.optim_config['learning_rate'] * " + MEAN + ")"],
    "the logarithm": ["history.append(np.log(" + MEAN + "))"],
    "of the step before": [f"history.append(getattr(self, 'kept', {MEAN}))", f"self.kept = {MEAN}"],
    "running mean": [f"self.kept = getattr(self, 'kept', []) + [{MEAN}]", "history.append(np.mean(self.kept))"],
    "list of norms": ["history.append([np.linalg.norm(g) for g in grads.values()])"],
    "array of norms": ["history.append(np.array([np.linalg.norm(g) for g in grads.values()]))"],
    "each norm by itself": ["history.extend(np.linalg.norm(g) for g in grads.values())"],
    "twice": [f"history += 2 * [{MEAN}]"],
    "once an epoch": [f"len(self.loss_history) % 2 or history.append({MEAN})"],
    "put in front": [f"history.insert(0, {MEAN})"],
    "overwritten": [f"self.log_grad_norm_history = [{MEAN}]"],
    "replaced by a number": [f"self.log_grad_norm_history = {MEAN}"],
    "as text": [f"history.append(str({MEAN}))"],
    "NaN": ["history.append(np.nan)"],
    "infinite": ["history.append(float('inf'))"],
    "zero": ["history.append(0.0)"],
    "None": ["history.append(None)"],
    "in another list": [f"self.grad_norm_history = [{MEAN}]"],
    "computed and dropped": [f"norm = {MEAN}"],
}  # fmt: skip


@pytest.mark.parametrize("slip", MISTAKES)
def test_another_quantity_fails(ask: Ask, slip: str) -> None:
    found = ask("solver.grad_norm", recorded(*MISTAKES[slip]))
    assert_no_marks(found)
    assert "log_grad_norm_history" in said(found)


def test_an_empty_history_is_called_empty(ask: Ask) -> None:
    found = ask("solver.grad_norm", recorded("pass"))
    assert_no_marks(found)
    assert "empty" in said(found)


def test_what_raises_while_recording_is_charged_once_and_names_the_line(ask: Ask) -> None:
    raising = recorded("history.append(undefined_name)")
    found = ask("solver.grad_norm", raising)
    assert_no_marks(found, Outcome.RAISED)
    assert "undefined_name" in said(found)
    training = ask("solver.training", raising)
    assert (training.score, right(training)) == (training.maximum, set(training.parts))


@pytest.mark.parametrize("slip", ["sum", "list of norms", "computed and dropped", "replaced by a number"])
def test_a_wrong_norm_does_not_cost_the_training(ask: Ask, slip: str) -> None:
    assert_full_marks(ask("solver.training", recorded(*MISTAKES[slip])))


# What is changed, the new text, and the parts of solver.training that are still right.
BROKEN_LOOPS = {
    "no update": (UPDATE, "            next_config = self.optim_configs[name]\n", {"histories"}),
    "wrong sign": ("self.update_rule(w, grads[name]", "self.update_rule(w, -grads[name]", {"histories"}),
    "update of a copy, not kept": (UPDATE, UPDATE.replace("(w,", "(w.copy(),").replace("= next_w", "= w"), {"histories"}),
    "one example only": (
        "batch_mask = np.random.choice(num_train, self.batch_size)",
        "batch_mask = np.zeros(self.batch_size, int)",
        {"histories"},
    ),
    "labels of other examples": (
        "y_batch = self.y_train[batch_mask]",
        "y_batch = self.y_train[(batch_mask + 1) % num_train]",
        {"histories"},
    ),
    "other numbers beside the labels": (
        "X_batch = self.X_train[batch_mask]",
        "X_batch = self.X_train[batch_mask] * (np.arange(self.X_train.shape[1]) < 1)",
        {"histories"},
    ),
    "first parameters put back": (
        "self.best_params = {name: w.copy()",
        "self.best_params = self.best_params or {name: w.copy()",
        {"histories"},
    ),
    "worst parameters kept": (
        "if val_acc > self.best_val_acc:",
        "if val_acc < self.best_val_acc or not self.best_params:",
        {"histories"},
    ),
    "best parameters never put back": ("        if self.best_params:\n", "        if False:\n", {"histories", "learning"}),
    "learning rate never decays": ('config["learning_rate"] *= self.lr_decay', "pass", {"histories", "learning"}),
    "learning rate decays in every step": (
        "            if epoch_end:\n                self.epoch += 1\n",
        "            self.epoch += epoch_end\n            if True:\n",
        {"histories", "learning"},
    ),
    "loss not recorded": (
        "        self.loss_history.append(loss)\n",
        "        self.loss_history = [loss]\n",
        {"learning", "updates"},
    ),
    "loss recorded as None": ("self.loss_history.append(loss)", "self.loss_history.append(None)", {"learning", "updates"}),
    "loss recorded as NaN": ("self.loss_history.append(loss)", "self.loss_history.append(np.nan)", {"learning", "updates"}),
    "one epoch only": (
        "num_iterations = self.num_epochs * iterations_per_epoch",
        "num_iterations = iterations_per_epoch",
        {"learning"},
    ),
    "validation not recorded": ("self.val_acc_history.append(val_acc)", "pass", {"learning", "updates"}),
    "training accuracy in per cent": (
        "self.train_acc_history.append(train_acc)",
        "self.train_acc_history.append(100 * train_acc)",
        {"learning", "updates"},
    ),
    "accuracy at every iteration": ("if t == 0 or epoch_end:", "if True:", {"learning", "updates"}),
}


@pytest.mark.parametrize("slip", BROKEN_LOOPS)
def test_a_broken_loop_loses_exactly_the_parts_it_spoils(ask: Ask, slip: str) -> None:
    old, new, still_right = BROKEN_LOOPS[slip]
    found = ask("solver.training", (FILE, old, new))
    assert right(found) == still_right, said(found)
    assert said(found)


def test_a_loop_that_raises_or_never_ends_has_an_ending_of_its_own(ask: Ask) -> None:
    lost = ask("solver.training", (FILE, "self.model.params = self.best_params", "self.model.params = {}"))
    assert_no_marks(lost, Outcome.RAISED)
    left = ask("solver.training", (FILE, "if self.best_params:", "raise SystemExit(0)\n        if True:"))
    assert_no_marks(left, Outcome.RAISED)


@pytest.mark.parametrize(
    "line",
    [
        "self.train_acc_history.append(train_acc)",
        "self.val_acc_history.append(val_acc)",
        "self.epoch += 1",
        "for t in range(num_iterations):",
    ],
)
@pytest.mark.parametrize("raising", ["[][1]", "sys.exit(1)"])
def test_a_loop_that_raises_is_charged_under_the_training_alone(ask: Ask, line: str, raising: str) -> None:
    edits = [(FILE, line, f"{raising}; {line}" if not line.endswith(":") else f"{raising}\n        {line}")]
    edits.append((FILE, "import numpy as np\n", "import sys\n\nimport numpy as np\n"))
    assert_full_marks(ask("solver.grad_norm", *edits))
    assert_no_marks(ask("solver.training", *edits), Outcome.RAISED)


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ("f = lambda: f(); f()", Outcome.RAISED),
        ("import os; os._exit(3)", Outcome.CRASHED),
        ("kept = np.ones(10**9)", Outcome.OUT_OF_MEMORY),
        ("[][1]", Outcome.RAISED),
    ],
)
def test_a_step_that_does_not_come_to_its_end_is_charged_under_the_norm_alone(ask: Ask, line: str, outcome: Outcome) -> None:
    found, training = ask("solver.grad_norm", recorded(line)), ask("solver.training", recorded(line))
    assert_no_marks(found, outcome)
    assert (training.score, right(training)) == (training.maximum, set(training.parts))
    assert "plain step" in said(training)


EQUIVALENT_LOOPS = {
    "update without naming": (
        UPDATE,
        UPDATE.replace("next_w, next_config", "out").replace("= next_w", "= out[0]; next_config = out[1]"),
    ),
    "each example once": (
        "batch_mask = np.random.choice(num_train, self.batch_size)",
        "batch_mask = np.random.permutation(num_train)[:self.batch_size]",
    ),
    "best or equal": ("if val_acc > self.best_val_acc:", "if val_acc >= self.best_val_acc:"),
    "prints": (
        "        self.loss_history.append(loss)\n",
        "        print('loss', loss)\n        self.loss_history.append(float(loss))\n",
    ),
}


@pytest.mark.parametrize("change", EQUIVALENT_LOOPS)
def test_a_harmless_change_of_the_loop_passes(ask: Ask, change: str) -> None:
    for name in ("solver.training", "solver.grad_norm"):
        assert_full_marks(ask(name, (FILE, *EQUIVALENT_LOOPS[change])))


def test_wrong_rules_in_optim_cost_no_solver_item(ask: Ask) -> None:
    wrong = (OPTIM, 'w -= config["learning_rate"] * dw', 'w += config["learning_rate"] * dw')
    unreadable = (OPTIM, None, "def sgd(w, dw, config=None:\n")
    for edit in (wrong, unreadable, (OPTIM, None, None)):
        for name in ("solver.training", "solver.grad_norm"):
            assert_full_marks(ask(name, edit))


def test_a_broken_solver_costs_no_rule_and_no_initialization(ask: Ask) -> None:
    for edit in ((FILE, None, "class Solver(:\n"), (FILE, None, None)):
        for name in ("optim.sgd_momentum.golden", "optim.rmsprop.golden", "optim.adam.golden", "fc_net.init.he", "fc_net.loss"):
            assert_full_marks(ask(name, edit))
