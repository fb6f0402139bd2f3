"""One process answers for a submission as long as all goes well; nothing that one item leaves behind is charged to another."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.grading.results import Outcome, Report
from grader.grading.rubric import Rubric
from tests.conftest import FC_NET, OPTIM, SAMPLES, SOLVER, item

Graded = Callable[..., Report]
Make = Callable[..., Path]
END = "\n\n"
REFERENCE = {name: (SAMPLES / "reference" / name).read_text("utf-8") for name in (OPTIM, FC_NET, SOLVER)}


def added(file: str, code: str) -> tuple[str, None, str]:
    """An edit that puts code behind a file of the reference."""
    return file, None, REFERENCE[file] + END + code


def outcomes(report: Report) -> dict[str, Outcome]:
    return {found.id: found.outcome for found in report.items}


def test_all_items_on_one_file_are_answered_by_one_process_which_loaded_no_other(graded: Graded, make: Make) -> None:
    said = "import os\nprint(f'<{os.getpid()}>')\n"
    report = graded(make(*(added(file, said) for file in REFERENCE)))
    printed = [note for note in report.staff_notes if "printed" in note]
    assert len(printed) == 3
    processes = [set(re.findall(r"<(\d+)>", note)) for note in printed]
    assert [len(one) for one in processes] == [1, 1, 1]
    assert len(set.union(*processes)) == 3
    assert report.all_passed


def test_every_item_meets_code_that_was_just_imported(graded: Graded, make: Make) -> None:
    counting = "_calls = 0\n_adam = adam\ndef adam(w, dw, config=None):\n    global _calls\n    _calls += 1\n"
    counting += "    assert _calls > 0\n    return _adam(w, dw, config)\nprint('imported')\n"
    report = graded(make(added(OPTIM, counting)), "optim.sgd_momentum.golden", "optim.adam.golden", "optim.rmsprop.golden")
    (note,) = [note for note in report.staff_notes if "printed" in note]
    assert note.count("imported") == 3


SPOILERS = {
    "NumPy's square root": "np.sqrt = lambda x: 0 * x + 1",
    "its own module": "import sys; sys.modules[__name__].adam = None",
    "the built-in sum and all": "import builtins; builtins.sum = builtins.all = lambda *a, **k: 0",
    "strict floating-point errors": "np.seterr(all='raise')",
    "its output closed": "import os; os.close(1); os.close(2)",
    "the import machinery emptied": "import sys; sys.meta_path.clear()",
    "a process that ends a little later": "import threading, os; threading.Timer(0.02, os._exit, (0,)).start()",
}


@pytest.mark.parametrize("spoiler", SPOILERS)
def test_what_one_item_leaves_behind_costs_no_other(spoiler: str, graded: Graded, make: Make) -> None:
    code = f"_momentum = sgd_momentum\ndef sgd_momentum(w, dw, config=None):\n    {SPOILERS[spoiler]}\n"
    path = make(added(OPTIM, code + "    return _momentum(w, dw, config)\n"))
    found = outcomes(graded(path))
    others = {name: outcome for name, outcome in found.items() if "sgd_momentum" not in name}
    assert set(others.values()) == {Outcome.PASSED}, others
    assert found["optim.sgd_momentum.golden"] is Outcome.PASSED


@pytest.mark.parametrize("sample", ["cs231n_momentum", "untouched", "raises_at_import", "only_momentum", "does_not_parse"])
def test_an_item_asked_alone_gets_the_verdict_it_gets_among_others(sample: str, graded: Graded, rubric: Rubric) -> None:
    together = graded(SAMPLES / sample)
    for row in rubric.graded:
        alone = item(graded(SAMPLES / sample, *row.needs, row.id), row.id)
        among = item(together, row.id)
        assert (alone.outcome, alone.score, alone.parts) == (among.outcome, among.score, among.parts), row.id
        if not row.id.startswith(("logs.", "notebook.")):  # these are also held against the other items' verdicts
            assert alone.findings == among.findings
