"""A check as the core knows it: a function under a stable id, and the parts that a rubric can weight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Check:
    """A registered check: `title` is its docstring's first line, `parts` the names that can be weighted in the rubric.

    `function` takes a `context.Context`. Parts in `quiet` are for staff alone unless the rubric gives them a weight above 0.
    `reads`: what it opens of the submission beside code: "logs", "notebook". `section`: the place of the handout that asks for it,
    by its name in the homework's `sections`. `tolerances`: the named limits that its rubric row has to give, and
    no others; None where that is not stated.
    """

    id: str
    title: str
    parts: tuple[str, ...]
    function: Callable[[Any], None]
    quiet: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    section: str = ""
    tolerances: tuple[str, ...] | None = None
