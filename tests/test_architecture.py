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
UNPICKLES_ITS_OWN = {"grader.grading.apart"}  # what its own fork tells, which runs our code alone, with the same rights
DESERIALISERS = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}

# Floors of the house: a room may import what lies on the floors below it, and itself; rooms of one floor do not know each other.
FLOORS = (
    ("errors",),
    ("submission", "sandbox"),
    ("grading",),
    ("homework",),
    ("report",),
    ("replay",),
    ("classroom", "packaging"),
    ("commands",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FRONT_DOORS = {"grader", "grader.__main__"}  # what Python itself opens: they lead anywhere


@dataclass(frozen=True)
class Import:
    """One imported module: `lazy` inside a function, `typing` under `if TYPE_CHECKING`."""

    name: str
    line: int
    lazy: bool
    typing: bool


def name_of(path: Path) -> str:
    """ "grader/homework/optim.py" -> "grader.checks.optim"; a package by its folder's name."""
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
        "import os, numpy as np\nfrom ..grading import expect\nfrom ..errors import UsageError\nfrom . import network\n"
        "if TYPE_CHECKING:\n    import pickle\ndef f():\n    from ..report import wording\n    import json.decoder\n"
    )
    found = list(imports(ast.parse(source), "grader.homework.optim", package=False))
    assert [(one.name, one.lazy, one.typing) for one in found] == [
        ("os", False, False),
        ("numpy", False, False),
        ("grader.grading.expect", False, False),
        ("grader.errors", False, False),
        ("grader.homework.network", False, False),
        ("pickle", False, True),
        ("grader.report.wording", True, False),
        ("json.decoder", True, False),
    ]


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def arrows() -> dict[str, set[str]]:
    """Room -> the rooms that its files import, lazily or not."""
    found: dict[str, set[str]] = {room: set() for room in FLOOR}
    for name in MODULES:
        if name not in FRONT_DOORS:
            found[room_of(name)] |= {room_of(one.name) for one in own(name)} - {"", room_of(name)}
    return found


def test_every_room_has_its_floor_and_the_house_is_small() -> None:
    rooms = {path.name for path in (ROOT / "grader").iterdir() if path.name not in ("__pycache__", "py.typed")}
    assert rooms - {"__init__.py", "__main__.py", "errors.py"} == set(FLOOR) - {"errors"}
    assert len(rooms) <= 12


@pytest.mark.parametrize("room", FLOOR)
def test_a_room_imports_only_what_lies_below_it(room: str) -> None:
    known = arrows()[room]
    print(f"{room} -> {', '.join(sorted(known)) or 'nothing'}")  # pytest -s -k arrows, for whoever wants to see the house
    assert not {other for other in known if FLOOR[other] >= FLOOR[room]}


def test_the_sandbox_knows_nothing_of_the_grader() -> None:
    assert arrows()["sandbox"] == set()


def test_the_untrusted_side_imports_nothing_of_the_trusted_one() -> None:
    for name in MODULES:
        if below(name, "grader.sandbox.inside"):
            assert all(below(one.name, "grader.sandbox.inside") for one in own(name)), name
        if "mounted" in name.split("."):
            assert not own(name), name


def test_no_two_files_import_each_other_in_a_circle() -> None:
    """Lazy imports and those for types included. Only the front doors are left out, and a package's face seen from inside it."""
    graph = {name: {one.name for one in own(name)} - {"grader", name} for name in MODULES if name not in FRONT_DOORS}
    list(TopologicalSorter(graph).static_order())  # raises CycleError and names the circle


def test_the_core_is_given_its_homework_and_imports_none() -> None:
    wrong = [
        f"{name}:{one.line} imports {one.name}"
        for name in MODULES
        if room_of(name) not in ("homework", "")
        for one in own(name)
        if below(one.name, "grader.homework")
    ]
    assert not wrong


def test_what_is_hidden_is_imported_only_where_it_may_be_missing() -> None:
    wrong = [
        f"{name}:{one.line} imports {one.name}"
        for name in MODULES
        if not below(name, "grader.homework.hidden")
        for one in own(name)
        if below(one.name, "grader.homework.hidden") and not (one.lazy and name == "grader.homework")
    ]
    assert not wrong


def test_views_do_not_grade() -> None:
    graders = {"grader.grading.grade", "grader.grading.student", "grader.grading.registry", "grader.sandbox"}
    wrong = [
        f"{name}:{one.line} imports {one.name}"
        for name in MODULES
        if below(name, "grader.report")
        for one in own(name)
        if any(below(one.name, grader) for grader in graders)
    ]
    assert not wrong


@pytest.mark.parametrize("module", [name for name in MODULES if name not in MAY_NEED_POSIX])
def test_every_module_can_be_imported_on_a_system_that_is_not_posix(module: str) -> None:
    found = [one.name for one in IMPORTS[module] if one.name.split(".")[0] in POSIX_ONLY and not (one.lazy or one.typing)]
    assert not found


@pytest.mark.parametrize("module", [name for name in MODULES if "mounted" not in name.split(".")])
def test_nothing_is_unpickled_and_no_array_file_opened_on_the_trusted_side(module: str) -> None:
    imported = [one.name for one in IMPORTS[module] if set(one.name.split(".")) & DESERIALISERS]
    assert imported == (["pickle"] if module in UNPICKLES_ITS_OWN else [])
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy"):
            assert node.attr not in ("load", "loadtxt", "genfromtxt", "fromfile", "memmap"), f"line {node.lineno}: np.{node.attr}"


def test_readers_of_array_files_refuse_pickles() -> None:
    calls = [
        node
        for name, tree in TREES.items()
        if "mounted" in name.split(".")
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


def test_what_only_staff_install_is_imported_where_only_staff_come_and_when_it_is_needed() -> None:
    staffs = {"jinja2", "markupsafe", "nh3", "yaml"}
    places = {module: [one for one in IMPORTS[module] if one.name.split(".")[0] in staffs] for module in MODULES}
    found = {module: ones for module, ones in places.items() if ones and ".mounted" not in module}
    assert {room_of(module) for module in found} == {"classroom", "replay"}
    assert [f"{module}:{one.line}" for module, ones in found.items() for one in ones if not (one.lazy or one.typing)] == []
