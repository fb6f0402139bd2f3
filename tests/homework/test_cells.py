"""What a failed item shows for a cell runs as it stands beside the submission, and shows the numbers that the item tells of."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grader.grading.results import ItemResult, Outcome
from grader.homework import HOMEWORK
from grader.report import wording
from tests.conftest import FC_NET, OPTIM, SOLVER, Grader, Maker, item
from tests.homework.mutants import files, mutants
from tests.homework.rules import FILE, MISTAKES, edit

NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?|nan|inf")


def ran(path: Path, found: ItemResult) -> str:
    """What the item's program prints in the submission's folder, as somebody pastes it: set in, as it stands in the text."""
    (code,) = {finding.code for finding in found.findings if finding.code}
    assert wording.code_lines(code) in wording.for_student(found)
    assert max(map(len, code.splitlines())) <= 110
    for name, data in HOMEWORK.support.items():
        (path / name).exists() or (path / name).write_bytes(data)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=path, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def numbers(text: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(text)]


def assert_shown(wanted: list[float], printed: str, digits: float = 1e-6) -> None:
    """Every number is among those that were printed, as precisely as either is written."""
    shown = numbers(printed)
    for number in wanted:
        assert any(math.isclose(number, other, rel_tol=digits, abs_tol=1e-8) or number != number != other for other in shown), (
            number,
            printed,
        )


@pytest.mark.parametrize(("rule", "slip"), [(rule, slip) for rule in MISTAKES for slip in list(MISTAKES[rule])[:6]])
def test_a_golden_step_shows_the_numbers_of_the_table(graded: Grader, make: Maker, rule: str, slip: str) -> None:
    path = make(edit(rule, *MISTAKES[rule][slip][0]))
    (found,) = graded(path, f"optim.{rule}.golden").items
    printed = ran(path, found)
    for compared in wording.comparisons(found):
        assert_shown([x for row in compared.found for x in row], printed, 1e-5)
        assert all(len(row) == 5 for row in (*compared.found, *compared.published))
    assert wording.comparisons(found) or "config['t']" in wording.for_student(found)


SHOWN = re.compile(
    r"(?:next_w|config\['\w+'\]|dw) is (?:an array of shape \([\d, ]+\) with entries )?([^…]*?)(?: \(float32\))?, (?:…|which)"
)
BEHIND = (
    "sgd_momentum.rate_in_velocity", "sgd_momentum.shared_velocity", "sgd_momentum.single_precision", "sgd_momentum.fixed_momentum",
    "rmsprop.epsilon_missing", "rmsprop.adagrad", "adam.t_not_stored", "adam.amsgrad", "adam.fixed_betas", "adam.shared_t",
)  # fmt: skip


@pytest.mark.parametrize("slip", BEHIND)
def test_a_hidden_question_shows_what_came_back(graded: Grader, make: Maker, slip: str) -> None:
    blank, answer = mutants()[slip]
    path = make((OPTIM, None, files(**{blank: answer})[OPTIM]))
    (found,) = graded(path, f"optim.{blank}.behaviour").items
    if "Asked this alone" in wording.for_student(found):
        return
    told = "\n".join(finding.student for finding in found.findings)
    values = [value for text in SHOWN.findall(told) for value in numbers(text)]
    assert values or "config['t']" in told or "has dtype" in told, told
    assert_shown(values, ran(path, found), 1e-5)


@pytest.mark.parametrize("layout", ["F", "strided", "reversed"])
def test_views_in_another_memory_order_are_made_anew(layout: str, tmp_path: Path) -> None:
    import numpy as np

    from grader.homework import cells
    from grader.homework.published import Track

    w = np.arange(6.0).reshape(2, 3)
    code = cells.steps("adam", [Track(w, {"note": "keep, me"}, (w,))], [0.5], layout=layout, with_dw=True)
    rule = "def adam(w, dw, config):\n    return w * config['learning_rate'], dict(config, flags=w.flags.c_contiguous)\n"
    (tmp_path / "deeplearning").mkdir()
    (tmp_path / "deeplearning/optim.py").write_text(rule, "utf-8")
    printed = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert numbers(printed)[:6] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert "'note': 'keep, me'" in printed
    assert "'flags': False" in printed


def test_a_rule_that_raises_raises_in_the_cell_too(graded: Grader, make: Maker) -> None:
    path = make((FILE, 'v = config["momentum"] * v + dw', 'v = config["momentum"] * v + dw\n    assert w.ndim < 2, "only vectors"'))
    for kind in ("golden", "behaviour"):
        found = item(graded(path, "optim.sgd_momentum.golden", "optim.sgd_momentum.behaviour"), f"optim.sgd_momentum.{kind}")
        if found.outcome is Outcome.RAISED:
            assert "AssertionError: only vectors" in ran(path, found)


@pytest.mark.parametrize("slip", ["init.fan_out", "init.transposed", "init.uniform", "init.not_zero"])
def test_networks_show_the_same_draws(graded: Grader, make: Maker, slip: str) -> None:
    blank, answer = mutants()[slip]
    path = make((FC_NET, None, files(**{blank: answer})[FC_NET]))
    (found,) = graded(path, f"fc_net.init.{blank}").items
    told, printed = wording.for_student(found), ran(path, found)
    assert_shown([float(std) for std in re.findall(r"standard deviation is ([\d.e-]+)", told)], printed, 1e-3)
    for shape in re.findall(r"has shape (\([\d, ]+\));", told):
        assert shape in printed


def test_the_loss_shows_what_was_compared(graded: Grader, make: Maker) -> None:
    path = make((FC_NET, "loss += 0.5 * self.reg * np.sum(w * w)", "loss += 1000 + 0 * w.sum()"))
    (found,) = graded(path, "fc_net.loss").items
    (staff,) = [finding.staff for finding in found.findings if finding.staff]
    assert_shown([float(re.findall(r"found ([\d.]+)", staff)[0])], ran(path, found), 1e-5)


def test_a_training_loop_shows_what_it_records(graded: Grader, make: Maker) -> None:
    blank, answer = mutants()["grad_norm.sum"]
    path = make((SOLVER, None, files(**{blank: answer})[SOLVER]))
    (found,) = graded(path, "solver.grad_norm").items
    (first, second) = re.findall(r"begins with (\S+) and (\S+)\.", wording.for_student(found))[0]
    assert_shown([float(first), float(second)], ran(path, found), 1e-5)
