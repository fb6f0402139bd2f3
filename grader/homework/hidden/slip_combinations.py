"""One slip, or two that are independent: every combination of wrong choices, for tables that are worked out beforehand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

Choices = Mapping[str, str]  # place -> what is chosen there
Slips = Mapping[str, Choices | tuple[Choices, ...]]  # by name what a slip chooses; where it has several forms, in each of them


def up_to_two(slips: Slips) -> Iterator[tuple[tuple[str, ...], Choices]]:
    """The names and the choices of each slip in each form, then of each pair that chooses in different places."""
    ways = [(name, form) for name, forms in slips.items() for form in (forms if isinstance(forms, tuple) else (forms,))]
    for name, form in ways:
        yield (name,), form
    for (first, one), (second, other) in combinations(ways, 2):
        if first != second and not one.keys() & other.keys():
            yield (first, second), {**one, **other}
