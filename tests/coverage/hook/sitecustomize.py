"""Loaded by every Python that the tests start: coverage.py in the grader's own processes, the recorder in the sandbox's."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import coverage

coverage.process_startup()

_MEMORY, _FOLDER, _TOOLS = (os.environ.get(f"COVERAGE_{name}", "") for name in ("MEMORY", "FOLDER", "TOOLS"))
_START = f"import sys; sys.path.insert(0, {_TOOLS!r}); import recorder; del sys.path[0]; recorder.start({_MEMORY!r}, {_FOLDER!r})\n"
_popen, _spawn = subprocess.Popen.__init__, os.posix_spawn


def _recording(args: Any) -> Any:
    """The command line, with the recorder started first where it is one of the sandbox's."""
    if isinstance(args, list) and "-c" in args and "from inside import" in (code := args[args.index("-c") + 1]):
        args = [*args]
        args[args.index(code)] = _START + code
    return args


def _popen_recording(self: Any, args: Any, *more: Any, **options: Any) -> None:
    _popen(self, _recording(args), *more, **options)


def _spawn_recording(path: Any, args: Any, *more: Any, **options: Any) -> int:
    return _spawn(path, _recording(args), *more, **options)


if _MEMORY:
    subprocess.Popen.__init__ = _popen_recording  # type: ignore[method-assign]
    os.posix_spawn = _spawn_recording
