"""The handout's verdicts are those of `grade` and of the container: outcome, points and words of every public item."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.grading.rubric import Rubric
from grader.report import panel
from tests.commands.conftest import InHandout
from tests.commands.verdict_matrix import EVERY, Machine, Verdicts, verdicts
from tests.conftest import SAMPLES, Grader, Maker
from tests.homework.mutants import files, mutants
from tests.homework.styles import COUNT, style
from tests.packaging.conftest import environment, image, imaged, scratch, zipped  # noqa: F401 - fixtures
from tests.packaging.gradescope_harness import Image

NAMES = sorted(path.name for path in SAMPLES.iterdir() if path.suffix not in (".md", ".toml"))
MUTANTS = list(mutants())

_LOOKS = "It looks as if "
Ask = Callable[[Path], Verdicts]


@pytest.fixture(scope="module")
def own(handout: Path) -> Iterator[Ask]:
    """What the grader in the unpacked copy says."""
    process = Machine().start(handout)
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
    return lambda path: [row for row in verdicts(panel.as_data(graded(path))) if row[0] in public]


def compared(path: Path, own: Ask, staffs: Ask) -> Verdicts:
    """The verdicts, after they were found to be the same."""
    found = own(path)
    assert len(found) == 14
    assert [_without_the_look_further(row) for row in found] == staffs(path)
    return found


def _without_the_look_further(row: tuple[str, str, float, float, list[str]]) -> tuple[str, str, float, float, list[str]]:
    """A passed item without what is told at home only, where nobody asks the hidden items."""
    *verdict, messages = row
    told = row[1] == "passed" and any("taken at home only" in message for message in messages)
    return (*verdict, [] if told else messages)  # type: ignore[return-value]


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_judged_alike(name: str, own: Ask, staffs: Ask) -> None:
    _alike(SAMPLES / name, own, staffs)


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
    _alike(_made(make, **{blank: answer}), own, staffs)


def _alike(path: Path, own: Ask, staffs: Ask) -> None:
    """Alike but for the name of a slip, which one golden step may leave open where all that staff ask does not."""
    found, theirs = [_without_the_look_further(row) for row in own(path)], staffs(path)
    assert len(found) == 14
    assert _unnamed(found) == _unnamed(theirs)
    assert _named(found) <= _named(theirs)


def _named(rows: Verdicts) -> set[str]:
    return {message for *_, messages in rows for message in messages if message.startswith(_LOOKS)}


def _unnamed(rows: Verdicts) -> list[Any]:
    return [(*row, [message for message in messages if not message.startswith(_LOOKS)]) for *row, messages in rows]


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
