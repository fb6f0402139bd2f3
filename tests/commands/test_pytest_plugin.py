"""The pytest door, as people open it: the verdicts are those of `grade`, and pytest's own options work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from grader.grading.results import ItemResult
from tests.conftest import OPTIM, ROOT, SAMPLES, Grader, Maker, run
from tests.homework.mutants import files, mutants

pytestmark = pytest.mark.usefixtures("sandbox")
CLASS = ("reference", "only_momentum", "file_missing")
MEANS = {"missing": "error", "skipped": "error", "passed": ""}  # anything else is a failure, or where no points are lost "skipped"


def door(*options: str | Path, where: Path = ROOT, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """`pytest -p grader.commands.pytest_plugin …`; as the script `pytest`, it takes no module from the folder it is called in."""
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:randomly", "-p", "grader.commands.pytest_plugin", *map(str, options)]
    environment = {**os.environ, "PYTHONPATH": str(where), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=cwd or where, env=environment, capture_output=True, text=True, check=False)


def meant(item: ItemResult) -> str:
    """What a test becomes in JUnit's XML."""
    if item.shown_only and item.outcome != "passed":
        return "skipped"
    return MEANS.get(item.outcome, "failure")


def test_a_class_in_two_processes_gets_the_verdicts_of_grade(tmp_path: Path, graded: Grader) -> None:
    names = [f"--submission={SAMPLES / name}" for name in CLASS]
    process = door(*names, "-n", "2", "--junitxml", tmp_path / "junit.xml")
    assert process.returncode == 1
    found = {}
    for case in ET.parse(tmp_path / "junit.xml").iter("testcase"):
        properties = {one.attrib["name"]: one.attrib["value"] for one in case.iter("property")}
        kind = next((child.tag for child in case if child.tag != "properties"), "")
        found[case.attrib["classname"], case.attrib["name"]] = (kind, properties)
    expected = {}
    for name in CLASS:
        report = graded(SAMPLES / name)
        assert f"{name}: {report.score} of {report.maximum}" in process.stdout
        for item in report.items:
            points = {"outcome": str(item.outcome), "score": str(item.score), "max_score": str(item.maximum)}
            expected[name, item.id] = (meant(item), {"submission": name, **points})
    assert found == expected
    assert {kind for kind, _ in found.values()} == {"", "failure", "error", "skipped"}


def test_what_is_asked_for_is_asked_and_staff_alone_read_what_is_theirs(make: Maker) -> None:
    path = make((OPTIM, None, files(adam=mutants()["adam.no_correction"][1])[OPTIM]))
    student, staff = (door(f"--submission={path}", "-k", "adam", *more) for more in ((), ("--staff",)))
    for process in (student, staff):
        assert process.returncode == 1
        assert re.search(r"2 failed, \d+ deselected", process.stdout)
        assert "for the student" in process.stdout
    assert "for staff" not in student.stdout
    assert "for staff" in staff.stdout


def test_a_failure_is_told_once_also_where_nothing_is_shortened(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make((OPTIM, None, files(adam=mutants()["adam.no_correction"][1])[OPTIM]))
    monkeypatch.setenv("CI", "true")
    first = door(f"--submission={path}", "-k", "adam", "-x")
    assert "1 failed" in first.stdout
    assert first.stdout.count("for the student") == 1
    assert re.search(r"^FAILED \S+::optim\.adam\.golden - partial, 6/10$", first.stdout, re.MULTILINE)


def test_the_rubric_may_be_another(tmp_path: Path) -> None:
    rubric = tmp_path / "other.toml"
    text = (ROOT / "grader/homework/rubric.toml").read_text("utf-8")
    rubric.write_text(text.replace("total = 100", "total = 99"), "utf-8")
    refused = door(f"--submission={SAMPLES / 'reference'}", "--rubric", rubric)
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "other.toml" in refused.stderr


@pytest.mark.parametrize("path", ["nowhere", "README.md"])
def test_what_cannot_be_graded_is_one_sentence(path: str) -> None:
    process = door(f"--submission={ROOT / path}")
    assert "Traceback" not in process.stdout + process.stderr
    assert process.returncode in (1, 4)
    assert path in process.stderr or "0 of 100" in process.stdout


def test_a_submission_does_not_decide_what_pytest_does(make: Maker, tmp_path: Path) -> None:
    done = tmp_path / "done"
    evil = f"open({str(done)!r}, 'w')\n"
    files_of = {"pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["."]\n', "numpy.py": evil, "conftest.py": evil}
    path = make(*((name, None, text) for name, text in files_of.items()))
    for process in (door("--submission", path), door("--submission=.", cwd=path)):
        assert process.returncode == 4
        assert str(path) in process.stderr
    assert "100 of 100" in door(f"--submission={path}").stdout
    assert not done.exists()


def test_without_a_submission_it_does_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text("def test_own():\n    pass\n")
    process = door(tmp_path)
    assert process.returncode == 0
    assert "1 passed" in process.stdout
    assert "points" not in process.stdout


def test_a_student_has_it_in_the_handout(handout: Path) -> None:
    process = door(f"--submission={SAMPLES / 'reference'}", where=handout)
    asked = run("check", SAMPLES / "reference")  # the public items
    assert process.returncode == 0
    score, maximum = re.findall(r"reference: ([\d.]+) of ([\d.]+)", process.stdout)[0]
    assert score == maximum
    assert f"Total: {score} of {maximum} points" in asked.stdout
