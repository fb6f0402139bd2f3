"""What there is to say about an answer, for its two readers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Comparison:
    """An answer beside what is published, entry by entry.

    Attributes:
        name: what is compared.
        found, published: finite numbers of one shape, with one axis or two, as nested lists.
        worst: where the two are furthest apart.
    """

    name: str
    found: list[Any]
    published: list[Any]
    worst: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation.

    Attributes:
        student: for the student: what was asked, what came back, where to look; never an expected value of a hidden check.
        staff: what staff read in addition: expected values, distances, the raw message. Empty if nothing is to be added.
        part: the part of the item it belongs to; empty for the item as a whole.
        slip: id of the slip that was recognised (see `Slip`); empty if none was.
        code: what was asked, as a program for a cell of a notebook; comes after the sentences. Empty where there is none.
        comparison: an answer beside what is published; comes last.
        blank: whether it says that nothing was written where this was asked for.
        missed_by: by what factor a limit was missed: 1.02 where a value lies 2 % on its wrong side. None where that means nothing.
    """

    student: str
    staff: str = ""
    part: str = ""
    slip: str = ""
    code: str = ""
    comparison: Comparison | None = None
    blank: bool = False
    missed_by: float | None = None


class Slip(Protocol):
    """A mistake that students really make, known by name."""

    @property
    def id(self) -> str:
        """Stable: staff count them over a class."""

    @property
    def name(self) -> str:
        """For staff, a few words."""

    @property
    def hint(self) -> str:
        """What the student reads."""


class Mismatch(Exception):
    """An answer that came back and is not right; raised by `expect` and by checks, turned into a `Finding`."""

    def __init__(
        self, student: str, staff: str = "", comparison: Comparison | None = None, *, missed_by: float | None = None
    ) -> None:
        super().__init__(student)
        self.student = student
        self.staff = staff
        self.comparison = comparison
        self.missed_by = missed_by
