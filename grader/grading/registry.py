"""The checks of a homework by their ids, as its modules register them.

registry = Registry()

@registry.check("greeting.golden", parts=("text", "length"))
def greeting_golden(context: Context) -> None:
    \"\"\"Greeting: one call against the handout's example.\"\"\"
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace

from ..errors import ConfigurationError
from .check import Check
from .context import WHOLE, Context


class Registry:
    """Checks in the order in which they were registered."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    @property
    def checks(self) -> dict[str, Check]:
        """All of them by id; a copy."""
        return dict(self._checks)

    def check(
        self,
        id: str,
        *,
        parts: tuple[str, ...] = (WHOLE,),
        reads: tuple[str, ...] = (),
        section: str = "",
        tolerances: tuple[str, ...] | None = None,
    ) -> Callable[[Callable[[Context], None]], Callable[[Context], None]]:
        """Register a check under its stable id; the rest as in `Check`.

        Raises:
            ConfigurationError: the id is taken, or the function has no docstring to serve as title.
        """

        def register(function: Callable[[Context], None]) -> Callable[[Context], None]:
            title = (inspect.getdoc(function) or "").partition("\n")[0].rstrip(".")
            if id in self._checks:
                raise ConfigurationError(f"check '{id}' is registered twice")
            if not title:
                raise ConfigurationError(f"check '{id}' has no docstring; its first line is the title students read")
            self._checks[id] = Check(id, title, parts, function, reads=frozenset(reads), section=section, tolerances=tolerances)
            return function

        return register

    def add_quiet(self, id: str, parts: tuple[str, ...]) -> None:
        """Give a registered check more parts, behind the others, that are for staff unless the rubric weights them."""
        known = self._checks[id]
        self._checks[id] = replace(known, parts=(*known.parts, *parts), quiet=known.quiet | set(parts))
