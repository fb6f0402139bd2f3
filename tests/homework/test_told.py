"""What students read of code that ends in every way there is: nothing names a file or a function of the grader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import pytest

from grader.grading.grade import grade
from grader.grading.results import ItemResult, Outcome, Report
from grader.grading.rubric import Rubric
from grader.homework import HOMEWORK
from grader.report import wording
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import collect
from tests.conftest import FC_NET, OPTIM, ROOT, SOLVER, Grader, Maker, item
from tests.homework.rules import REFERENCE

OURS: Final = {path.stem for path in (ROOT / "grader").rglob("*.py")} - {
    "notebook",
    "check",
    "solver",
    "optim",
    "fc_net",
    "network",
}
CLASSES: Final = {"StubModel", "RecordingModel", "MemoryImporter", "Remote"}
OUR_WORDS: Final = re.compile(
    rf"\\b({'|'.join(sorted(name for name in OURS | CLASSES if '_' in name or name in CLASSES))})\\b|driver|stub|grader/|Traceback"
)
ENDINGS: Final = {
    "raises": 'raise ValueError("no")',
    "raises with control characters": 'raise type("E\\x1b[31m", (Exception,), {})("a\\x1b[2J\\nb")',
    "leaves": "import os; os._exit(3)",
    "exits": "raise SystemExit(1)",
    "recurses": "f = lambda: f(); f()",
    "is interrupted": "raise KeyboardInterrupt",
    "takes all memory": "kept = bytearray(10**10)",
    "returns a text": "return 'x'",
    "returns nothing": "return",
    "returns an object": "return object(), {}",
}
LAYERS: Final = "        self.num_layers"
PLACES: Final = {  # the line in which it begins, and the text before which it is put
    "a rule": (OPTIM, REFERENCE["adam"], "    "),
    "the constructor": (FC_NET, LAYERS, "        "),
    "the step": (SOLVER, "        norms = [", "        "),
    "the loop": (SOLVER, "        num_iterations = ", "        "),
}
WHOLE: Final = {
    "names that are missing": "x = 1\n",
    "names that are numbers": "adam = sgd_momentum = rmsprop = FullyConnectedNet = Solver = 3\n",
    "an import that raises": "1 / 0\n",
    "an import that leaves": "import os; os._exit(0)\n",
    "no Python": "def (:\n",
    "no text": "\xff\x00\n",
}
MODEL: Final = ("forward(1)", "loss()", "loss('a', 'b')", "loss(np.zeros(3))", "params['W9']", "gradients[99]", "loss(None, 1)")


def texts(report: Report) -> Iterator[tuple[str, str]]:
    """Every text that the student reads, beside the item it stands under."""
    for one in report.items:
        assert one.outcome is not Outcome.GRADER_ERROR, one.findings
        yield one.id, wording.for_student(one)
    yield from (("note", note) for note in report.notes)


def assert_ours_is_not_named(report: Report) -> None:
    for name, text in texts(report):
        assert not OUR_WORDS.search(text), (name, text)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("ending", ENDINGS)
def test_whatever_ends_it_anywhere(graded: Grader, make: Maker, place: str, ending: str) -> None:
    file, before, indent = PLACES[place]
    report = graded(make((file, before, f"{indent}{ENDINGS[ending]}\n{before}")), *CODE[file])
    assert_ours_is_not_named(report)


CODE: Final = {
    OPTIM: ("optim.adam.golden", "optim.adam.behaviour"),
    FC_NET: ("fc_net.init.he", "fc_net.init.zero", "fc_net.loss"),
    SOLVER: ("solver.grad_norm", "solver.training"),
}


@pytest.mark.parametrize("content", WHOLE)
def test_whatever_a_file_holds(graded: Grader, make: Maker, content: str) -> None:
    edits = [(file, None, WHOLE[content].encode("latin-1")) for file in CODE]
    logs = [("submission_logs/results.json", None, '{"a":'), ("submission_logs/w_stds_he.json", None, "[[[")]
    assert_ours_is_not_named(graded(make(*edits, *logs)))


@pytest.mark.parametrize("asked", MODEL)
def test_whatever_the_step_asks_of_the_model(graded: Grader, make: Maker, asked: str) -> None:
    report = graded(make((SOLVER, "        norms = [", f"        self.model.{asked}\n        norms = [")), *CODE[SOLVER])
    assert_ours_is_not_named(report)
    assert item(report, "solver.training").score == item(report, "solver.training").maximum


# An endless loop ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def patient(rubric: Rubric) -> Rubric:
    """The rubric with little time, so that what hangs is soon known to."""
    return replace(rubric, items=tuple(replace(item, seconds=2.0) for item in rubric.items))


def asked(path: object, rubric: Rubric, sandbox: Sandbox, *only: str) -> dict[str, ItemResult]:
    submission = collect(path, HOMEWORK.layout, support=HOMEWORK.support)  # type: ignore[arg-type]
    return {one.id: one for one in grade(HOMEWORK, submission, rubric, sandbox, only=only).items}


NETWORK: Final = ("fc_net.init.he", "fc_net.init.zero", "fc_net.init.random", "fc_net.loss")


def test_a_loop_in_one_initialization_costs_no_other(make: Maker, patient: Rubric, sandbox: Sandbox) -> None:
    path = make((FC_NET, LAYERS, f"        while initialization == 'he': pass\n{LAYERS}"))
    found = asked(path, patient, sandbox, *NETWORK)
    assert [found[name].outcome for name in NETWORK] == [Outcome.TIMED_OUT, *[Outcome.PASSED] * 3]
    assert "Calling FullyConnectedNet(…, initialization='he') did not come to an end: it did not finish within 2 s" in (
        wording.for_student(found["fc_net.init.he"])
    )


def test_a_loop_in_the_constructor_costs_its_time_once(make: Maker, patient: Rubric, sandbox: Sandbox) -> None:
    found = asked(make((FC_NET, LAYERS, f"        while True: pass\n{LAYERS}")), patient, sandbox, *NETWORK)
    first, *later = (wording.for_student(found[name]) for name in NETWORK)
    assert "within 2 s." in first
    for text in later:
        assert "within 0.5 s (fc_net.init.he had timed out in the same call, so this one got less time)." in text


def test_a_file_whose_import_does_not_end_is_imported_once(make: Maker, patient: Rubric, sandbox: Sandbox) -> None:
    found = asked(make((FC_NET, None, "while True: pass\n")), patient, sandbox, *NETWORK)
    first, *later = (wording.for_student(found[name]) for name in NETWORK)
    assert first == "Importing deeplearning/classifiers/fc_net.py did not come to an end: it did not finish within 2 s."
    for text in later:
        assert "did not come to an end: it did not when fc_net.init.he was asked." in text


def test_a_loop_in_one_rule_costs_no_other(make: Maker, patient: Rubric, sandbox: Sandbox) -> None:
    names = ("optim.adam.golden", "optim.rmsprop.golden", "optim.sgd_momentum.golden", "optim.sgd_momentum.behaviour")
    found = asked(make((OPTIM, REFERENCE["adam"], f"    while True: pass\n{REFERENCE['adam']}")), patient, sandbox, *names)
    assert {found[name].outcome for name in names[1:]} == {Outcome.PASSED}
    assert "Calling adam(w, dw, config) did not come to an end" in wording.for_student(found[names[0]])


def test_a_loop_in_the_step_costs_no_training(make: Maker, patient: Rubric, sandbox: Sandbox) -> None:
    path = make((SOLVER, "        norms = [", "        while True: pass\n        norms = ["))
    found = asked(path, patient, sandbox, *CODE[SOLVER])
    assert found["solver.grad_norm"].outcome is Outcome.TIMED_OUT
    assert found["solver.training"].outcome is Outcome.PASSED
