"""Looks for texts in the bytes of a zip or a tree: as they stand, and in everything they decode to."""

from __future__ import annotations

import ast
import base64
import binascii
import io
import json
import re
import textwrap
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_BASE64 = re.compile(rb"[A-Za-z0-9+/\r\n]{40,}={0,2}")
_DEEPEST = 4
_TRIVIAL = 12  # characters: shorter lines ("pass", "next_w = w") stand in every program


def entries(archive: Path) -> dict[str, bytes]:
    """Every entry of a zip by name, read in full."""
    with zipfile.ZipFile(archive) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def tree(folder: Path, *patterns: str) -> dict[str, bytes]:
    """The files of a folder that match a pattern, by name."""
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file() and "__pycache__" not in path.parts}
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(found)}


def squeezed(text: str) -> str:
    """A text without white space, quotes of one kind: how code is laid out hides nothing."""
    return re.sub(r"\s", "", text).replace('"', "'")


def where(texts: set[str], files: Mapping[str, bytes]) -> dict[str, set[str]]:
    """Which of `texts` stand in which file; white space and the kind of quotes do not count."""
    wanted = {squeezed(text): text for text in texts}
    found: dict[str, set[str]] = {}
    for name, data in files.items():
        for decoded in forms(data):
            squeezed_form = squeezed(decoded)
            for needle, text in wanted.items():
                if needle in squeezed_form:
                    found.setdefault(name, set()).add(text)
    return found


def forms(data: bytes, depth: int = 0) -> Iterator[str]:
    """A file's bytes as text, and the texts within: strings of JSON and Python, Base64, compressed and archived data."""
    yield data.decode("utf-8", "replace")
    if data.count(0) > len(data) // 4:
        yield data.decode("utf-16-le", "replace")
    if depth < _DEEPEST:
        for inner in _within(data):
            yield from forms(inner, depth + 1)


def _within(data: bytes) -> Iterator[bytes]:
    try:
        yield from (text.encode("utf-8", "replace") for text in _strings(json.loads(data)))
    except (ValueError, RecursionError):
        pass
    try:
        for node in ast.walk(ast.parse(data)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
                yield node.value if isinstance(node.value, bytes) else node.value.encode("utf-8", "replace")
    except (SyntaxError, ValueError, RecursionError):
        pass
    for run in _BASE64.findall(data):
        try:
            decoded = base64.b64decode(run, validate=False)
        except (binascii.Error, ValueError):
            continue
        yield decoded
    if data[:2] == b"PK":
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as zipped:
                yield from (zipped.read(name) for name in zipped.namelist())
        except zipfile.BadZipFile:
            pass
    for wbits in (15, 31):
        try:
            yield zlib.decompress(data, wbits)
        except zlib.error:
            pass


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):  # a notebook's cell, line by line
            yield "".join(value)
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings([key])
            yield from _strings(item)


def written(answered: str, blank: str) -> set[str]:
    """The statements a student wrote: the lines of one file that the handed-out one does not have, comments left out."""
    given = {squeezed(line) for line in _code(blank)}
    lines = {line.strip() for line in _code(answered) if squeezed(line) not in given}
    return {line for line in lines if len(squeezed(line)) >= _TRIVIAL and not line.startswith("#")}


def _code(source: str) -> list[str]:
    """A program's lines without comments; where it is no program, its lines as they are."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return source.splitlines()
    lines = source.splitlines()
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return textwrap.dedent("\n".join(lines)).splitlines()


def sentences(source: bytes, least: int = 7) -> set[str]:
    """The string constants of a module that have so many words that they stand nowhere else by chance."""
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value.split()) >= least
    }
