"""What a class run leaves beside the verdicts, always in step with them: recorded runs, notebooks as pages; and the time limit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from grader.homework import HOMEWORK
from tests.classroom.classes import sample, slip, verdict
from tests.conftest import OPTIM, SAMPLES, run

pytestmark = pytest.mark.usefixtures("sandbox")
pages = pytest.mark.skipif(find_spec("nbconvert") is None, reason="nbconvert is not installed here")
LOGS = ("--only", "logs.best_model")


def state(path: Path) -> tuple[int, int]:
    """What changes when a file is written anew, even with the same content."""
    return path.stat().st_ino, path.stat().st_mtime_ns


def test_recorded_runs_lie_beside_the_verdict_and_on_the_page(tmp_path: Path) -> None:
    for name in ("reference", "nothing"):
        sample(tmp_path, name)
    command = ("batch", tmp_path / "reference", tmp_path / "nothing", "-o", tmp_path / "out", *LOGS)
    run(*command)
    place = tmp_path / "out" / "submissions" / "reference"
    record = json.loads((place / "curves.json").read_bytes())
    assert {file: sorted(series) for file, series in record.items()} == {
        "best_fc_model.npz": ["train_accs", "train_losses", "val_accs"]
    }
    assert "train_losses" not in (place / "results.json").read_text()
    assert not (tmp_path / "out" / "submissions" / "nothing" / "curves.json").exists()
    before = state(place / "curves.json")
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert page.count('"curves":[') == 1
    assert "2 kept" in run(*command).stdout
    assert state(place / "curves.json") == before
    assert (tmp_path / "out" / "report.html").read_text("utf-8") == page


def test_no_record_outlives_its_submission(tmp_path: Path) -> None:
    made = sample(tmp_path, "reference")
    command = ("batch", made, "-o", tmp_path / "out", *LOGS)
    assert run(*command).returncode == 0
    (made / "submission_logs" / "best_fc_model.npz").unlink()
    left = tmp_path / "out" / "submissions" / "reference" / ".curves.json.left"
    left.write_text("a write that was interrupted")
    assert run(*command).returncode == 1
    assert [path.name for path in left.parent.iterdir()] == ["results.json"]
    assert '"curves":[' not in (tmp_path / "out" / "report.html").read_text("utf-8")


@pages
def test_notebooks_become_pages_once_and_are_linked(tmp_path: Path) -> None:
    for name in ("reference", "nothing"):
        sample(tmp_path, name)
    command = ("batch", tmp_path / "reference", tmp_path / "nothing", "-o", tmp_path / "out", *LOGS)
    run(*command)
    page = tmp_path / "out" / "submissions" / "reference" / "notebook.html"
    assert not page.exists()
    later = run(*command, "--html")
    assert "2 kept" in later.stdout
    assert later.stderr == ""
    assert "as handed in, without having been run again" in page.read_text("utf-8")
    text = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert text.count('"notebook":"submissions/reference/notebook.html"') == 1
    assert not (tmp_path / "out" / "submissions" / "nothing" / "notebook.html").exists()
    before = state(page)
    run(*command, "--html")
    assert state(page) == before
    (tmp_path / "reference" / "q_optimizer_init.ipynb").write_text("{}")
    broken = run(*command, "--html")
    assert not page.exists(), "the old notebook is not shown as the new one"
    assert "reference: q_optimizer_init.ipynb cannot be shown" in broken.stderr
    assert broken.returncode == 1


@pages
def test_a_notebook_that_cannot_be_shown_costs_no_verdict(tmp_path: Path) -> None:
    made = slip(tmp_path, "adam.no_correction", "s")
    (made / "q_optimizer_init.ipynb").write_bytes(b"\xff not a notebook")
    process = run("batch", made, "-o", tmp_path / "out", "--only", "optim.adam.golden", "--html")
    assert process.returncode == 1
    assert verdict(tmp_path / "out", "s")["score"] == 6
    assert "s: q_optimizer_init.ipynb" in process.stderr


def outcomes(found: Mapping[str, Any]) -> dict[str, str]:
    """What became of each item of a results.json, by its id."""
    return {test["extra_data"]["id"]: test["extra_data"]["outcome"] for test in found["tests"]}


def test_one_submission_has_so_much_time_and_no_more(tmp_path: Path) -> None:
    made = sample(tmp_path, "reference")
    (made / OPTIM).write_text("while True:\n    pass\n")
    quick = tmp_path / "quick.toml"
    quick.write_text(re.sub(r"\nseconds = \d+", "\nseconds = 2", HOMEWORK.rubric.read_text("utf-8"), count=1), "utf-8")
    command = (
        "batch",
        made,
        SAMPLES / "in_place",
        "-o",
        tmp_path / "out",
        "--rubric",
        quick,
        "--only",
        "optim.adam,logs.best_model",
    )
    assert run(*command, "--seconds", "3").returncode == 1
    late = verdict(tmp_path / "out", "reference")
    assert "The deadline passed before these were done" in " ".join(late["extra_data"]["staff_notes"])
    assert outcomes(late)["logs.best_model"] == "skipped"
    assert all(test["status"] == "passed" for test in verdict(tmp_path / "out", "in_place")["tests"])
    again = run(*command, "--seconds", "60")
    assert "kept" not in again.stdout, "a verdict depends on its time"
    assert outcomes(verdict(tmp_path / "out", "reference"))["logs.best_model"] == "passed"


@pytest.mark.parametrize("seconds", ["0", "-1", "x", "86401"])
def test_a_time_limit_is_a_number_of_seconds(tmp_path: Path, seconds: str) -> None:
    process = run("batch", SAMPLES / "nothing", "-o", tmp_path / "out", f"--seconds={seconds}")
    assert process.returncode == 2
    assert f"'{seconds}' is not a number of seconds" in process.stderr


def test_what_was_written_stands_beside_what_did_not_pass(tmp_path: Path) -> None:
    made = slip(tmp_path, "adam.no_correction")
    assert run("batch", made, "-o", tmp_path / "out", "--only", "optim").returncode == 1
    found = {test["extra_data"]["id"]: test["extra_data"] for test in verdict(tmp_path / "out", made.name)["tests"]}
    written = found["optim.adam.golden"]["code"]
    assert written.startswith("adam in deeplearning/optim.py:\n")
    assert 'next_w = w - config["learning_rate"] * m_hat' in written
    assert "code" not in found["optim.sgd_momentum.golden"]
    assert "adam in deeplearning/optim.py:" in (tmp_path / "out/report.html").read_text("utf-8")


def test_a_source_that_cannot_be_cut_costs_no_verdict(tmp_path: Path) -> None:
    made = slip(tmp_path, "adam.no_correction")
    (made / OPTIM).write_text("def adam(w, dw, config=None):\n    return " + "(" * 300 + "w" + ")" * 300 + "\n", "utf-8")
    assert run("batch", made, "-o", tmp_path / "out", "--only", "optim.adam").returncode == 1
    assert {test["extra_data"]["outcome"] for test in verdict(tmp_path / "out", made.name)["tests"]} <= {
        "raised",
        "wrong",
        "crashed",
    }
