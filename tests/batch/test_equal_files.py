"""Files that are equal between students: found over a class that the real command grades, and nobody is paired who must not be."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from tests.batch.classes import export, metadata, own_logs, sample, verdict
from tests.conftest import SAMPLES, run

pytestmark = pytest.mark.usefixtures("sandbox")
HE, ADAM = "w_stds_he.json", "optimizer_experiment_adam.npz"
PEOPLE = {
    "submission_1": ["Ada"],
    "submission_2": ["Bo"],
    "submission_3": ["Bo", "Cleo"],  # handed in again, now with a partner
    "submission_4": ["Cleo"],
    "submission_5": ["Dev"],
}


def groups(out: Path) -> set[tuple[str, tuple[str, ...]]]:
    """The table's groups: a file and who has it."""
    with (out / "equal_files.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        found.setdefault((row["group"], row["file"]), []).append(f"{row['submission']} {row['name']}")
    return {(file, tuple(members)) for (_, file), members in found.items()}


def handed_in(folder: Path) -> dict[str, Path]:
    """Five submissions whose logs are all their own."""
    folder.mkdir()
    return {key: own_logs(sample(folder, "reference").rename(folder / key), key) for key in PEOPLE}


def copied(source: Path, target: Path, *names: str) -> None:
    for name in names:
        shutil.copy(source / "submission_logs" / name, target / "submission_logs" / name)


def batch(tmp_path: Path, made: dict[str, Path], *arguments: str | Path) -> Path:
    """Grade them as an export; the answer is the folder of the run."""
    group = export(tmp_path / "export", made.items(), metadata(PEOPLE))
    process = run("batch", group, "-o", tmp_path / "out", "--only", "logs.w_stds", *arguments)
    assert process.returncode in (0, 1), process.stderr
    return tmp_path / "out"


def test_a_copied_file_is_told_with_who_has_it_and_costs_nothing(tmp_path: Path) -> None:
    made = handed_in(tmp_path / "made")
    copied(made["submission_1"], made["submission_5"], HE)
    out = batch(tmp_path, made)
    assert groups(out) == {(HE, ("submission_1 Ada", "submission_5 Dev"))}
    page = (out / "report.html").read_text("utf-8")
    first = page[page.index("To look at first") : page.index('id="class"')]
    assert f'{HE} is byte for byte that of <a href="#s-submission_5">submission_5</a> Dev' in first
    assert f'{HE} is byte for byte that of <a href="#s-submission_1">submission_1</a> Ada' in first
    assert page.count("byte for byte") == 4, "once among what to look at, once in each student's section"
    scores = {key: verdict(out, key)["score"] for key in PEOPLE}
    assert set(scores.values()) == {scores["submission_2"]}
    assert (out / "submissions" / "submission_1" / "results.json").read_text().count("byte for byte") == 0


def test_people_are_not_paired_with_themselves_nor_with_their_group(tmp_path: Path) -> None:
    made = handed_in(tmp_path / "made")
    for key in ("submission_3", "submission_4"):  # Bo's first, Bo and Cleo's, Cleo's last one: one party
        copied(made["submission_2"], made[key], HE)
    out = batch(tmp_path, made)
    assert groups(out) == set()
    assert "To look at first" not in (out / "report.html").read_text("utf-8")


def test_a_file_that_a_seed_fixes_says_nothing(tmp_path: Path) -> None:
    made = handed_in(tmp_path / "made")
    copied(made["submission_1"], made["submission_5"], ADAM, "w_stds_zero.json", "sgd_momentum_compare_sgd_100.npz")
    assert groups(batch(tmp_path, made)) == set()


def test_logs_that_were_handed_out_are_nobodys(tmp_path: Path) -> None:
    made = handed_in(tmp_path / "made")
    for key in PEOPLE:
        copied(SAMPLES / "reference", made[key], HE)
    copied(made["submission_1"], made["submission_5"], "w_stds_random.json")
    out = batch(tmp_path, made, "--known", SAMPLES / "reference")
    assert groups(out) == {("w_stds_random.json", ("submission_1 Ada", "submission_5 Dev"))}
    shutil.rmtree(tmp_path / "export")
    assert len(groups(batch(tmp_path, made))) == 2, "kept verdicts are compared anew"


@pytest.mark.parametrize("content", [None, "notes.txt"])
def test_a_folder_without_logs_is_no_exception(tmp_path: Path, content: str | None) -> None:
    folder = tmp_path / "known"
    if content is not None:
        folder.mkdir()
        (folder / content).touch()
    process = run("batch", SAMPLES / "nothing", "-o", tmp_path / "out", "--known", folder)
    assert process.returncode == 2
    assert "name the folder with the logs" in process.stderr
    assert not (tmp_path / "out").exists()
