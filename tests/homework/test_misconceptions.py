"""Every slip of the catalogue: its mutant fails the items it should and no other, and is told by its name."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import numpy as np
import pytest

from grader.grading.results import Outcome
from grader.homework import published
from grader.homework.misconceptions import catalogue, golden_slip
from tests.conftest import FC_NET, OPTIM, SOLVER, Grader, Maker
from tests.homework.mutants import BLANKS, files, mutants

_RULES = ("sgd_momentum", "adam", "rmsprop")
# All items that meet the edited file; the others see a submission that is the reference to the byte.
_ITEMS = {
    OPTIM: (*(f"optim.{rule}.{kind}" for rule in _RULES for kind in ("golden", "behaviour")), "solver.training"),
    FC_NET: ("fc_net.init.he", "fc_net.init.zero", "fc_net.init.random", "fc_net.loss", "solver.training"),
    SOLVER: ("solver.grad_norm", "solver.training"),
}

# What only a part is told of: the root of a negative number leaves nothing else to see.
_TOLD_AS = {"adam.power_as_product": "adam.power_as_product_v"}


def items_of(file: str) -> tuple[str, ...]:
    """The items that meet an edit of one student file."""
    return _ITEMS[file]


def should_fail(slip: str) -> set[str]:
    """The items a slip has to cost."""
    topic = slip.partition(".")[0]
    if topic == "init":
        return {f"fc_net.init.{mutants()[slip][0]}"}
    if topic == "grad_norm":
        return {"solver.grad_norm"}
    seen = {f"optim.{topic}.golden"} if slip in published.golden_slips()[topic] else set()
    return {f"optim.{topic}.behaviour"} | seen


def test_every_slip_of_the_catalogue_has_a_mutant() -> None:
    assert list(mutants()) == list(catalogue())


_OTHERS = [slip for slip in mutants() if slip.partition(".")[0] not in _RULES]
_OF_RULES = [[slip for slip in mutants() if slip.partition(".")[0] == rule] for rule in _RULES]


@pytest.mark.parametrize(
    "slips", [*zip_longest(*_OF_RULES), *((slip,) for slip in _OTHERS)], ids=lambda slips: " ".join(filter(None, slips))
)
def test_a_slip_costs_its_items_and_is_named(slips: tuple[str | None, ...], make: Maker, graded: Grader) -> None:
    made = [slip for slip in slips if slip]  # one a rule: no rule looks at another
    path = make(*((file, None, data) for file, data in files(**dict(mutants()[slip] for slip in made)).items()))
    report = graded(path, *items_of(BLANKS[mutants()[made[0]][0]][0]))
    failed = {item.id: {f.slip for f in item.findings if f.slip} for item in report.items if item.outcome is not Outcome.PASSED}
    assert set(failed) == {item for slip in made for item in should_fail(slip)}
    for slip in made:
        told = [named for item, named in failed.items() if item in should_fail(slip)]
        assert all(named == {_TOLD_AS.get(slip, slip)} for named in told), (slip, told)


@pytest.mark.parametrize("rule", _RULES)
def test_a_students_copy_names_a_slip_by_its_golden_step_alone(rule: str) -> None:
    recorded = published.golden_slips()[rule]
    for slip, gives in recorded.items():
        next_w, state = gives["next_w"], {key: value for key, value in gives.items() if key != "next_w"}
        told = golden_slip(rule, next_w, state, published.golden()[rule].state)
        assert told is None or told.id == slip
        assert (told is None) == any(other != slip and alike(gives, recorded[other]) for other in recorded), slip
        assert golden_slip(rule, next_w * 1.001, state, published.golden()[rule].state) is None


def alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two slips leave the same behind, so that neither may be told."""
    return all(
        (one.get(key) is None) == (other.get(key) is None)
        and (one.get(key) is None or np.allclose(one[key], other[key], rtol=1e-9, atol=1e-12, equal_nan=True))
        for key in one.keys() | other.keys()
    )
