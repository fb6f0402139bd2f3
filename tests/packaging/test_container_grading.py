"""Submissions graded in an image set up from the zip, with the memory and half a core of Gradescope's smallest container."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.grading.rubric import Rubric
from tests.conftest import FC_NET, OPTIM, SAMPLES, SOLVER, Maker
from tests.packaging.gradescope_harness import MEGABYTE, SECRET, Graded, Image, earlier, metadata
from tests.report.conformance import conforming, student_text

pytestmark = pytest.mark.usefixtures("sandbox")
EMAIL = "student@example.edu"


def posted(image: Image, graded: Graded) -> dict[str, Any]:
    """The results, held against every rule, and the run against the container's."""
    assert graded.rejected == ""
    assert (graded.figures.code, graded.figures.stopped, graded.figures.killed) == (0, "", 0)
    assert graded.figures.survivors == []
    assert graded.figures.memory < 768 * MEGABYTE
    result = conforming(image.root / "results" / "results.json")
    everything = (image.root / "results" / "results.json").read_text("utf-8")
    assert EMAIL not in everything
    assert SECRET not in everything
    for words in (str(image.root), "/grader/", "Traceback"):
        assert words not in student_text(result)
    return result


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    return {test["extra_data"]["id"]: test["extra_data"]["outcome"] for test in result["tests"]}


@pytest.mark.parametrize(("sample", "score"), [("reference", 100), ("untouched", 8)])
def test_a_submission_is_graded_in_the_smallest_container(sample: str, score: int, image: Image, rubric: Rubric) -> None:
    result = posted(image, image.grade(SAMPLES / sample))
    assert result["score"] == score
    assert sum(test.get("max_score", 0) for test in result["tests"]) == rubric.reachable
    assert "leaderboard" not in result


def test_the_same_submission_gives_the_same_results_but_for_times(image: Image) -> None:
    def timeless(sample: str) -> str:
        result = posted(image, image.grade(SAMPLES / sample))
        result.pop("execution_time")
        for test in result["tests"]:
            test["extra_data"].pop("seconds")
        return json.dumps(result, default=str)

    assert timeless("only_momentum") == timeless("only_momentum")
    assert timeless("only_momentum") != timeless("untouched")


# Hostile and endless code -------------------------------------------------------------------------------------------------

STAY = """
import os
for _ in range(50):
    try:
        if os.fork() == 0:
            os.setsid()
            while True:
                pass
    except OSError:
        pass
"""
TELL = """
import glob, os
found = [str(dict(os.environ))]
for path in ["/proc/1/environ", "/proc/self/environ", "submission_metadata.json", *glob.glob("/**/submission_metadata.json")]:
    try:
        found.append(open(path).read())
    except OSError as error:
        found.append(str(error))
raise RuntimeError("".join(found))
"""
FORGE = """
import os
for path in ("{root}/results/results.json", "results/results.json", "/autograder/results/results.json"):
    try:
        with open(path, "w") as file:
            file.write('{{"score": 1000}}')
    except OSError:
        pass
os._exit(0)
"""
HOARD = "held = []\nwhile True:\n    held.append(bytearray(16 << 20))\n"


@pytest.mark.parametrize(
    "code", [STAY, TELL, FORGE, HOARD], ids=["stays alive", "tells secrets", "forges results", "hoards memory"]
)
def test_a_hostile_file_costs_its_own_items_and_nothing_else(code: str, image: Image, make: Maker) -> None:
    graded = image.grade(make((OPTIM, None, code.format(root=image.root) if code is FORGE else code)))
    result = posted(image, graded)
    found = outcomes(result)
    assert "passed" not in [outcome for name, outcome in found.items() if name.startswith("optim.")]
    assert {outcome for name, outcome in found.items() if not name.startswith("optim.")} == {"passed"}
    assert result["score"] == 65


