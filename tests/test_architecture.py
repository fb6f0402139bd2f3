"""Imports run one way, and what must never meet never does: read from the source of every module, lazy imports included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT

POSIX_ONLY = {"resource", "fcntl", "pwd", "grp", "termios", "pty", "tty", "syslog"}
MAY_NEED_POSIX = {f"grader.sandbox.inside.{name}" for name in ("hardening", "landlock", "seccomp", "forkserver")}
DESERIALISERS = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
MOUNTED = "grader.checks.mounted"

# Package or module -> what of `grader` it may import (with everything below it). Itself is always allowed.
ALLOWED = {
    "grader.errors": set[str](),
    "grader.text": set[str](),
    "grader.finding": set[str](),
    "grader.rubric": {"grader.errors"},
    "grader.intake": {"grader.errors", "grader.text"},
    "grader.submission": {"grader.errors", "grader.text", "grader.intake"},
    "grader.result": {"grader.finding"},
    "grader.scoring": {"grader.rubric"},
    "grader.sandbox": {"grader.errors", "grader.text"},
    "grader.sandbox.inside": set[str](),
    MOUNTED: set[str](),
    "grader.roster": {"grader.errors", "grader.text"},
    "grader.metadata": {"grader.errors", "grader.roster", "grader.text"},
    "grader.export": {"grader.errors", "grader.intake", "grader.metadata", "grader.roster", "grader.submission", "grader.text"},
    "grader.selection": {"grader.errors", "grader.rubric"},
    "grader.report": {
        "grader.errors",
        "grader.finding",
        "grader.result",
        "grader.roster",
        "grader.rubric",
        "grader.scoring",
        "grader.text",
    },
    "grader.compare": {"grader.report", "grader.roster"},
}
# Package or module -> what of `grader` it must not import.
FORBIDDEN = {
    "grader.expect": {"grader.checks", "grader.exam", "grader.grading", "grader.report", "grader.student", "grader.submission"},
    "grader.student": {"grader.checks", "grader.exam", "grader.grading", "grader.report", "grader.fixtures", "grader.rubric"},
    "grader.checks": {"grader.report", "grader.cli", "grader.container", "grader.doctor", "grader.grading", "grader.scoring"},
    "grader.hidden": {"grader.report", "grader.cli", "grader.container", "grader.doctor", "grader.grading", "grader.scoring"},
    "grader.exam": {"grader.report", "grader.cli", "grader.container", "grader.grading"},
    "grader.grading": {"grader.report", "grader.worker", "grader.batch", "grader.cli", "grader.container"},
    "grader.worker": {"grader.batch", "grader.classroom", "grader.cli", "grader.compare", "grader.container", "grader.desk"},
    "grader.batch": {"grader.classroom", "grader.cli", "grader.compare", "grader.container", "grader.desk"},
    "grader.classroom": {"grader.cli", "grader.compare", "grader.container", "grader.desk"},
    "grader.desk": {"grader.cli", "grader.container"},
    "grader.container": {"grader.cli"},
}
MAY_IMPORT_HIDDEN = {"grader.classroom", "grader.exam", "grader.replay", "grader.worker"}  # lazily: the handout has no such package


@dataclass(frozen=True)
class Import:
    """One imported module: `lazy` inside a function, `typing` under `if TYPE_CHECKING`."""

    name: str
    line: int
    lazy: bool
    typing: bool


def name_of(path: Path) -> str:
    """ "grader/checks/optim.py" -> "grader.checks.optim"; a package by its folder's name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {name_of(path): path for path in sorted((ROOT / "grader").rglob("*.py"))}
TREES = {name: ast.parse(path.read_text("utf-8"), str(path)) for name, path in FILES.items()}
MODULES = sorted(FILES)


def imports(tree: ast.Module, module: str, *, package: bool) -> Iterator[Import]:
    """Every import of a module, relative names made absolute; `from x import y` gives x.y where that is a module, else x."""
    base = module if package else module.rpartition(".")[0]

    def walk(node: ast.AST, lazy: bool, typing: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, lazy, typing)
        elif isinstance(node, ast.ImportFrom):
            start = base.rsplit(".", node.level - 1)[0] if node.level else ""
            source = ".".join(part for part in (start, node.module) if part)
            for alias in node.names:
                name = f"{source}.{alias.name}"
                yield Import(name if name in FILES or not node.level else source, node.lineno, lazy, typing)
        for child in ast.iter_child_nodes(node):
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            guarded = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and child in node.body
            yield from walk(child, lazy or inside, typing or guarded)

    yield from walk(tree, False, False)


