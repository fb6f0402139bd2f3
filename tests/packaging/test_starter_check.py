"""A course's own starter: what is told about it, that it is what submissions are mounted on, and which ones are refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.classroom.worker import grader_digest
from grader.errors import UsageError
from grader.grading.starter import Starter
from grader.homework import HOMEWORK
from grader.packaging.starter_check import examine
from tests.conftest import FC_NET, OPTIM, SAMPLES, Graded, Maker, run
from tests.homework import terms
from tests.starters import CODE, DATA_UTILS, EXTRA, LAYERS, NO_SOFTMAX, TERM, WRONG_AFFINE, course

pytestmark = pytest.mark.usefixtures("sandbox")
NEEDS_EXTRA = (FC_NET, "import numpy as np\n", "import numpy as np\nfrom deeplearning.layers import leaky_relu\n")


def told(folder: Path) -> tuple[int, str]:
    """`doctor --starter`: its exit code and its table, white space squeezed."""
    process = run("doctor", "--starter", folder)
    assert process.stderr == ""
    return process.returncode, re.sub(r"\s+", " ", process.stdout)


def staffs(result: dict[str, Any]) -> dict[str, Any]:
    """What only staff read of a results.json."""
    found: dict[str, Any] = result["extra_data"]
    return found


# The table ----------------------------------------------------------------------------------------------------------------


def test_our_own_starter_is_the_same_in_everything(tmp_path: Path) -> None:
    code, table = told(course(tmp_path / "course", inside=Path()))
    assert code == 0
    assert table.startswith("starter: course, 7 of 7 support files the course's own notebook: q_optimizer_init.ipynb")
    assert table.count(" same ") == 7
    assert "solver.grad_norm 10/10 0/10 to be written solver.training 5/5 5/5 given" in table
    assert "in ours" not in table
    assert table.rstrip().endswith("Submissions can be graded on this starter.")


def test_what_a_term_handed_out_is_found_below_and_told_module_by_module_and_item_by_item(tmp_path: Path) -> None:
    code, table = told(course(tmp_path / "course", *TERM))
    assert code == 0
    for line in (
        "starter: course, 6 of 7 support files the course's own",
        f"{DATA_UTILS} kept ours: it imports imageio, not installed where submissions are graded",
        f"{LAYERS} differs; names missing: batchnorm_backward, batchnorm_forward, dropout_backward, dropout_forward; "
        "names extra: leaky_relu",
        "deeplearning/vis_utils.py same",
        "optim.adam.golden 10/10 0/10 to be written",
        "fc_net.init.random 3/3 0/3 to be written; given in ours",
        "solver.training 5/5 5/5 given",
    ):
        assert line in table, table


@pytest.mark.parametrize("term", terms.TERMS)
def test_every_term_s_starter_can_be_mounted(tmp_path: Path, term: str) -> None:
    code, table = told(terms.starter(tmp_path / term, term))
    assert code == 0
    assert f"fc_net.init.random 3/3 {'0/3 to be written; given in ours' if term == '2023' else '3/3 given'}" in table
    assert ("fc_net.loss passed passed given" in table) is (term in ("fa25", "fa26"))
    assert table.rstrip().endswith("Submissions can be graded on this starter.")


def test_blanks_that_are_filled_in_are_told(tmp_path: Path) -> None:
    folder = course(tmp_path / "course")
    (folder / CODE / OPTIM).write_bytes((SAMPLES / "reference" / OPTIM).read_bytes())
    code, table = told(folder)
    assert code == 0
    assert "optim.adam.golden 10/10 10/10 given; to be written in ours" in table
    assert "fc_net.init.he 12/12 0/12 to be written fc_net" in table


def test_modules_that_one_side_has_and_names_that_a_star_does_not_give_are_told(tmp_path: Path) -> None:
    folder = course(tmp_path / "course", (LAYERS, "import numpy as np\n", "import numpy as np\n\nfrom deeplearning import tools\n"))
    code = folder / CODE / "deeplearning"
    (code / "tools.py").write_text("import numpy as np\n")
    (code / "broken.py").write_text("import numpy as np\nnp.nothing()\n")
    (code / ".ipynb_checkpoints").mkdir()
    (code / ".ipynb_checkpoints/tools-checkpoint.py").write_text("(")
    (code / "vis_utils.py").unlink()
    grids = code / "gradient_check.py"
    grids.write_text(grids.read_text("utf-8") + '\n\n__all__ = ["eval_numerical_gradient"]\n', "utf-8")
    exit_code, table = told(folder)
    assert exit_code == 0
    for line in (
        "starter: course, 6 of 7 support files",
        "deeplearning/tools.py none of ours ",
        "deeplearning/broken.py left out: it raised AttributeError: module 'numpy' has no attribute 'nothing'",
        "deeplearning/vis_utils.py ours: the course has none",
        "deeplearning/gradient_check.py differs; names missing: eval_numerical_gradient_array, ",
        f"{LAYERS} differs; names extra: tools ",
    ):
        assert line in table, table
    assert "checkpoint" not in table


# What is refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "line", "why"),
    [
        (NO_SOFTMAX, f"{LAYERS} differs; names missing: softmax_loss ", "raised NameError"),
        (WRONG_AFFINE, f"{LAYERS} differs ", "what loss"),
    ],
)
def test_a_starter_on_which_the_solved_copy_fails_is_told_with_the_table(
    edit: tuple[str, str, str], line: str, why: str, tmp_path: Path
) -> None:
    code, table = told(course(tmp_path / "course", edit))
    assert code == 2
    assert line in table
    assert re.search(rf"fc_net\.loss \w+ \w+ WRONG: the solved copy fails .*?{why}", table)
    assert "optim.adam.golden 10/10 0/10 to be written" in table
    assert re.search(r"This starter cannot be used, because the solved copy fails on it \(.*fc_net\.loss.*\): mend", table)


def test_nothing_is_graded_or_built_on_a_starter_that_cannot_be_used(tmp_path: Path) -> None:
    folder = course(tmp_path / "course", NO_SOFTMAX)
    for command in (("grade", SAMPLES / "reference"), ("batch", SAMPLES / "reference"), ("build", "autograder")):
        process = run(*command, "-o", tmp_path / "out", "--starter", folder)
        assert (process.returncode, process.stdout) == (2, "")
        assert process.stderr.startswith("grader: This starter cannot be used, because the solved copy fails on it")
        assert "WRONG: the solved copy fails" in process.stderr
        assert not (tmp_path / "out").exists()


def test_where_no_starter_is_found_the_answer_says_what_to_name(tmp_path: Path) -> None:
    (tmp_path / "empty/deeplearning").mkdir(parents=True)
    (tmp_path / "file.zip").write_text("")
    course(tmp_path / "years/one")
    course(tmp_path / "years/two")
    for name, words in (
        ("empty", "holds no folder deeplearning/ with code in it; name the folder with the starter"),
        ("file.zip", "is not a folder"),
        ("nowhere", "is not a folder"),
        ("years", "holds 2 folders deeplearning/, e.g. in"),
    ):
        process = run("doctor", "--starter", tmp_path / name)
        assert (process.returncode, process.stdout) == (2, "")
        assert words in process.stderr
        assert process.stderr.count("\n") == 1


def test_of_several_folders_the_one_with_the_homework_is_taken(tmp_path: Path) -> None:
    folder = course(tmp_path / "course", EXTRA)
    (folder / "hw03/deeplearning").mkdir(parents=True)
    (folder / "hw03/deeplearning/layers.py").write_text("(")
    assert "names extra: leaky_relu" in told(folder)[1]


def test_without_the_solved_files_no_starter_is_judged(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="use a checkout of the repository"):
        examine(replace(HOMEWORK, sample=tmp_path), course(tmp_path / "course"))


# Grading on it ------------------------------------------------------------------------------------------------------------


def test_a_submission_is_mounted_on_it_and_compared_with_it(make: Maker, command: Graded, tmp_path: Path) -> None:
    folder = course(tmp_path / "course", *TERM)
    submission = make(NEEDS_EXTRA)
    for path in (folder / CODE / "deeplearning").glob("*_*.py"):  # their zip holds the course's files, as it handed them out
        (submission / "deeplearning" / path.name).write_bytes(path.read_bytes())
    process, result = command(submission, "--starter", folder)
    assert (process.returncode, result["score"]) == (0, 100)
    assert "Graded with the course's own" not in result["output"]
    assert staffs(result)["staff_notes"][0] == "starter: course, 6 of 7 support files the course's own"
    assert "kept ours: it imports imageio" in process.stderr
    assert "  solved " not in process.stderr  # not the whole table

    process, result = command(submission)
    assert result["score"] == 80
    assert f"Graded with the course's own copies of {DATA_UTILS}" in result["output"]
    assert not [note for note in staffs(result)["staff_notes"] if note.startswith("starter")]
    assert staffs(result)["starter_digest"] == ""


def test_nothing_but_one_line_is_said_of_a_starter_that_is_as_expected(tmp_path: Path) -> None:
    process = run("grade", SAMPLES / "reference", "--only", "optim.adam", "--starter", course(tmp_path / "mine", EXTRA))
    assert (process.returncode, process.stderr) == (0, "starter: mine, 7 of 7 support files the course's own\n")


def test_the_zip_carries_it_and_grades_the_same(make: Maker, command: Graded, tmp_path: Path) -> None:
    folder = course(tmp_path / "course", *TERM)
    archive = tmp_path / "autograder.zip"
    process = run("build", "autograder", "-o", archive, "--starter", folder)
    assert process.returncode == 0, process.stderr
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(tmp_path / "source")
    submission = make(NEEDS_EXTRA, (FC_NET, "2.0 / fan_in", "2.0 / fan_out"))
    (submission / DATA_UTILS).write_bytes((folder / CODE / DATA_UTILS).read_bytes())
    _, here = command(submission, "--starter", folder)
    there = tmp_path / "there.json"
    subprocess.run(
        [sys.executable, "-m", "grader", "grade", submission, "-o", there],
        cwd=tmp_path / "source",
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        check=False,
    )
    for result in (here, carried := json.loads(there.read_bytes())):
        del result["execution_time"]
        for test in result["tests"]:
            del test["extra_data"]["seconds"]
    assert here["score"] == 88
    assert carried == here


# A class ------------------------------------------------------------------------------------------------------------------


def test_a_verdict_is_kept_for_as_long_as_the_starter_is_the_same(tmp_path: Path) -> None:
    folder = course(tmp_path / "course", EXTRA)

    def kept(*options: str | Path) -> bool:
        process = run("batch", SAMPLES / "reference", "-o", tmp_path / "out", "-j", "1", "--only", "optim.adam", *options)
        assert process.returncode == 0, process.stderr
        return "1 kept" in process.stdout

    assert [kept(), kept("--starter", folder), kept("--starter", folder)] == [False, False, True]
    verdict = json.loads((tmp_path / "out/submissions/reference/results.json").read_bytes())
    assert staffs(verdict)["staff_notes"][0] == "starter: course, 7 of 7 support files the course's own"
    explained = run("explain", tmp_path / "out", "reference", "optim.adam.golden").stdout
    assert f"starter digest     {staffs(verdict)['starter_digest']}" in explained
    with (folder / CODE / LAYERS).open("a") as file:
        file.write("# changed\n")
    assert not kept("--starter", folder)


def test_the_digest_tells_what_is_mounted_from_what_is_only_compared() -> None:
    def digest(*set_aside: str, label: str = "course", text: bytes = b"x = 1\n") -> str:
        return grader_digest(replace(HOMEWORK, course=Starter(label, {LAYERS: text}, set_aside)))

    found = [grader_digest(HOMEWORK), digest(), digest(LAYERS), digest(text=b"x = 2\n")]
    assert len(set(found)) == 4
    assert digest(label="moved") == digest()
