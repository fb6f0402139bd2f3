"""Which lines follow which: written into memory that all processes of a run share.

A hardened child can open and write no file, a process that is killed writes nothing when it ends, and one that judges ends without
further ado: coverage.py's own way of collecting would miss them all. What a process mapped before it forked stays mapped, and to
note a step is one byte in it. Nothing but the standard library is imported: this is loaded before anything else is.
"""

from __future__ import annotations

import mmap
import opcode
import os
import sys
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

REACH: Final = 512  # lines of the longest file, at most
_SIDE: Final = 2 * REACH
_PAGE: Final = _SIDE * _SIDE
_RESUME: Final = opcode.opmap["RESUME"]


def files(folder: Path) -> list[str]:
    """The files that are watched, in their order in the memory: all but those that are mounted in the sandbox as text."""
    return sorted(str(path) for path in folder.rglob("*.py") if "mounted" not in path.parts)


def start(memory: str, folder: str) -> None:
    """Note from now on, in this process and all that it forks, each step from line to line in the files of `folder`.

    A step has its byte at (from, to), counted from -REACH; into a function and out of it, the other end is its first line,
    negative, as coverage.py has it.
    """
    names = {name: number * _PAGE for number, name in enumerate(files(Path(folder)))}
    pages: dict[CodeType, int | None] = {}
    with open(memory, "r+b") as file:
        noted = mmap.mmap(file.fileno(), 0)

    def entered(frame: FrameType, _event: str, _arg: Any) -> Any:
        code = frame.f_code
        try:
            page = pages[code]
        except KeyError:
            page = pages[code] = names.get(os.path.abspath(code.co_filename))
        if page is None:
            return None
        resumed = code.co_code[frame.f_lasti] == _RESUME and code.co_code[frame.f_lasti + 1] != 0
        last = frame.f_lineno if resumed else -code.co_firstlineno

        def step(inner: FrameType, event: str, _arg: Any) -> Any:
            nonlocal last
            if event == "line":
                noted[page + (last + REACH) * _SIDE + inner.f_lineno + REACH] = 1
                last = inner.f_lineno
            elif event == "return":
                noted[page + (last + REACH) * _SIDE - code.co_firstlineno + REACH] = 1
            return step

        return step

    sys.settrace(entered)


def create(memory: Path, folder: Path) -> None:
    """An empty memory for the files of `folder`, which processes of every user may write."""
    memory.write_bytes(b"")
    os.truncate(memory, len(files(folder)) * _PAGE)
    memory.chmod(0o666)


def steps(memory: Path, folder: Path) -> dict[str, list[tuple[int, int]]]:
    """What was noted, by file: (from, to), as coverage.py's arcs."""
    data = memory.read_bytes()
    found: dict[str, list[tuple[int, int]]] = {}
    for number, name in enumerate(files(folder)):
        page = data[number * _PAGE : (number + 1) * _PAGE]
        at = page.find(1)
        while at >= 0:
            found.setdefault(name, []).append((at // _SIDE - REACH, at % _SIDE - REACH))
            at = page.find(1, at + 1)
    return found
