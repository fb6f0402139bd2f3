"""Every slip of the catalogue: its mutant fails the items it should and no other, and is told by its name."""

from __future__ import annotations

import pytest

from grader import fixtures
from grader.checks.misconceptions import catalogue
from grader.result import Outcome
from tests.conftest import FC_NET, OPTIM, SOLVER, Grader, Maker
from tests.mutants import BLANKS, files, mutants

_RULES = ("sgd_momentum", "adam", "rmsprop")
# All items that meet the edited file; the others see a submission that is the reference to the byte.
_ITEMS = {
    OPTIM: (*(f"optim.{rule}.{kind}" for rule in _RULES for kind in ("golden", "behaviour")), "solver.training"),
    FC_NET: ("fc_net.init.he", "fc_net.init.zero", "fc_net.init.random", "fc_net.loss", "solver.training"),
    SOLVER: ("solver.grad_norm", "solver.training"),
}


def should_fail(slip: str) -> set[str]:
    """The items a slip has to cost."""
    topic = slip.partition(".")[0]
    if topic == "init":
        return {"fc_net.init.zero" if slip == "init.not_zero" else "fc_net.init.he"}
    if topic == "grad_norm":
        return {"solver.grad_norm"}
    seen = {f"optim.{topic}.golden"} if slip in fixtures.golden_slips()[topic] else set()
    return {f"optim.{topic}.behaviour"} | seen


def test_every_slip_of_the_catalogue_has_a_mutant() -> None:
    assert list(mutants()) == list(catalogue())


@pytest.mark.parametrize("slip", list(mutants()))
def test_a_slip_costs_its_items_and_is_named(slip: str, make: Maker, graded: Grader) -> None:
    blank, answer = mutants()[slip]
    path = make(*((file, None, data) for file, data in files(**{blank: answer}).items()))
    report = graded(path, *_ITEMS[BLANKS[blank][0]])
    failed = {item.id: {f.slip for f in item.findings if f.slip} for item in report.items if item.outcome is not Outcome.PASSED}
    assert set(failed) == should_fail(slip)
    assert all(named == {slip} for named in failed.values()), failed
