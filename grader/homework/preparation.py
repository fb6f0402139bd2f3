"""What all submissions are held against, loaded and worked out before a process is forked to judge one.

What a right submission needs is cheap and always wanted; what only wrong ones need (`failing`) pays off where many are graded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from ..errors import ConfigurationError
from . import misconceptions, published
from .rules import RULES

Preparation = Callable[[str, bool], None]
_OF_RULES: Final[list[Preparation]] = []
_OF_ITEMS: Final[list[tuple[str, Callable[[], object]]]] = []


def prepares_rules(preparation: Preparation) -> Preparation:
    """Register what is to be ready for an update rule: called with its name, and whether submissions fail it."""
    _OF_RULES.append(preparation)
    return preparation


def prepares(beginning: str, *preparations: Callable[[], object]) -> None:
    """Register what is to be ready for items whose ids begin like this: functions that keep what they return."""
    _OF_ITEMS.extend((beginning, preparation) for preparation in preparations)


def prepare(asked: Collection[str], failing: Collection[str]) -> None:
    """See `Homework.prepare`. A damaged file is told by the items that read it."""
    try:
        for rule in RULES:
            items = {f"optim.{rule}.golden", f"optim.{rule}.behaviour"}
            if items & set(asked):
                published.golden()
                for preparation in _OF_RULES:
                    preparation(rule, bool(items & set(failing)))
        for beginning, ready in _OF_ITEMS:
            if any(item.startswith(beginning) for item in asked):
                ready()
        if failing:
            misconceptions.catalogue()
    except ConfigurationError:
        return
