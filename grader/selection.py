"""What `--only` means: an item, or the group of items whose ids begin with it."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import UsageError
from .rubric import did_you_mean


def selected(ids: Iterable[str], only: str | None) -> tuple[str, ...]:
    """The ids that `only` stands for, all of them for None.

    Raises:
        UsageError: it stands for none; the message suggests what was meant.
    """
    asked = tuple(ids)
    found = tuple(name for name in asked if only is None or f"{name}.".startswith(f"{only}."))
    if not found:
        raise UsageError(f"no item starts with '{only}'{did_you_mean(only or '', _beginnings(asked))}")
    return found


def _beginnings(ids: Iterable[str]) -> list[str]:
    """Each id and each group of them."""
    words = [name.split(".") for name in ids]
    return list(dict.fromkeys(".".join(parts[:length]) for parts in words for length in range(1, len(parts) + 1)))
