"""A student's section of the class page: all that is on record about one submission, as data that the page's script shows.

Texts in it are texts: the script never reads them as markup. The drawings of learning curves are the one exception; they are the
grader's own, with every name in them escaped.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from ..grading.homework import Homework
from ..report import wording
from . import learning_curves
from .gradebook import Line
from .learning_curves import Record
from .markup import MAX_TEXT, points
from .triage import Task

_FULL: Final = "passed"
_MOST: Final = 3  # names of one folder that are told
_FRACTION: Final = re.compile(r"(?<=:\d\d)\.\d+")  # of a second


@dataclass(frozen=True, slots=True)
class Beside:
    """What there is of a submission beside its verdict.

    Attributes:
        record: its recorded runs.
        notebook: where its rendered notebook lies, relative to the page; empty if there is none.
        replay: what came of its runs when they were run again, in sentences; empty if they were not.
    """

    record: Record = field(default_factory=dict)
    notebook: str = ""
    replay: Sequence[str] = ()


def section(
    homework: Homework,
    line: Line,
    found: Mapping[str, Any],
    beside: Beside,
    tasks: Sequence[Task],
    attempts: Sequence[Line] = (),
) -> dict[str, Any]:
    """The section of a submission with the verdict `found`, as an object of JSON; what there is none of is left out.

    `attempts`: all that the same students handed in, where that is more than this one.
    """
    member, general = line.member, found["extra_data"]
    received = list(_received(general.get("received")))
    notes = [str(found.get("output", "")), *map(str, general.get("staff_notes", ())), str(general.get("grader_error", ""))]
    whole: dict[str, Any] = {
        "people": [[person.name, person.sid, person.email] for person in member.people],
        "at": _FRACTION.sub("", member.created_at),
        "notebook": beside.notebook,
        "tasks": [
            {"title": task.kind.title, "reasons": [one.text for one in task.reasons], "points": points(task.points)}
            for task in tasks
        ],
        "adjustments": [*map(str, line.applied)],
        "other": not line.counts,
        "attempts": [_attempt(one) for one in attempts],
        "received": received,
        "replay": [*beside.replay],
        "notes": [said for note in notes if (said := _without(note, received))],
        "findings": [told for test in found["tests"] if (told := _finding(test, line))],
        "curves": _packed("".join(learning_curves.figures(beside.record, homework))),
    }
    return {name: value for name, value in whole.items() if value}


def _attempt(line: Line) -> dict[str, str]:
    """One of several submissions: its id, and what it came to."""
    member, some = line.member, line.counts_for
    who = "" if some is None or len(some) == len(member.people) else f" for {', '.join(person.called for person in some)}"
    standing = f"counts{who}" if line.counts else "does not count"
    return {"id": member.id, "at": _FRACTION.sub("", member.created_at), "total": points(line.total), "standing": standing}


def _received(told: Any) -> Iterator[str]:
    """What was received and not used, and what is missing; see `gradescope`."""
    if isinstance(told, Mapping):
        yield from filter(None, (str(told.get("choice", "")), *map(str, told.get("lines", ()))))
        missing: dict[str, list[str]] = {}
        for name in map(str, told.get("missing", ())):
            missing.setdefault(name.rpartition("/")[0], []).append(name)
        few = [", ".join(names) if len(names) <= _MOST else f"{len(names)} files of {at}/" for at, names in missing.items()]
        if few:
            yield f"Missing: {', '.join(few)}"


def _without(note: str, lines: Collection[str]) -> str:
    """What is said beside what already stands elsewhere."""
    return "\n".join(one for one in note.splitlines() if one.removeprefix(wording.NOTE) not in lines)


def _finding(test: Mapping[str, Any], line: Line) -> dict[str, Any]:
    """What is said of an item; nothing where there is no more to it than that it passed."""
    own = test["extra_data"]
    staff = [str(note) for note in own.get("staff", ()) if note]
    if own["outcome"] == _FULL and not staff:
        return {}
    mark = line.marks.get(str(own["id"]))
    told = {
        "item": str(own["id"]),
        "title": str(test.get("name", "")),
        "outcome": mark.outcome if mark else str(own["outcome"]),
        "score": points(mark.score) if mark and mark.score is not None else "",
        "maximum": points(Decimal(str(test["max_score"]))) if "max_score" in test else "",
        "text": str(test.get("output", "")),
        "staff": staff,
        "code": str(own.get("code", "")),
    }
    return {name: value for name, value in told.items() if value}


def _packed(drawings: str) -> list[str]:
    """Drawings as the page keeps them, where they would be nine tenths of it: deflated, in base64, in pieces that no text is cut
    at.
    """
    text = base64.b64encode(zlib.compress(drawings.encode())).decode() if drawings else ""
    return [text[start : start + MAX_TEXT] for start in range(0, len(text), MAX_TEXT)]
