"""adjustments.toml: what staff decided beside the grader, with who, when and why; read, checked and added to, never rewritten.

[late]                                   # penalties by rule; see `Late`
due = 2024-10-01T23:59:00-07:00
percent_per_day = 10

[[question]]                             # graded by hand: a column of its own
id = "written"
points = 10

[[adjustment]]                           # of two on the same thing the later one holds
submission = "submission_303"
student = "3033"                         # SID, e-mail or name: finds a resubmission too
item = "tasks.two"                       # an item, a question or "total"
points = 8                               # or: excused, renamed, days_late, withdrawn
reason = "shown in office hours"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from ..errors import UsageError
from ..grading import toml
from ..grading.atomic import replacing
from ..grading.rubric import did_you_mean
from ..submission.text import name as shown

FILE: Final = "adjustments.toml"
TOTAL: Final = "total"  # what is called so in place of an item is the whole submission
_HEAD: Final = "# What staff decided beside the grader. `adjust` adds to this file; it may be edited by hand.\n"
_KINDS: Final = ("points", "excused", "renamed", "days_late", "withdrawn")
_TEXTS: Final = ("submission", "student", "item", "reason", "by", "digest")
_KEYS: Final = {
    "late": ("due", "percent_per_day", "grace_minutes", "cap_percent", "of"),
    "question": ("id", "points"),
    "adjustment": (*_TEXTS, "at", "was", *_KINDS),
}


@dataclass(frozen=True, slots=True)
class Late:
    """Penalties by rule: per day begun after `due`, none within the grace, at most the cap.

    Attributes:
        due: with an offset; compared with when a submission was handed in.
        percent_per_day: of the maximum, or of the points reached where `of` is "score".
        grace_minutes: handed in by then it is in time; later, days are counted from `due`.
        cap_percent: most that lateness costs.
    """

    due: datetime
    percent_per_day: Decimal
    grace_minutes: Decimal = Decimal(0)
    cap_percent: Decimal = Decimal(100)
    of: str = "maximum"


@dataclass(frozen=True, slots=True)
class Question:
    """Something that is graded by hand, and what it is worth."""

    id: str
    points: Decimal


@dataclass(frozen=True, slots=True)
class Adjustment:
    """One decision about one submission; exactly one of points, excused, renamed, days_late and withdrawn says which.

    Attributes:
        submission: its id when this was decided; empty if only the student is named.
        student: SID, e-mail or name; empty if unknown.
        item: an item's or question's id, or TOTAL; empty for what concerns the submission.
        points: what is given in place of what the grader gave.
        excused: the item does not count; with TOTAL the whole homework does not.
        renamed: name it was handed in under -> name it is graded under.
        days_late: how many days it counts as late, whatever the time.
        withdrawn: earlier adjustments of that item, or without one of that submission, hold no longer.
        was: what the grader gave then.
        digest: of the submission that was looked at.
    """

    submission: str = ""
    student: str = ""
    item: str = ""
    reason: str = ""
    by: str = ""
    at: datetime | None = None
    points: Decimal | None = None
    excused: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    days_late: int | None = None
    withdrawn: bool = False
    was: Decimal | None = None
    digest: str = ""

    @property
    def signed(self) -> str:
        """Who decided it and when, as far as that is known."""
        return ", ".join(filter(None, (self.by, self.at.date().isoformat() if self.at else "")))

    @property
    def slots(self) -> tuple[tuple[str, str], ...]:
        """What it is about: a later one on the same replaces it."""
        if self.renamed:
            return tuple(("renamed", name) for name in self.renamed)
        return (("days_late", ""),) if self.days_late is not None else (("item", self.item),)

    @property
    def what(self) -> str:
        """The decision in a few words: "8 points for tasks.two"."""
        if self.points is not None:
            return f"{self.points:f} points for {self.item}"
        if self.renamed:
            return "; ".join(f"{shown(old)} graded as {shown(new)}" for old, new in self.renamed.items())
        if self.days_late is not None:
            return f"counts as {self.days_late} {'day' if self.days_late == 1 else 'days'} late"
        if self.excused:
            return f"{self.item} excused"
        return f"what was decided on {self.item or 'it'} is withdrawn"


@dataclass(frozen=True, slots=True)
class Adjustments:
    """All of the file, in its order."""

    late: Late | None = None
    questions: tuple[Question, ...] = ()
    decisions: tuple[Adjustment, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """What an adjustment did to a score: "6 -> 8", why, and who said so; `item` is TOTAL for the whole."""

    item: str
    change: str
    reason: str
    signed: str = ""

    def __str__(self) -> str:
        signed = f" ({self.signed})" if self.signed else ""
        return f"{self.item} {self.change}: {self.reason}{signed}"


def load(out: Path) -> Adjustments:
    """The adjustments of a class run; none where there is no file.

    Raises:
        UsageError: the file cannot be read or holds something it should not.
    """
    path = out / FILE
    return read(path) if path.exists() else Adjustments()


def read(path: Path) -> Adjustments:
    """The adjustments in a file.

    Raises:
        UsageError: it cannot be read or holds something it should not; the message names the place.
    """
    try:
        return parse(path.read_text("utf-8-sig"), path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text; save it as UTF-8") from error


def parse(text: str, path: Path) -> Adjustments:
    """The adjustments in the text of a file; `path` is for messages.

    Raises:
        UsageError: it holds something it should not.
    """
    try:
        data = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    _known(data, _KEYS, str(path))
    late = _late(data["late"], f"{path}, [late]") if "late" in data else None
    questions = [_question(row, f"{path}, question {n}") for n, row in enumerate(_rows(data, "question", path), 1)]
    decisions = [_adjustment(row, f"{path}, adjustment {n}") for n, row in enumerate(_rows(data, "adjustment", path), 1)]
    return Adjustments(late, tuple(questions), tuple(decisions))


def add(out: Path, decisions: Iterable[Adjustment], questions: Iterable[Question] = ()) -> Adjustments:
    """Add to the end of OUT/adjustments.toml in one step; what stands there stays as it is. The answer is all of it.

    Raises:
        UsageError: the file or the folder cannot be used.
    """
    path = out / FILE
    try:
        text = path.read_text("utf-8-sig") if path.exists() else _HEAD
        found = parse(text, path)
        text += "" if text.endswith("\n") else "\n"
        text += "".join(_table("question", {"id": one.id, "points": one.points}) for one in questions if one not in found.questions)
        text += "".join(_table("adjustment", _as_row(one)) for one in decisions)
        added = parse(text, path)
        with replacing(path) as file:
            file.write(text.encode())
        return added
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror})") from error


def bring(source: Path, out: Path) -> None:
    """Put the adjustments of another run into `out`.

    Raises:
        UsageError: they cannot be used, or `out` has others of its own.
    """
    read(source)
    target, data = out / FILE, source.read_bytes()
    if target.exists() and target.read_bytes() != data:
        raise UsageError(f"{target} holds other adjustments than {source}; move one of the two away")
    with replacing(target) as file:
        file.write(data)


def holding(decisions: Sequence[Adjustment]) -> list[Adjustment]:
    """Of the decisions on one submission, in order, those that still hold: not replaced by a later one, not withdrawn."""
    slots: dict[tuple[str, str], Adjustment] = {}
    for one in decisions:
        if one.withdrawn:
            gone = [slot for slot in slots if not one.item or slot == ("item", one.item)]
            for slot in gone:
                del slots[slot]
        else:
            slots.update(dict.fromkeys(one.slots, one))
    return list({id(one): one for one in slots.values()}.values())  # one that renames several files has several slots


def now() -> datetime:
    """This moment, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def _as_row(one: Adjustment) -> dict[str, Any]:
    kind = next(kind for kind in _KINDS if _is_said(getattr(one, kind)))
    row = {"submission": one.submission, "student": one.student, "item": one.item, kind: getattr(one, kind), "was": one.was}
    row |= {"reason": one.reason, "by": one.by, "at": one.at, "digest": one.digest}
    return {key: content for key, content in row.items() if content not in (None, "")}


