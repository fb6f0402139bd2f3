"""CONTRIBUTING.md, followed to the letter in a copy: a rule and a slip are added, right and wrong submissions graded with them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import OPTIM, ROOT, SAMPLES

PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
_STEP = re.compile(r"to `(grader/[^`]+)`(?:(?!```).)*?\n\n```\w+\n(.*?)```", re.DOTALL)
_CHANGE = re.compile(r"in `(grader/[^`]+)`(?:(?!```).)*?\n\n```diff\n(.*?)```(?:\n\n```diff\n(.*?)```)?", re.DOTALL)
_COMMANDS = re.compile(r"```sh\n(.*?)```", re.DOTALL)
RIGHT = """

def sgd_nesterov(w, dw, config=None):
    config = {} if config is None else config
    config.setdefault("learning_rate", 1e-2)
    config.setdefault("momentum", 0.9)
    v = config["momentum"] * config.get("velocity", np.zeros_like(w)) + dw
    config["velocity"] = v
    return w - config["learning_rate"] * (dw + config["momentum"] * v), config
"""
PLAIN = RIGHT.replace('(dw + config["momentum"] * v)', "v")


def section(title: str) -> str:
    """One section of the page."""
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository, as far as the page touches it."""
    target = tmp_path / "copy"
    for name in ("grader", "student_src", "gradescope"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (ROOT / "fixtures").iterdir():
        if path.is_file():
            target.joinpath("fixtures").mkdir(exist_ok=True)
            shutil.copy(path, target / "fixtures")
    shutil.copytree(SAMPLES / "reference", target / "fixtures/submissions/reference")
    for name in ("run_autograder", "bootstrap"):
        shutil.copy(ROOT / name, target)
    (target / ".venv-home").write_text(sys.prefix, "utf-8")  # this environment is the one that the page's commands set up
    return target


def run(copy: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command in the copy, with the grader that lies there."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=300, check=False)


def grade(copy: Path, submission: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return run(copy, sys.executable, "-m", "grader", "grade", str(submission), *options)


def follow(copy: Path, title: str) -> list[subprocess.CompletedProcess[str]]:
    """Put every line and block into its file and run every command; what the commands did."""
    steps = _STEP.findall(section(title))
    assert steps
    for file, *changes in _CHANGE.findall(section(title)):
        for change in filter(None, changes):
            path, lines = copy / file, change.splitlines()
            old, new = ("".join(f"{line[1:]}\n" for line in lines if line[0] in kinds) for kinds in (" ", " +"))
            text = path.read_text("utf-8")
            assert text.count(old) == 1, old
            path.write_text(text.replace(old, new), "utf-8")
    for file, block in steps:
        path = copy / file
        gap = "\n" if path.suffix == ".toml" else "\n\n"
        path.write_text(path.read_text("utf-8") + gap + block, "utf-8")
    lines = [line for block in _COMMANDS.findall(section(title)) for line in block.splitlines()]
    return [run(copy, "sh", "-c", line) for line in lines]


def with_function(copy: Path, source: str) -> Path:
    submission = copy / "submission"
    shutil.copytree(SAMPLES / "reference", submission, dirs_exist_ok=True)
    path = submission / OPTIM
    path.write_text((SAMPLES / "reference" / OPTIM).read_text("utf-8") + source, "utf-8")
    return submission


def test_a_rule_is_added_as_the_page_says(copy: Path) -> None:
    remade, graded = follow(copy, "Add an update rule")
    assert remade.returncode == 0, remade.stderr
    assert "golden.json: sgd_nesterov, from its reference" in remade.stdout
    assert graded.returncode == 1, graded.stderr
    assert "sgd_nesterov" in graded.stdout

    right = grade(copy, with_function(copy, RIGHT))
    assert right.returncode == 0, right.stdout + right.stderr
    assert re.search(r"passed +optim\.sgd_nesterov\.golden", right.stdout)
    assert re.search(r"passed +optim\.sgd_nesterov\.behaviour", right.stdout)
    assert "Total: 100 of 100 points" in right.stdout

    wrong = grade(copy, with_function(copy, PLAIN), "--only", "optim.sgd_nesterov")
    assert wrong.returncode == 1, wrong.stdout + wrong.stderr
    assert wrong.stdout.count("[staff] slip: sgd_nesterov.plain_momentum (plain momentum)") == 2, wrong.stdout
    assert "without looking ahead" in wrong.stdout


def test_slips_are_added_as_the_page_says(copy: Path) -> None:
    (remade,) = follow(copy, "Add a slip")
    assert remade.returncode == 0, remade.stderr
    squared = ('v = config["momentum"] * v + dw', 'v = config["momentum"] ** 2 * v + dw')
    uphill = ('next_w = w - config["learning_rate"] * v', 'next_w = w + config["learning_rate"] * v')
    halved = (
        'v = config["momentum"] * v + dw',
        "sgd_momentum.n = n = getattr(sgd_momentum, 'n', 0) + 1\n    v = (config['momentum'] * v + dw) / (1 + n % 2)",
    )
    for edits, slips in (
        ([squared], ["momentum_squared"]),
        ([squared, uphill], ["ascends", "momentum_squared"]),
        ([halved], ["velocity_halved"]),
    ):
        path = with_function(copy, "") / OPTIM
        text = path.read_text("utf-8")
        for old, new in edits:
            assert text.count(old) == 1
            text = text.replace(old, new)
        path.write_text(text, "utf-8")
        wrong = grade(copy, path.parent.parent, "--only", "optim.sgd_momentum")
        for slip in slips:
            assert wrong.stdout.count(f"[staff] slip: sgd_momentum.{slip} (") == 2, wrong.stdout
        assert wrong.stdout.count("[staff] slip: ") == 2 * len(slips), wrong.stdout


MISTAKES = {
    "a row without a check": (
        "grader/homework/rubric.toml",
        'id = "optim.adam.golden"\n',
        'id = "optim.adma.golden"\n',
        "item 'optim.adma.golden' has no check; did you mean 'optim.adam.golden'?",
    ),
    "an unknown section": (
        "grader/homework/optim.py",
        'section="rmsprop"',
        'section="rmspro"',
        "check 'optim.rmsprop.golden' has the unknown section 'rmspro'",
    ),
    "a slip without code": (
        "grader/homework/misconceptions.toml",
        "[adam.t_twice]",
        '[adam.t_thrice]\nname = "x"\nlooks_like = "y"\nreread = "z"\n\n[adam.t_twice]',
        "no code for the slip adam.t_thrice",
    ),
    "a part that no check has": (
        "grader/homework/rubric.toml",
        "parts = { next_w = 1, velocity = 1 }",
        "parts = { next_w = 1, velocty = 1 }",
        "part 'velocty' in item 'optim.sgd_momentum.golden' is unknown; did you mean 'velocity'?",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_before_anything_is_graded(copy: Path, mistake: str) -> None:
    file, old, new, told = MISTAKES[mistake]
    text = (copy / file).read_text("utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1), "utf-8")
    process = grade(copy, copy / "fixtures/submissions/reference")
    assert process.returncode == 3
    assert process.stdout == ""
    assert process.stderr.count("\n") == 1
    assert process.stderr.startswith("grader: ")
    assert told in process.stderr
    assert "the grader itself failed" not in process.stderr


def test_a_digest_that_was_not_remade_costs_the_items_that_read_the_file(copy: Path) -> None:
    path = copy / "fixtures/golden.json"
    path.write_text(path.read_text("utf-8").replace("-0.39994", "-0.39995", 1), "utf-8")
    process = grade(copy, copy / "fixtures/submissions/reference", "--only", "optim.adam")
    assert process.returncode == 3
    assert re.search(r"grader error +optim\.adam\.golden", process.stdout)
    assert "[staff] fixtures/golden.json is not the file on record" in process.stdout
    assert "Traceback" not in process.stdout
    assert re.search(r"passed +optim\.adam\.behaviour", process.stdout)
