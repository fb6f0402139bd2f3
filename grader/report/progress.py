"""One line that says what is being asked at the moment, on a terminal; gone when the report comes. Nothing anywhere else."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from ..grading.rubric import Item


class ProgressLine:
    """Call it with each item; livelier where `rich` is installed. A context manager."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._status: Any = None

    def __enter__(self) -> ProgressLine:
        if self._on:
            try:
                from rich.console import Console

                self._status = Console(stderr=True).status("checking")
                self._status.start()
            except ImportError:
                pass
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._status is not None:
            self._status.stop()
        elif self._on:
            print("\r\033[K" if sys.platform != "win32" else "\r" + " " * 60 + "\r", end="", file=sys.stderr, flush=True)

    def __call__(self, item: Item) -> None:
        if self._status is not None:
            self._status.update(f"checking {item.id}")
        elif self._on:
            print(f"\rchecking {item.id:<45}", end="", file=sys.stderr, flush=True)
