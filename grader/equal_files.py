"""Files that are equal between students though no seed fixes them: looked for over the whole class, after grading.

    OUT/equal_files.csv    a row for each submission of each group of equal files

The workers leave digests of these files in each verdict. It costs no points: staff decide what it means.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from .errors import UsageError
from .report.attention import OTHERS, Equal
from .report.book import Line, Member
from .report.table import csv_line

CSV: Final = "equal_files.csv"
_HEAD: Final = ("group", "file", "submission", "name", "sid", "submitted")
_SUFFIXES: Final = (".npz", ".json")


@dataclass(frozen=True, slots=True)
class Group:
    """One file that several students handed in alike; `parties` are their submissions, those of the same people together."""

    file: str
    parties: tuple[tuple[Member, ...], ...]


def known(folder: Path | None) -> frozenset[str]:
    """SHA-256 of every log below a folder: the course's own, which everybody may have.

    Raises:
        UsageError: there is no such folder, or no log in it.
    """
    if folder is None:
        return frozenset()
    try:
        files = [path for path in sorted(folder.rglob("*")) if path.suffix in _SUFFIXES and path.is_file()]
        found = frozenset(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)
    except OSError as error:
        raise UsageError(f"{error.filename or folder} cannot be read ({error.strerror}); name the folder with the logs") from error
    if not found:
        raise UsageError(f"{folder} holds no .npz or .json file; name the folder with the logs that were handed out")
    return found


def groups(verdicts: Iterable[tuple[Line, dict[str, Any]]], known: Collection[str]) -> list[Group]:
    """Who has which file alike, in the class's order; nobody's own resubmissions, nor files with a `known` digest."""
    holders: dict[tuple[str, str], list[Member]] = {}
    for line, found in verdicts:
        batch = found["extra_data"].get("batch")
        prints = batch.get("fingerprints") if isinstance(batch, dict) else None
        for file, digest in prints.items() if isinstance(prints, dict) else ():
            if digest not in known:
                holders.setdefault((str(file), str(digest)), []).append(line.member)
    parted = (Group(file, tuple(_parties(members))) for (file, _), members in holders.items() if len(members) > 1)
    return [group for group in parted if len(group.parties) > 1]


def _parties(members: Iterable[Member]) -> list[tuple[Member, ...]]:
    """Submissions that share a submitter, directly or through others, belong together."""
    parties: list[tuple[Member, ...]] = []
    for member in members:
        same = [party for party in parties if any(_share(member, other) for other in party)]
        joined = (*(other for party in same for other in party), member)
        parties = [party for party in parties if party not in same] + [joined]
    return parties


def _share(one: Member, other: Member) -> bool:
    return any(mine.is_same(theirs) for mine in one.people for theirs in other.people)


def by_submission(found: Iterable[Group]) -> dict[str, list[Equal]]:
    """For each submission what it has like others, who are named."""
    told: dict[str, list[Equal]] = {}
    for group in found:
        everybody = sum(map(len, group.parties))
        for party in group.parties:
            others = tuple(islice((member for other in group.parties if other is not party for member in other), OTHERS))
            equal = Equal(group.file, others, everybody - len(party) - len(others))
            for member in party:
                told.setdefault(member.id, []).append(equal)
    return told


def rows(found: Sequence[Group]) -> Iterator[str]:
    """The table line by line."""
    yield csv_line(_HEAD)
    for number, group in enumerate(found, start=1):
        for member in (member for party in group.parties for member in party):
            sids = ", ".join(person.sid for person in member.people if person.sid)
            yield csv_line([str(number), group.file, member.id, member.names, sids, member.created_at])
