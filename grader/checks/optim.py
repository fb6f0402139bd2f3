"""optim.py: the update rules, each asked for one step from the handout's inputs."""

from __future__ import annotations

from typing import Any, Final

from .. import expect
from ..exam import Exam, check
from ..finding import Mismatch
from ..fixtures import golden
from ..student import OPTIM
from .misconceptions import golden_slip

_SECTIONS: Final = {"sgd_momentum": "2.2", "rmsprop": "2.3", "adam": "2.4"}


@check("optim.sgd_momentum.golden", parts=("next_w", "velocity"))
def sgd_momentum_golden(exam: Exam) -> None:
    """SGD with momentum: one step against the handout's arrays."""
    _one_step(exam, "sgd_momentum")


@check("optim.rmsprop.golden", parts=("next_w", "cache"))
def rmsprop_golden(exam: Exam) -> None:
    """RMSProp (optional): one step against the handout's arrays."""
    _one_step(exam, "rmsprop")


@check("optim.adam.golden", parts=("next_w", "m", "v", "t"))
def adam_golden(exam: Exam) -> None:
    """Adam: one step from t = 5 against the handout's arrays."""
    _one_step(exam, "adam")


def _one_step(exam: Exam, rule: str) -> None:
    case = golden()[rule]
    limit = exam.limit("rel_error")
    with exam.student.module(OPTIM) as (session, optim):
        exam.note(
            f"{rule}(w, dw, config) was called as in the notebook's check (section {_SECTIONS[rule]}): w and dw of shape "
            f"{case.w.shape}, config with {', '.join(sorted(case.config))}."
        )
        (answer,) = session.fetch(optim.attr(rule)(case.w, case.dw, case.config))
    next_w, config = expect.pair(answer, ("next_w", "config"), f"{rule}(w, dw, config)")
    with exam.part("next_w"):
        expect.close(next_w, case.next_w, limit, "next_w")
    for key, wanted in case.state.items():
        with exam.part(key):
            value = expect.item(config, key, "the returned config")
            if key == "t":
                _count(value, wanted)
            else:
                expect.close(value, wanted, limit, f"config['{key}']")
    if len(exam.passed) > len(case.state):
        exam.findings.clear()
    elif next_w is None and not exam.passed:  # a blank is told in one sentence, and what follows from it needs no telling
        exam.findings[:] = exam.findings[1:2]
    else:
        exam.diagnose(golden_slip(rule, next_w, config, case.state))


def _count(value: Any, wanted: int) -> None:
    """t may be any kind of number, as long as it has counted this step."""
    found = expect.number(value, "config['t']")
    if not found == wanted:
        raise Mismatch(
            f"config['t'] is {found:g} after one step from t = {wanted - 1}; this step should have been counted, once.",
            f"expected {wanted}",
        )
