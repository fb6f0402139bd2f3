"""notebook.consistency: forged notebooks are seen by the part named, honest ones never, and no file does any harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.grading.grade import grade
from grader.grading.results import ItemResult, Outcome, Report
from grader.grading.rubric import load_rubric
from grader.homework import HOMEWORK
from grader.report import terminal, wording
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import collect
from tests.homework.conftest import Ask, lost, said
from tests.homework.notebooks import BEST, FORGERIES, HONEST, NAME, RULES, Files, Notebook, as_bytes, cell, code, reference

ITEM = "notebook.consistency"


def edits(data: bytes | None, files: Files) -> list[tuple[str, None, bytes | None]]:
    """What turns the reference into a submission with this notebook and these logs."""
    return [(NAME, None, data), *((f"submission_logs/{name}", None, held) for name, held in files.items())]


def asked(ask: Ask, data: bytes | None, files: Files | None = None) -> ItemResult:
    return ask(ITEM, *edits(data, files or {}))


def staff(item: ItemResult) -> str:
    return "\n".join(found.staff for found in item.findings)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_notebook_is_seen_by_its_part_alone(ask: Ask, name: str) -> None:
    notebook, files = reference(), Files()
    FORGERIES[name].make(notebook, files)
    found = asked(ask, as_bytes(notebook), files)
    assert lost(found) == {FORGERIES[name].part}, staff(found)
    assert f"consistency: {FORGERIES[name].part}: " in staff(found)
    assert (found.outcome, said(found)) == (Outcome.PARTIAL, "")
    assert found.score == 0


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_notebook_has_no_finding(ask: Ask, name: str) -> None:
    notebook, files = reference(), Files()
    found = asked(ask, HONEST[name](notebook, files), files)
    assert "consistency" not in staff(found)
    assert (found.outcome, lost(found), said(found)) == (Outcome.PASSED, set(), "")


def test_the_reference_leaves_nothing_to_say(ask: Ask) -> None:
    assert ask(ITEM).findings == ()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no notebook", "there is none in the submission"),
        ("stripped of outputs", "no outputs and no execution counts"),
        ("one cell run again", "not run from top to bottom: [41] before [12]"),
        ("trained again after the results", "trained again after results.json was written"),
    ],
)
def test_what_is_no_finding_is_told_to_staff_in_a_line(ask: Ask, name: str, told: str) -> None:
    notebook, files = reference(), Files()
    found = asked(ask, HONEST[name](notebook, files), files)
    assert told in staff(found)
    assert len(found.findings) <= 2


def test_a_cell_that_writes_logs_and_was_never_run_is_told(ask: Ask) -> None:
    notebook = reference()
    cell(notebook, RULES).update(execution_count=None, outputs=[])
    assert "a cell that compares update rules (cell 20) has no execution count" in staff(asked(ask, as_bytes(notebook)))


def test_a_notebook_of_another_name_is_read(ask: Ask) -> None:
    notebook = reference()
    FORGERIES["fewer layers"].make(notebook, {})
    for name in ("hw2_optimizer_init.ipynb", "my work (1).ipynb"):
        assert ask(ITEM).outcome is Outcome.PASSED
        found = ask(ITEM, (NAME, None, None), (name, None, as_bytes(notebook)))
        assert "hidden layers" in staff(found)


def test_without_logs_only_the_fixed_values_are_compared(graded: Callable[..., Report], make: Callable[..., Path]) -> None:
    notebook = reference()
    for name in ("fewer layers", "another learning rate", "a better last epoch", "a better test accuracy"):
        FORGERIES[name].make(notebook, {})
    (found,) = graded(make((NAME, None, as_bytes(notebook)), base="untouched"), ITEM).items
    assert lost(found) == {"fixed_values"}


def test_where_nothing_was_handed_in_nothing_is_passed(graded: Callable[..., Report], tmp_path: Path) -> None:
    for written, outcome in (("", Outcome.MISSING), ("x = 1", Outcome.PASSED)):
        if written:
            (tmp_path / "optim.py").write_text(written, "utf-8")
        (found,) = graded(tmp_path, ITEM).items
        assert (found.outcome, said(found)) == (outcome, "")


def test_a_finding_says_what_does_not_fit(ask: Ask) -> None:
    notebook = reference()
    for name in ("a narrower network", "another learning rate", "a better last epoch"):
        FORGERIES[name].make(notebook, {})
    found = staff(asked(ask, as_bytes(notebook)))
    assert "the best model's hidden layers: [100] * 10, not [200] * 10" in found
    assert "gives lr = 0.002, results.json has 0.001" in found
    assert "no run printed by cell 25 is the one in best_fc_model.npz (nearest: epoch 6: printed val accuracy 0.612000" in found


NESTED = "[" * 100_000 + "]" * 100_000
HOSTILE: dict[str, bytes] = {
    "empty": b" \n",
    "not JSON": b"PK\x03\x04 not a notebook",
    "a list": b"[]",
    "no cells": b'{"nbformat": 4}',
    "cells of another kind": b'{"cells": {"0": 1}}',
    "deep JSON": NESTED.encode(),
    "deep JSON in a cell": b'{"cells": [{"cell_type": "code", "source": ' + NESTED.encode() + b"}]}",
    "gigantic integer": b'{"cells": [], "nbformat": ' + b"9" * 100_000 + b"}",
    "gigantic count": b'{"cells": [{"cell_type": "code", "execution_count": ' + b"9" * 4000 + b"}]}",
    "NaN": b'{"cells": [{"cell_type": "code", "execution_count": NaN, "source": "x", "outputs": Infinity}]}',
    "lone surrogates": rb'{"cells": [{"cell_type": "code", "source": "\ud800 = \udfff", "outputs": [{"text": "\ud83d"}]}]}',
    "a million cells": b'{"cells": [' + b"{}," * 999_999 + b"{}]}",
    "a hundred thousand code cells": b'{"cells": [' + b'{"cell_type":"code","source":"a=1"},' * 99_999 + b"{}]}",
    "bytes that are no text": b'{"cells": [{"cell_type": "code", "source": "\xff\xfe\x00"}]}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_file_costs_anything(graded: Callable[..., Report], make: Callable[..., Path], name: str) -> None:
    report = graded(make((NAME, None, HOSTILE[name])), "logs.w_stds", ITEM)
    assert [(item.id, item.outcome, said(item)) for item in report.items] == [
        ("logs.w_stds", Outcome.PASSED, ""),
        (ITEM, Outcome.PASSED, ""),
    ]
    assert len(report.items[1].findings) == 1
    assert "Traceback" not in staff(report.items[1])


SOURCES = {
    "brackets": "(" * 50_000 + ")" * 50_000,
    "signs": "lr = " + "-" * 50_000 + "1",
    "a power of powers": "lr = 9 ** 9 ** 9 ** 9\nwidth = [2 ** 62] * 2 ** 40",
    "a division by zero": "lr = 1 / 0\nbatch_size = 0 ** -1",
    "a long sum": "lr = " + " + ".join(["1"] * 20_000),
    "many names": "\n".join(f"a{number} = a{number - 1}" for number in range(1, 15_000)),
    "nested lists": "lr = " + "[" * 90 + "]" * 90,
    "a null character": "lr = '\0'",
    "a long number": "lr = " + "9" * 100_000,
    "a large float": "lr = 1e999\nnum_epochs = float(9)",
    "blanks": "(" + " " * 190_000 + "\n" + " " * 190_000 + "=",
    "escapes": 'lr = "\\d\\ud800"',
}


@pytest.mark.parametrize("name", SOURCES)
def test_no_source_costs_anything_and_the_rest_is_read(ask: Ask, name: str) -> None:
    notebook = reference()
    FORGERIES["fewer layers"].make(notebook, {})
    hostile = SOURCES[name] + "\nbest_solver = Solver(FullyConnectedNet([1]))\n'results.json', dump\nx.record_histories_as_npz()"
    notebook["cells"].append(code(hostile, 90))
    found = asked(ask, as_bytes(notebook))
    assert lost(found) == {"fixed_values"}, staff(found)
    assert "could not be" not in staff(found)


def test_output_of_millions_of_lines_is_read_to_a_limit(ask: Ask) -> None:
    notebook = reference()
    cell(notebook, BEST)["outputs"][0]["text"] = "(Iteration 1 / 7) loss: 1.0\n" * 500_000
    assert asked(ask, as_bytes(notebook)).outcome is Outcome.PASSED


def test_a_course_can_give_it_points_and_then_a_student_reads_why(
    tmp_path: Path, sandbox: Sandbox, make: Callable[..., Path]
) -> None:
    policy = tmp_path / "weighted.toml"
    head, mark, tail = HOMEWORK.rubric.read_text("utf-8").partition(f'id = "{ITEM}"\npoints = 0')
    policy.write_text(head + mark + "\nbonus = 6" + tail, "utf-8")
    rubric = load_rubric(policy, HOMEWORK.checks)

    def ended(notebook: Notebook) -> ItemResult:
        path = make((NAME, None, as_bytes(notebook)))
        (found,) = grade(HOMEWORK, collect(path, HOMEWORK.layout, support=HOMEWORK.support), rubric, sandbox, only=[ITEM]).items
        return found

    forged = reference()
    FORGERIES["another learning rate"].make(forged, {})
    assert ended(reference()).score == 6
    found = ended(forged)
    assert found.score == 4
    assert "(settings)" in wording.for_student(found)


def test_a_student_reads_nothing_of_it(graded: Callable[..., Report], make: Callable[..., Path]) -> None:
    notebook = reference()
    FORGERIES["another learning rate"].make(notebook, {})
    report = graded(make((NAME, None, as_bytes(notebook))), ITEM)
    assert "settings: cell 25 gives lr" in terminal.render(report, staff=True)
    assert "lr" not in terminal.render(report, staff=False).replace("Right so far: fixed_values, printed", "")
    assert report.items[0].visibility == "hidden"
    assert report.items[0].shown_only


def test_a_fault_of_what_costs_nothing_does_not_cost_the_item(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Any:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr("grader.homework.hidden.notebook_consistency._fixed", broken)
    found = ask(ITEM)
    assert (found.outcome, said(found)) == (Outcome.PASSED, "")
    assert "a fault" in staff(found)
