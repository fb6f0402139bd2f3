"""Imports for children that cannot open Python's own files: those in a jail, and those of a user who may not enter its folder.

The fork server keeps the source of the standard library and NumPy in memory, so that a child can still import what it has not
yet loaded; compiled modules are loaded beforehand.
"""

from __future__ import annotations

import contextlib
import encodings
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

import numpy as np

# Not worth their memory: nothing a homework imports, or nothing that works without a screen or a compiler.
_LEFT_OUT = frozenset(["site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "ensurepip", "turtledemo", "f2py"])
_NOT_LOADED = ("_test", "_tkinter", "_curses", "_dbm", "_gdbm", "readline", "nis", "ossaudiodev", "_xx", "xx")


class Library:
    """Finds modules among sources held in memory."""

    def __init__(self) -> None:
        self.sources: dict[str, tuple[bytes, bool]] = {}  # module name -> source, whether it is a package
        for root, prefix in ((sysconfig.get_path("stdlib"), ""), (os.path.dirname(np.__file__), "numpy.")):
            self._read(root, prefix)

    def find_spec(self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in self.sources:
            return None
        return ModuleSpec(name, self, origin=f"<{name}>", is_package=self.sources[name][1])  # type: ignore[arg-type]

    def create_module(self, _spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.sources[module.__name__][0], f"<{module.__name__}>", "exec", dont_inherit=True), module.__dict__)

    def _read(self, root: str, prefix: str) -> None:
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if name not in _LEFT_OUT and name.isidentifier()]
            package = prefix + "".join(f"{part}." for part in Path(folder).relative_to(root).parts)
            for file in files:
                if file.endswith(".py"):
                    is_package = file == "__init__.py"
                    name = package.rstrip(".") if is_package else package + file.removesuffix(".py")
                    with contextlib.suppress(OSError), open(os.path.join(folder, file), "rb") as source:
                        self.sources[name] = (source.read(), is_package)


def keep() -> None:
    """Load every compiled module of the standard library and NumPy, and have all others found in memory from now on."""
    for name in (*_compiled(), "numpy.fft"):  # all other compiled parts of NumPy that can be asked for are loaded by now
        with contextlib.suppress(ImportError):
            __import__(name)
    sys.meta_path.insert(sys.meta_path.index(PathFinder), Library())  # before what would meet files that cannot be opened


def readable_by(uid: int) -> bool:
    """Whether that user, in no group, can open the files of the standard library and of NumPy; only root can ask this."""
    places = [str(path) for path in _places()]
    asked = os.fork()
    if asked == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        except OSError:  # that user cannot be had, so what is asked about will run as this one
            os._exit(0)
        os._exit(0 if all(os.access(place, os.R_OK) for place in places) else 1)
    _, status = os.waitpid(asked, 0)
    return status == 0


def _places() -> Iterator[Path]:
    """What tells for the rest: files in the folders that modules are loaded from, and those folders."""
    for module in (os, encodings, np, np.linalg):
        file = Path(str(module.__file__))
        yield from (file.parent, file)
    compiled = Path(sysconfig.get_path("platstdlib"), "lib-dynload")
    if compiled.is_dir():
        yield from (compiled, *sorted(compiled.iterdir())[:1])


def _compiled() -> Iterator[str]:
    with contextlib.suppress(OSError):
        for file in sorted(os.listdir(os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload"))):
            name = file.partition(".")[0]
            if file.endswith(tuple(EXTENSION_SUFFIXES)) and not name.startswith(_NOT_LOADED):
                yield name
