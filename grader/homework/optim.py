"""optim.py: the update rules, each asked for one step from the handout's inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..grading import expect
from ..grading.context import Context
from ..grading.findings import Mismatch
from . import answers, cells, many_steps
from .blanks import nothing_returned, told_as_blank
from .files import OPTIM
from .misconceptions import Misconception, golden_slip, tell
from .published import golden
from .registry import check


@check("optim.sgd_momentum.golden", parts=("next_w", "velocity"), section="momentum", tolerances=("rel_error",))
@told_as_blank(OPTIM, "sgd_momentum")
def sgd_momentum_golden(context: Context) -> None:
    """SGD with momentum: one step against the handout's arrays."""
    _one_step(context, "sgd_momentum")


@check("optim.rmsprop.golden", parts=("next_w", "cache"), section="rmsprop", tolerances=("rel_error",))
@told_as_blank(OPTIM, "rmsprop")
def rmsprop_golden(context: Context) -> None:
    """RMSProp (optional): one step against the handout's arrays."""
    _one_step(context, "rmsprop")


@check("optim.adam.golden", parts=("next_w", "m", "v", "t"), section="adam", tolerances=("rel_error",))
@told_as_blank(OPTIM, "adam")
def adam_golden(context: Context) -> None:
    """Adam: one step from t = 5 against the handout's arrays."""
    _one_step(context, "adam")


def _one_step(context: Context, rule: str) -> None:
    case = golden()[rule]
    limit = context.limit("rel_error")
    with context.student.module(OPTIM) as (session, optim):
        context.note(
            f"{rule}(w, dw, config) was called as in the notebook's check ({context.section}); for a cell:",
            code=cells.golden_step(rule),
        )
        returned = optim.attr(rule).call_as(f"{rule}(w, dw, config)", case.w, case.dw, case.config)
        (answer,) = session.fetch(returned.like(answers.answer(rule, case.w.size)))
    next_w, config = expect.pair(answer, ("next_w", "config"), f"{rule}(w, dw, config)")
    with context.part("next_w"):
        if next_w is None:
            raise Mismatch(nothing_returned(rule))
        expect.close(next_w, case.next_w, limit, "next_w", published=True)
    for key, wanted in case.state.items():
        with context.part(key):
            value = expect.item(config, key, "the returned config")
            if key == "t":
                _count(value, wanted)
            else:
                expect.close(value, wanted, limit, f"config['{key}']", published=True)
    if len(context.passed) > len(case.state):
        context.findings.clear()
        if context.more_elsewhere:
            many_steps.tell(context, rule)
    elif next_w is None and not context.passed:  # what follows from it needs no telling
        context.findings[:] = context.findings[1:2]
    else:
        context.student.require_fresh()
        tell(context, _slips(context, rule, next_w, config))


Diagnose = Callable[[Context, str], Sequence[Misconception]]
_DIAGNOSES: list[Diagnose] = []


def diagnose_rules(diagnose: Diagnose) -> Diagnose:
    """Register what finds the slips that explain all that a rule answers, not its golden step alone; it has the say."""
    if diagnose not in _DIAGNOSES:
        _DIAGNOSES.append(diagnose)
    return diagnose


def _slips(context: Context, rule: str, next_w: Any, config: Any) -> Sequence[Misconception]:
    if _DIAGNOSES:
        return [slip for diagnose in _DIAGNOSES for slip in diagnose(context, rule)]
    slip = golden_slip(rule, next_w, config, golden()[rule].state)
    return [] if slip is None else [slip]


def _count(value: Any, wanted: int) -> None:
    """t may be any kind of number, as long as it has counted this step."""
    found = expect.number(value, "config['t']")
    if not found == wanted:
        raise Mismatch(
            f"config['t'] is {found:g} after one step from t = {wanted - 1}; this step should have been counted, once.",
            f"expected {wanted}",
        )
