"""submission_metadata.yml as Gradescope writes it into a class export; the few keys that are used, nothing else of it.

    submission_123456:
      :submitters:
      - :name: Ada Lovelace
        :sid: '3031234567'
        :email: ada@example.edu
      :created_at: 2024-10-01 23:30:20.123456000 Z
      :results: …

The file is read as a stream of YAML events. Scalars stay texts as they are written, no tag is ever constructed and no alias
followed, and what stands under another key (earlier results, histories) goes by without being kept.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

from ..errors import UsageError
from ..submission.text import name as shown
from .roster import Person

FILE: Final = "submission_metadata.yml"
_MAX_DEPTH: Final = 500  # far beyond what is exported; the parser in Python takes time with its square


@dataclass(frozen=True, slots=True)
class Handed:
    """Who handed in a submission, and when (as written; empty if unknown)."""

    submitters: tuple[Person, ...]
    created_at: str


def parse(data: bytes) -> dict[str, Handed]:
    """Submission's folder name -> who and when, in the file's order.

    Raises:
        UsageError: it is not such a file; the message names the line.
    """
    import yaml

    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # YAML would take it
        raise UsageError(f"{FILE} is not UTF-8 text; export the class again")
    try:
        return _Reader(yaml, data).submissions()
    except yaml.reader.ReaderError as error:
        raise _wrong(data.count(b"\n", 0, error.position), f"not UTF-8 text ({error.reason})") from None
    except yaml.MarkedYAMLError as error:
        # Where something is never closed its beginning says more than the end of the file.
        mark = (isinstance(error, yaml.scanner.ScannerError) and error.context_mark) or error.problem_mark
        raise _wrong(mark.line if mark else 0, f"not understood ({' '.join(str(error.problem).split())})") from None


class _Reader:
    """Goes through the events of a file once.

    Methods are given the event a value starts with and take the rest of that value from the stream.
    """

    def __init__(self, yaml: ModuleType, data: bytes) -> None:
        self._yaml = yaml
        self._events: Iterator[Any] = yaml.parse(io.BytesIO(data), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))

    def submissions(self) -> dict[str, Handed]:
        """All of the file, which may be several documents."""
        found: dict[str, Handed] = {}
        for event in self._events:
            if not isinstance(event, self._yaml.NodeEvent):  # a stream's or document's start or end
                continue
            for key, value in self._entries(event):
                name = key.value
                if not name.startswith("submission_"):
                    self._skip(value)
                elif name in found:
                    raise _wrong(key.start_mark.line, f"{shown(name)}, which stands twice")
                else:
                    found[name] = self._handed(value)
        return found

    def _handed(self, event: Any) -> Handed:
        submitters: tuple[Person, ...] = ()
        created_at = ""
        for key, value in self._entries(event):
            match key.value.lstrip(":"):
                case "submitters":
                    submitters = tuple(self._person(item) for item in self._items(value))
                case "created_at":
                    created_at = self._text(value)
                case _:
                    self._skip(value)
        return Handed(submitters, created_at)

    def _person(self, event: Any) -> Person:
        found = {key.value.lstrip(":"): self._text(value) for key, value in self._entries(event)}
        return Person(*(shown(found.get(key, "").strip()) for key in ("name", "sid", "email")))

    def _entries(self, event: Any) -> Iterator[tuple[Any, Any]]:
        """A mapping's keys, and the event each value starts with; the value is taken before the next key is asked for."""
        if not isinstance(event, self._yaml.MappingStartEvent):
            return self._nothing(event, "a mapping")
        for key in self._events:
            if isinstance(key, self._yaml.MappingEndEvent):
                break
            if not isinstance(key, self._yaml.ScalarEvent):
                raise _wrong(key.start_mark.line, "not understood (a key is no text)")
            yield key, next(self._events)
        return None

    def _items(self, event: Any) -> Iterator[Any]:
        """The event each item of a list starts with; it is taken before the next is asked for."""
        if not isinstance(event, self._yaml.SequenceStartEvent):
            return self._nothing(event, "a list")
        for item in self._events:
            if isinstance(item, self._yaml.SequenceEndEvent):
                break
            yield item
        return None

    def _text(self, event: Any) -> str:
        """A scalar as it is written; "" for null and for what is no scalar."""
        if isinstance(event, self._yaml.ScalarEvent):
            return "" if _is_null(event) else str(event.value)
        self._skip(event)
        return ""

    def _nothing(self, event: Any, expected: str) -> None:
        """Null and an alias stand for nothing; anything else is not what was expected."""
        alias = isinstance(event, self._yaml.AliasEvent)
        if not alias and not (isinstance(event, self._yaml.ScalarEvent) and _is_null(event)):
            raise _wrong(event.start_mark.line, f"not understood ({expected} is expected)")

    def _skip(self, event: Any) -> None:
        starts, ends = self._yaml.CollectionStartEvent, self._yaml.CollectionEndEvent
        depth = 0
        while True:
            if isinstance(event, starts):
                depth += 1
                if depth > _MAX_DEPTH:
                    raise _wrong(event.start_mark.line, "nested too deeply")
            elif isinstance(event, ends):
                depth -= 1
            if depth == 0:
                return
            event = next(self._events)


def _is_null(scalar: Any) -> bool:
    return not scalar.style and scalar.value in ("", "~", "null", "Null", "NULL")


def _wrong(line: int, why: str) -> UsageError:
    return UsageError(f"{FILE}, line {line + 1} is {why}; export the class again")
