"""Answers are read in declared forms and converted in one place: held by reading the grader's own syntax."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.grading.homework import ROOT
from grader.homework import HOMEWORK
from tests.grading.answer_flow import Flow

GRADER = ROOT / "grader"
TRUSTED = [
    path
    for path in sorted(GRADER.rglob("*.py"))
    if not {"inside", "mounted"} & set(path.relative_to(GRADER).parts) and path.name != "session.py"
]
# What makes of a ragged list an error, of a megabyte of texts gigabytes, of many names minutes.
CONVERTS = {"asarray", "asanyarray", "fromiter", "frombuffer", "ndim", "did_you_mean", "get_close_matches"}
CHECKED = GRADER / "grading" / "expect.py"
# These work on numbers of their own: formulas, tables, and the tables' making.
OWN_NUMBERS = {"error_bounds.py", "rule_formulas.py", "slips.py", "public_steps.py", "reference_rules.py", "regenerate.py"}
OWN_WORDS = {"rubric.py", "selection.py"}  # a rubric's and a command's
# Where something that came with an answer is converted or compared outside `expect.py`, and why that cannot go wrong.
LOOKED_AT = {
    "the grader's own numbers and words, given beside an answer": {
        "behaviour.py": {"_cell", "_shown"},
        "cells.py": {"_laid_out", "steps"},
        "diagnosis.py": {"walked"},
        "fc_net.py": {"_built"},
        "initialization_slips.py": {"_explained"},
        "many_steps.py": {"right_before"},
        "misconceptions.py": {"agreed", "tell"},
        "packed.py": {"_departing"},
        "recorded_runs.py": {"_settings"},
        "slip_search.py": {"_beginning", "_explaining", "_fewest", "_fresh", "_simplest", "_walked"},
        "solver.py": {"grad_norm"},
        "source_code.py": {"_entries", "literal"},
        "student.py": {"_has_hung", "_process"},
        "traces.py": {"walk"},
    },
    "lengths, shapes and types": {"diagnosis.py": {"_same_step", "_same_walk"}},
    "numbers that `expect` has looked at, or an `isinstance` beside it": {
        "fault_messages.py": {"_for_staff"},
        "fc_net.py": {"_all_zero"},
        "misconceptions.py": {"same"},
        "packed.py": {"explains"},
        "sampling.py": {"_looked_at", "tests"},
        "slip_search.py": {"_at_once", "_begun", "_close", "_counts", "_same", "_settings"},
        "solver.py": {"_judge_batches", "training"},
        "traces.py": {"_count", "_still"},
    },
    "what a reader of ours made of a notebook, bounded as plain data; a fault there is a note for staff": {
        "notebook_cells.py": {"agrees"},
        "notebook_consistency.py": {"_fixed", "_read", "_same", "_shown"},
        "notebook_printed.py": {"_departing"},
    },
}


def _calls(path: Path) -> Iterator[tuple[ast.Call, ast.AST]]:
    """Every call in a file, with the function that it stands in."""
    tree = ast.parse(path.read_text("utf-8"))
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                yield node, function


def _name(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


@pytest.mark.parametrize("path", TRUSTED, ids=lambda path: str(path.relative_to(GRADER)))
def test_every_question_declares_the_form_of_its_answer(path: Path) -> None:
    for call, function in _calls(path):
        if _name(call) == "fetch" and call.args:
            declared = {_name(inner) for inner in ast.walk(function) if isinstance(inner, ast.Call)}
            assert declared & {"like", "_params"}, f"{path.name}:{call.lineno} asks without saying for what"


def test_only_the_sandbox_decodes_without_a_form_but_for_files_of_staff() -> None:
    decoding = {path.name for path in TRUSTED for call, _ in _calls(path) if ast.unparse(call.func) == "wire.decode"}
    own = {"corpus.py", "packed.py", "regenerate.py"}  # our own scenarios, and what is right in them
    assert decoding <= {"supervisor.py", *own}  # a greeting before any code


@pytest.mark.parametrize("folder", [GRADER / "grading", HOMEWORK.folder], ids=["grading", "homework"])
def test_answers_are_converted_in_one_module(folder: Path) -> None:
    for path in sorted(folder.rglob("*.py")):
        if path == CHECKED or path.name in OWN_NUMBERS | OWN_WORDS or "mounted" in path.parts:
            continue
        for call, _ in _calls(path):
            method = isinstance(call.func, ast.Attribute) and not ast.unparse(call.func).startswith("np.")
            assert _name(call) not in CONVERTS or method, f"{path.name}:{call.lineno} converts what it may not have looked at"


def test_what_is_converted_or_compared_elsewhere_has_been_looked_at() -> None:
    known = {(file, function) for found in LOOKED_AT.values() for file, functions in found.items() for function in functions}
    judging = [path for path in TRUSTED if {"grading", "homework"} & set(path.relative_to(GRADER).parts) and path != CHECKED]
    uses = [*Flow(judging, "expect").uses()]
    unknown = [use for use in uses if (use.file, use.function) not in known]
    assert not unknown, f"is the form of these known where it is done? then say so in LOOKED_AT: {unknown}"
    assert {(use.file, use.function) for use in uses} == known  # and nothing is listed that is gone


FLOWS = {
    "sorted(found)": "sorted",
    "judge(found)": "repr",
    "[str(one) for one in found]": "str",
    "other.judge(found['a'])": "astype",
    "fetched() == 3": "==",
    "np.asarray(expect.item(found, 'a', 'it'))": "asarray",
    "expect.number(found, 'it') == 3": "",
    "found.shape == (3,) and len(found) == 3": "",
    "honest == 3": "",
}


@pytest.mark.parametrize("line", FLOWS)
def test_an_answer_is_followed_to_what_is_done_to_it(line: str, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("def judge(value):\n    return value.astype(float)\n", "utf-8")
    here = tmp_path / "here.py"
    here.write_text(
        f"""
from . import expect, other
def check(session, asked, honest):
    (found,) = session.fetch(asked.like(form))
    return {line}
def fetched(session, asked):
    return session.fetch(asked)[0]
def judge(value):
    for one in value:
        print(repr(one))
""",
        "utf-8",
    )
    assert [use.what for use in Flow([here, tmp_path / "other.py"], "expect").uses()] == ([FLOWS[line]] if FLOWS[line] else [])
