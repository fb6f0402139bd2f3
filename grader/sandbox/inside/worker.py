"""Answers the grader's questions: one short program per message, over objects that stay here.

A program is a list of instructions; `out`, `object` … are register numbers the grader hands out:

    ("load", sources)                        begin anew with {file name: bytes} mounted, seed the random generators
    ("import", out, module)                  ("put", out, value)                 ("call", out, function, args, kwargs)
    ("getattr", out, object, name)           ("getitem", out, object, key)       ("send", object)
    ("setattr", object, name, value)         ("setitem", object, key, value)

Values may name registers anywhere inside. `send` freezes the object as it is at that moment. The reply is
{"sent": [values], "failed": None or {"at", "type", "message", "frames"}, "absent": [packages that got a stand-in]}; a program
stops at its first failure, and what was sent before it still counts.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any

import numpy as np

from . import stand_ins, wire
from .importer import MemoryImporter

MAX_TEXT = 4_000
MAX_FRAMES = 5
SEED = 20230  # of every generator when files are mounted
_COMPREHENSIONS = {"<listcomp>", "<dictcomp>", "<setcomp>"}  # functions of their own before Python 3.12, part of theirs since


class Worker:
    """One session's registers and mounted sources."""

    def __init__(self) -> None:
        self.registers: dict[int, Any] = {}
        self.importer = MemoryImporter({})
        self.sent: list[wire.Raw] = []
        self.operations: dict[str, Callable[..., None]] = {
            "load": self.load,
            "import": self.import_,
            "put": self.put,
            "call": self.call,
            "getattr": self.getattr,
            "setattr": self.setattr,
            "getitem": self.getitem,
            "setitem": self.setitem,
            "send": self.send,
        }

    def run(self, program: list[tuple[Any, ...]]) -> dict[str, Any]:
        """Carry out `program` and return the reply; whatever is raised ends up in the reply."""
        self.sent = []
        failed = None
        for at, (operation, *operands) in enumerate(program):
            try:
                self.operations[operation](*operands)
            except BaseException as error:  # SystemExit and KeyboardInterrupt of student code are failures like any other
                failed = self.describe(at, error)
                break
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                pass
        return {"sent": self.sent, "failed": failed, "absent": list(self.importer.absent)}

    def load(self, sources: dict[str, bytes]) -> None:
        self.importer.withdraw()
        self.registers.clear()
        self.importer = MemoryImporter(sources)
        sys.meta_path.insert(0, self.importer)
        np.seterr(divide="warn", over="warn", under="ignore", invalid="warn")  # as at the start, whatever ran before
        make_random_repeatable()

    def import_(self, out: int, module: str) -> None:
        self.registers[out] = importlib.import_module(module)

    def put(self, out: int, value: Any) -> None:
        self.registers[out] = self.resolve(value)

    def call(self, out: int, function: int, args: list[Any], kwargs: dict[str, Any]) -> None:
        self.registers[out] = self.registers[function](*self.resolve(args), **self.resolve(kwargs))

    def getattr(self, out: int, target: int, name: str) -> None:
        self.registers[out] = getattr(self.registers[target], name)

    def setattr(self, target: int, name: str, value: Any) -> None:
        setattr(self.registers[target], name, self.resolve(value))

    def getitem(self, out: int, target: int, key: Any) -> None:
        self.registers[out] = self.registers[target][key]

    def setitem(self, target: int, key: Any, value: Any) -> None:
        self.registers[target][key] = self.resolve(value)

    def send(self, target: int) -> None:
        if (lacking := stand_ins.inside(self.registers[target])) is not None:
            lacking.needed()
        self.sent.append(wire.encoded(self.registers[target]))

    def resolve(self, value: Any) -> Any:
        kind = type(value)
        if kind is wire.Register:
            return self.registers[value.number]
        if kind in (list, tuple):
            return kind(self.resolve(item) for item in value)
        if kind is dict:
            return {key: self.resolve(item) for key, item in value.items()}
        return value

    def describe(self, at: int, error: BaseException) -> dict[str, Any]:
        """What was raised, and where in the mounted files; the text is the student's own, so the grader cleans it."""
        try:
            message = str(error)[:MAX_TEXT]
        except BaseException as second:
            message = f"(its message could not be made: {type(second).__name__})"
        frames = self.frames(error.__traceback__, getattr(error, "made", None))
        if isinstance(error, SyntaxError) and error.filename in self.importer.sources:
            message = str(error.msg)[:MAX_TEXT]
            line = error.lineno if type(error.lineno) is int else 0  # student code may raise one with anything in it
            frames = [(str(error.filename), line, "", str(error.text or "").strip()[:MAX_TEXT])]
        kind = next((c.__name__ for c in type(error).__mro__ if c.__module__ == "builtins"), "Exception")
        return {"at": at, "type": type(error).__name__[:100], "kind": kind, "message": message, "frames": frames}

    def frames(self, traceback: TracebackType | None, made: object) -> list[tuple[str, int, str, str]]:
        """Where in the mounted files it was raised; where nothing of them was running, `made`: the place its cause came from."""
        places = []
        while traceback is not None:
            places.append((traceback.tb_frame.f_code, traceback.tb_lineno))
            traceback = traceback.tb_next
        found: list[tuple[str, int, str, str]] = []
        for code, line in places:
            if code.co_filename in self.importer.sources:
                file, number, name, text = self.place(code, line)
                found.append((file, number, found.pop()[2] if found and code.co_name in _COMPREHENSIONS else name, text))
        match made:
            case (CodeType() as code, int(line)) if not found and code.co_filename in self.importer.sources:
                found = [self.place(code, line)]
        return found[-MAX_FRAMES:]

    def place(self, code: CodeType, line: int) -> tuple[str, int, str, str]:
        lines = self.importer.lines(code.co_filename)
        text = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        return code.co_filename, line, code.co_name[:100], text[:MAX_TEXT]


def make_random_repeatable() -> None:
    """Seed every generator, also those made without a seed, so that a submission gets the same verdict every time."""
    random.seed(SEED)
    np.random.seed(SEED)
    entropy = random.Random(SEED)
    # NumPy draws the seed of unseeded generators through this module global (numpy/random/bit_generator.pyx).
    np.random.bit_generator.randbits = entropy.getrandbits  # type: ignore[attr-defined]


def serve(read_fd: int, write_fd: int, greeting: dict[str, Any]) -> None:
    """Send `greeting`, then answer programs until the grader closes the channel or ends this process."""
    _write(write_fd, wire.frame(greeting))
    worker = Worker()
    while True:
        header = _read(read_fd, wire.HEADER.size)
        if header is None:
            return
        body = _read(read_fd, wire.body_size(header))
        if body is None:
            return
        reply = worker.run(wire.decode(body))
        try:
            data = wire.frame(reply)
        except wire.WireError as error:
            reply["sent"], reply["failed"] = [], worker.describe(0, error)
            data = wire.frame(reply)
        _write(write_fd, data)


def _read(fd: int, size: int) -> bytes | None:
    """Exactly `size` bytes, or None when the other end closed."""
    data = bytearray()
    while len(data) < size:
        part = os.read(fd, min(size - len(data), 2**20))
        if not part:
            return None
        data += part
    return bytes(data)


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
