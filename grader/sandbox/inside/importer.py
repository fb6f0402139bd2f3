"""Imports from bytes: the sandbox has no submission directory, only what the grader mounted.

What is installed on a machine changes nothing. Code that is mounted sees the standard library, NumPy and what is mounted beside
it; every other import gets a stand-in (`stand_ins.py`), whether the package is there or not. Where the import stands in a `try`
that is ready for its failure, it fails. Names that NumPy 2 dropped are put back, and a package needs no `__init__.py`.
"""

from __future__ import annotations

import ast
import builtins
import linecache
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from .stand_ins import StandIn

_MAX_ABSENT = 16
# Of the standard library: what needs a screen, does something when it is imported, or is not part of every installation.
_LEFT_OUT = frozenset(
    ["antigravity", "distutils", "ensurepip", "idlelib", "lib2to3", "test", "this", "tkinter", "_tkinter", "turtle", "turtledemo"]
)
_NUMPYS_LEFT_OUT = ("numpy.distutils", "numpy.f2py")  # the same of NumPy's
_MACHINERY = frozenset(
    ["importlib", "importlib._bootstrap", "importlib._bootstrap_external", "_frozen_importlib", "_frozen_importlib_external"]
)
_CAUGHT = frozenset(["ImportError", "ModuleNotFoundError", "Exception", "BaseException"])
_there = {*sys.stdlib_module_names, "numpy"} - _LEFT_OUT
_compiled: dict[tuple[str, bytes], CodeType] = {}  # what was compiled in this process or ahead, in the one it was forked from


