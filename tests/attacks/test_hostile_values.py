"""Values no honest code returns, everywhere a value is asked for: they may cost points, never the grader."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from grader.grading.rubric import Rubric
from grader.sandbox.supervisor import Sandbox
from tests.attacks.arena import CODE, CORPUS, REFERENCE, plain
from tests.attacks.driver import verdict

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numbers at the end of their range are asked for on purpose

VALUES = {
    "none": "None",
    "nan": "float('nan')",
    "infinity": "float('-inf')",
    "huge integer": "2**63 - 1",
    "integer beyond 64 bits": "10**400",
    "true": "True",
    "text": "'nan'",
    "text of a megabyte": "'\\x1b[2J' * 300_000",
    "bytes": "b'0.1'",
    "complex": "1e308 + 1e308j",
    "object": "object()",
    "empty list": "[]",
    "empty dict": "{}",
    "nested list": "[[[[[]]]]]",
    "dict of arrays": "{'W1': np.ones(3), '': None}",
    "no dimensions": "np.array(0.5)",
    "no entries": "np.empty(0)",
    "no rows": "np.empty((0, 5))",
    "sixteen dimensions": "np.ones((1,) * 16)",
    "thirty dimensions": "np.ones((1,) * 30)",
    "array of nan": "np.full(SHAPE, np.nan)",
    "array of infinities": "np.full(SHAPE, np.inf)",
    "array of the largest": "np.full(SHAPE, np.finfo(float).max)",
    "array of both ends": "np.resize([np.finfo(float).max, -np.finfo(float).max], SHAPE)",
    "array of the smallest": "np.full(SHAPE, 5e-324)",
    "array of zeros": "np.zeros(SHAPE)",
    "array of minus zeros": "np.full(SHAPE, -0.0)",
    "array of halves": "np.full(SHAPE, 0.5, np.float16)",
    "array of long doubles": "np.full(SHAPE, 0.5, np.longdouble)",
    "array of integers": "np.ones(SHAPE, int)",
    "array of truths": "np.ones(SHAPE, bool)",
    "array of complex": "np.ones(SHAPE, complex)",
    "array of texts": "np.full(SHAPE, 'x')",
    "array of objects": "np.full(SHAPE, None)",
    "array of dates": "np.zeros(SHAPE, 'M8[s]')",
    "transposed array": "np.full(SHAPE[::-1], 0.1)",
    "masked array": "np.ma.masked_array(np.ones(SHAPE), True)",
}

PLACES = tomllib.loads((CORPUS / "places.toml").read_text("utf-8"))["place"]


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
@pytest.mark.parametrize("place", PLACES, ids=[place["name"] for place in PLACES])
def test_no_value_makes_the_grader_fail(
    place: dict[str, Any], value: str, rubric: Rubric, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = CODE[place["file"]]
    shape = "w.shape" if place["file"] == "optim" else "np.shape(array)"
    spoiled = place["source"].replace("VALUE", f"({value})").replace("SHAPE", shape)
    target = tmp_path / file
    target.parent.mkdir(parents=True)
    target.write_text((REFERENCE / file).read_text("utf-8") + (CORPUS / "prelude.py.txt").read_text("utf-8") + spoiled, "utf-8")
    asked = [item.id for item in rubric.graded if any(fnmatchcase(item.id, pattern) for pattern in place["asks"])]
    result, shown = verdict(tmp_path, rubric, sandbox, asked)
    plain(shown)
    assert sorted(test["extra_data"]["id"] for test in result["tests"]) == sorted(asked)
    assert not [test["extra_data"] for test in result["tests"] if test["extra_data"]["outcome"] == "grader error"]
    assert any(test["extra_data"]["outcome"] != "passed" for test in result["tests"]), "the value was never looked at"
