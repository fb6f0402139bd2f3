"""A submission with broken logs or a broken source file ends in a verdict on every item, and never in a fault of the grader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import strategies as st

from grader.grading.grade import grade
from grader.grading.results import Outcome, Report
from grader.grading.rubric import Rubric
from grader.homework import HOMEWORK
from grader.report import gradescope, terminal
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import collect
from tests.conftest import FC_NET, OPTIM, SOLVER
from tests.fuzz.arrays import NPZ, honest_npz
from tests.fuzz.running import LENGTHS, bounded, fuzz, harmless
from tests.fuzz.sources import honest, sources
from tests.fuzz.texts import REFERENCE, json_files
from tests.fuzz.zips import Member, pack
from tests.report.conformance import conforming

SECONDS = 2.0  # a session; a change of tokens may well make an endless loop
MEMORY = 500 * 2**20
ITEMS = {OPTIM: "optim.", FC_NET: "fc_net.", SOLVER: "solver."}
_HONEST_LOGS = sorted(path.name for path in (REFERENCE / "submission_logs").iterdir())
LOGS = st.dictionaries(st.sampled_from(_HONEST_LOGS), st.none() | NPZ | json_files(), min_size=1, max_size=6)


class Grading:
    """Grades one zip after another at the same place and holds what is written against every rule for it."""

    def __init__(self, folder: Path, rubric: Rubric, sandbox: Sandbox) -> None:
        self.zip, self.results = folder / "hand-in.zip", folder / "results.json"
        self.rubric = replace(rubric, items=tuple(replace(item, seconds=SECONDS) for item in rubric.items))
        self.sandbox = sandbox

    def grade(self, files: Mapping[str, bytes], items: str) -> Report:
        """The report on a zip of these files."""
        self.zip.write_bytes(pack([Member(name.encode(), data, 8 if len(data) > 2**20 else 0) for name, data in files.items()]))
        asked = [item.id for item in self.rubric.graded if item.id.startswith(items)]
        with bounded(MEMORY, traced=False):
            report = grade(
                HOMEWORK, collect(self.zip, HOMEWORK.layout, support=HOMEWORK.support), self.rubric, self.sandbox, only=asked
            )
        assert [item.id for item in report.items] == asked
        for item in report.items:
            assert item.outcome is not Outcome.GRADER_ERROR, [finding.staff for finding in item.findings]
            assert item.score >= 0
        gradescope.write(gradescope.render(report), self.results)
        conforming(self.results)
        harmless(terminal.render(report, staff=True))
        return report


@pytest.fixture
def grading(tmp_path: Path, rubric: Rubric, sandbox: Sandbox) -> Grading:
    return Grading(tmp_path, rubric, sandbox)


def worst(report: Report) -> str:
    """One word for a report: the outcome that is furthest from full marks."""
    order = list(Outcome)
    return str(max((item.outcome for item in report.items), key=order.index))


@pytest.mark.parametrize("length", LENGTHS)
def test_broken_logs_end_in_a_verdict(grading: Grading, length: str) -> None:
    whole = {f"submission_logs/{name}": (REFERENCE / "submission_logs" / name).read_bytes() for name in _HONEST_LOGS}
    assert worst(grading.grade(whole, "logs.")) == "passed"

    def one(broken: dict[str, bytes | None]) -> str:
        files = {**whole, **{f"submission_logs/{name}": data for name, data in broken.items()}}
        return worst(grading.grade({name: data for name, data in files.items() if data is not None}, "logs."))

    ends = fuzz("logs", length, LOGS, one)
    assert ends["partial"] > 0


@pytest.mark.parametrize("length", LENGTHS)
def test_broken_source_files_end_in_a_verdict(grading: Grading, length: str) -> None:
    whole = {name: text.encode() for name, text in honest().items()}
    for name, items in ITEMS.items():
        assert worst(grading.grade(whole, items)) == "passed", name

    def one(case: tuple[str, bytes]) -> str:
        name, data = case
        return worst(grading.grade({**whole, name: data}, ITEMS[name]))

    ends = fuzz("sources", length, sources(), one)
    assert min(ends["raised"] + ends["skipped"], ends["passed"] + ends["wrong"] + ends["partial"]) > 0


def test_logs_that_are_changed_are_there() -> None:
    assert {name for name in _HONEST_LOGS if name.endswith(".npz")} == honest_npz().keys()
