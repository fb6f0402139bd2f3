"""Blanks that are not filled in, told as such: one sentence instead of all that follows from them.

Whether nothing was written in a place is read from the source, inside the sandbox (`mounted/blank_finder.py`), and only once an
item has failed: what is right is right, whatever it looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

from ..grading.context import Context
from ..grading.findings import Finding
from ..grading.student import TimeUsedUp
from ..sandbox.errors import Ending, SessionEnded
from .files import FC_NET, OPTIM, SOLVER

READER, FUNCTION = "blank_finder.py", "unfilled"
_WHERE: Final[Mapping[str, str]] = {
    "sgd_momentum": f"sgd_momentum in {OPTIM}",
    "rmsprop": f"rmsprop in {OPTIM}",
    "adam": f"adam in {OPTIM}",
    "random": f"the initialization 'random' in {FC_NET}",
    "he": f"the initialization 'he' in {FC_NET}",
    "zero": f"the initialization 'zero' in {FC_NET}",
    "loss": f"FullyConnectedNet.loss in {FC_NET}",
    "grad_norm": f"_step in {SOLVER}",
}

Question = Callable[[Context], None]


def is_blank(context: Context, file: str, place: str) -> bool:
    """Whether nothing was written in a place ("adam", "he", "loss", "grad_norm") of one of the student's files."""
    return place in _found(context, file)[0]


def places(answer: Any) -> list[str]:
    """The places where nothing was written, out of what the reader answered."""
    match answer:
        case {"places": list(found)}:
            return [place for place in found if place in _WHERE]
    return []


def where(place: str) -> str:
    """A place as sentences call it: "adam in deeplearning/optim.py"."""
    return _WHERE[place]


def told_as_blank(file: str, *places: str) -> Callable[[Question], Question]:
    """Decorate a check that leans on what is to be written in `places`: where nothing was, a failure is told in one sentence."""

    def decorate(function: Question) -> Question:
        @wraps(function)
        def asked(context: Context) -> None:
            try:
                function(context)
            except SessionEnded as error:
                if error.ending is not Ending.RAISED or not _told(context, file, places, unread=error.kind == "SyntaxError"):
                    raise
                return
            if not context.passed:
                context.student.require_fresh()
                _told(context, file, places)

        return asked

    return decorate


def nothing_returned(rule: str) -> str:
    """What is said of a rule in which something is written and that returns None for the new parameters all the same."""
    return f"{rule} returns None for next_w: is what it works out assigned to next_w, and is that what it returns?"


def _told(context: Context, file: str, places: tuple[str, ...], *, unread: bool = False) -> bool:
    """Replace what was found by the sentence on the blank; False if there is none.

    `unread`: Python could not read the file, for which a bare question mark in any of its blanks is enough.
    """
    blanks, marks = _found(context, file)
    blank = next((place for place in places if place in blanks), None)
    if unread and marks:
        text = f"Line {marks[0]} of {file} still holds a question mark for a blank, so Python cannot read the file."
    elif blank is not None:
        text = f"The blank in {_WHERE[blank]} may not be filled in yet."
    else:
        return False
    if unread and blank is not None:
        text += f" The blank in {_WHERE[blank]} may not be filled in yet."
    context.findings[:] = [Finding(text, blank=blank is not None)]
    return True


def _found(context: Context, file: str) -> tuple[list[str], list[int]]:
    """The places where nothing was written, and the lines of bare question marks; read once a submission and file."""
    source = context.student.submission.files.get(file)
    if source is None:
        return [], []
    name = f"blanks of {file}"
    if name not in context.student.memory:
        try:
            context.student.memory[name] = context.student.read(FUNCTION, source, READER)
        except (SessionEnded, TimeUsedUp):  # source that cannot even be parsed in time is no blank
            return [], []
    answer: Any = context.student.memory[name]
    match answer:
        case {"marks": list(marks)} if all(type(mark) is int for mark in marks):
            return places(answer), marks
    return [], []
