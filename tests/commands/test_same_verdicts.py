"""The handout's verdicts are those of `grade` and of the container: outcome, points and words of every public item."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.report import student
from grader.rubric import Rubric
from tests.conftest import SAMPLES, Grader, Maker
from tests.container.conftest import environment, image, imaged, scratch, zipped  # noqa: F401 - fixtures
from tests.gradescope_harness import Image
from tests.mutants import files, mutants
from tests.styles import COUNT, style

from .conftest import InHandout, plain

NAMES = sorted(path.name for path in SAMPLES.iterdir() if path.suffix not in (".md", ".toml"))
MUTANTS = list(mutants())
EVERY = 12

# One process for many submissions: a path a line in, a report a line out, as `check --json` prints it.
_DRIVER = """
import json, pathlib, sys
from grader.report.student import as_data
from grader.selfcheck import SelfCheck
with SelfCheck() as selfcheck:
    for line in sys.stdin:
        print(json.dumps(as_data(selfcheck.check(pathlib.Path(line.rstrip("\\n"))), note=selfcheck.note)), flush=True)
"""

Verdicts = list[tuple[str, str, float, float, list[str]]]
Ask = Callable[[Path], Verdicts]


def verdicts(data: dict[str, Any]) -> Verdicts:
    """What has to be the same of each item."""
    return [(row["id"], row["outcome"], row["score"], row["maximum"], row["messages"]) for row in data["items"]]


@pytest.fixture(scope="module")
def own(handout: Path) -> Iterator[Ask]:
    """What the grader in the unpacked copy says."""
    process = subprocess.Popen(
        [sys.executable, "-c", _DRIVER], cwd=handout, env=plain(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def ask(path: Path) -> Verdicts:
        assert process.stdin is not None
        assert process.stdout is not None
        print(path, file=process.stdin, flush=True)
        return verdicts(json.loads(process.stdout.readline()))

    yield ask
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()


@pytest.fixture
def staffs(graded: Grader, rubric: Rubric) -> Ask:
    """What the repository's says of the public items, graded with all the others."""
    public = {item.id for item in rubric.graded if item.public}
    return lambda path: [row for row in verdicts(student.as_data(graded(path))) if row[0] in public]


def compared(path: Path, own: Ask, staffs: Ask) -> Verdicts:
    """The verdicts, after they were found to be the same."""
    found = own(path)
    assert len(found) == 14
    assert found == staffs(path)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_judged_alike(name: str, own: Ask, staffs: Ask) -> None:
    compared(SAMPLES / name, own, staffs)


@pytest.mark.parametrize("slip", MUTANTS[::EVERY])
def test_a_slip_is_judged_alike(slip: str, own: Ask, staffs: Ask, make: Maker) -> None:
    _slip(slip, own, staffs, make)


@pytest.mark.parametrize("number", range(0, COUNT, EVERY))
def test_a_correct_style_is_judged_alike(number: int, own: Ask, staffs: Ask, make: Maker) -> None:
    _style(number, own, staffs, make)


@pytest.mark.long
@pytest.mark.parametrize("slip", [slip for at, slip in enumerate(MUTANTS) if at % EVERY])
def test_every_other_slip_is_judged_alike(slip: str, own: Ask, staffs: Ask, make: Maker) -> None:
    _slip(slip, own, staffs, make)


@pytest.mark.long
@pytest.mark.parametrize("number", [number for number in range(COUNT) if number % EVERY])
def test_every_other_correct_style_is_judged_alike(number: int, own: Ask, staffs: Ask, make: Maker) -> None:
    _style(number, own, staffs, make)


def _slip(slip: str, own: Ask, staffs: Ask, make: Maker) -> None:
    blank, answer = mutants()[slip]
    compared(_made(make, **{blank: answer}), own, staffs)


def _style(number: int, own: Ask, staffs: Ask, make: Maker) -> None:
    assert {outcome for _, outcome, *_ in compared(_made(make, **style(number)), own, staffs)} == {"passed"}


def _made(make: Maker, **answers: str) -> Path:
    return make(*((file, None, data) for file, data in files(**answers).items()))


def test_the_command_prints_what_was_compared(own: Ask, check: InHandout) -> None:
    for name in ("cs231n_momentum", "only_momentum"):
        assert verdicts(json.loads(check(SAMPLES / name, "--json").stdout)) == own(SAMPLES / name)


def test_submissions_that_differ_are_told_apart(own: Ask) -> None:
    assert len({str(own(SAMPLES / name)) for name in ("reference", "untouched", "only_momentum", "cs231n_momentum")}) == 4


@pytest.mark.long
@pytest.mark.parametrize("name", ["reference", "file_missing", "only_momentum"])
def test_a_sample_is_judged_as_in_the_container(name: str, own: Ask, image: Image) -> None:  # noqa: F811
    graded = image.grade(SAMPLES / name)
    assert graded.rejected == ""
    posted = {test["extra_data"]["id"]: test for test in graded.results["tests"]}
    for name_of, outcome, score, maximum, messages in own(SAMPLES / name):
        test = posted[name_of]
        assert test["extra_data"]["outcome"] == outcome
        assert (test.get("score", 0), test.get("max_score", 0)) == (score, maximum)
        assert test["output"].splitlines() == (messages or ["All right."])
