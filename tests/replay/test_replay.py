"""A replay as a TA calls for it: honest logs agree, forged ones leave the band, code that fails costs its own run, points stay."""

from __future__ import annotations

import html.parser
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.homework import HOMEWORK
from grader.homework.hidden.cifar10 import DataSet
from grader.homework.hidden.experiment_programs import RULES, SCHEMES
from grader.replay.replay import Replay, replayed
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import Submission, collect
from tests.conftest import OPTIM, SAMPLES, SOLVER, run
from tests.replay.conftest import BEST, IMAGES, Submit, recorded_by

GROUP = "logs.optimizer_experiment"
MACHINES = ("float32", "float64", "nehalem", "numpy126")
ADAM = "optimizer_experiment_adam.npz"


def told(stdout: str) -> dict[str, str]:
    """What is said of each run, by log."""
    lines = re.findall(r"^ +\d+/\d+  (\w+) +(?:[\d.]+ s|-)  (.+)$", stdout, re.MULTILINE)
    assert lines, stdout
    return dict(lines)


def again(path: Path, name: str, sandbox: Sandbox, seconds: float = 300) -> Any:
    """One run of a submission, by the end of its id, replayed with the core."""
    submission: Submission = collect(path, HOMEWORK.layout, support=HOMEWORK.support)
    experiments = HOMEWORK.experiments()
    assert experiments is not None
    recorded = experiments.read(submission, sandbox)
    (chosen,) = [one for one in experiments.runs(recorded) if one.id == f"replay.{name}"]
    wish = Replay(HOMEWORK, experiments, Path("unused"), DataSet("synthetic", 0, 0, 0), None, seconds, None)
    return replayed(wish, chosen, submission, sandbox, recorded)


def spliced(held: Mapping[str, Any], at: int, by: float) -> dict[str, Any]:
    """A history whose losses are raised from iteration `at` on."""
    losses = np.array(held["train_losses"], dtype=float)
    losses[at - 1 :] += by
    return {**held, "train_losses": losses}


def test_a_replay_agrees_with_honest_logs_and_changes_no_verdict(submit: Submit, data: Path, tmp_path: Path) -> None:
    path = submit(recorded_by("nehalem"))
    plain, with_replay, page = tmp_path / "plain.json", tmp_path / "replay.json", tmp_path / "curves.html"
    before = run("grade", path, "--only", GROUP, "-o", plain)
    after = run("grade", path, "--only", GROUP, "-o", with_replay, "--replay", "--data", data, "--plot", page)
    assert after.returncode == before.returncode, after.stderr
    assert set(told(after.stdout).values()) == {"agrees"}
    assert set(told(after.stdout)) == {f"optimizer_experiment_{rule}" for rule in RULES}
    one, other = (json.loads(each.read_text("utf-8")) for each in (plain, with_replay))
    assert [test["score"] for test in one["tests"]] == [test["score"] for test in other["tests"]]
    notes = [note for note in other["extra_data"]["staff_notes"] if note.startswith("replay on synthetic: ")]
    assert len(notes) == 4
    assert all(note.endswith(": agrees") for note in notes)
    assert page.read_text("utf-8").count("<svg") == 8


def test_a_forged_curve_leaves_the_band_where_it_was_forged(submit: Submit, data: Path, tmp_path: Path) -> None:
    logs = recorded_by("float32")
    logs[ADAM] = spliced(logs[ADAM], 121, 0.7)
    path, output = submit(logs), tmp_path / "results.json"
    process = run("grade", path, "--only", GROUP, "-o", output, "--replay", "--data", data)
    assert process.returncode == 0, process.stdout
    said = told(process.stdout)
    forged = re.match(r"leaves the band at iteration (\d+): loss \1 is", said.pop("optimizer_experiment_adam"))
    assert forged is not None
    assert int(forged[1]) >= 121
    assert set(said.values()) == {"agrees"}
    assert "3 agree, 1 leaves the band" in process.stdout
    results = json.loads(output.read_text("utf-8"))
    assert [test["score"] == test["max_score"] for test in results["tests"]] == [True]
    assert any("leaves the band" in note for note in results["extra_data"]["staff_notes"])


def test_only_a_replay_grades_nothing(submit: Submit, data: Path) -> None:
    only = "replay.optimizer_experiment.adam,replay.initialization_experiment.zero"
    process = run("grade", submit({}), "--only", only, "--replay", "--data", data)
    assert process.returncode == 0, process.stderr
    assert list(told(process.stdout)) == ["optimizer_experiment_adam", "initialization_experiment_zero"]
    assert "not recorded: submission_logs/optimizer_experiment_adam.npz is not in the submission" in process.stdout
    assert "Total:" not in process.stdout


