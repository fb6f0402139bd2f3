"""How well the slips of a generated program are told by their names."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.homework.programs import Program

EXACT, EQUAL, COMMON, WRONG = "exactly", "equal function", "common part", "wrongly"  # what is named
UNNAMED, UNNOTICED, RIGHT = "not named", "not noticed", "right"  # nothing is named; where the item is passed, rightly or not


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was told about a program.

    Attributes:
        how: one of the words above.
        named: the slips named.
        seconds: of CPU that the search took.
        at_home: the slips named by a student's own check.
    """

    how: str
    named: tuple[str, ...]
    seconds: float
    at_home: tuple[str, ...] = ()


def how(
    program: Program,
    named: tuple[str, ...],
    same_function: Callable[[Program, Sequence[str]], bool],
    explaining: Callable[[], Sequence[Sequence[str]]],
    is_part: Callable[[str, str], bool] = operator.eq,
) -> str:
    """Which of the words fits, where the program is not right and these slips are named.

    Args:
        same_function: whether a program with other slips makes the same function.
        explaining: every combination of slips that explains all its answers.
        is_part: whether all that one slip has wrong, another has wrong alike.
    """
    if not named:
        return UNNAMED
    if set(named) == set(program.slips):
        return EXACT
    if len(named) <= 2 and same_function(program, named):
        return EQUAL
    true_of_it = all(any(is_part(one, made) for made in program.slips) for one in named)
    cannot_tell = true_of_it and any(set(slips) == set(program.slips) for slips in explaining())
    return COMMON if cannot_tell else WRONG
