"""Logs that the course handed out itself: no points beside blanks, as good as any beside one's own code, and nobody is accused."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from grader.grading.expect import contents
from grader.grading.grade import grade
from grader.grading.results import ItemResult, Outcome
from grader.grading.rubric import Rubric
from grader.homework import HOMEWORK
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import collect
from tests.conftest import FC_NET, OPTIM, SAMPLES, SOLVER, Maker
from tests.homework.conftest import assert_full_marks, assert_no_marks, said
from tests.homework.logfiles import as_json, drawn_stds, history, honest
from tests.homework.mutants import files

SHIPPED = honest()
HANDED_OUT = "These logs were handed out with the homework; run the notebook with your own code to make yours."
NEEDS = {
    "optimizer_experiment": {"sgd_momentum", "adam", "loss"},
    "sgd_momentum_compare": {"sgd_momentum", "loss"},
    "w_stds": {"he", "zero"},
    "initialization_experiment": {"he", "zero", "loss"},
    "best_model": {"adam", "he", "loss"},
}
Graded = Callable[..., dict[str, ItemResult]]


@pytest.fixture
def verdicts(rubric: Rubric, sandbox: Sandbox, make: Maker) -> Graded:
    """The items of logs by name, of `base` with the code `code` and the logs `logs`, where the course names `shipped`."""

    def asker(
        base: str = "reference",
        code: Mapping[str, bytes | None] | None = None,
        logs: Mapping[str, bytes | None] = SHIPPED,
        shipped: Mapping[str, bytes] = SHIPPED,
        *,
        digest: Callable[[bytes], str] = lambda data: hashlib.sha256(data).hexdigest(),
    ) -> dict[str, ItemResult]:
        edits = [(name, None, data) for name, data in (code or {}).items()]
        edits += [(f"submission_logs/{name}", None, data) for name, data in logs.items()]
        policy = replace(rubric, shipped_logs=frozenset(map(digest, shipped.values())))
        submission = collect(make(*edits, base=base), HOMEWORK.layout)
        report = grade(HOMEWORK, submission, policy, sandbox, only=[f"logs.{item}" for item in NEEDS])
        return {item.id.removeprefix("logs."): item for item in report.items}

    return asker


def staff(item: ItemResult) -> list[str]:
    """The lines for staff on where the logs are from."""
    return [finding.staff for finding in item.findings if "handed out" in finding.staff]


def without(blank: str) -> dict[str, bytes | None]:
    """The reference's code with one blank as the handout has it, or its loss as spring 2025 had it."""
    if blank != "loss":
        return dict(files(**{blank: "pass" if blank in ("he", "zero", "grad_norm") else "next_w = None"}))
    head, loss, body = files()[FC_NET].decode().partition("    def loss(self, X, y=None):\n")
    _, after, rest = body.partition("\n\nclass ")
    assert loss
    assert after
    return {FC_NET: f"{head}{loss}        scores = None\n        pass\n        return scores\n{after}{rest}".encode()}


def test_handed_in_with_an_untouched_starter_they_give_no_points(verdicts: Graded) -> None:
    for found in verdicts("untouched").values():
        assert_no_marks(found)
        assert [(finding.student, finding.staff) for finding in found.findings] == [(HANDED_OUT, "")]


def test_beside_ones_own_code_points_stay_and_staff_read_one_line(verdicts: Graded) -> None:
    for name, found in verdicts().items():
        assert_full_marks(found)
        assert said(found) == ""
        (line,) = [finding.staff for finding in found.findings]
        assert line.startswith("consistency: shipped: the logs are the ones handed out with the homework, by what they hold: ")
        assert set(line.rpartition(": ")[2].split(", ")) == {log for log in SHIPPED if log.startswith(PREFIXES[name])}


PREFIXES = {**{name: (name,) for name in NEEDS}, "best_model": ("best_fc_model", "results")}
OWN = {
    "optimizer_experiment_sgd.npz": history(train=0.59),
    "sgd_momentum_compare_sgd_momentum_100.npz": history(300, 6, train=0.545),
    "w_stds_he.json": as_json(drawn_stds("he", 7)),
    "initialization_experiment_he.npz": history(train=0.61),
    "best_fc_model.npz": SHIPPED["best_fc_model.npz"] + b"\0",
}


