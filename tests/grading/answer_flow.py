"""Where answers go in the grader's own code, read off its syntax: from what is fetched, through names and calls, to what is done.

An expression is an answer if it is fetched, or made of one: an item, an attribute, an entry that is looped over, what a function
returns that was given one. What the checked module returns is none any more, nor is what only tells of its form, such as a length,
a type or a shape. A function's parameter is an answer if anybody calls it with one, anywhere in the code that is read.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TELLS_FORM: Final = {"len", "isinstance", "type", "id", "bool", "callable", "issubclass"}
_FORM: Final = {"shape", "dtype", "size", "ndim", "itemsize", "keys"}
_NUMPY: Final = {"asarray", "asanyarray", "array", "fromiter", "stack", "concatenate"}
_NAMES: Final = {"str", "repr", "sorted", "did_you_mean", "get_close_matches"}
_TAKES_APART: Final = {"pair", "item"}  # what the checked module hands back as it came
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Use:
    """Something that is done to an answer."""

    file: str
    function: str
    what: str
    line: int


class Flow:
    """The flow of answers through some files.

    Args:
        files: those to be read.
        checked: names under which the checked module is called: "expect".
    """

    def __init__(self, files: Sequence[Path], checked: str) -> None:
        self._checked = checked
        self._functions: dict[str, list[tuple[Path, Function]]] = {}
        self._given: dict[int, set[str]] = {}
        self._returns: set[int] = set()
        self._imported: dict[Path, dict[str, tuple[str, str]]] = {path: {} for path in files}
        for path in files:
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, Function):
                    self._functions.setdefault(node.name, []).append((path, node))
                    self._given[id(node)] = set()
                elif isinstance(node, ast.ImportFrom):
                    origin = (node.module or "").rpartition(".")[2]
                    self._imported[path] |= {one.asname or one.name: (origin, one.name) for one in node.names}

    def uses(self) -> Iterator[Use]:
        """Every conversion and comparison of an answer."""
        while self._pass_on():
            pass
        for path, function in self._every():
            names = self._answers(path, function)
            for node in ast.walk(function):
                if what := self._done(path, node, names):
                    yield Use(path.name, function.name, what, node.lineno)  # type: ignore[attr-defined]

    def _called(self, path: Path, call: ast.Call) -> Iterator[Function]:
        """The functions that a call in a file may mean: its own, those it imports, those of a module that it imports."""
        imported = self._imported[path]
        match call.func:
            case ast.Name(id=name):
                origin, name = imported.get(name, (path.stem, name))
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in imported:
                origin = imported[module][1]
            case ast.Attribute(attr=name):
                origin = path.stem
            case _:
                return
        yield from (function for where, function in self._functions.get(name, ()) if where.stem == origin)

    def _every(self) -> Iterator[tuple[Path, Function]]:
        return (one for found in self._functions.values() for one in found)

    def _pass_on(self) -> bool:
        """Mark the parameters that are called with answers; whether there was a new one."""
        news = False
        for path, function in self._every():
            names = self._answers(path, function)
            if id(function) not in self._returns and any(self._is(path, value, names) for value in _returned(function)):
                self._returns.add(id(function))
                news = True
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                for called in self._called(path, call):
                    parameters = [one.arg for one in called.args.posonlyargs + called.args.args if one.arg not in ("self", "cls")]
                    parameters += [one.arg for one in called.args.kwonlyargs]
                    given = {name for name, value in zip(parameters, call.args, strict=False) if self._is(path, value, names)}
                    given |= {one.arg for one in call.keywords if one.arg and self._is(path, one.value, names)}
                    news |= not given <= self._given[id(called)]
                    self._given[id(called)] |= given
        return news

    def _answers(self, path: Path, function: Function) -> set[str]:
        """The names in a function that hold answers."""
        names, before = set(self._given[id(function)]), -1
        while len(names) > before:
            before = len(names)
            for node in ast.walk(function):
                match node:
                    case ast.Assign(targets=targets, value=value) if self._is(path, value, names):
                        names |= {name for target in targets for name in _bound(target)}
                    case ast.AnnAssign(target=target, value=ast.expr() as value) if self._is(path, value, names):
                        names |= set(_bound(target))
                    case ast.NamedExpr(target=target, value=value) if self._is(path, value, names):
                        names |= set(_bound(target))
                    case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value) if self._is(
                        path, value, names
                    ):
                        names |= set(_bound(target))
                    case ast.Match(subject=value, cases=cases) if self._is(path, value, names):
                        names |= {name for case in cases for name in _captured(case.pattern)}
        return names

    def _is(self, path: Path, node: ast.AST, names: set[str]) -> bool:
        """Whether an expression is an answer or holds one."""
        match node:
            case ast.Name(id=name):
                return name in names
            case ast.Attribute(attr=attr) if attr in _FORM:
                return False
            case ast.Call():
                name = _name(node)
                of_checked = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == self._checked
                if name in _TELLS_FORM or (of_checked and name not in _TAKES_APART):
                    return False
                if (
                    name == "fetch"
                    or ast.unparse(node.func).endswith("student.read")
                    or any(id(one) in self._returns for one in self._called(path, node))
                ):
                    return True
                inner = [*node.args, *(one.value for one in node.keywords)]
                return any(self._is(path, one, names) for one in inner) or (
                    isinstance(node.func, ast.Attribute) and node.func.attr not in _FORM and self._is(path, node.func.value, names)
                )
            case ast.Compare() | ast.BoolOp(op=ast.And()) | ast.UnaryOp(op=ast.Not()) | ast.JoinedStr() | ast.Lambda():
                return False
        return any(self._is(path, child, names) for child in ast.iter_child_nodes(node))

    def _done(self, path: Path, node: ast.AST, names: set[str]) -> str:
        """What is done to an answer here that only the checked module may do; empty for anything else."""
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr="astype")) if self._is(path, value, names):
                return "astype"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr=name), args=args) if name in _NUMPY:
                return name if any(self._is(path, one, names) for one in args) else ""
            case ast.Call(func=ast.Name(id=name), args=args) if name in _NAMES:
                return name if any(self._is(path, one, names) for one in args) else ""
            case ast.Compare(left=left, ops=ops, comparators=others) if any(isinstance(op, ast.Eq | ast.NotEq) for op in ops):
                return "==" if any(self._is(path, one, names) for one in (left, *others)) else ""
        return ""


def _name(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def _returned(function: Function) -> Iterator[ast.expr]:
    nodes = (node for node in ast.walk(function) if isinstance(node, ast.Return | ast.Yield))
    return (node.value for node in nodes if node.value is not None)


def _bound(target: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))


def _captured(pattern: ast.pattern) -> Iterator[str]:
    for node in ast.walk(pattern):
        name = node.rest if isinstance(node, ast.MatchMapping) else getattr(node, "name", None)
        if isinstance(name, str):
            yield name
