"""Blanks of every form that a term handed out are told as blanks, in one sentence; what was written in never is."""

from __future__ import annotations

import pytest

from grader.grading.results import ItemResult, Outcome
from tests.conftest import FC_NET, OPTIM, ROOT, SAMPLES, SOLVER
from tests.homework.conftest import Ask, assert_full_marks, assert_no_marks, said

HE = '            elif initialization == "he":\n'
HANDED_OUT = ROOT / "student_src"
UNFILLED = "may not be filled in yet"

RULES = {  # what stands where adam is to be written
    "pass": "    next_w = None\n    pass\n",
    "None alone": "    next_w = None\n",
    "raise": "    next_w = None\n    raise NotImplementedError()\n",
    "raise without a call": "    raise NotImplementedError\n",
    "raise with a sentence": '    next_w = None\n    raise NotImplementedError("Implement adam in optim.py.")\n',
    "FIXME": "    next_w = FIXME\n",
    "dots": "    next_w = None\n    ...\n",
    "a question mark": "    next_w = ?\n",
    "state read and put back": '    next_w = None\n    m = config["m"] = config.get("m", np.zeros_like(w))\n    config["m"] = m\n',
}
BRANCHES = {
    "pass": "pass",
    "FIXME": 'self.params["W%d" % i] = FIXME',
    "raise with a sentence": 'raise NotImplementedError("Write He initialization.")',
    "a question mark": 'self.params["W%d" % i] = ?',
    "None": 'self.params[f"W{i}"] = None',
}
STEPS = {
    "pass": "        pass\n",
    "nothing": "",
    "FIXME": "        self.log_grad_norm_history.append(FIXME)\n",
    "raise behind a switch": "        if self.record_grad_norm:\n            raise NotImplementedError('Append the mean norm.')\n",
    "a question mark": "        self.log_grad_norm_history.append(?)\n",
}


def adam(body: str) -> tuple[str, None, str]:
    """The handout's optim.py with `body` where adam is to be written."""
    text = (HANDED_OUT / OPTIM).read_text("utf-8")
    before, _, _ = text.rpartition("    next_w = None\n")
    _, _, behind = text.rpartition("    pass\n")
    return OPTIM, None, before + body + behind


def step(lines: str) -> tuple[str, str, str]:
    """The handout's solver.py with `lines` where the norm is to be recorded."""
    return SOLVER, "        pass\n", lines


@pytest.mark.parametrize("item", ["optim.adam.golden", "optim.adam.behaviour"])
@pytest.mark.parametrize("form", RULES)
def test_a_rule_that_is_not_written_is_told_in_one_sentence(ask: Ask, item: str, form: str) -> None:
    assert_told(ask(item, adam(RULES[form]), base="untouched"), "adam")


@pytest.mark.parametrize("form", BRANCHES)
def test_an_initialization_that_is_not_written_is_told_in_one_sentence(ask: Ask, form: str) -> None:
    branch = HE + f"                {BRANCHES[form]}\n            elif initialization == 'he was here':\n"
    assert_told(ask("fc_net.init.he", (FC_NET, HE, branch), base="untouched"), "'he'")


@pytest.mark.parametrize("form", STEPS)
def test_a_norm_that_is_not_recorded_is_told_in_one_sentence(ask: Ask, form: str) -> None:
    edit = step(STEPS[form])
    assert_told(ask("solver.grad_norm", edit, base="untouched"), "_step")
    if form != "a question mark":  # with it there is no loop that could train
        assert_full_marks(ask("solver.training", edit, base="untouched"))


@pytest.mark.parametrize("form", ["pass", "FIXME"])
def test_a_loss_that_is_not_written_is_told_in_one_sentence(ask: Ask, form: str) -> None:
    blank = {"pass": "pass", "FIXME": "loss = FIXME"}[form]
    source = f"""
class FullyConnectedNet:
    def __init__(self, hidden_dims, **settings):
        self.params = {{}}
        self.dtype = settings["dtype"]

    def loss(self, X, y=None):
        X = X.astype(self.dtype)
        scores = None
        {blank}
        if y is None:
            return scores
        loss, grads = 0.0, {{}}
        {blank}
        return loss, grads
"""
    assert_told(ask("fc_net.loss", (FC_NET, None, source)), "FullyConnectedNet.loss")


def test_a_question_mark_in_another_blank_is_told_by_its_line(ask: Ask) -> None:
    found = ask("optim.sgd_momentum.golden", adam(RULES["a question mark"]), base="untouched")
    text = said(found)
    assert "still holds a question mark" in text
    assert text.startswith("Line ")
    assert "raised" not in text


WRITTEN = {  # something was written and it does not work: what it did is told
    "raise left behind": '    next_w = w - config["learning_rate"] * dw\n    raise NotImplementedError()\n',
    "another name": '    next_W = w - config["learning_rate"] * dw\n    next_w = None\n',
    "handed through": "    next_w = w\n",
    "state kept wrongly": '    next_w = None\n    config["m"] = dw\n',
    "a call": "    next_w = None\n    np.sqrt(w)\n",
    "FIXME in a formula": "    next_w = w - FIXME * dw\n",
    "another syntax error": "    next_w = w -\n",
    "a question mark in a text": '    next_w = "w?"\n',
    "a mark and other words": "    next_w = w - ? dw ?? dw\n",
}


@pytest.mark.parametrize("item", ["optim.adam.golden", "optim.adam.behaviour"])
@pytest.mark.parametrize("case", WRITTEN)
def test_what_was_written_is_never_called_a_blank(ask: Ask, item: str, case: str) -> None:
    found = ask(item, adam(WRITTEN[case]), base="untouched")
    assert found.outcome is not Outcome.PASSED
    assert UNFILLED not in said(found)
    assert said(found)


@pytest.mark.parametrize(
    "body",
    [
        'self.params[f"W{i}"] = np.random.randn(fan_in, fan_out)\n                raise NotImplementedError',
        'self.params[f"W{i}"] = np.random.randn(fan_out)',
        "scale = np.sqrt(2 / fan_in)",
    ],
)
def test_a_written_initialization_is_never_called_a_blank(ask: Ask, body: str) -> None:
    found = ask("fc_net.init.he", (FC_NET, HE, f"{HE}                {body}\n"), base="untouched")
    assert found.outcome is not Outcome.PASSED
    assert UNFILLED not in said(found)


@pytest.mark.parametrize(
    "line", ["norms = [np.linalg.norm(grad) for grad in grads.values()]", "self.log_norms.append(loss)", "np.mean(loss)"]
)
def test_a_norm_that_is_worked_out_and_not_kept_is_never_called_a_blank(ask: Ask, line: str) -> None:
    found = ask("solver.grad_norm", step(f"        {line}\n"), base="untouched")
    assert found.outcome is not Outcome.PASSED
    assert UNFILLED not in said(found)


def test_a_right_rule_passes_whatever_it_looks_like(ask: Ask) -> None:
    blank = "def adam(w, dw, config=None):\n    raise NotImplementedError\n"
    reference = (SAMPLES / "reference" / OPTIM).read_text("utf-8")
    assert_full_marks(ask("optim.adam.golden", (OPTIM, None, f"{reference}\n\nright = adam\n\n\n{blank}\n\nadam = right\n")))


def assert_told(found: ItemResult, name: str) -> None:
    """The item ended as wrong, with one sentence on the blank and nothing else."""
    assert_no_marks(found)
    text = said(found)
    assert name in text
    assert UNFILLED in text
    assert "raised" not in text
    assert "\n" not in text
    assert [one.blank for one in found.findings if one.student or one.staff] == [True]