def test_with_one_log_of_ones_own_an_item_is_graded_as_any(verdicts: Graded) -> None:
    assert not set(OWN.values()) & set(SHIPPED.values())
    for found in verdicts("untouched", logs=SHIPPED | OWN).values():
        assert_full_marks(found)
        assert (said(found), staff(found)) == ("", [])


def test_logs_that_the_course_does_not_name_are_graded_as_any(verdicts: Graded) -> None:
    for shipped in ({}, {"another.npz": b"another"}):
        for found in verdicts("untouched", shipped=shipped).values():
            assert_full_marks(found)
            assert (said(found), staff(found)) == ("", [])


def held(data: bytes) -> Any:
    """What a log holds."""
    if not data.startswith(b"PK"):
        return json.loads(data)
    with np.load(io.BytesIO(data)) as archive:
        return {name: archive[name] for name in archive.files}


def saved_anew(data: bytes) -> bytes:
    """The same numbers in another order and form."""
    found = held(data)
    if not data.startswith(b"PK"):
        return json.dumps(found, indent=2).encode()
    file = io.BytesIO()
    np.savez_compressed(file, **{name: found[name].astype(np.float64) for name in reversed(found)})
    return file.getvalue()


def test_saved_anew_they_are_still_the_ones_that_were_handed_out(verdicts: Graded) -> None:
    anew = {name: saved_anew(data) for name, data in SHIPPED.items()}
    assert not set(anew.values()) & set(SHIPPED.values())
    for found in verdicts("untouched", logs=anew, digest=lambda data: contents(held(data))).values():
        assert_no_marks(found)
    for found in verdicts(logs=anew, digest=lambda data: contents(held(data))).values():
        assert_full_marks(found)
        assert len(staff(found)) == 1


PARTLY = {  # a blank that only some of an item's runs need, with the parts that are lost for it
    ("optimizer_experiment", "sgd_momentum"): {"sgd_momentum"},
    ("optimizer_experiment", "adam"): {"adam"},
    **{(item, scheme): {scheme} for item in ("w_stds", "initialization_experiment") for scheme in ("he", "zero")},
}


@pytest.mark.parametrize("blank", ["sgd_momentum", "adam", "he", "zero", "loss", "rmsprop", "grad_norm"])
def test_points_go_where_what_the_runs_need_is_a_blank(verdicts: Graded, blank: str) -> None:
    for name, item in verdicts(code=without(blank)).items():
        if (name, blank) in PARTLY:
            assert {part for part in item.parts if not item.parts[part]} >= PARTLY[name, blank]
            assert 0 < item.score < item.maximum
            assert "handed out with the homework" in said(item)
        else:
            assert said(item) == (HANDED_OUT if blank in NEEDS[name] else "")
            assert item.score == (0 if blank in NEEDS[name] else item.maximum)


@pytest.mark.parametrize(("file", "kept"), [(OPTIM, {"w_stds", "initialization_experiment"}), (FC_NET, set()), (SOLVER, {*NEEDS})])
def test_code_that_was_not_handed_in_is_no_code(verdicts: Graded, file: str, kept: set[str]) -> None:
    assert {name for name, item in verdicts(code={file: None}).items() if item.score} == kept


def test_code_that_is_wrong_or_raises_is_code(verdicts: Graded) -> None:
    code = files(adam='config["t"] += 2\nnext_w = w - dw', he="raise ValueError")
    for found in verdicts(code=code).values():
        assert found.outcome is Outcome.PASSED
        assert len(found.findings) == 1, "nothing is said of code that cannot run"


def test_what_the_staff_reached_is_nobodys_place_on_the_leaderboard(verdicts: Graded) -> None:
    logs = {path.name: path.read_bytes() for path in (SAMPLES / "reference" / "submission_logs").iterdir()}
    for shipped, measured in (({}, {"val_accuracy"}), (logs, set())):
        assert set(verdicts(logs={}, shipped=shipped)["best_model"].measured) == measured
