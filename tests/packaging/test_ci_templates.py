"""The templates for GitLab and GitHub Classroom in docs/for-courses.md: their scripts, run as a runner runs them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import textwrap
import venv
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.conftest import ROOT, SAMPLES, run

pytestmark = [pytest.mark.full, pytest.mark.usefixtures("sandbox")]
_BLOCKS = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/for-courses.md").read_text("utf-8"), re.DOTALL)
_CHECKOUT = shutil.ignore_patterns(".git", ".venv*", "__pycache__", "*_cache", "build", "dist", "*.egg-info")
_DOWNLOAD = 'curl() { cp "${2#file://}" "$4"; }\n'  # the course's server is a folder here


def script(file: str) -> str:
    """The lines that the template in this file has the runner type, as one script that ends with the first that fails."""
    (block,) = (block for block in _BLOCKS if file in block.splitlines()[0])
    if listed := re.search(r"^  script:\n((?:    - .*\n)+)", block, re.MULTILINE):
        return listed.group(1).replace("    - ", "")
    (text,) = re.findall(r"^ +- run: \|\n((?: {10}.*\n?)+)", block, re.MULTILINE)
    return textwrap.dedent(text)


def played(lines: str, folder: Path, place: Path) -> subprocess.CompletedProcess[str]:
    """Run it with bash in a folder, where `python` and `pip` are those of a new environment."""
    if not place.exists():
        venv.create(place, with_pip=True)
    environment = {name: content for name, content in os.environ.items() if not name.startswith(("PYTEST", "COVERAGE"))}
    environment |= {"PATH": f"{place / 'bin'}:{os.environ['PATH']}", "CI": "true"}
    process = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", lines], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if "No matching distribution" in process.stderr:
        pytest.skip("pip finds no packages from here")
    return process


def test_gitlab_grades_a_class_and_keeps_junit(tmp_path: Path) -> None:
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT, folder, ignore=_CHECKOUT)
    shutil.copytree(SAMPLES / "reference", folder / "submissions/bo")
    lines = script(".gitlab-ci.yml")
    right = played(lines, folder, tmp_path / "venv")
    assert right.returncode == 0, right.stdout + right.stderr
    shutil.copytree(SAMPLES / "only_momentum", folder / "submissions/cleo")
    wrong = played(lines, folder, tmp_path / "venv")
    assert wrong.returncode == 1, wrong.stdout + wrong.stderr
    assert "Submission bo: 100 of 100\n" in wrong.stdout
    cases = list(ET.parse(folder / "grades.xml").iter("testcase"))
    assert [sum(case.attrib["classname"] == name for case in cases) for name in ("bo", "cleo")] == [18, 18]
    assert {case.attrib["classname"] for case in cases if case.find("failure") is not None} == {"cleo"}


def test_github_classroom_checks_with_the_handout(tmp_path: Path) -> None:
    assert run("build", "handout", "-o", tmp_path / "handout.zip").returncode == 0
    lines = _DOWNLOAD + script("check.yml").replace("${{ vars.HANDOUT }}", f"file://{tmp_path / 'handout.zip'}")
    for name, code in (("reference", 0), ("untouched", 1)):
        work = tmp_path / name
        shutil.copytree(SAMPLES / name, work / "homework")
        process = played(lines, work, tmp_path / "venv")
        assert process.returncode == code, process.stdout + process.stderr
        assert re.search(r"^Submission homework: \d+ of 83$", process.stdout, re.MULTILINE)
