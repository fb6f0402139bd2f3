"""Consistency of the logs: forgeries are seen by the finding that should see them, honest sets by none, and students by nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.grading.grade import grade
from grader.grading.results import ItemResult, Outcome, Report
from grader.grading.rubric import Rubric, load_rubric
from grader.homework import HOMEWORK
from grader.homework.hidden import trajectories
from grader.homework.hidden.log_consistency import NAMES, oddities
from grader.homework.log_reader import Evidence
from grader.report import terminal, wording
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import collect
from tests.conftest import OPTIM
from tests.homework import logsets
from tests.homework.conftest import Ask, judged, said
from tests.homework.forgeries import ADAM, FORGERIES, PLAIN
from tests.homework.logfiles import SIZES, STDS
from tests.homework.logsets import COMPARED, OPTIMIZER, Logs, as_files, histories, known_curves

SEEDED = {"optimizer_experiment": OPTIMIZER, "sgd_momentum_compare": COMPARED}
READINGS = ({"adam": "adam_inside"}, {"adam": "adam_folded"}, {"rmsprop": "rmsprop_outside"})
STORED = sorted(path.stem for path in logsets.STORED.glob("*.npz"))


def findings(item: ItemResult) -> set[str]:
    """The names of the consistency findings."""
    staff = [finding.staff for finding in item.findings]
    return {line.split(": ")[1] for line in staff if line.startswith("consistency: ")}


def edits(logs: Logs) -> list[tuple[str, None, bytes]]:
    """What puts these logs into a submission."""
    return [(f"submission_logs/{name}", None, data) for name, data in as_files(logs).items()]


@pytest.fixture(scope="module")
def honest() -> Logs:
    """A set whose seeded runs are the published ones."""
    return logsets.published()


@pytest.fixture(scope="module")
def known() -> Mapping[str, list[trajectories.Run]]:
    """The stored float32 runs on the stand-in, in the form of the published curves."""
    return known_curves(logsets.stored(np.load(logsets.STORED / "float32.npz"), 0))


def departures(known: Mapping[str, Any], logs: Logs) -> list[str]:
    """What the seeded runs of a set are found to be, against known curves."""
    return [line for item, names in SEEDED.items() for line in trajectories.against(known, item, histories(logs, names))]


@pytest.mark.parametrize("item", NAMES)
def test_an_honest_set_has_no_finding(ask: Ask, honest: Logs, item: str) -> None:
    found = judged(ask, item, as_files(honest))
    assert found.outcome is Outcome.PASSED
    assert [finding.staff for finding in found.findings] == []


@pytest.mark.parametrize("item", NAMES)
@pytest.mark.parametrize("name", STORED)
def test_runs_of_the_reference_on_other_data_have_that_finding_alone(ask: Ask, name: str, item: str) -> None:
    logs = logsets.reference() | logsets.stored(np.load(logsets.STORED / f"{name}.npz"), 0)
    found = judged(ask, item, as_files(logs))
    assert findings(found) == ({"trajectory"} if item in SEEDED else set()), found.findings
    assert not said(found)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_seen_and_costs_nothing(ask: Ask, honest: Logs, name: str) -> None:
    forged, forgery = dict(honest), FORGERIES[name]
    forgery.make(forged)
    found = judged(ask, forgery.item, as_files(forged))
    assert forgery.finding in findings(found), found.findings
    assert not set(NAMES[forgery.item]) & set(found.parts)
    assert "consistency" not in wording.for_student(found)


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("readings", [{}, *READINGS], ids=lambda changed: "_".join(changed.values()) or "handout")
def test_equal_runs_on_other_machines_and_accepted_readings_are_one_trajectory(
    known: Mapping[str, Any], name: str, readings: dict[str, str]
) -> None:
    assert departures(known, logsets.stored(np.load(logsets.STORED / f"{name}.npz"), 0, **readings)) == []


def test_published_runs_of_independent_machines_are_one_trajectory(honest: Logs) -> None:
    pairs = {name: runs for name, runs in trajectories.published().items() if len(runs) > 1}
    assert len(pairs) == 7
    for name, runs in pairs.items():
        for one, other in ((0, 1), (1, 0)):
            losses = np.zeros(int(runs[one].at[-1]))
            losses[runs[one].at - 1] = runs[one].losses
            history = {"train_losses": losses, "train_accs": runs[one].train, "val_accs": runs[one].val}
            assert list(trajectories.against({name: [runs[other]]}, "sgd_momentum_compare", {f"{name}.npz": history})) == []


def test_every_published_run_departs_from_every_other_seed() -> None:
    runs = {name: known[0] for name, known in trajectories.published().items() if "_compare_" in name}
    for name, run in runs.items():
        losses = np.zeros(300)
        losses[run.at - 1] = run.losses
        history = {"train_losses": losses, "train_accs": run.train, "val_accs": run.val}
        for other in runs:
            if other != name:
                band = trajectories.BANDS["sgd_momentum" if "sgd_momentum_1" in name else "sgd"]
                assert trajectories.departure(history, [runs[other]], band), (name, other)


def test_the_unseeded_cell_run_last_is_not_held_against_the_seeded_curves(honest: Logs, ask: Ask) -> None:
    unseeded = dict(honest)
    for rule in ("sgd", "sgd_momentum"):
        run = logsets.reference()[f"optimizer_experiment_{rule}.npz"]
        unseeded[f"optimizer_experiment_{rule}.npz"] = {**run, "train_losses": run["train_losses"] * np.float32(1.01)}
    assert findings(judged(ask, "optimizer_experiment", as_files(unseeded))) == set()
    del unseeded["optimizer_experiment_sgd_momentum.npz"]
    assert "trajectory" in findings(judged(ask, "optimizer_experiment", as_files(unseeded)))


@pytest.mark.parametrize(
    ("edit", "seen"),
    [
        ((OPTIM, 'config["t"] += 1', "raise NotImplementedError"), {"code_against_logs"}),
        ((OPTIM, 'next_w = w - config["learning_rate"] * m_hat', 'next_w = None and m_hat'), {"code_against_logs"}),
        ((OPTIM, 'config["t"] += 1', 'config["t"] += 1; import tkinter; tkinter.E'), set()),
        ((OPTIM, 'config["t"] += 1', 'config["t"] += 1; np.no_such_name'), set()),
        ((OPTIM, 'config["t"] += 1', 'config["t"] += 2'), set()),
        ((OPTIM, None, None), set()),
    ],
    ids=["raises", "not written", "needs a module", "needs another NumPy", "is wrong", "missing"],
)  # fmt: skip
def test_logs_of_a_rule_that_cannot_run_are_told(
    graded: Callable[..., Report], make: Callable[..., Path], honest: Logs, edit: Any, seen: set[str]
) -> None:
    report = graded(make(edit, *edits(honest)), "optim.adam.golden", "logs.optimizer_experiment")
    found = report.items[-1]
    assert findings(found) == seen
    assert (found.outcome, said(found)) == (Outcome.PASSED, "")


def test_logs_beside_the_untouched_handout_are_told(graded: Callable[..., Report], make: Callable[..., Path], honest: Logs) -> None:
    items = {item.id: item for item in graded(make(*edits(honest), base="untouched")).items}
    for item in NAMES:
        assert findings(items[f"logs.{item}"]) == {"code_against_logs"}


def weighted(tmp_path: Path, item: str, name: str) -> Rubric:
    """The built-in rubric with a weight for one finding of one item."""
    head, mark, tail = HOMEWORK.rubric.read_text("utf-8").partition(f'id = "logs.{item}"')
    path = tmp_path / "weighted.toml"
    path.write_text(head + mark + tail.replace("[item.parts]\n", f"[item.parts]\n{name} = 4\n", 1), "utf-8")
    return load_rubric(path, HOMEWORK.checks)


def ended(rubric: Rubric, sandbox: Sandbox, path: Path, item: str) -> ItemResult:
    (found,) = grade(
        HOMEWORK, collect(path, HOMEWORK.layout, support=HOMEWORK.support), rubric, sandbox, only=[f"logs.{item}"]
    ).items
    return found


@pytest.mark.parametrize(
    "name", ["adam copied to rmsprop", "another seed", "results alone improved", "the nominal standard deviations"]
)
def test_a_course_can_give_a_finding_points(
    tmp_path: Path, sandbox: Sandbox, make: Callable[..., Path], honest: Logs, name: str
) -> None:
    forged, forgery = dict(honest), FORGERIES[name]
    forgery.make(forged)
    rubric = weighted(tmp_path, forgery.item, forgery.finding)
    for logs, outcome, right in ((honest, Outcome.PASSED, True), (forged, Outcome.PARTIAL, False)):
        found = ended(rubric, sandbox, make(*edits(logs)), forgery.item)
        assert (found.outcome, found.parts[forgery.finding]) == (outcome, right)
        assert (found.score < found.maximum) is not right
        assert (f"do not fit together ({forgery.finding})" in wording.for_student(found)) is not right
        assert "known is" not in wording.for_student(found)
    nothing = ended(rubric, sandbox, make(base="untouched"), forgery.item)
    assert nothing.outcome is Outcome.MISSING
    assert nothing.score == 0


def test_a_student_reads_the_same_report_with_and_without_findings(
    graded: Callable[..., Report], make: Callable[..., Path], honest: Logs
) -> None:
    forged = dict(honest)
    FORGERIES["losses typed from the printed lines"].make(forged)
    partial = {**forged, ADAM: {**forged[ADAM], "train_accs": np.full(6, 0.1)}}
    for logs, other in ((honest, forged), (honest | {ADAM: partial[ADAM]}, partial)):
        reports = [
            graded(
                make(*[(f"submission_logs/{file}", None, data) for file, data in as_files(one).items()]),
                "logs.optimizer_experiment",
            )
            for one in (logs, other)
        ]
        assert wording.for_student(reports[0].items[0]) == wording.for_student(reports[1].items[0])
        assert "consistency: full_precision" in terminal.render(reports[1], staff=True)
        assert "full_precision" not in terminal.render(reports[1], staff=False)


RUNS = {**SEEDED, "initialization_experiment": logsets.INITIALIZATION, "best_model": ["best_fc_model"]}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, -1.0, 0.5])
@pytest.mark.parametrize("sizes", [(0, 0), (1, 1), (200, 6), (200, 0), (7, 300)])
def test_any_numbers_can_be_judged(value: float, sizes: tuple[int, int]) -> None:
    arrays = {key: np.full(size, value) for key, size in zip(logsets.ARRAYS.values(), (*sizes, sizes[1]), strict=True)}
    for item, names in RUNS.items():
        results = {"val_acc": 0.5, "test_acc": 0.5} if item == "best_model" else {}
        found = oddities(item, Evidence({f"{name}.npz": arrays for name in names}, results=results))
        assert {oddity.name for oddity in found} <= set(NAMES[item])
        assert value != -1.0 or sizes[0] == 0 or "finite" in {oddity.name for oddity in found}
    stds = oddities("w_stds", Evidence(stds={"w_stds_he.json": (np.full(11, value), STDS["he"], SIZES)}))
    assert stds or np.isnan(value)


def test_a_fault_of_what_costs_nothing_does_not_cost_the_item(ask: Ask, honest: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr("grader.homework.hidden.log_consistency.oddities", broken)
    found = judged(ask, "w_stds", as_files(honest))
    assert (found.outcome, said(found)) == (Outcome.PASSED, "")
    assert "a fault" in found.findings[-1].staff


@pytest.mark.parametrize(
    ("item", "file", "array", "section"),
    [
        ("optimizer_experiment", ADAM, "train_losses", "the section 'Adam'"),
        ("sgd_momentum_compare", PLAIN.format(100), "val_accs", "the section 'Momentum'"),
        ("initialization_experiment", "initialization_experiment_he.npz", "train_accs", "the section 'Initialization'"),
        ("best_model", "best_fc_model.npz", "train_losses", "the section 'Test your model'"),
    ],
)
def test_a_broken_rule_names_the_cell_that_writes_the_file(
    ask: Ask, honest: Logs, item: str, file: str, array: str, section: str
) -> None:
    broken = honest | {file: {**honest[file], array: honest[file][array][:-1]}}
    found = judged(ask, item, as_files(broken))
    assert file in said(found)
    assert said(found).count(section) == 1
    assert section not in said(judged(ask, item, as_files(honest)))


@pytest.mark.parametrize(
    ("accuracy", "told"), [(0.627, False), (0.7, False), (0.786, False), (0.788, True), (0.999, True), (1.0, True)]
)
def test_an_accuracy_beyond_what_is_known_is_told_with_what_to_do(accuracy: float, told: bool) -> None:
    found = [
        one
        for one in oddities("best_model", Evidence(results={"val_acc": accuracy, "test_acc": 0.5}))
        if one.name == "beyond_known"
    ]
    assert bool(found) is told
    assert all("--replay" in one.text for one in found)