IMPORTS = {name: list(imports(tree, name, package=FILES[name].name == "__init__.py")) for name, tree in TREES.items()}


def below(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def own(module: str) -> list[Import]:
    """What a module imports of this package."""
    return [one for one in IMPORTS[module] if below(one.name, "grader")]


def test_imports_are_read_in_every_form() -> None:
    source = (
        "import os, numpy as np\nfrom .. import expect\nfrom ..errors import UsageError\nfrom . import network\n"
        "if TYPE_CHECKING:\n    import pickle\ndef f():\n    from ..report import text\n    import json.decoder\n"
    )
    found = list(imports(ast.parse(source), "grader.checks.optim", package=False))
    assert [(one.name, one.lazy, one.typing) for one in found] == [
        ("os", False, False),
        ("numpy", False, False),
        ("grader.expect", False, False),
        ("grader.errors", False, False),
        ("grader.checks.network", False, False),
        ("pickle", False, True),
        ("grader.report.text", True, False),
        ("json.decoder", True, False),
    ]


@pytest.mark.parametrize("part", ALLOWED)
def test_a_lower_part_knows_only_what_lies_below_it(part: str) -> None:
    narrower = [other for other in ALLOWED if other != part and below(other, part)]
    modules = [name for name in MODULES if below(name, part) and not any(below(name, other) for other in narrower)]
    assert modules, f"there is no {part}"
    wrong = [
        f"{name}:{one.line} imports {one.name}"
        for name in modules
        for one in own(name)
        if one.name != "grader" and not any(below(one.name, allowed) for allowed in {part, *ALLOWED[part]})
    ]
    assert not wrong


@pytest.mark.parametrize("part", FORBIDDEN)
def test_a_part_does_not_know_those_above_it(part: str) -> None:
    assert any(below(name, part) for name in MODULES) or part == "grader.hidden"
    wrong = [
        f"{name}:{one.line} imports {one.name}"
        for name in MODULES
        if below(name, part)
        for one in own(name)
        if not one.typing and any(below(one.name, forbidden) for forbidden in FORBIDDEN[part])
    ]
    assert not wrong


def test_the_untrusted_side_imports_nothing_of_the_trusted_one() -> None:
    for name in MODULES:
        if below(name, "grader.sandbox.inside"):
            assert all(below(one.name, "grader.sandbox.inside") for one in own(name)), name


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name: {one.name for one in own(name) if not (one.lazy or one.typing)} - {"grader", name} for name in MODULES}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError and names the circle
    assert order.index("grader.errors") < order.index("grader.submission") < order.index("grader.container")


def test_what_is_hidden_is_imported_only_where_it_may_be_missing() -> None:
    wrong = [
        f"{name}:{one.line} imports {one.name}"
        for name in MODULES
        if not below(name, "grader.hidden")
        for one in own(name)
        if below(one.name, "grader.hidden") and not (one.typing or (one.lazy and name in MAY_IMPORT_HIDDEN))
    ]
    assert not wrong


@pytest.mark.parametrize("module", [name for name in MODULES if name not in MAY_NEED_POSIX])
def test_every_module_can_be_imported_on_a_system_that_is_not_posix(module: str) -> None:
    found = [one.name for one in IMPORTS[module] if one.name.split(".")[0] in POSIX_ONLY and not (one.lazy or one.typing)]
    assert not found


@pytest.mark.parametrize("module", [name for name in MODULES if not below(name, MOUNTED)])
def test_nothing_is_unpickled_and_no_array_file_opened_on_the_trusted_side(module: str) -> None:
    assert not [one.name for one in IMPORTS[module] if set(one.name.split(".")) & DESERIALISERS]
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy"):
            assert node.attr not in ("load", "loadtxt", "genfromtxt", "fromfile", "memmap"), f"line {node.lineno}: np.{node.attr}"


def test_readers_of_array_files_refuse_pickles() -> None:
    calls = [
        node
        for name, tree in TREES.items()
        if below(name, MOUNTED)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and ast.unparse(node.func) == "np.load"
    ]
    assert calls
    for call in calls:
        assert [ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg == "allow_pickle"] == ["False"]


@pytest.mark.parametrize("module", [name for name in MODULES if not below(name, "grader.sandbox")])
def test_code_is_compiled_and_run_only_in_the_sandbox(module: str) -> None:
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("exec", "eval", "compile", "__import__"), f"line {node.lineno}: {node.func.id}()"
