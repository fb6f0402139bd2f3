"""Loaded by every Python that the tests start: the recorder, in the grader's own processes and in the sandbox's."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

_MEMORY, _FOLDER, _TOOLS = (os.environ.get(f"COVERAGE_{name}", "") for name in ("MEMORY", "FOLDER", "TOOLS"))
_OWN = {
    name: os.environ[name] for name in ("COVERAGE_MEMORY", "COVERAGE_FOLDER", "COVERAGE_TOOLS", "PYTHONPATH") if name in os.environ
}
_START = f"import sys; sys.path.insert(0, {_TOOLS!r}); import recorder; del sys.path[0]; recorder.start({_MEMORY!r}, {_FOLDER!r})\n"
_popen, _spawn = subprocess.Popen.__init__, os.posix_spawn


def _is_sandboxed(args: Any) -> bool:
    return isinstance(args, list) and "-c" in args and "from inside import" in args[args.index("-c") + 1]


def _recording(args: list[str]) -> list[str]:
    """The command line of a process of the sandbox, which reads no site files, with the recorder started first."""
    at = args.index("-c") + 1
    return [*args[:at], _START + args[at], *args[at + 1 :]]


def _popen_recording(self: Any, args: Any, *more: Any, **options: Any) -> None:
    if _is_sandboxed(args):
        args = _recording(args)
    elif options.get("env") is not None and "PYTHONPATH" not in options["env"]:
        options["env"] = {**options["env"], **_OWN}
    _popen(self, args, *more, **options)


def _spawn_recording(path: Any, args: Any, *more: Any, **options: Any) -> int:
    return _spawn(path, _recording(args) if _is_sandboxed(args) else args, *more, **options)


if _MEMORY:
    subprocess.Popen.__init__ = _popen_recording  # type: ignore[method-assign]
    os.posix_spawn = _spawn_recording
    sys.path.insert(0, _TOOLS)
    import recorder

    del sys.path[0]
    recorder.start(_MEMORY, _FOLDER)
    threading.settrace(sys.gettrace())