def test_items_without_a_run_are_graded_beside_those_that_have_one(submit: Submit, data: Path) -> None:
    only = "optim.sgd_momentum.golden,logs.initialization_experiment"
    process = run("grade", submit(recorded_by("float32")), "--only", only, "--replay", "--data", data)
    assert process.returncode == 0, process.stdout
    assert "optim.sgd_momentum.golden" in process.stdout
    assert list(told(process.stdout)) == [f"initialization_experiment_{scheme}" for scheme in SCHEMES]


FAILING = {
    "raises": ('raise ArithmeticError("no step today")', "it raised ArithmeticError: no step today (deeplearning/optim.py, line "),
    "hangs": ("import time\n    time.sleep(3600)", "it did not finish within 2 s"),
    "ends its process": ("import os\n    os._exit(3)", "its process"),
    "takes all memory": ("np.ones(2**34)", "more memory than"),
}


@pytest.mark.parametrize("how", FAILING)
def test_code_that_fails_costs_its_own_run(submit: Submit, mapped: Sandbox, how: str) -> None:
    body, said = FAILING[how]
    path = submit(
        recorded_by("float32"), (OPTIM, "def rmsprop(w, dw, config=None):", f"def rmsprop(w, dw, config=None):\n    {body}\n")
    )
    broken = again(path, "optimizer_experiment.rmsprop", mapped, seconds=2)
    assert broken.verdict == "did not run"
    assert said in broken.detail
    assert again(path, "optimizer_experiment.sgd", mapped).verdict == "agrees"


def test_a_missing_file_is_told_and_its_given_parts_stand_in(submit: Submit, mapped: Sandbox) -> None:
    path = submit(recorded_by("float32"))
    (path / OPTIM).unlink()
    failed = again(path, "optimizer_experiment.adam", mapped)
    assert failed.verdict == "did not run"
    assert failed.detail.endswith(f"not in the submission: {OPTIM}")
    assert again(path, "optimizer_experiment.sgd", mapped).verdict == "agrees"


@pytest.mark.parametrize("name", ["adam", "rmsprop", "sgd_momentum"])
def test_what_any_machine_recorded_agrees_with_a_replay_here(submit: Submit, mapped: Sandbox, name: str) -> None:
    from grader.homework.hidden import curve_comparison as curves

    replay = again(submit(recorded_by("float32")), f"optimizer_experiment.{name}", mapped).replayed
    for machine in MACHINES:
        recorded = recorded_by(machine)[f"optimizer_experiment_{name}.npz"]
        assert curves.difference("optimizer_experiment", name, recorded, replay) is None, machine


def test_the_batch_size_of_plain_sgd_comes_from_its_logs(submit: Submit, mapped: Sandbox) -> None:
    logs = recorded_by("numpy126")
    logs["sgd_momentum_compare_sgd_200.npz"] = {
        key: np.array(held)[:-1] for key, held in logs["sgd_momentum_compare_sgd_200.npz"].items()
    }
    path = submit(logs)
    honest = again(path, "sgd_momentum_compare.sgd_100", mapped)
    assert (honest.verdict, honest.replayed["train_losses"].size) == ("agrees", 300)
    assert honest.replayed["train_accs"].size == 16  # B = 300: 15 epochs
    unknown = again(path, "sgd_momentum_compare.sgd_200", mapped)
    assert (unknown.verdict, unknown.detail) == ("not recorded", "its log does not tell the batch size")


def test_the_best_model_is_trained_with_the_recorded_settings(submit: Submit, mapped: Sandbox) -> None:
    honest = again(submit(recorded_by("nehalem")), "best_model", mapped)
    assert honest.verdict == "agrees", honest.detail
    assert honest.replayed["train_losses"].size == 3 * (IMAGES // 200)


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        ({"num_epochs": 2}, "leaves the band at iteration 61", "90 train_losses are recorded, 60 replayed"),
        ({"lr": -1}, "not recorded", "results.json does not hold its settings"),
        ({"update_rule": "__import__('os')"}, "not recorded", "results.json does not hold its settings"),
        ({"num_epochs": 1.5}, "not recorded", "results.json does not hold its settings"),
    ],
)
def test_settings_that_do_not_fit_are_told(
    submit: Submit, mapped: Sandbox, change: dict[str, Any], verdict: str, said: str
) -> None:
    found = again(submit({**recorded_by("float32"), "results.json": {**BEST, **change}}), "best_model", mapped)
    assert (found.verdict, found.detail) == (verdict, said)


