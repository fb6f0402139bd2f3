"""An empty root directory, for kernels without Landlock: what cannot be reached needs no rule.

The fork server keeps the source of the standard library and NumPy in memory, so that a child can still import what it has not
yet loaded; compiled modules are loaded beforehand. Root may change the root directory as it is; anybody else does it in a user
namespace of their own, where the kernel offers one (user_namespaces(7)).
"""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np

from .libc import libc

_CLONE_NEWUSER = 0x10000000
# Not worth their memory: nothing a homework imports, or nothing that works without a screen or a compiler.
_LEFT_OUT = frozenset(["site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "ensurepip", "turtledemo", "f2py"])
_NOT_LOADED = ("_test", "_tkinter", "_curses", "_dbm", "_gdbm", "readline", "nis", "ossaudiodev", "_xx", "xx")


class Library:
    """Finds modules among sources held in memory; stands last, behind what is already loaded."""

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


def prepare(path: str) -> bool:
    """Make this process's children able to live in `path`; whether that will work here.

    Loads every compiled module of the standard library and installs a `Library`.
    """
    if os.geteuid() != 0 and not _own_user_namespace():
        return False
    if not Path(path).is_dir():
        return False
    for name in _compiled():
        with contextlib.suppress(ImportError):
            __import__(name)
    sys.meta_path.append(Library())
    return True


def enter(path: str) -> None:
    """Make `path` the root directory of this process; there must be no open descriptor of a folder outside.

    Raises:
        OSError: the kernel refused.
    """
    os.chroot(path)
    os.chdir("/")


def _compiled() -> Iterator[str]:
    with contextlib.suppress(OSError):
        for file in sorted(os.listdir(os.path.join(sysconfig.get_path("platstdlib"), "lib-dynload"))):
            name = file.partition(".")[0]
            if file.endswith(tuple(EXTENSION_SUFFIXES)) and not name.startswith(_NOT_LOADED):
                yield name


def _own_user_namespace() -> bool:
    """Enter a user namespace in which this user is the only one, and may change its root directory."""
    uid, gid = os.geteuid(), os.getegid()
    if libc().unshare(_CLONE_NEWUSER) != 0:
        return False
    try:
        for file, line in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{file}", "w", encoding="ascii") as setting:
                setting.write(line)
    except OSError:
        return False
    return True
