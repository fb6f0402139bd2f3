"""What one golden step does not show, told at home: a rule takes some steps more, and what goes wrong in them is a note, worth
nothing. Where the rest of the grader is at hand, the items that judge many steps speak for themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..grading import expect
from ..grading.context import Context
from ..grading.expect import Array
from ..grading.student import TimeUsedUp
from ..sandbox.errors import Ending, SessionEnded
from ..submission.text import name as shown
from . import answers as forms
from . import cells
from .files import OPTIM
from .misconceptions import SAME_SINGLE, Misconception, catalogue, same
from .published import Track, Walks, steps

_BUT: Final = (
    "{} passes the handout's arrays, but not many steps with other inputs and settings. (This look further is taken at home only; "
    "it gives and costs no points, but Gradescope takes many steps too.) For a cell:"
)
ROUNDED: Final = "which is right but for its last digits: something is rounded on the way, to float32 for example"
_LOOK: Final = (
    "Look at what the rule keeps from one step to the next, at settings other than the defaults, and at gradients that are tiny "
    "or zero."
)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of one parameter: next_w after each step, the config after the last, and the first dw that was changed."""

    next_w: tuple[Any, ...]
    config: Any
    changed: int | None


@dataclass(frozen=True, slots=True)
class _Fault:
    """Where an accepted reading fails first: in a walk, after so many steps, with a sentence on what is there."""

    walk: int
    steps: int
    text: str
    with_dw: bool = False


def tell(context: Context, rule: str) -> None:
    """Note it if a rule whose golden step is right goes wrong in more steps; settles nothing."""
    walks = steps().get(rule)
    if walks is None:
        return
    try:
        fault, slip = _asked(context, rule, walks, alone=False)
        if fault is not None:  # nobody is told of what another question may have left behind
            fault, slip = _asked(context, rule, walks, alone=True)
    except TimeUsedUp:
        return
    if fault is not None:
        tracks = walks.walks[fault.walk]
        context.note(_BUT.format(rule), code=cells.steps(rule, tracks, [None] * fault.steps, with_dw=fault.with_dw))
        context.note(fault.text if slip else f"{fault.text} {_LOOK}")
        context.diagnose(slip)


def _asked(context: Context, rule: str, walks: Walks, *, alone: bool) -> tuple[_Fault | None, Misconception | None]:
    """The first fault, and the slip that gives exactly these answers."""
    answers: list[list[_Answer]] = []
    try:
        for walk in walks.walks:
            with context.student.module(OPTIM, alone=alone) as (session, optim):
                answers.append(_walked(session, optim.attr(rule), rule, walk))
    except SessionEnded as error:
        count = len(walks.walks[len(answers)][0].grads)
        said = f": {shown(error.message.strip(), 200)}" if error.ending is Ending.RAISED and error.message else ""
        return _Fault(len(answers), count, f"In these steps {error.reason}{said}."), None
    faults = [_first_fault(walks, number, answers) for number in range(len(walks.readings))]
    if any(fault is None for fault in faults):
        return None, None
    furthest = max((fault for fault in faults if fault is not None), key=lambda fault: (fault.walk, fault.steps))
    return furthest, _slip(rule, walks, answers)


def _walked(session: Any, function: Any, rule: str, walk: tuple[Track, ...]) -> list[_Answer]:
    """Step the parameters side by side, in one message; each next_w is copied before it may be changed."""
    copied = session.module("numpy").attr("array")
    at: list[Any] = [track.w for track in walk]
    configs: list[Any] = [track.config for track in walk]
    grads: list[list[Any]] = [[session.put(dw) for dw in track.grads] for track in walk]
    kept: list[list[Any]] = [[] for _ in walk]
    for step in range(len(walk[0].grads)):
        for which in range(len(walk)):
            answer = function.call_as(f"{rule}(w, dw, config)", at[which], grads[which][step], configs[which])
            at[which], configs[which] = answer.item(0), answer.item(1)
            kept[which].append(copied(at[which]))
    count = len(walk[0].grads)
    asked = []
    for which, track in enumerate(walk):
        form = forms.array(track.w.size)
        asked += [one.like(form) for one in kept[which]]
        asked += [configs[which].like(forms.config(rule, track.w.size)), *(one.like(form) for one in grads[which])]
    flat = session.fetch(*asked)
    answers = []
    for which, track in enumerate(walk):
        part = flat[which * (2 * count + 1) : (which + 1) * (2 * count + 1)]
        after = part[count + 1 :]
        changed = [at for at, (dw, left) in enumerate(zip(track.grads, after, strict=True)) if not _still(left, dw)]
        answers.append(_Answer(tuple(part[:count]), part[count], min(changed, default=None)))
    return answers


