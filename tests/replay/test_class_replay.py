"""A class replayed over a sample, as a TA calls for it: who is chosen, what there is to talk about, what is kept."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from grader.classroom.class_replay import NO_FINDING, sample
from tests.classroom.classes import children, export, started
from tests.conftest import OPTIM, SAMPLES, run
from tests.replay.conftest import as_bytes, recorded_by
from tests.replay.test_replay import ADAM, spliced

GRADED = "optim.adam.golden,optim.rmsprop.golden"
PEOPLE = {"submission_1": "Ada King", "submission_2": "Bo Chen", "submission_3": "Cleo Díaz", "submission_4": "Dev Rao",
          "submission_5": "Eli Stone"}  # fmt: skip


def handed_in(folder: Path, logs: Mapping[str, Any], *, optim: tuple[str, str] = ("", "")) -> Path:
    """The reference's code, changed once, with these logs."""
    shutil.copytree(SAMPLES / "reference" / "deeplearning", folder / "deeplearning")
    (folder / "submission_logs").mkdir()
    for name, held in logs.items():
        (folder / "submission_logs" / name).write_bytes(as_bytes(held))
    text = (folder / OPTIM).read_text("utf-8")
    (folder / OPTIM).write_text(text.replace(*optim) if optim[0] else text, "utf-8")
    return folder