def test_runs_that_nothing_seeds_are_compared_in_kind(submit: Submit, mapped: Sandbox) -> None:
    logs = recorded_by("float64")
    logs["initialization_experiment_zero.npz"] = spliced(logs["initialization_experiment_zero.npz"], 1, 0.1)
    path = submit(logs)
    for scheme in ("he", "random"):
        assert again(path, f"initialization_experiment.{scheme}", mapped).verdict == "agrees"
    assert again(path, "initialization_experiment.zero", mapped).verdict == "leaves the band at iteration 1"


def test_he_that_does_not_learn_is_seen(submit: Submit, mapped: Sandbox) -> None:
    logs = recorded_by("float32")
    he = logs["initialization_experiment_he.npz"]
    logs["initialization_experiment_he.npz"] = {**he, "train_losses": he["train_losses"][::-1]}
    found = again(submit(logs), "initialization_experiment.he", mapped)
    assert found.verdict == "leaves the band"
    assert "the recorded losses do not fall" in found.detail


def test_logs_of_the_unseeded_cell_are_not_held_against_anybody(submit: Submit, mapped: Sandbox) -> None:
    logs = recorded_by("float32")
    for rule in ("sgd", "sgd_momentum"):
        logs[f"optimizer_experiment_{rule}.npz"] = spliced(logs[f"optimizer_experiment_{rule}.npz"], 1, 0.01)
    assert again(submit(logs), "optimizer_experiment.sgd", mapped).verdict == "not recorded"
    logs["optimizer_experiment_sgd.npz"] = recorded_by("float32")["optimizer_experiment_sgd.npz"]
    assert again(submit(logs), "optimizer_experiment.sgd_momentum", mapped).verdict == "leaves the band at iteration 1"


def test_a_solver_that_writes_its_files_otherwise_is_replayed_all_the_same(submit: Submit, mapped: Sandbox) -> None:
    edit = (SOLVER, "        np.savez(\n", '        open(filename + ".npz", "wb").close()\n        np.savez(\n')
    assert again(submit(recorded_by("float32"), edit), "optimizer_experiment.sgd", mapped).verdict == "agrees"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--replay"], "--data FILE"),
        (["--replay", "--data", "DATA", "--sandbox", "spawn"], "a replay needs Linux"),
        (["--replay", "--data", "nothing.npy"], "cannot be read"),
        (["--replay", "--data", "README.md"], "not a data file"),
        (["--replay", "--data", "DATA", "--only", "optimum"], "no item starts with 'optimum'"),
        (["--replay", "--data", "DATA", "--only", "replay.bset_model"], "did you mean 'replay.best_model'"),
        (["--replay", "--data", "DATA", "--only", "replay", "-o", "results.json"], "no verdict"),
        (["--replay", "--data", "DATA", "--plot", "no/such/folder.html"], "no folder"),
        (["--replay", "--data", "DATA", "--replay-seconds", "0"], "not a number of seconds"),
        (["--data", "DATA"], "--data goes with --replay"),
        (["--plot", "page.html"], "--plot goes with --replay"),
    ],
)
def test_a_mistake_is_told_before_anything_is_run(submit: Submit, data: Path, options: list[str], said: str) -> None:
    process = run("grade", submit({}), *(str(data) if option == "DATA" else option for option in options))
    assert process.returncode == 2
    assert said in process.stderr
    assert process.stdout == ""


class _Page(html.parser.HTMLParser):
    """Collects tags and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]


def test_the_page_is_one_file_and_shows_what_a_student_wrote_as_text(submit: Submit, data: Path, tmp_path: Path) -> None:
    path = submit(
        recorded_by("float32"),
        (
            OPTIM,
            "def adam(w, dw, config=None):",
            "def adam(w, dw, config=None):\n    raise ValueError('<script>x</script>{{runs}}')\n",
        ),
    )
    named = path.rename(tmp_path / "<b>Eve")
    page = tmp_path / "page.html"
    process = run("grade", named, "--only", "replay.optimizer_experiment.adam", "--replay", "--data", data, "--plot", page)
    assert process.returncode == 0, process.stderr
    found = _Page(page.read_text("utf-8"))
    assert "script" not in found.tags
    assert "b" not in found.tags
    assert not found.sources
    assert found.tags.count("svg") == 2
    assert "&lt;script&gt;" in page.read_text("utf-8")


def test_without_jinja2_there_is_no_page_and_that_is_told_before_anything_is_replayed(data: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['jinja2'] = None\n", "utf-8")  # as if it were not there
    process = run(
        "grade", SAMPLES / "reference", "--replay", "--data", data, "--plot", tmp_path / "x.html", PYTHONPATH=str(tmp_path)
    )
    assert (process.returncode, process.stdout) == (2, "")
    assert "the page of a replay is made with jinja2, which is not installed here" in process.stderr
