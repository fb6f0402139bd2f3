"""Check yourself from a notebook: `from grader import check`, then `check()` in a cell.

The check runs in a process of its own, so that it sees the files as they are saved, whatever the kernel has loaded. Works with
any Jupyter front end and on Colab; where there is none, the report is printed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

_SECONDS = 300  # far beyond the sum of all items' own limits that code of a homework reaches


def check(*items: str, path: str = ".") -> None:
    """Show how the homework in this folder does.

    Args:
        items: ids or beginnings of ids; none for all that can be checked here.
        path: the homework's folder, if it is not the current one.
    """
    data, failed = _run(items, path)
    if sys.version_info < (3, 11):  # noqa: UP036 - the notebook runs with older ones, but nothing that makes a panel does
        print(failed)
    elif data is None:
        _show(failed, lambda: _views().failure(failed))
    else:
        _show(str(data["text"]), lambda: _views().panel(data))


def _run(items: tuple[str, ...], path: str) -> tuple[dict[str, Any] | None, str]:
    """The report as data, or None and why there is none."""
    command = [sys.executable, "-m", "grader", "check", str(Path(path).resolve()), "--json"]
    if items:
        command += ["--only", ",".join(items)]
    here = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH", ""))))}
    try:
        done = subprocess.run(command, capture_output=True, env=environment, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None, f"There was no answer within {_SECONDS} seconds; try fewer items, e.g. check('ITEM')."
    try:
        return json.loads(done.stdout), ""
    except ValueError:
        return None, done.stderr.decode("utf-8", "replace").strip() or "The check ended without saying why."


def _views() -> Any:
    from ..report import panel

    return panel


def _show(plain: str, html: Any) -> None:
    """A panel where something can display it, else the text."""
    try:
        ipython, shown = import_module("IPython"), import_module("IPython.display")  # which has no types
    except ImportError:
        print(plain)
        return
    if ipython.get_ipython() is None:
        print(plain)
    else:
        shown.display({"text/plain": plain, "text/html": html()}, raw=True)