def _is_said(content: Any) -> bool:
    return content is not None and content is not False and content != {}  # 0 is a number of points, and of days


def _table(name: str, row: Mapping[str, Any]) -> str:
    return "\n".join((f"\n[[{name}]]", *(f"{key} = {_value(content)}" for key, content in row.items()), ""))


def _value(content: Any) -> str:
    if isinstance(content, Mapping):  # names of files need quotes
        return f"{{ {', '.join(f'{toml.value(key)} = {toml.value(item)}' for key, item in content.items())} }}"
    return content.isoformat() if isinstance(content, datetime) else toml.value(content)


def _rows(data: Mapping[str, Any], name: str, path: Path) -> list[Any]:
    rows = data.get(name, [])
    if not isinstance(rows, list):
        raise UsageError(f"{path}: write [[{name}]], with two brackets on each side")
    return rows


def _known(row: Any, keys: Iterable[str], where: str) -> None:
    if not isinstance(row, dict):
        raise UsageError(f"{where} is no table of keys and values")
    for key in row:
        if key not in keys:
            raise UsageError(f"{where} has the unknown key '{shown(key)}'{did_you_mean(key, list(keys))}")


def _late(row: Any, where: str) -> Late:
    _known(row, _KEYS["late"], where)
    due, of = row.get("due"), row.get("of", "maximum")
    if not isinstance(due, datetime) or due.tzinfo is None:
        raise UsageError(f"{where} needs a date with time and offset, such as due = 2024-10-01T23:59:00-07:00")
    if of not in ("maximum", "score"):
        raise UsageError(f'{where}: of is \'{of}\'; it can be "maximum" or "score"')
    if "percent_per_day" not in row:
        raise UsageError(f"{where} needs percent_per_day")
    numbers = {
        key: _number(row[key], f"{where}: {key}") for key in ("percent_per_day", "grace_minutes", "cap_percent") if key in row
    }
    return Late(due=due, of=of, **numbers)


