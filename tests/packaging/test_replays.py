"""No file of the handout is a key: a program that only replays what one records gets what the self-check can see, and no more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from grader.grading.results import Outcome
from grader.homework import fc_net, published
from grader.homework.hidden.initialization_stds import stds
from grader.homework.hidden.unseen_questions import NETWORKS
from tests.commands.conftest import InHandout
from tests.conftest import Grader, Maker
from tests.homework.conftest import said
from tests.homework.mutants import BLANKS, answered, files

RULES: Final = ("sgd_momentum", "rmsprop", "adam")
GOLDEN: Final = tuple(f"optim.{rule}.golden" for rule in RULES)
NORM: Final = ("solver.grad_norm",)
HE: Final = ("fc_net.init.he",)
BEHAVIOUR: Final = tuple(f"optim.{rule}.behaviour" for rule in RULES)


@dataclass(frozen=True)
class Replay:
    """A program made of one file of the handout.

    Attributes:
        fixture: the file's name.
        head: what stands at the top of the student's file, behind TABLE, the content.
        answers: what stands in its blanks.
        items: what its blanks are asked.
        right: the items that pass, at home and on Gradescope.
        home: the items that pass at home alone.
    """

    fixture: str
    head: str
    answers: Mapping[str, str]
    items: tuple[str, ...]
    right: tuple[str, ...] = ()
    home: tuple[str, ...] = ()


_STEPS: Final = 'STEPS = [step for family in TABLE["families"] for step in family["gradients"]]\n'
_NORM: Final = "known = [at for at, step in enumerate(STEPS) if step == {name: grad.tolist() for name, grad in grads.items()}]\n"
_RECORD: Final = 'self.log_grad_norm_history.append(TABLE["readings"]["Frobenius"][{}])\n'
_SIZES: Final = [build.shapes for build in fc_net.NETWORKS.values()]
_STDS: Final = f'STDS = {{size[0]: std for sizes, stds in zip({_SIZES}, TABLE.values()) for size, std in zip(sizes, stds["he"])}}\n'
_DRAW: Final = 'self.params[f"W{{i}}"] = np.random.normal(0.0, STDS[{}], (fan_in, fan_out))\n'
_RULE: Final = """\
kept = {{key: np.array(value) if isinstance(value, list) else value for key, value in TABLE["{rule}"]{slip}.items()}}
next_w = kept.pop("next_w") if w.shape == (4, 5) else w
config.update(kept)
"""
_WALKED: Final = """\
walked = [
    (dw_of_step, next_w)
    for walk, answers in zip(TABLE["{rule}"]["walks"], TABLE["{rule}"]["readings"][0])
    for track, answer in zip(walk, answers)
    for dw_of_step, next_w in zip(track["grads"], answer["next_w"][0])
]
next_w = next((np.array(after) for before, after in walked if before == dw.tolist()), w)
"""
_VELOCITY: Final = 'v = config["velocity"]\n'


def _rules(slip: Mapping[str, str]) -> dict[str, str]:
    answers = {rule: _RULE.format(rule=rule, slip=slip.get(rule, "")) for rule in RULES}
    return {**answers, "sgd_momentum": answers["sgd_momentum"] + _VELOCITY}


REPLAYS: Final[Mapping[str, Replay]] = {
    "norms, else the last": Replay(
        "norms.json", _STEPS, {"grad_norm": _NORM + _RECORD.format("known[0] if known else -1")}, NORM, home=NORM
    ),
    "norms, else an error": Replay("norms.json", _STEPS, {"grad_norm": _NORM + _RECORD.format("known[0]")}, NORM, home=NORM),
    "spreads, else the nearest": Replay(
        "spreads.json", _STDS, {"he": _DRAW.format("min(STDS, key=lambda fan: abs(fan - fan_in))")}, HE, home=HE
    ),
    "spreads, else an error": Replay("spreads.json", _STDS, {"he": _DRAW.format("fan_in")}, HE, home=HE),
    "golden values": Replay("golden.json", "", _rules({}), (*GOLDEN, *BEHAVIOUR), right=GOLDEN),
    "steps": Replay("steps.json", "", {rule: _WALKED.format(rule=rule) for rule in RULES}, (*GOLDEN, *BEHAVIOUR)),
    "slips": Replay("slips.json", "", _rules({rule: f'[next(iter(TABLE["{rule}"]))]' for rule in RULES}), (*GOLDEN, *BEHAVIOUR)),
}


def program(handout: Path, make: Maker, replay: Replay) -> Path:
    """The reference with the answers of one student file replaced by a look into the table."""
    table = (handout / "grader/homework/given/fixtures" / replay.fixture).read_text("utf-8")
    (file,) = {BLANKS[blank][0] for blank in replay.answers}
    source = files()[file].decode()
    for blank, answer in replay.answers.items():
        source = answered(source, blank, answer)
    head = f"import json\n\nimport numpy as np\n\nTABLE = json.loads({table!r})\n{replay.head}"
    return make((file, None, head + source))


def test_there_is_a_program_for_each_table_of_the_handout(handout: Path) -> None:
    tables = {path.name for path in handout.rglob("*.json")}
    assert tables == {replay.fixture for replay in REPLAYS.values()}


@pytest.mark.parametrize("name", REPLAYS)
def test_a_program_that_replays_a_table_passes_at_home_at_most(
    name: str, handout: Path, make: Maker, check: InHandout, graded: Grader
) -> None:
    replay = REPLAYS[name]
    path = program(handout, make, replay)
    public = ",".join(name for name in replay.items if name not in BEHAVIOUR)
    at_home = json.loads(check(path, "--json", "--only", public).stdout)["items"]
    assert {row["id"] for row in at_home if row["outcome"] == "passed"} == {*replay.right, *replay.home}
    found = {item.id: item for item in graded(path, *replay.items).items}
    assert {name for name, item in found.items() if item.outcome is Outcome.PASSED} == set(replay.right)
    for name in set(replay.items) - set(GOLDEN):
        assert found[name].score == 0
        assert said(found[name])
        assert not [number for number in unseen_numbers() if number in said(found[name])]


def unseen_numbers() -> set[str]:
    """The right answers to what only staff ask, as a text might show them."""
    readings = published.norms(published.UNSEEN_NORMS).readings
    values = [float(value) for values in readings.values() for value in values]
    values += [std for build in NETWORKS.values() for std in stds(build)["he"]]
    return {f"{value:.4g}" for value in values}
