"""SECURITY.md claims nothing that no test holds: each claim names one, each that is named is there, each number is the code's."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from grader.grading import apart
from grader.homework import HOMEWORK
from grader.sandbox.inside import seccomp, wire
from grader.sandbox.policy import Limits
from tests.attacks.arena import corpus
from tests.conftest import ROOT

TEXT: Final = (ROOT / "SECURITY.md").read_text("utf-8")
_NAMED: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_MADE: Final = re.compile(r"<!-- (\w+) -->.*?<!-- /\1 -->", re.DOTALL)  # tables that a command writes
NO_CLAIM: Final = ("Reporting",)  # sections that say what to do, not what holds
NUMBERS: Final = (  # as the page says them, from the code
    f"{len(corpus())} hostile submissions",
    f"a list of {len(seccomp._CALLS)} system calls",
    f"{apart.MEMORY // 2**20} MB beyond its start",
    f"{apart.CPU:g} s of CPU an item",
    f"{wire.MAX_FRAME // 2**20} MB a frame",
    f"{Limits().memory // 2**20} MB beyond the server",
    f"{Limits().files} descriptors",
    f"{Limits().output_max // 2**20} MB of output",
    f"{tomllib.loads(HOMEWORK.rubric.read_text('utf-8'))['limits']['seconds']:g} s a question",
)


def sections(text: str) -> dict[str, str]:
    """The page's sections by heading, without tables that a command writes."""
    parts = re.split(r"^#{2,3} (.+)$", _MADE.sub("", text), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def claims(text: str) -> list[str]:
    """What needs a test of its own: every row of a table that has a column for it, and every section with prose of its own."""
    found = []
    for heading, body in sections(text).items():
        rows = [line for line in body.splitlines() if line.startswith("|")]
        if rows and rows[0].rstrip().endswith("| held by |"):
            found += rows[2:]
        elif body.strip() and heading not in NO_CLAIM:
            found.append(f"{heading}: {body}")
    return found


@cache
def named_in(path: Path) -> frozenset[str]:
    """The tests in a file."""
    return frozenset(node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef))


def missing(text: str) -> list[str]:
    """The tests that are named and are not there."""
    found = _NAMED.findall(text)
    return [f"{path}::{name}" for path, name in found if not (ROOT / path).is_file() or name not in named_in(ROOT / path)]


def test_every_test_that_is_named_is_there() -> None:
    assert len(_NAMED.findall(TEXT)) >= 40
    assert missing(TEXT) == []


@pytest.mark.parametrize("claim", [pytest.param(one, id=one[:60].strip("| ")) for one in claims(TEXT)])
def test_every_claim_names_a_test(claim: str) -> None:
    named = _NAMED.findall(claim)
    assert named
    assert all(name.startswith("test_") for _, name in named)


@pytest.mark.parametrize("number", NUMBERS)
def test_every_number_is_the_codes(number: str) -> None:
    assert number in TEXT.replace("\n", " ")


def test_what_looks_for_claims_finds_those_without_a_test() -> None:
    page = (
        "# S\n\n## A\n\nProse.\n\n## B\n\n| layer | held by |\n| --- | --- |\n| one | |\n| two | `tests/conftest.py::test_no` |\n"
    )
    assert [bool(_NAMED.findall(one)) for one in claims(page)] == [False, False, True]
    assert missing(page) == ["tests/conftest.py::test_no"]
    assert len([one for one in claims(TEXT) if one.startswith("|")]) >= 20
