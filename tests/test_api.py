"""What those who build on the package call: it works as it is documented, and is typed."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
from pathlib import Path

import pytest

import grader
from grader.errors import UsageError
from tests.conftest import ROOT, SAMPLES, Grader

WITH_EXAMPLES = [
    name
    for _, name, _ in pkgutil.walk_packages(grader.__path__, "grader.")
    if (path := ROOT.joinpath(*name.split(".")).with_suffix(".py")).is_file() and ">>> " in path.read_text("utf-8")
]


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("name", ["grader", *WITH_EXAMPLES])
def test_the_examples_in_docstrings_do_what_they_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert (found.failed, found.attempted > 0) == (0, True)


@pytest.mark.usefixtures("sandbox")
def test_the_examples_for_courses_do_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = doctest.testfile(str(ROOT / "docs/for-courses.md"), module_relative=False, encoding="utf-8")
    assert (found.failed, found.attempted > 0) == (0, True)


def test_json_has_the_verdict_and_nothing_of_staffs_unless_asked(graded: Grader) -> None:
    report = graded(SAMPLES / "cs231n_momentum")
    student, staff = (json.loads(report.to_json(staff=staff)) for staff in (False, True))
    assert (student["score"], student["maximum"]) == (float(report.score), float(report.maximum))
    assert {item["id"]: item["outcome"] for item in student["items"]} == {item.id: str(item.outcome) for item in report.items}
    assert any(finding["slip"] for item in student["items"] for finding in item["findings"])
    assert "staff" not in report.to_json()
    assert any(finding["staff"] for item in staff["items"] for finding in item["findings"])


@pytest.mark.usefixtures("sandbox")
def test_what_cannot_be_graded_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere does not exist"):
        grader.grade(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="did you mean 'adam'"):
        grader.grade(SAMPLES / "reference", only="adma")


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "grader/py.typed").is_file()
