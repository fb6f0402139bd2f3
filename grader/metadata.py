"""submission_metadata.yml as Gradescope writes it into a class export; the few keys that are used, nothing else of YAML.

    submission_123456:
      :submitters:
      - :name: Ada Lovelace
        :sid: '3031234567'
        :email: ada@example.edu
      :created_at: 2024-10-01 23:30:20.123456000 Z
      :results: …

Keys stand at their indentation and values are plain or quoted scalars. Everything below another key is skipped by its
indentation, whatever it holds: earlier results, histories, tagged objects. Nothing is ever constructed from a tag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .errors import UsageError
from .roster import Person
from .text import name as shown

FILE: Final = "submission_metadata.yml"
_KEY: Final = re.compile(r"(?P<dash>- +)?(?P<key>:?[A-Za-z_][\w-]*|\"[^\"]*\"|'[^']*'):(?: +(?P<value>.*))?$")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "e": "\x1b", "a": "\a", "b": "\b", "v": "\v", "f": "\f", "N": "\x85"}
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_NOTHING: Final = ("", "~", "null", "Null", "NULL")


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
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{FILE} is not UTF-8 text (byte {error.start}); export the class again") from None
    lines = re.split(r"\r\n|\n|\r", text)
    found: dict[str, Handed] = {}
    number = 0
    while number < len(lines):
        line = lines[number]
        if _depth(line) is None or line.startswith(("---", "...", "#", "%")):
            number += 1
            continue
        match = _KEY.match(line)
        if match is None or match["dash"]:
            raise _wrong(number, line)
        end = _block_end(lines, number, 0, lists=False)
        key = _scalar(match["key"], number) if match["key"][0] in "\"'" else match["key"]
        if key.startswith("submission_"):
            if key in found:
                raise UsageError(f"{FILE}, line {number + 1}: {shown(key)} stands twice; export the class again")
            found[key] = _handed(lines, number + 1, end)
        number = end
    return found


def _handed(lines: list[str], start: int, end: int) -> Handed:
    submitters: tuple[Person, ...] = ()
    created_at = ""
    number = start
    level = next((depth for line in lines[start:end] if (depth := _depth(line)) is not None), 0)
    while number < end:
        line = lines[number]
        if _depth(line) is None:
            number += 1
            continue
        match = _KEY.match(line[level:])
        if _depth(line) != level or match is None or match["dash"]:
            raise _wrong(number, line)
        stop = min(_block_end(lines, number, level, lists=True), end)
        if match["key"].lstrip(":") == "submitters" and not match["value"]:
            submitters = _people(lines, number + 1, stop)
        elif match["key"].lstrip(":") == "created_at":
            created_at = _value(lines, number, stop, match["value"] or "")
        number = stop
    return Handed(submitters, created_at)


def _people(lines: list[str], start: int, end: int) -> tuple[Person, ...]:
    people: list[dict[str, str]] = []
    number = start
    level = 0
    while number < end:
        line = lines[number]
        depth = _depth(line)
        if depth is None:
            number += 1
            continue
        match = _KEY.match(line[depth:])
        if match is None:
            raise _wrong(number, line)
        if match["dash"]:
            people.append({})
            level = depth + len(match["dash"])
        elif depth != level or not people:
            raise _wrong(number, line)
        stop = min(_block_end(lines, number, level, lists=True), end)
        people[-1][match["key"].lstrip(":")] = _value(lines, number, stop, match["value"] or "")
        number = stop
    return tuple(Person(*(shown(person.get(key, "")).strip() for key in ("name", "sid", "email"))) for person in people)


def _block_end(lines: list[str], number: int, level: int, *, lists: bool) -> int:
    """The first line after `number` at the level of its key or above; with `lists`, items at that level are still its own."""
    for index in range(number + 1, len(lines)):
        depth = _depth(lines[index])
        if depth is None:
            continue
        if depth < level or (depth == level and not (lists and lines[index][depth:].startswith("- "))):
            return index
    return len(lines)


def _depth(line: str) -> int | None:
    """Spaces before the text; None for a blank line."""
    stripped = line.lstrip(" ")
    return len(line) - len(stripped) if stripped.strip() else None


def _value(lines: list[str], number: int, stop: int, value: str) -> str:
    """A scalar that may run on over the following lines, folded as YAML folds it; "" for what is no scalar."""
    value = re.sub(r"^&\w+ +", "", value.strip())
    if value[:1] in ("!", "*", "&", "{", "[", "|", ">", "%", "@", "`"):
        return ""
    following = lines[number + 1 : stop]
    if value[:1] == '"':
        value = re.sub(r"\\\n *", "", "\n".join([value, *following]))  # a line that ends in \ runs on as it is
        return _scalar(re.sub(r" *\n\s*", " ", value.strip()), number)
    return _scalar(" ".join([value, *(line.strip() for line in following if line.strip())]), number)


def _scalar(value: str, number: int) -> str:
    value = value.strip()
    if value[:1] in ("'", '"'):
        pattern = r"'((?:[^']|'')*)'(?: +#.*)?" if value[0] == "'" else r'"((?:[^"\\]|\\.)*)"(?: +#.*)?'
        match = re.fullmatch(pattern, value, re.DOTALL)
        if match is None:
            raise _wrong(number, value)
        return match[1].replace("''", "'") if value[0] == "'" else _ESCAPE.sub(_unescaped, match[1])
    value = value.split(" #", 1)[0].rstrip()
    return "" if value in _NOTHING else value


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code is None:
        return _ESCAPES.get(match[4], match[4])
    return chr(int(code, 16)) if int(code, 16) < 0x110000 else "\ufffd"


def _wrong(number: int, line: str) -> UsageError:
    return UsageError(f"{FILE}, line {number + 1} is not understood: {shown(line.strip())}; export the class again")
