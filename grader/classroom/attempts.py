"""Which of a student's submissions counts: one row per student, the others stay on record.

A group's submission counts for each of its members who has none that is to be preferred. Students are told apart by SID, else by
e-mail: two of one name, of whom no more is known, are two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from .roster import Index, Person

POLICIES: Final = ("latest", "best", "first", "all")
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d{1,6})?\d*\s*(?:Z|UTC|([+-]\d\d):?(\d\d))?")
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A submission as far as it matters here; `total` matters to "best" alone."""

    id: str
    people: tuple[Person, ...]
    created_at: str
    total: Decimal = Decimal(0)


def counting(attempts: Iterable[Attempt], policy: str) -> dict[str, tuple[Person, ...]]:
    """The submissions that count, by id, each with the submitters for whom it does; one whose submitters are unknown counts.

    "latest" and "first" go by the time of submission, "best" by the points and then the time; where these are equal the order of
    `attempts` decides. "all" lets every submission count.
    """
    found = list(attempts)
    if policy == "all":
        return {attempt.id: attempt.people for attempt in found}
    counts: dict[str, list[Person]] = {attempt.id: [] for attempt in found if not attempt.people}
    for theirs in _by_student(found):
        choose = min if policy == "first" else max
        place, person = choose(theirs, key=lambda one: _order(found[one[0]], one[0], policy))
        counts.setdefault(found[place].id, []).append(person)
    return {attempt.id: tuple(counts[attempt.id]) for attempt in found if attempt.id in counts}


def others(attempts: Iterable[Attempt]) -> dict[str, tuple[str, ...]]:
    """All submissions of the same students, by id, where there are several; the earliest first."""
    found = list(attempts)
    together: dict[int, set[int]] = {}
    for theirs in _by_student(found):
        places = {place for place, _ in theirs}
        for place in places:
            together.setdefault(place, set()).update(places)
    return {
        found[place].id: tuple(found[one].id for one in sorted(ones, key=lambda one: _order(found[one], one, "latest")))
        for place, ones in together.items()
        if len(ones) > 1
    }


def submitted(text: str) -> datetime | None:
    """The time of submission that an export states ("2024-10-01 23:30:20.123456000 Z"); None where it states none."""
    match = _TIME.match(text)
    if match is None:
        return None
    day, time, fraction, hours, minutes = match.groups()
    try:
        return datetime.fromisoformat(f"{day}T{time}{(fraction or '.0').ljust(7, '0')}{hours or '+00'}:{minutes or '00'}")
    except ValueError:
        return None


def _order(attempt: Attempt, place: int, policy: str) -> tuple[Decimal, datetime, int]:
    return attempt.total if policy == "best" else Decimal(0), submitted(attempt.created_at) or _LONG_AGO, place


def _by_student(attempts: list[Attempt]) -> Iterator[list[tuple[int, Person]]]:
    """For each student where they occur: an attempt's place and how they are written there; in the order of their first attempt."""
    known = Index(())
    theirs: dict[Person, list[tuple[int, Person]]] = {}
    for place, attempt in enumerate(attempts):
        for person in attempt.people:
            nameless = replace(person, name="")
            first = known.match(nameless)
            if first is None:
                known.add(nameless)
                first = nameless if nameless != Person() else replace(person, sid=f"\0{place}.{len(theirs)}")
            theirs.setdefault(first, []).append((place, person))
    yield from theirs.values()
