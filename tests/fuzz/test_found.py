"""What fuzzing found, each as the one input that showed it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from grader.grading.results import Outcome
from grader.report import gradescope
from tests.conftest import Grader, Maker
from tests.report.conformance import conforming
from tests.report.test_gradescope import item, report


def test_staff_notes_do_not_push_the_file_over_its_limit(tmp_path: Path) -> None:
    made = report(item(score="2.5"), staff_notes=("\n" * 6_000,) * 600)
    gradescope.write(gradescope.render(made), tmp_path / "results.json")
    assert conforming(tmp_path / "results.json")["score"] == Decimal("2.5")


@pytest.mark.parametrize("std", [1e308, -1e308])
def test_a_standard_deviation_at_the_end_of_what_floats_hold_is_only_wrong(graded: Grader, make: Maker, std: float) -> None:
    path = make(("submission_logs/w_stds_random.json", None, json.dumps([std] * 11)))
    (found,) = graded(path, "logs.w_stds").items
    assert (found.outcome, found.parts["random"]) == (Outcome.PARTIAL, False)
