"""Who is in the class: people, and the roster a course keeps of them as CSV."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..submission.text import name as shown

_NAMES = ("name", "full name", "student", "student name")
_SIDS = ("sid", "student id", "studentid", "id")
_EMAILS = ("email", "e-mail", "email address")


@dataclass(frozen=True, slots=True)
class Person:
    """A student as the course knows them; what is not known is empty."""

    name: str = ""
    sid: str = ""
    email: str = ""

    @property
    def called(self) -> str:
        """The name, or what else is known; empty if nothing is."""
        return self.name or self.email or self.sid

    def is_same(self, other: Person) -> bool:
        """Whether both are one student: by SID where both have one, else by e-mail, else by name."""
        for mine, theirs in ((self.sid, other.sid), (self.email.casefold(), other.email.casefold()), (self.name, other.name)):
            if mine and theirs:
                return mine == theirs
        return False


def read(path: Path) -> tuple[Person, ...]:
    """The students of a roster CSV, in its order.

    The first row names the columns, in any case: a name ("Name", or "First Name" and "Last Name"), "SID" and "Email"; at least
    one of them. With a column "Role", only its students are taken.

    Raises:
        UsageError: it cannot be read or has none of these columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [{_key(key): (value or "").strip() for key, value in row.items() if key} for row in _rows(file)]
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}); name a roster in CSV") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a roster in CSV ({error}); save it as CSV in UTF-8") from error
    known = {*_NAMES, *_SIDS, *_EMAILS, "first name", "last name"}
    if rows and not known & rows[0].keys():
        columns = ", ".join(shown(key) for key in rows[0])
        raise UsageError(f"{path} has no column for name, SID or email in its first row (found: {columns})")
    people = (_person(row) for row in rows if row.get("role", "student").casefold() in ("student", ""))
    return tuple(person for person in people if person != Person())


def folded(text: str) -> str:
    """A text as it is searched for: without accents, in one case, white space as single blanks."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return " ".join(plain.casefold().split())


class Index:
    """People to look others up in, without comparing everyone with everyone."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._by: dict[tuple[str, str], list[Person]] = {}
        for person in people:
            self.add(person)

    def add(self, person: Person) -> None:
        """One more to be found."""
        for key in _keys(person):
            self._by.setdefault(key, []).append(person)

    def match(self, person: Person) -> Person | None:
        """The one who is the same student; None if nobody is."""
        candidates = (other for key in _keys(person) for other in self._by.get(key, ()))
        return next((other for other in candidates if person.is_same(other)), None)

    def completed(self, people: Iterable[Person]) -> tuple[Person, ...]:
        """`people` with what is known here in addition, and the name as it stands here."""
        found = []
        for person in people:
            known = self.match(person) or Person()
            found.append(Person(known.name or person.name, person.sid or known.sid, person.email or known.email))
        return tuple(found)


def _rows(file: Iterable[str]) -> Iterable[dict[str, str]]:
    # Surplus fields would come under the key None; they belong to no column.
    yield from csv.DictReader(file, restkey="", restval="")


def _key(text: str) -> str:
    return text.strip().casefold().replace("_", " ")


def _keys(person: Person) -> list[tuple[str, str]]:
    pairs = (("sid", person.sid), ("email", person.email.casefold()), ("name", person.name))
    return [(kind, value) for kind, value in pairs if value]


def _person(row: dict[str, str]) -> Person:
    def first(names: tuple[str, ...]) -> str:
        return next((row[name] for name in names if row.get(name)), "")

    name = first(_NAMES) or f"{row.get('first name', '')} {row.get('last name', '')}".strip()
    return Person(shown(name), shown(first(_SIDS)), shown(first(_EMAILS)))