def class_of_five(folder: Path) -> Path:
    """Two honest ones from two machines, one with an edited curve, one whose rule raises, one that is empty; as an export."""
    raising = ("def rmsprop(w, dw, config=None):", "def rmsprop(w, dw, config=None):\n    raise NotImplementedError('later')\n")
    logs = recorded_by("float32")
    made = {
        "submission_1": handed_in(folder / "honest", recorded_by("nehalem")),
        "submission_2": handed_in(folder / "also_honest", recorded_by("numpy126")),
        "submission_3": handed_in(folder / "edited", {**logs, ADAM: spliced(logs[ADAM], 121, 0.7)}),
        "submission_4": handed_in(folder / "raising", logs, optim=raising),
        "submission_5": SAMPLES / "nothing",
    }
    metadata = "".join(f"{key}:\n  :submitters:\n  - :name: {name}\n    :sid: '{key[-1]}'\n" for key, name in PEOPLE.items())
    return export(folder / "export", list(made.items()), metadata)


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The class, ungraded."""
    return class_of_five(tmp_path_factory.mktemp("five"))


def replayed(five: Path, out: Path, data: Path, count: int, *options: str) -> Any:
    """The command, restricted to Adam's and RMSProp's runs."""
    only = f"{GRADED},replay.optimizer_experiment.adam,replay.optimizer_experiment.rmsprop"
    return run("batch", five, "-o", out, "--only", only, "--replay", str(count), "--data", data, "-j", "2", *options, timeout=600)


def table(out: Path) -> list[dict[str, str]]:
    """OUT/replays.csv by its header."""
    return list(csv.DictReader(io.StringIO((out / "replays.csv").read_text("utf-8").removeprefix("\ufeff"))))


@pytest.fixture(scope="module")
def whole(five: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """All of them replayed: the folder, and what was said."""
    out = tmp_path_factory.mktemp("whole") / "out"
    process = replayed(five, out, data, 10, "--replay-seed", "spring")
    assert process.returncode == 1, process.stderr
    return out, process.stdout


def test_it_ends_with_a_list_to_talk_about(whole: tuple[Path, str]) -> None:
    _, said = whole
    assert "Replay of 4 of 4 submissions, chosen by the seed spring, on synthetic: 6000 training" in said
    end = said[said.index("To talk about") :].splitlines()
    assert end[0] == "To talk about: 1 of 4"
    assert end[1] == "  submission_3 Cleo Díaz"
    assert end[2].startswith("    optimizer_experiment_adam: leaves the band at iteration 121: loss 121 is ")
    assert end[2].endswith("(within 0.6)")
    assert end[3] == "Not to be run again with the code as handed in: 1 of 4"
    assert end[4] == "  submission_4 Dev Rao"
    assert "it raised NotImplementedError: later" in end[5]
    assert end[6] == "Not replayed: 0 of 4 chosen, 1 not to be chosen"
    assert end[7] == "  submission_5 Eli Stone: nothing to grade was handed in"
    assert " ".join(end[8:10]) == NO_FINDING
    assert end[10].endswith("replays.csv")


def test_the_table_has_a_row_a_run(whole: tuple[Path, str]) -> None:
    rows = table(whole[0])
    assert [row["submission"] for row in rows] == [f"submission_{number}" for number in (1, 1, 2, 2, 3, 3, 4, 4)]
    verdicts = {(row["name"], row["run"]): row["verdict"] for row in rows}
    assert verdicts["Ada King", "optimizer_experiment_adam"] == "agrees"
    assert verdicts["Cleo Díaz", "optimizer_experiment_adam"] == "leaves the band at iteration 121"
    assert verdicts["Dev Rao", "optimizer_experiment_rmsprop"] == "did not run"
    assert {row["seed"] for row in rows} == {"spring"}


def test_no_points_change_and_the_page_tells_it(whole: tuple[Path, str], five: Path, tmp_path: Path) -> None:
    out, _ = whole
    run("batch", five, "-o", tmp_path / "plain", "--only", GRADED, "-j", "2")
    assert (out / "grades.csv").read_bytes() == (tmp_path / "plain/grades.csv").read_bytes()
    page = (out / "report.html").read_text("utf-8")
    assert "optimizer_experiment_adam: leaves the band at iteration 121" in page
    assert "a reason to talk, not a finding of misconduct" in page
    assert "leaves the band" not in (tmp_path / "plain/report.html").read_text("utf-8")


def test_what_was_replayed_is_kept_until_it_is_handed_in_anew(
    whole: tuple[Path, str], five: Path, data: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(whole[0], tmp_path / "out")
    before = table(out)
    process = replayed(five, out, data, 4)
    assert "4 of 4 were replayed before" in process.stdout
    assert "chosen by the seed spring" in process.stdout
    assert table(out) == before
    changed = shutil.copytree(five, tmp_path / "export")
    shutil.copy(changed / "submission_1/submission_logs" / ADAM, changed / "submission_3/submission_logs" / ADAM)
    process = replayed(changed, out, data, 4)
    assert "3 of 4 were replayed before" in process.stdout
    assert "To talk about: 0 of 4" in process.stdout


def test_a_run_that_is_killed_goes_on_where_it_was(five: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    only = f"{GRADED},replay.optimizer_experiment.adam"
    rest = ["--only", only, "--replay", "4", "--data", str(data), "-j", "1", "--replay-seed", "x"]
    options = ["batch", str(five), "-o", str(out), *rest]
    process = started(*options)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("    1/4  "):
            workers = children(process.pid)
            process.send_signal(signal.SIGKILL)
            break
    process.stdout.close()
    process.wait(60)
    assert process.stderr is not None
    process.stderr.read()  # ends with the last worker
    process.stderr.close()
    assert workers
    kept = list(out.glob("submissions/*/replay.json"))
    assert len(kept) >= 1
    again = run(*options, timeout=600)
    assert f"{len(kept)} of 4 were replayed before" in again.stdout
    assert len(table(out)) == 4


def test_who_is_chosen_follows_from_the_seed_and_stays_chosen() -> None:
    there = [(f"s{number}", f"digest {number}") for number in range(200)]
    few, more = sample(there, 20, "fall"), sample(there, 50, "fall")
    assert len(few) == 20
    assert few < more
    assert sample(list(reversed(there)), 20, "fall") == few
    assert sample(there, 20, "spring") != few
    gone = [one for one in there if one[0] not in few]
    assert sample([*gone, *(one for one in there if one[0] in few)], 20, "fall") == few
    assert len(sample(there, 500, "fall")) == 200


def test_without_a_seed_one_is_drawn_told_and_used_again(five: Path, data: Path, tmp_path: Path) -> None:
    process = replayed(five, tmp_path / "out", data, 1)
    seed = json.loads((tmp_path / "out/replays.json").read_text("utf-8"))["seed"]
    assert f"Replay of 1 of 4 submissions, chosen by the seed {seed}, on " in process.stdout
    again = replayed(five, tmp_path / "out", data, 1)
    assert f"chosen by the seed {seed}," in again.stdout
    assert "1 of 1 were replayed before" in again.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--replay", "3"], "--data FILE"),
        (["--replay", "0", "--data", "DATA"], "'0' is not a number of submissions"),
        (["--replay", "3", "--data", "README.md"], "not a data file"),
        (["--replay", "3", "--data", "DATA", "--only", "replay.bset_model"], "did you mean 'replay.best_model'"),
        (["--replay", "3", "--data", "DATA", "--sandbox", "spawn"], "a replay needs Linux"),
        (["--data", "DATA"], "--data goes with --replay"),
        (["--replay-seed", "x"], "--replay-seed goes with --replay"),
    ],
)
def test_a_mistake_is_told_before_anything_is_graded(five: Path, data: Path, tmp_path: Path, options: list[str], said: str) -> None:
    process = run("batch", five, "-o", tmp_path / "out", *(str(data) if option == "DATA" else option for option in options))
    assert process.returncode == 2
    assert said in process.stderr
    assert not (tmp_path / "out").exists()
