"""Nothing that came from a submission begins a line that looks like ours, in any output of one submission."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from grader.grading.results import Report
from grader.report import gradescope, panel, terminal, wording
from tests.commands.test_pytest_plugin import door
from tests.conftest import SAMPLES, Grader, Maker, run
from tests.report.forged import ENDS, LINES, MARK, TERMINAL, assert_none_passes_for_ours, spoil, text

ASKED = (
    "optim.sgd_momentum.golden", "optim.adam.golden", "optim.rmsprop.golden", "logs.optimizer_experiment", "logs.best_model",
    "notebook.consistency", "solver.grad_norm",
)  # fmt: skip
REPEATED = ("raised", "type", "no entry", "printed", "is not looked at")  # what a report says of it: the forged lines do get there


class Texts(HTMLParser):
    """A page's texts, and its tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)


def outputs(report: Report) -> dict[str, str]:
    """Every view of one report, as text."""
    data = panel.as_data(report)
    assert_none_passes_for_ours(data.pop("text"), TERMINAL)
    html = Texts(panel.panel(data))
    assert not html.tags & {"script", "img"}
    found = {f"page: {number}": one for number, one in enumerate(html.texts)}
    for name, held in (("results.json", gradescope.render(report)), ("panel", data)):
        found |= {f"{name}: {number}": one for number, one in enumerate(strings(json.loads(json.dumps(held))))}
    found |= {f"for staff: {number}": one for number, one in enumerate(line for i in report.items for line in wording.for_staff(i))}
    return found


def strings(held: object) -> list[str]:
    """All texts in a value of JSON."""
    if isinstance(held, str):
        return [held]
    if isinstance(held, dict):
        return [text for pair in held.items() for one in pair for text in strings(one)]
    return [text for one in held for text in strings(one)] if isinstance(held, list) else []


@pytest.mark.parametrize("end", ENDS)
def test_no_forged_line_passes_for_ours(make: Maker, graded: Grader, end: str) -> None:
    path = spoil(make(), ENDS[end])
    report = graded(path, *ASKED)
    for name, said in outputs(report).items():
        try:
            assert_none_passes_for_ours(said)
        except AssertionError as error:
            pytest.fail(f"{name}: {error}")
    whole = terminal.render(report, staff=True)
    for width in (40, 79, 80, 100, 101):
        assert_none_passes_for_ours(terminal.render(report, staff=True, width=width), TERMINAL)
        assert_none_passes_for_ours(terminal.render(report, staff=False, width=width), TERMINAL)
    assert whole.count(MARK) >= 10
    assert [word for word in REPEATED if word not in " ".join(whole.split())] == []


def test_what_finds_a_forged_line_finds_one() -> None:
    for said in (text("\n"), f"fine\n{LINES[0]}", f"fine\u2028{LINES[1]}", "up \x1b[1A"):
        with pytest.raises(AssertionError):
            assert_none_passes_for_ours(said)


def test_a_folder_whose_name_has_lines_is_named_on_one(tmp_path: Path) -> None:
    named = tmp_path / f"a\n{LINES[1]}".replace("/", "")
    process = run("grade", named)
    assert process.returncode == 2
    assert MARK in process.stderr
    assert_none_passes_for_ours(process.stderr.replace("\n\n", "\n"))
    (tmp_path / "real").symlink_to(SAMPLES / "untouched")
    named.mkdir()
    process = run("grade", named, "--only", "optim.adam.golden")
    assert_none_passes_for_ours(process.stdout, TERMINAL)
    assert process.stdout.startswith("Submission a")


def test_the_pytest_door_and_its_xml(make: Maker, tmp_path: Path) -> None:
    path = spoil(make(), "\n")
    junit = tmp_path / "junit.xml"
    process = door(f"--submission={path}", "--staff", "--junitxml", junit, "-k", "golden or logs or notebook")
    assert_none_passes_for_ours(process.stdout)
    told = [text for one in ET.parse(junit).iter() for text in (one.text or "", *one.attrib.values())]
    assert any(MARK in one for one in told)
    for one in told:
        assert_none_passes_for_ours(one)


def test_a_check_at_home(make: Maker) -> None:
    path = spoil(make(), "\r")
    process = run("check", path, "--only", "optim")
    assert MARK in process.stdout
    assert_none_passes_for_ours(process.stdout, TERMINAL)
    for one in strings(json.loads(run("check", path, "--only", "optim", "--json").stdout)):
        assert_none_passes_for_ours(one)
