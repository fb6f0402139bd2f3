"""What there is to say about an answer, for its two readers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation.

    Attributes:
        student: for the student: what was asked, what came back, where to look; never an expected value of a hidden check.
        staff: what staff read in addition: expected values, distances, the raw message. Empty if nothing is to be added.
        part: the part of the item it belongs to; empty for the item as a whole.
        slip: id of the slip that was recognised (see `checks.misconceptions`); empty if none was.
    """

    student: str
    staff: str = ""
    part: str = ""
    slip: str = ""


class Mismatch(Exception):
    """An answer that came back and is not right; raised by `expect` and by checks, turned into a `Finding`."""

    def __init__(self, student: str, staff: str = "") -> None:
        super().__init__(student)
        self.student = student
        self.staff = staff
