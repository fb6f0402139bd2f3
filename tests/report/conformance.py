"""What every results.json has to keep to, wherever it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import jsonschema  # type: ignore[import-untyped]

from tests.conftest import ROOT

SCHEMA = json.loads((ROOT / "fixtures/schemas/results.schema.json").read_text("utf-8"))
MAX_BYTES = 1_000_000


def conforming(path: Path) -> dict[str, Any]:
    """Read a results.json as strictly as Gradescope's facts allow, and return it."""
    data = path.read_bytes()
    assert len(data) <= MAX_BYTES
    result: dict[str, Any] = json.loads(data.decode("utf-8"), parse_float=Decimal, parse_constant=_no_constant)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(data))
    harmful = [text for text in _texts(result) if any(ord(c) < 32 and c not in "\n\t" for c in text) or "\x7f" in text]
    assert not harmful
    scored = [test for test in result["tests"] if "score" in test]
    for test in scored:
        for key in ("score", "max_score"):
            assert Decimal(test[key]) == round(Decimal(test[key]), 2), f"{test['name']}: {key} has more than two decimals"
    assert result["score"] == sum(test["score"] for test in scored)
    assert [test["number"] for test in result["tests"]] == [str(at) for at in range(1, len(result["tests"]) + 1)]
    return result


def student_text(result: dict[str, Any]) -> str:
    """All that a student may come to read of it, hidden tests included once they are shown."""
    return "\n".join([result["output"], *(f"{test['name']}\n{test['output']}" for test in result["tests"])])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)


def _no_constant(name: str) -> NoReturn:
    raise AssertionError(f"{name} is no JSON number")
