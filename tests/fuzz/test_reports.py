"""Whatever stands in a report, results.json is one Gradescope accepts and the terminal is only written to."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import strategies as st

from grader.grading.findings import Finding
from grader.grading.results import ItemResult, Outcome, Report
from grader.homework import HOMEWORK
from grader.report import gradescope, terminal
from tests.fuzz.running import LENGTHS, bounded, fuzz, harmless
from tests.fuzz.texts import LONG_TEXT, TEXT
from tests.report.conformance import conforming

MEMORY = 200 * 2**20
_ESCAPES = ("\x1b", "\x1b[", "\x1b]0;", "\x9b", "\x07", "\x1b\\", "\r", "\n", "\x1b[31m", "[m", ";", "\x1bP", "\u202e", "x", " ")
_TEXTS = LONG_TEXT | st.lists(st.sampled_from(_ESCAPES), max_size=12).map("".join)
_POINTS = st.integers(0, 10_000).map(lambda cents: Decimal(cents) / 100)
_WORDS = st.sampled_from(("next_w", "m", "v", "t", "he", "sgd_momentum_100"))
_SLIPS = st.sampled_from(("", "no_square", "wrong_sign"))
_FINDINGS = st.builds(Finding, _TEXTS, _TEXTS, st.just("") | _WORDS, _SLIPS)
_SHORT = st.builds(Finding, TEXT, TEXT, _WORDS, _SLIPS)
_FEW = st.lists(_FINDINGS, max_size=3).map(tuple)
_TIMES = st.sampled_from((3,) * 9 + (20,) * 5 + (400,))
_MANY = (
    _FEW
    | _FEW
    | _FEW
    | st.tuples(_SHORT, _TIMES).map(
        lambda made: tuple(replace(made[0], student=f"{made[0].student} {number}") for number in range(made[1]))
    )
)
_PARTS = st.sampled_from(({}, {"all": True}, {"m": True, "v": False}))
_VISIBILITY = st.sampled_from(("visible", "hidden", "after_due_date", "after_published"))
_IDS = st.sampled_from(("optim.adam.golden", "fc_net.loss", "solver.training", "logs.w_stds"))
_SCORED = st.builds(
    ItemResult, _IDS, st.sampled_from(("A title", "Adam: one step", "logs")), st.sampled_from(Outcome), _POINTS, _POINTS,
    st.booleans(),
    _VISIBILITY, st.sampled_from(((), ("optim", "optional"))), _PARTS, _MANY,
    st.sampled_from((0.0, 1e-9, 0.0615, 1e4)), st.just({}) | st.just({"val_accuracy": 0.5}),
)  # fmt: skip
_ITEMS = _SCORED.map(lambda item: replace(item, score=Decimal(0), maximum=Decimal(0)) if item.shown_only else item)
_FEW_NOTES = st.lists(_TEXTS, max_size=4).map(tuple)
_NOTES = (
    _FEW_NOTES
    | _FEW_NOTES
    | _FEW_NOTES
    | st.tuples(TEXT, _TIMES).map(lambda made: tuple(f"{made[0] * 5} {number}" for number in range(made[1])))
)
REPORTS = st.builds(
    Report, _TEXTS, st.lists(_ITEMS, max_size=3).map(tuple), st.dictionaries(_IDS, _POINTS, max_size=2), _NOTES, _NOTES,
    *map(st.just, ("5" * 64, "6" * 64, "7" * 64, ("process", "seccomp"), "fork", 1.23456)),
    st.dictionaries(_IDS, _POINTS, max_size=2),
)  # fmt: skip


@pytest.mark.parametrize("length", LENGTHS)
def test_every_report_can_be_written_and_shown(tmp_path: Path, length: str) -> None:
    def one(case: tuple[Report, int, bool]) -> str:
        made, width, leaderboard = case
        with bounded(MEMORY):
            result = gradescope.render(made, leaderboard=HOMEWORK.leaderboard if leaderboard else None)
            shown = [terminal.render(made, staff=staff, width=width) for staff in (False, True)]
        # As `gradescope.write` puts it, but without waiting for the disk each time.
        path = tmp_path / "results.json"
        path.write_bytes(json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace") + b"\n")
        conforming(path)
        for text in shown:
            harmless(text)
            assert max(map(len, text.split("\n"))) <= max(width, 200), "a line is wider than the terminal"
        return "with marks for what was taken out" if "\ufffd" in shown[1] else "as it was"

    ends = fuzz("reports", length, st.tuples(REPORTS, st.integers(40, 200), st.booleans()), one)
    assert len(ends) == 2
