"""What `--only` means: an item, or the group of items whose ids begin with it, or several of these."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import UsageError
from .rubric import did_you_mean


def selected(ids: Iterable[str], only: str | None) -> tuple[str, ...]:
    """The ids that `only` stands for: one beginning or several with commas between; all of them for None.

    Raises:
        UsageError: one stands for none; the message suggests what was meant.
    """
    asked = tuple(ids)
    if only is None:
        return asked
    found: set[str] = set()
    for beginning in only.split(","):
        those = [name for name in asked if f"{name}.".startswith(f"{beginning.strip()}.")]
        if not those:
            raise UsageError(f"no item starts with '{beginning}'{did_you_mean(beginning, _beginnings(asked))}")
        found.update(those)
    return tuple(name for name in asked if name in found)


def _beginnings(ids: Iterable[str]) -> list[str]:
    """Each id and each group of them."""
    words = [name.split(".") for name in ids]
    return list(dict.fromkeys(".".join(parts[:length]) for parts in words for length in range(1, len(parts) + 1)))