def _question(row: Any, where: str) -> Question:
    _known(row, _KEYS["question"], where)
    if not isinstance(row.get("id"), str) or not row["id"] or row["id"] == TOTAL:
        raise UsageError(f"{where} needs an id of its own")
    return Question(row["id"], _number(row.get("points"), f"{where}: points"))


def _adjustment(row: Any, where: str) -> Adjustment:
    _known(row, _KEYS["adjustment"], where)
    texts = {key: row[key] for key in _TEXTS if key in row}
    for key, content in texts.items():
        if not isinstance(content, str):
            raise UsageError(f"{where}: {key} is no text; write it in quotes")
    texts = {key: shown(" ".join(content.split()), 2_000) for key, content in texts.items()}  # each stands in one line
    kinds = [kind for kind in _KINDS if _is_said(row.get(kind))]
    if len(kinds) != 1:
        raise UsageError(f"{where} needs one of {', '.join(_KINDS)}" + (f", not {' and '.join(kinds)}" if kinds else ""))
    if not texts.get("submission") and not texts.get("student"):
        raise UsageError(f"{where} needs a submission or a student")
    if kinds[0] in ("points", "excused") and not texts.get("item"):
        raise UsageError(f"{where} needs an item")
    if not texts.get("reason", "").strip():
        raise UsageError(f"{where} needs a reason")
    at, days, renamed = row.get("at"), row.get("days_late"), row.get("renamed", {})
    if at is not None and not isinstance(at, datetime):
        raise UsageError(f"{where}: at is no date with time")
    if days is not None and (type(days) is not int or days < 0):
        raise UsageError(f"{where}: days_late is no whole number of days")
    if not isinstance(renamed, dict) or not all(isinstance(name, str) and name for name in renamed.values()):
        raise UsageError(f'{where}: renamed has to look like {{ "handed in.py" = "graded.py" }}')
    points, was = (_number(row[key], f"{where}: {key}") if key in row else None for key in ("points", "was"))
    excused, withdrawn = (row.get(key) is True for key in ("excused", "withdrawn"))
    return Adjustment(**texts, at=at, points=points, was=was, days_late=days, renamed=renamed, excused=excused, withdrawn=withdrawn)


def _number(content: Any, where: str) -> Decimal:
    if isinstance(content, bool) or not isinstance(content, int | Decimal):
        raise UsageError(f"{where} is no number")
    return number(str(content), where)


def number(text: str, where: str) -> Decimal:
    """Points as somebody wrote them, to at most 2 decimals.

    Raises:
        UsageError: that is no such number; `where` is what the message calls it.
    """
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or not 0 <= found <= 100_000:
        raise UsageError(f"{where} is '{shown(text)}', not a number from 0 on")
    if found != round(found, 2):
        raise UsageError(f"{where} is '{shown(text)}'; points have at most 2 decimals")
    return found.normalize() + 0
