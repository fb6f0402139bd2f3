"""What becomes of a messy class, through the real command: a cut of it, and the whole with `-m long`."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.classroom.classes import verdict
from tests.classroom.messy_class import KINDS, Handed, class_of, submission_id, write
from tests.classroom.test_views import sections
from tests.conftest import OPTIM, SAMPLES, run

CUT = (
    "as it should be", "downloaded twice", "experiment_logs/", "a zip in the zip", "rar", "the notebook alone",
    "two people's homeworks", "listed, not there", "nothing",
)  # fmt: skip


def became(out: Path, handed: Sequence[Handed]) -> list[tuple[str, float, float | None, str]]:
    """Of each submission: its kind, its score, what it would be worth if renamed, and what was to be said if it was not."""
    found = []
    for number, one in enumerate(handed):
        result = verdict(out, submission_id(number))
        renamed = result["extra_data"].get("as_if_renamed", {}).get("score")
        found.append((one.mess.name, result["score"], renamed, "" if one.mess.said in result["output"] else one.mess.said))
    return found


def graded(folder: Path, handed: Sequence[Handed], *options: str) -> Path:
    out = folder / "out"
    process = run("batch", write(folder / "export.zip", handed), "-o", out, *options, timeout=1200)
    assert (process.returncode, process.stderr) == (1, "")
    return out


def rows(out: Path) -> list[tuple[str, str, str]]:
    """Of each row of the table: the student, the submission, the total."""
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return [(row["sid"], row["submission"], row["total (100)"]) for row in csv.DictReader(file) if row["sid"]]


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Handed]]:
    """A few of the class, graded; the last four are who resubmitted, and the pair."""
    handed = class_of([mess for mess in KINDS if mess.name in CUT], ["reference"])
    return graded(tmp_path_factory.mktemp("cut"), handed), handed


def test_each_kind_of_mess_becomes_what_it_must(cut: tuple[Path, list[Handed]]) -> None:
    out, handed = cut
    assert became(out, handed) == [(one.mess.name, one.mess.score, one.mess.renamed, "") for one in handed]


def test_what_renaming_would_change_stands_beside_the_verdict(cut: tuple[Path, list[Handed]]) -> None:
    out, handed = cut
    number = next(number for number, one in enumerate(handed) if one.mess.name == "downloaded twice")
    extra = verdict(out, submission_id(number))["extra_data"]
    assert extra["as_if_renamed"] == {
        "mapping": [["deeplearning/optim (1).py", "deeplearning/optim.py"]],
        "score": 100,
        "items": {f"optim.{rule}.{kind}": points for (rule, kind), points in POINTS.items()},
    }
    assert extra["received"]["likely"] == extra["as_if_renamed"]["mapping"]
    assert extra["received"]["missing"] == ["deeplearning/optim.py"]
    assert len(extra["received"]["lines"]) == 1


POINTS = {
    ("sgd_momentum", "golden"): 8,
    ("sgd_momentum", "behaviour"): 7,
    ("adam", "golden"): 10,
    ("adam", "behaviour"): 10,
}


def test_each_student_has_one_row_and_the_others_stay_in_reach(cut: tuple[Path, list[Handed]]) -> None:
    out, handed = cut
    found = rows(out)
    assert len({sid for sid, _, _ in found}) == len(found)
    again, pair, alone = (submission_id(len(handed) - count) for count in (3, 2, 1))
    sid = [str(30_000 + one) for one in (*handed[-4].sids, *handed[-2].sids)]
    assert found[-3:] == [(sid[0], again, "100"), (sid[1], pair, "100"), (sid[2], alone, "0")]
    first = submission_id(len(handed) - 4)
    for wanted, shown in ((f"Student {int(sid[0]) - 30_000:03}", again), (first, first)):
        process = run("explain", out, wanted, "solver.grad_norm")
        assert process.returncode == 0
        assert f"submission         {shown}" in process.stdout
        assert ("counts             no, another attempt does" in process.stdout) == (wanted == first)
    page = (out / "report.html").read_text("utf-8")
    whole = sections(page)
    assert set(whole) == {submission_id(number) for number in range(len(handed))}
    assert [one for one in whole if whole[one].get("other")] == [first]
    standings = [(one["id"], one["standing"]) for one in whole[first]["attempts"]]
    assert standings == [(first, "does not count"), (again, "counts")]
    assert [one["standing"] for one in whole[pair]["attempts"]] == [f"counts for Student {int(sid[1]) - 30_000:03}", "counts"]
    assert f"{len(handed) - 1} of {len(handed) - 1} submissions graded; 1 more does not count" in page


@pytest.mark.parametrize(("policy", "totals"), [("first", "0 100 100"), ("best", "100 100 100"), ("all", "0 100 100 100 0")])
def test_another_attempt_may_count(cut: tuple[Path, list[Handed]], policy: str, totals: str) -> None:
    out, handed = cut
    process = run("batch", out.parent / "export.zip", "-o", out, "--attempt", policy)
    assert f"; {len(handed)} kept" in process.stdout
    last = {str(30_000 + sid) for one in handed[-4:] for sid in one.sids}
    assert " ".join(total for sid, _, total in rows(out) if sid in last) == totals


def test_one_submission_is_graded_as_if_it_were_renamed(tmp_path: Path) -> None:
    folder = shutil.copytree(SAMPLES / "reference", tmp_path / "reference")
    (folder / OPTIM).rename(folder / "deeplearning/rules.py")
    (folder / "submission_logs").rename(folder / "logs")
    for options, score in (
        ([], 35),
        (["--rename", "likely"], 65),
        (["--rename", "rules.py=optim.py"], 70),
        (["--rename", "rules.py=optim.py", "--rename", "logs/=submission_logs"], 100),
    ):
        process = run("grade", folder, *options)
        assert f"Total: {score} of 100 points" in process.stdout, options
        assert ("'--rename likely' shows the score" in " ".join(process.stdout.split())) == (not options)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{}/whole", "--rename", "likely"), "--rename likely: nothing in {}/whole looks like a file that is missing"),
        (("{}/whole", "--rename", "optim.py"), "--rename takes FROM=TO or 'likely', not 'optim.py'"),
        (("{}/people",), "{}/people holds 2 homeworks: alice, bob; use batch to grade each, or name one of them"),
    ],
)
def test_what_cannot_be_graded_so_is_said(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    for name in ("whole", "people/alice", "people/bob"):
        shutil.copytree(SAMPLES / "reference", tmp_path / name)
    process = run("grade", *(argument.format(tmp_path) for argument in arguments))
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == f"grader: {said.format(tmp_path)}\n"


@pytest.mark.long
def test_the_whole_class(tmp_path: Path) -> None:
    handed = class_of()
    assert len(handed) >= 120
    assert len(KINDS) >= 40
    out = graded(tmp_path, handed)
    found = became(out, handed)
    print(f"{'kind':<55} {'score':>6} {'if renamed':>10}")
    for name, score, renamed, _ in found[: len(KINDS)]:
        print(f"{name:<55} {score:>6} {renamed if renamed is not None else '':>10}")
    assert found == [(one.mess.name, one.mess.score, one.mess.renamed, "") for one in handed]
