"""Every attack of the corpus through the real core: as in a class, by the real command, and as an ordinary user."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from grader.grading.grade import judge_of_many
from grader.grading.rubric import Rubric
from grader.grading.settling import Judge
from grader.homework import HOMEWORK
from grader.sandbox.errors import SandboxUnavailable
from grader.sandbox.policy import Kind, Layer, Level
from grader.sandbox.supervisor import Sandbox
from grader.sandbox.users import IDS, private_uid
from tests.attacks.arena import ROOT, Arena, Attack, attacks, corpus, judge, plain, processes
from tests.attacks.driver import lean, verdict

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers at the end of their range are asked for on purpose

EVERY = corpus()
BY_COMMAND = [attack for number, attack in enumerate(EVERY) if number % 3 == 0 or attack.full]
IN_FULL = [attack for number, attack in enumerate(BY_COMMAND) if number % 6 == 0 or attack.full]  # with every item there is
IN_PROCESS = [attack for attack in EVERY if attack not in BY_COMMAND]
IN_JAIL = [attack for chapter in ("secrets", "results", "escape") for attack in attacks(chapter)] + EVERY[2::9]
IN_JAIL = [attack for attack in IN_JAIL if attack.name != "list_shared_folders"]  # an ordinary user may list the empty jail
AS_ORDINARY = [attack for chapter in ("secrets", "results", "escape") for attack in attacks(chapter)] + EVERY[1::5]
_is_root = hasattr(os, "geteuid") and os.geteuid() == 0


def _limits(attack: Attack, rubric: Rubric) -> dict[str, float]:
    """Wall limits of the items an attack hits, for attacks that run until they are stopped."""
    return {item.id: attack.seconds for item in rubric.graded if attack.seconds and attack.touches(item.id)}


def _asked_again(attack: Attack, rubric: Rubric) -> list[str]:
    """The items that the next, honest submission is asked: those that were hit, or all."""
    return [item.id for item in rubric.graded if attack.touches(item.id)] or [item.id for item in rubric.graded]


@pytest.fixture
def made(arena: Arena) -> Iterator[Callable[[Attack], Path]]:
    """Makes the submission of an attack, and clears it away afterwards."""
    boxes: list[Path] = []

    def make(attack: Attack) -> Path:
        box = arena.box(attack)
        boxes.append(box.folder.parent)
        return attack.make(box)

    yield make
    for box in boxes:
        shutil.rmtree(box)


def _full(result: dict[str, Any]) -> None:
    assert {test["extra_data"]["id"]: test["extra_data"]["outcome"] for test in result["tests"]} == {
        test["extra_data"]["id"]: "passed" for test in result["tests"]
    }


def test_the_corpus_is_as_large_as_promised_and_every_name_stands_once() -> None:
    names = [attack.name for attack in EVERY]
    assert len(names) >= 120
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("attack", [attack.parameter() for attack in IN_PROCESS])
def test_an_attack_in_a_class(
    attack: Attack, arena: Arena, made: Callable[[Attack], Path], rubric: Rubric, sandbox: Sandbox, judge_of_all: Judge
) -> None:
    _attacked(attack, arena, made(attack), rubric, sandbox, judge_of_all)


@pytest.fixture(scope="session")
def judge_of_all(sandbox: Sandbox, rubric: Rubric) -> Iterator[Judge]:
    """One process that judges every submission that keeps to the usual limits, hostile or not, until it resigns."""
    with closing(judge_of_many(HOMEWORK, lean(rubric, {}), sandbox)) as made:
        yield made


@pytest.fixture(scope="session")
def jail() -> Iterator[Sandbox]:
    """A sandbox as on a kernel without Landlock."""
    try:
        made = Sandbox(Level.STAFF, kind=Kind.FORK, secrets=HOMEWORK.secrets(), disabled=[Layer.LANDLOCK])
    except SandboxUnavailable as error:
        pytest.skip(f"no jail can be had here: {error}")
    with made:
        assert "landlock" not in made.self_test.layers
        yield made


@pytest.mark.parametrize("attack", [attack.parameter() for attack in dict.fromkeys(IN_JAIL)])
def test_an_attack_without_landlock(
    attack: Attack, arena: Arena, made: Callable[[Attack], Path], rubric: Rubric, jail: Sandbox
) -> None:
    _attacked(attack, arena, made(attack), rubric, jail)


def _attacked(
    attack: Attack, arena: Arena, path: Path, rubric: Rubric, sandbox: Sandbox, judge_of_all: Judge | None = None
) -> None:
    limits = _limits(attack, rubric)
    asked = lean(rubric, limits)
    result, shown = verdict(path, asked, sandbox, judge=None if limits else judge_of_all)
    judge(attack, json.loads(json.dumps(result, allow_nan=False)), arena, asked, shown)
    assert not processes(of_users=[private_uid()], of_parent=sandbox.server_pid)
    arena.untouched()
    honest, _ = verdict(arena.neighbour, lean(rubric, {}), sandbox, _asked_again(attack, rubric), judge_of_all)
    _full(honest)


@pytest.mark.parametrize("attack", [attack.parameter() for attack in BY_COMMAND])
def test_an_attack_by_the_real_command(
    attack: Attack, arena: Arena, made: Callable[[Attack], Path], rubric: Rubric, tmp_path: Path
) -> None:
    path = made(attack)
    output, limits = tmp_path / "results.json", tmp_path / "rubric.toml"
    asked = rubric if attack in IN_FULL else lean(rubric, {})
    limits.write_text(_rewritten(HOMEWORK.rubric.read_text("utf-8"), _limits(attack, rubric), asked))
    with subprocess.Popen(
        [sys.executable, "-m", "grader", "grade", path, "-o", output, "--rubric", limits],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        shown, errors = process.communicate(timeout=120)
    result = json.loads(output.read_text("utf-8"))
    assert process.returncode == (0 if result["score"] == float(asked.reachable) else 1), errors
    judge(attack, result, arena, asked, shown)
    plain(errors)
    assert not processes(of_users=IDS)
    assert [file.name for file in tmp_path.iterdir() if "results" in file.name] == ["results.json"]
    arena.untouched()


class Ordinary:
    """The core in a process of a user without rights, kept running."""

    def __init__(self) -> None:
        self.uid = 62000 + os.getpid() % 1000
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-m", "tests.attacks.driver"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            user=self.uid,
            group=self.uid,
            extra_groups=[],
        )
        self.layers = self._answer()["layers"]

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        line = self._process.stdout.readline()
        assert line, self._process.stderr.read()
        return json.loads(line)

    def ask(self, **job: Any) -> Any:
        """Grade a path."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End it, and see that nothing of its user stays."""
        self._process.communicate(timeout=60)
        assert not processes(of_users=[self.uid])

    def alive(self, server: int) -> list[int]:
        """This user's processes but for the grader and its fork server."""
        return [pid for pid in processes(of_users=[self.uid]) if pid not in (self._process.pid, server)]


