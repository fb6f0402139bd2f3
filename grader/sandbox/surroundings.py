"""What a fork server has to know about where it runs and what it is for; see `supervisor.Sandbox`."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import launch
from .inside import landlock
from .policy import Layer
from .users import private_uid

_SYSTEM_READABLE = (
    "/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo", "/dev/urandom", "/dev/random", "/dev/zero",
)  # fmt: skip


def settings(
    *,
    disabled: Sequence[str] = (),
    share: Mapping[str, str] | None = None,
    preload: Sequence[str] = (),
    readable: Sequence[str] = (),
    ahead: Mapping[str, Path] | None = None,
) -> dict[str, Any]:
    """The settings, as `inside/forkserver.py` takes them."""
    return {
        "readable": [*_readable(), *readable],
        "writable": ["/dev/null"],
        "jail": _jail() if Layer.LANDLOCK in disabled or landlock.abi() == 0 else None,
        "uid": None if Layer.UID in disabled else private_uid(),
        "disabled": list(disabled),
        "share": dict(share or {}),
        "preload": list(preload),
        "ahead": {name: str(path) for name, path in (ahead or {}).items()},
    }


def early() -> None:
    """Have a fork server on its way that is what the first sandbox will want, if that wants nothing special."""
    try:
        launch.early(settings())
    except ImportError:  # there is no NumPy, which whoever needs it will find out
        pass


def _readable() -> list[str]:
    numpy = Path(launch.numpy_folder()).resolve()
    standard = Path(os.__file__).resolve().parent
    shared = Path(
        sys.base_prefix, "lib"
    )  # where a Python of its own, e.g. conda's, keeps what its compiled modules are linked with
    return [str(standard), str(shared), str(numpy), str(numpy.with_name("numpy.libs")), *_SYSTEM_READABLE]


def _jail() -> str | None:
    """An empty directory that nobody but its owner can write, kept with the installation; None where none can be made."""
    jail = Path(sys.prefix) / "jail"
    try:
        for folder in (jail, jail / "dev"):
            folder.mkdir(mode=0o711, exist_ok=True)
        if os.geteuid() == 0 and not (jail / "dev" / "null").exists():
            os.mknod(jail / "dev" / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            (jail / "dev" / "null").chmod(0o666)
    except OSError:
        return str(jail) if jail.is_dir() else None
    return str(jail)
