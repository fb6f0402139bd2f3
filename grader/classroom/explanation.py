"""One verdict in full, for a dispute: what was written, what was asked, what came back, what it is worth, and how to ask it again.

What came from a submission stands behind a bar, "  | ", so that none of its lines can be taken for one of ours.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from ..errors import UsageError
from ..grading.rubric import Item
from ..report import wording
from ..report.wording import INDENT
from ..submission.text import clean
from .adjustments import TOTAL
from .gradebook import Line
from .markup import environment
from .student_code import Excerpt

_MAX_TEXT: Final = 10_000
_WIDTH: Final = 100
_NEVER: Final = "hidden"
_PRECISE: Final = ("submission_digest", "rubric_digest", "fixtures_digest", "starter_digest", "grader_version")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an explanation: a heading, and lines; `quoted` ones came from a submission or repeat what did."""

    heading: str
    lines: tuple[str, ...]
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is told about one item of one submission."""

    title: str
    pieces: tuple[Piece, ...]

    def as_text(self) -> str:
        """For a terminal."""
        lines = [self.title]
        for piece in self.pieces:
            lines += ["", f"{piece.heading}:"] if piece.heading else []
            lines += [f"  | {line}".rstrip() if piece.quoted else f"  {line}" for line in piece.lines]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Known:
    """What an explanation is made of.

    Attributes:
        line: the submission with its adjustments.
        found: its verdict.
        test: the item's part of it.
        item: its row of the rubric; None where the verdict was reached with another one.
        slip_names: what each slip is, by id.
        code: what the student wrote; `code_note` says what of it cannot be shown.
        again: the command that asks it again; empty if there is none.
    """

    line: Line
    found: Mapping[str, Any]
    test: Mapping[str, Any]
    item: Item | None
    slip_names: Mapping[str, str]
    code: Sequence[Excerpt] = ()
    code_note: str = ""
    again: str = ""


def for_staff(known: Known) -> Explanation:
    """Everything on record."""
    own = known.test["extra_data"]
    pieces = [Piece("", tuple(_standing(known, secret=True)))]
    pieces += _code(known)
    pieces.append(Piece(f"The student reads ({known.test['visibility']})", _lines(str(known.test.get("output", ""))), quoted=True))
    staff = [line for note in own.get("staff", ()) or ["Nothing beyond that is on record."] for line in _lines(str(note))]
    pieces.append(Piece("Staff", tuple(staff), quoted=True))
    general = known.found["extra_data"]
    if general.get("grader_error"):
        pieces.append(Piece("The grader failed", _lines(str(general["grader_error"])), quoted=True))
    if notes := [line for note in general.get("staff_notes", ()) for line in _lines(str(note))]:
        pieces.append(Piece("About the submission", tuple(notes), quoted=True))
    if known.item is not None:
        pieces.append(Piece("The rubric's row", tuple(_row(known.item))))
    if known.again:
        pieces.append(Piece("To ask it again", (known.again,)))
    reached = [line for name in _PRECISE for line in _field(name.replace("_", " "), str(general.get(name, "")))]
    reached += _field("grader digest", str(general.get("batch", {}).get("grader_digest", "")))
    reached += _field("isolation", ", ".join(general.get("isolation", {}).get("layers", ())))
    pieces.append(Piece("Reached with", tuple(reached)))
    return Explanation(_title(known), tuple(pieces))


def for_student(known: Known) -> Explanation:
    """What may be sent to the student: nothing that only staff read, and of the others in the class nothing at all.

    Raises:
        UsageError: the item is hidden from students.
    """
    if known.test["visibility"] == _NEVER:
        raise UsageError(f"{known.test['extra_data']['id']} is hidden from students, so there is nothing to send")
    pieces = [Piece("", tuple(_standing(known, secret=False))), *_code(known)]
    pieces.append(Piece("What was found", _lines(str(known.test.get("output", ""))), quoted=True))
    return Explanation(_title(known), tuple(pieces))


def as_page(explanations: Sequence[Explanation], title: str) -> str:
    """The same as a page that opens offline."""
    return environment().get_template("explanation.html").render(title=title, explanations=explanations)


def _title(known: Known) -> str:
    return clean(f"{known.test['extra_data']['id']}: {known.test['name']}", 300)


def _standing(known: Known, *, secret: bool) -> list[str]:
    own, line = known.test["extra_data"], known.line
    score = f"{known.test['score']}/{known.test['max_score']}" if "score" in known.test else "no points"
    lines = _field("submission", " ".join(filter(None, (line.member.id, line.member.names))))
    if not known.line.counts:
        lines += _field("counts", "no, another attempt does")
    lines += _field("handed in", line.member.created_at)
    lines += _field("outcome", f"{own['outcome']}, {score}")
    for applied in line.applied:
        if applied.item in (own["id"], TOTAL):
            said = str(applied) if secret else f"{applied.item} {applied.change}: {applied.reason}"
            lines += _field("adjusted", said)
    weights = dict(known.item.parts) if known.item is not None else {}
    for part, right in own.get("parts", {}).items():
        weight = f", weight {weights[part]}" if part in weights else ""
        lines += _field(f"part {part}", ("right" if right else "wrong") + weight)
    if secret:
        slips = [f"{slip} ({known.slip_names[slip]})" if slip in known.slip_names else slip for slip in own.get("slips", ())]
        lines += _field("slips", ", ".join(slips))
    return lines


def _code(known: Known) -> list[Piece]:
    pieces = [Piece(excerpt.heading, excerpt.numbered(), quoted=True) for excerpt in known.code]
    if known.code_note:
        pieces.append(Piece("The code", _lines(known.code_note)))
    return pieces


def _row(item: Item) -> list[str]:
    values = {
        "points": _number(item.points),
        "bonus": _number(item.bonus) if item.bonus else "",
        "parts": ", ".join(f"{name} {_number(weight)}" for name, weight in item.parts.items()),
        "tolerance": ", ".join(f"{name} {value:g}" for name, value in item.tolerance.items()),
        "needs": ", ".join(item.needs),
        "visibility": item.visibility,
        "seconds": f"{item.seconds:g}",
    }
    return [line for name, value in values.items() for line in _field(name, value)]


def _number(value: Fraction) -> str:
    return wording.points((Decimal(value.numerator) / Decimal(value.denominator)).normalize() + 0)


def _field(name: str, value: str) -> list[str]:
    value = " ".join(clean(value, 1_000).split())
    return [f"{name:<18} {value}"] if value else []


def _lines(block: str) -> tuple[str, ...]:
    found: list[str] = []
    for line in clean(block, _MAX_TEXT).splitlines():
        as_it_stands = [line] if line.startswith(INDENT) else []
        found += as_it_stands or textwrap.wrap(line, _WIDTH, subsequent_indent="  ") or [""]
    return tuple(found)