def test_endless_code_in_every_item_ends_in_time_and_all_else_is_graded(quick: Image, make: Maker, rubric: Rubric) -> None:
    endless = "while True:\n    pass\n"
    submission = make((OPTIM, None, endless), (FC_NET, None, endless), (SOLVER, None, endless))
    result = posted(quick, quick.grade(submission, timeout=120))
    found = outcomes(result)
    run_by_nobody = ("logs.", "notebook.")
    assert len([name for name in found if not name.startswith(run_by_nobody)]) >= 10
    assert {outcome for name, outcome in found.items() if not name.startswith(run_by_nobody)} <= {"timed out", "skipped"}
    assert {outcome for name, outcome in found.items() if name.startswith(run_by_nobody)} == {"passed"}
    assert sum(test.get("max_score", 0) for test in result["tests"]) == rubric.reachable


def test_where_time_is_short_the_rest_is_not_run_and_keeps_its_maximum(quick: Image, make: Maker, rubric: Rubric) -> None:
    endless = "while True:\n    pass\n"
    submission = make((OPTIM, None, endless), (FC_NET, None, endless), (SOLVER, None, endless))
    graded = quick.grade(submission, timeout=33)  # 30 seconds are kept back
    result = posted(quick, graded)
    assert graded.figures.seconds < 33
    assert "The time for grading was used up" in result["output"]
    assert sum(test.get("max_score", 0) for test in result["tests"]) == rubric.reachable
    assert outcomes(result)["logs.best_model"] == "skipped"


# Metadata -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "about",
    [
        b"",
        b"\xff{",
        b"[]",
        b"[" * 100_000,
        metadata(previous_submissions=None),
        metadata(previous_submissions=[None, 3, {"results": None}, {"results": {"tests": 7}}]),
        metadata(previous_submissions=[earlier({"score": 1, "tests": [None, {"name": 3}, {"name": "x", "score": "many"}]})]),
    ],
    ids=["missing", "no text", "a list", "deep", "no list", "no results", "odd tests"],
)
def test_odd_metadata_cost_nothing(about: Any, image: Image) -> None:
    result = posted(image, image.grade(SAMPLES / "reference", about=about))
    assert result["score"] == 100
    assert "last time" not in result["output"].casefold()


def test_a_student_reads_what_changed_since_the_last_time_but_nothing_of_hidden_checks(image: Image, make: Maker) -> None:
    worse = make(("deeplearning/optim.py", None, None))
    first = posted(image, image.grade(worse))
    about = metadata(previous_submissions=[earlier(None), earlier(json.loads(json.dumps(first, default=float)))])
    result = posted(image, image.grade(SAMPLES / "reference", about=about))
    assert result["score"] == 100  # visible are 83 of them
    (line,) = [line for line in result["output"].splitlines() if "ast time" in line]
    assert line.startswith("Note: Visible checks: last time 65, now 83. Now right: ")
    titles = {test["extra_data"]["id"]: test["name"] for test in result["tests"]}
    assert titles["optim.adam.golden"] in line
    assert titles["optim.adam.behaviour"] not in line
    assert "No longer right" not in line


# Leaderboard ----------------------------------------------------------------------------------------------------------------


def test_the_leaderboard_shows_the_best_validation_accuracy_of_a_log_that_holds(quick: Image) -> None:
    result = posted(quick, quick.grade(SAMPLES / "reference"))
    claimed = json.loads((SAMPLES / "reference/submission_logs/results.json").read_text("utf-8"))["val_acc"]
    (row,) = result["leaderboard"]
    assert (row["name"], row["order"]) == ("Best validation accuracy", "desc")
    assert float(row["value"]) == pytest.approx(claimed, abs=5e-4)


def claimed(change: Callable[[dict[str, Any]], None], submission: Path) -> Path:
    path = submission / "submission_logs/results.json"
    settings = json.loads(path.read_text("utf-8"))
    change(settings)
    path.write_text(json.dumps(settings), "utf-8")
    return submission


@pytest.mark.parametrize("accuracy", [0.3, 0.99, 1.5])
def test_an_accuracy_that_is_low_or_not_borne_out_is_not_on_the_leaderboard(accuracy: float, quick: Image, make: Maker) -> None:
    submission = claimed(lambda settings: settings.update(val_acc=accuracy), make())
    assert posted(quick, quick.grade(submission))["leaderboard"] == []
