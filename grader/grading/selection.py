"""What `--only` means: an item, or the group of items whose ids begin with it, or several of these."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import UsageError
from .rubric import did_you_mean


def selected(ids: Iterable[str], only: str | None) -> tuple[str, ...]:
    """The ids that `only` stands for: all of them for None, else the groups that it names, with commas between.

    A group is named by the beginning of its ids up to a dot, or by any later part that only its ids have, in whole words between
    the dots or, where that names nothing, in pieces of words: of "a.one.x", "a.one.y" and "b.two", "one" and "w" are enough.
    Several pieces, with blanks or dots between, name what holds them all in this order: "on y".

    Raises:
        UsageError: one names nothing, and the message suggests what was meant, or several groups, and the message names them.

    >>> selected(["a.one.x", "a.one.y", "b.two"], "one,w")
    ('a.one.x', 'a.one.y', 'b.two')
    """
    asked = tuple(ids)
    if only is None:
        return asked
    found: set[str] = set()
    for name in only.split(","):
        group = _group(name.strip(), asked)
        found.update(one for one in asked if f"{one}.".startswith(f"{group}."))
    return tuple(name for name in asked if name in found)


def _group(name: str, ids: tuple[str, ...]) -> str:
    """The beginning of the ids that `name` stands for."""
    groups = _beginnings(ids)
    if name in groups:
        return name
    whole = [group for group in groups if name and f".{group}".endswith(f".{name}")]
    last = [(group, group.rpartition(".")[2]) for group in groups]
    candidates = whole or [group for group, word in last if name and name in word] or _holding(name, ids)
    if len(candidates) > 1:
        raise UsageError(f"'{name}' may mean {', '.join(candidates[:-1])} or {candidates[-1]}; give more of the one you mean")
    if not candidates:
        words = [word for group in groups for word in group.split(".")]
        raise UsageError(f"no item starts with '{name}'{did_you_mean(name, dict.fromkeys([*groups, *words]))}")
    return candidates[0]


def _holding(name: str, ids: tuple[str, ...]) -> list[str]:
    """The ids that hold all pieces of `name`, of which there are several, in their order."""
    pieces = re.split(r"[\s.]+", name.strip())
    pattern = re.compile(".*".join(map(re.escape, pieces)), re.IGNORECASE)
    return [one for one in ids if len(pieces) > 1 and all(pieces) and pattern.search(one)]


def _beginnings(ids: Iterable[str]) -> list[str]:
    """Each id and each group of them."""
    words = [name.split(".") for name in ids]
    return list(dict.fromkeys(".".join(parts[:length]) for parts in words for length in range(1, len(parts) + 1)))