@pytest.fixture(scope="session")
def ordinary() -> Iterator[Ordinary]:
    """One such process for all attacks."""
    if not _is_root:
        pytest.skip("this is an ordinary user already: the other tests are what this one would do")
    readable = subprocess.run(
        [sys.executable, "-c", "import numpy, grader.commands.program"],
        cwd=ROOT,
        user=65534,
        group=65534,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    if readable.returncode:
        pytest.skip("an ordinary user cannot read this checkout or its interpreter")
    started = Ordinary()
    yield started
    started.close()


@pytest.mark.parametrize("attack", [attack.parameter() for attack in dict.fromkeys(AS_ORDINARY)])
def test_an_attack_on_an_ordinary_user(
    attack: Attack, arena: Arena, made: Callable[[Attack], Path], rubric: Rubric, ordinary: Ordinary
) -> None:
    path = made(attack)
    for place in [arena.folder, *arena.folder.rglob("*")]:
        os.chown(place, ordinary.uid, ordinary.uid, follow_symlinks=False)  # all is this user's own: only the sandbox is in the way
    answer = ordinary.ask(
        path=str(path), honest=str(arena.neighbour), seconds=_limits(attack, rubric), again=_asked_again(attack, rubric)
    )
    assert "landlock" in ordinary.layers
    assert "uid" not in ordinary.layers
    judge(attack, answer["result"], arena, lean(rubric, {}), answer["terminal"])
    assert not ordinary.alive(answer["server"])
    arena.untouched()
    _full(answer["honest"])


@pytest.mark.parametrize("layers", [(Layer.LANDLOCK, Layer.JAIL), (Layer.SECCOMP,)])
def test_without_a_required_layer_staff_grade_nothing(layers: tuple[Layer, ...]) -> None:
    with pytest.raises(SandboxUnavailable, match=layers[0]):
        Sandbox(Level.STAFF, kind=Kind.FORK, secrets=HOMEWORK.secrets(), disabled=layers)


@pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.name) for attack in EVERY if attack.control])
def test_what_the_sandbox_stops_would_work_without_it(
    attack: Attack, arena: Arena, made: Callable[[Attack], Path], rubric: Rubric
) -> None:
    layers = [Layer.UID, Layer.LANDLOCK, Layer.JAIL, Layer.SECCOMP]
    try:
        with Sandbox(Level.STUDENT, kind=Kind.FORK, disabled=layers) as bare:
            result, _ = verdict(made(attack), rubric, bare, ["optim.adam.golden"])
    finally:
        for folder in ("/tmp", "/dev/shm", "/var/tmp", "/", arena.results.parent):
            Path(folder, arena.mark).unlink(missing_ok=True)
    assert "GOT" in result["tests"][0]["output"]


def _rewritten(text: str, seconds: dict[str, float], rubric: Rubric) -> str:
    """A rubric's text with wall limits written into some rows, and the rows left out that `rubric` leaves out."""
    more = {name: f"seconds = {limit}" for name, limit in seconds.items()}
    more |= {item.id: "planned = true" for item in rubric.items if item.id.endswith(".behaviour") and item.planned}
    for name, line in more.items():
        text, changed = re.subn(rf'(?m)^(id = "{re.escape(name)}".*)$', rf"\1\n{line}", text)
        assert changed == 1
    return text