class MemoryImporter:
    """Finder and loader for mounted sources, and for stand-ins where they import what is not there."""

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        """`sources` maps file names with forward slashes to their bytes, e.g. "package/module.py"."""
        self.files: dict[str, str] = {}  # module name -> file name; packages end in /__init__.py
        self.sources = dict(sources)
        self.absent: list[str] = []
        self._prepared: dict[str, frozenset[int]] = {}
        for path in sources:
            parts = path.removesuffix(".py").split("/")
            for depth in range(1, len(parts)):
                self.files.setdefault(".".join(parts[:depth]), "/".join([*parts[:depth], "__init__.py"]))
            if parts[-1] != "__init__":
                self.files[".".join(parts)] = path

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name in self.files:
            file = self.files[name]
            return ModuleSpec(name, self, origin=file, is_package=file.endswith("/__init__.py"))  # type: ignore[arg-type]
        top = name.partition(".")[0]
        asker = self._asker()
        if asker is None or top in self.files:
            return None
        real = top in _there and not name.startswith(_NUMPYS_LEFT_OUT)
        if self._is_prepared(*asker):
            if real:
                return None
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        found = self._real(name, path, target) if real else None
        if found is not None:
            found.loader = _Forgiving(self, found.loader)  # type: ignore[assignment]
            return found
        return ModuleSpec(name, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None if spec.name in self.files else self.stand_in(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        file = self.files.get(module.__name__)
        if file is None:
            return
        source = self.sources.get(file, b"")
        module.__file__ = file
        linecache.cache[file] = (len(source), None, self.lines(file), file)
        exec(compiled(file, source), module.__dict__)

    def stand_in(self, name: str) -> StandIn:
        """A module in place of one that is not there, and a note of what is lacking: a package, or a part of one that is there."""
        top, lacking = name.partition(".")[0], next((known for known in self.absent if f"{name}.".startswith(f"{known}.")), "")
        if not lacking:
            lacking = name if top in _there else top
            if len(self.absent) < _MAX_ABSENT:
                self.absent.append(lacking)
        return StandIn(name, lacking)

    def withdraw(self) -> None:
        """Take the mounted files and all that was imported from them out of this process."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        for name, module in list(sys.modules.items()):
            if type(module) is StandIn:
                del sys.modules[name]
                package, _, part = name.rpartition(".")
                vars(sys.modules.get(package, module)).pop(part, None)
        for name in self.files:
            sys.modules.pop(name, None)

    def lines(self, file: str) -> list[str]:
        """The lines of a mounted file, for tracebacks; undecodable bytes are replaced."""
        return self.sources.get(file, b"").decode("utf-8", "replace").splitlines(keepends=True)

    def _asker(self) -> tuple[str, int] | None:
        """The mounted file and the line that import something right now; None if it is a library that does, or only a question
        whether there is such a module."""
        frame = sys._getframe(2)
        while frame.f_back is not None and frame.f_globals.get("__name__") in _MACHINERY:
            frame = frame.f_back
        return (frame.f_code.co_filename, frame.f_lineno) if frame.f_code.co_filename in self.sources else None

    def _is_prepared(self, file: str, line: int) -> bool:
        """Whether the code at this place is ready for an import to fail."""
        if file not in self._prepared:
            self._prepared[file] = frozenset(_prepared_lines(self.sources[file]))
        return line in self._prepared[file]

    def _real(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(name, path, target)) is not None:
                return spec
        return None


class _Forgiving:
    """Loads a module of the standard library as its own loader does; one that cannot be loaded on this system is a stand-in."""

    def __init__(self, importer: MemoryImporter, loader: Any) -> None:
        self._importer = importer
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        try:
            module: ModuleType | None = self._loader.create_module(spec)
        except ImportError:
            return self._importer.stand_in(spec.name)
        return module

    def exec_module(self, module: ModuleType) -> None:
        if type(module) is StandIn:
            return
        try:
            self._loader.exec_module(module)
        except ImportError:
            sys.modules[module.__name__] = self._importer.stand_in(module.__name__)
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader


def _prepared_lines(source: bytes) -> Iterable[int]:
    """The lines on which an import or a call stands that may fail: inside `try` with a handler for it, or `with suppress(…)`."""
    waiting: list[tuple[ast.AST, bool]] = [(ast.parse(source), False)]
    while waiting:
        node, prepared = waiting.pop()
        if prepared and isinstance(node, ast.Import | ast.ImportFrom | ast.Call):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):  # runs later, and elsewhere
            prepared = False
        inside = _prepared_body(node)
        waiting += [(child, prepared or child in inside) for child in ast.iter_child_nodes(node)]


def _prepared_body(node: ast.AST) -> Sequence[ast.AST]:
    """The statements in which an import may fail, if this is one that sees to that."""
    match node:
        case ast.Try(body=body, handlers=handlers) if any(one.type is None or _names(one.type) & _CAUGHT for one in handlers):
            return body
        case ast.With(body=body, items=items) if any("suppress" in _names(item.context_expr) for item in items):
            return body
    return ()


def _names(expression: ast.AST) -> set[str]:
    """Every name in an expression, also those behind a dot."""
    nodes = list(ast.walk(expression))
    return {node.id for node in nodes if isinstance(node, ast.Name)} | {
        node.attr for node in nodes if isinstance(node, ast.Attribute)
    }


def admit(modules: Iterable[str]) -> None:
    """Let mounted code import these too; without any, what is installed beside NumPy cannot be imported by anybody."""
    tops = {name.partition(".")[0] for name in modules} - _there
    if tops:
        _there.update(tops)
        return
    own = {os.path.dirname(os.path.dirname(file)) for file in (np.__file__, __file__)} - {os.path.dirname(os.__file__)}
    sys.path[:] = [folder for folder in sys.path if folder not in own]


def compiled(file: str, source: bytes) -> CodeType:
    """The code of a mounted file; each is compiled once in a process's life.

    Raises:
        SyntaxError: and whatever else `compile` raises.
    """
    known = _compiled.get((file, source))
    if known is None:
        known = _compiled[file, source] = compile(source, file, "exec", dont_inherit=True)
    return known


def restore_dropped_numpy_names() -> None:
    """Give NumPy 2 the aliases that homework written for NumPy 1 still uses; names that exist are left alone."""
    aliases: dict[str, object] = {
        "float": builtins.float, "int": builtins.int, "bool": builtins.bool, "object": builtins.object,
        "str": builtins.str, "complex": builtins.complex, "float_": np.float64, "complex_": np.complex128,
        "product": np.prod, "cumproduct": np.cumprod, "sometrue": np.any, "alltrue": np.all,
        "Inf": np.inf, "Infinity": np.inf, "infty": np.inf, "NaN": np.nan, "NAN": np.nan, "PINF": np.inf, "NINF": -np.inf,
        "row_stack": np.vstack, "bool8": np.bool_, "int0": np.intp, "asfarray": _asfarray,
    }  # fmt: skip
    present = set(dir(np))
    for name, value in aliases.items():
        if name not in present:
            setattr(np, name, value)


def _asfarray(a: Any, dtype: Any = np.float64) -> Any:
    return np.asarray(a, dtype=dtype if np.issubdtype(dtype, np.inexact) else np.float64)