def _still(value: Any, wanted: Array) -> bool:
    return isinstance(value, np.ndarray) and np.array_equal(value, wanted)


def _first_fault(walks: Walks, reading: int, answers: list[list[_Answer]]) -> _Fault | None:
    for number, (tracks, rights, found) in enumerate(zip(walks.walks, walks.readings[reading], answers, strict=True)):
        count = len(tracks[0].grads)
        for step in range(count):
            for which, (answer, right) in enumerate(zip(found, rights, strict=True)):
                of = f", for parameter {which + 1}," if len(tracks) > 1 else ""
                wanted, off = right["next_w"]
                if not _near(answer.next_w[step], wanted[step], off):
                    what = _wrong(answer.next_w[step], wanted[step])
                    before = f"{right_before(step, 'next_w is right')} " if step else ""
                    return _Fault(number, step + 1, f"{before}After step {step + 1}{of} next_w is {what}.")
                if answer.changed == step:
                    return _Fault(number, step + 1, f"In step {step + 1} the call changed the array dw.", with_dw=True)
        for which, (answer, right) in enumerate(zip(found, rights, strict=True)):
            of = f", for parameter {which + 1}," if len(tracks) > 1 else ""
            for key in right.keys() - {"next_w"}:
                value = answer.config.get(key) if isinstance(answer.config, Mapping) else None
                if not _near(value, *right[key]):
                    what = _wrong(value, right[key][0])
                    before = right_before(count, "next_w is right")
                    return _Fault(number, count, f"{before} After step {count}{of} config['{key}'] is {what}.")
    return None


def _near(value: Any, wanted: Array, off: float) -> bool:
    """Whether it is what is wanted, but for rounding; NaN never is."""
    found = expect.real(value)
    return found is not None and found.shape == wanted.shape and bool((np.abs(found - wanted) <= off).all())


def right_before(step: int, what: str = "all is right") -> str:
    """The sentence on what came before a step that goes wrong, counted from 0 and not the first."""
    return f"After step{'' if step == 1 else 's'} {'1' if step == 1 else f'1 to {step}'} {what}."


def _wrong(value: Any, wanted: Array) -> str:
    """What came back, and that it is not right, as the end of a sentence."""
    nearly = same(value, wanted, SAME_SINGLE)
    shown = expect.describe(value).removeprefix("the number ")
    if isinstance(value, np.ndarray):
        shown = np.array2string(value, precision=17 if nearly else 8, separator=", ", threshold=12)
    return f"{shown}, {ROUNDED if nearly else 'which the rule does not give'}"


def _slip(rule: str, walks: Walks, answers: list[list[_Answer]]) -> Misconception | None:
    known = catalogue()
    for name, wrong in walks.slips.items():
        pairs = [pair for found, tracks in zip(answers, wrong, strict=True) for pair in zip(found, tracks, strict=True)]
        if name in known and all(_agree(answer, track) for answer, track in pairs):
            return known[name]
    if any(answer.changed is not None for found in answers for answer in found):
        return known.get(f"{rule}.gradient_changed")
    every = zip(walks.walks, walks.readings[0], answers, strict=True)
    if any(_settings_changed(*one) for tracks, rights, found in every for one in zip(tracks, rights, found, strict=True)):
        return known.get(f"{rule}.settings_changed")
    return None


def _settings_changed(track: Track, right: Mapping[str, Any], answer: _Answer) -> bool:
    """Whether what config held beside the state is another, or gone, after the last step."""
    config = answer.config if isinstance(answer.config, Mapping) else {}
    settings = {key: value for key, value in (track.config or {}).items() if key not in right}
    return any(not same(_double(config.get(key)), value) for key, value in settings.items())


def _agree(answer: _Answer, track: Mapping[str, Array]) -> bool:
    config = answer.config if isinstance(answer.config, Mapping) else {}
    found = {**config, "next_w": answer.next_w[-1]}
    return all(same(_double(found.get(key)), wanted) for key, wanted in track.items())


def _double(value: Any) -> Any:
    """In float64, so that rounding to float32 is not forgiven."""
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
