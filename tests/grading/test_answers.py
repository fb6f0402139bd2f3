"""Answers are read in declared forms and converted in one place: held by reading the grader's own syntax."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.grading.homework import ROOT
from grader.homework import HOMEWORK

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
    assert decoding <= {"supervisor.py", "corpus.py", "regenerate.py"}  # a greeting before any code, and our own scenarios


@pytest.mark.parametrize("folder", [GRADER / "grading", HOMEWORK.folder], ids=["grading", "homework"])
def test_answers_are_converted_in_one_module(folder: Path) -> None:
    for path in sorted(folder.rglob("*.py")):
        if path == CHECKED or path.name in OWN_NUMBERS | OWN_WORDS or "mounted" in path.parts:
            continue
        for call, _ in _calls(path):
            method = isinstance(call.func, ast.Attribute) and not ast.unparse(call.func).startswith("np.")
            assert _name(call) not in CONVERTS or method, f"{path.name}:{call.lineno} converts what it may not have looked at"
