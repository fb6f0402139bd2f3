"""The basic work as check50's documentation sets it up: a package with a function a check, each run in a process of its own.

check50 runs a check in a copy of what was handed in; `basics.py` and golden.json lie in this folder when it is run.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import check50


def _right(name: str) -> None:
    os.environ["HOMEWORK"] = str(Path.cwd())
    sys.path.insert(0, str(Path(__file__).parent))
    from basics import EVERYTHING

    if not EVERYTHING[name]():
        raise check50.Failure(f"{name} is not right")


@check50.check()
def momentum():  # type: ignore[no-untyped-def]
    """momentum"""
    _right("momentum")


@check50.check()
def rmsprop():  # type: ignore[no-untyped-def]
    """RMSProp"""
    _right("rmsprop")


@check50.check()
def adam():  # type: ignore[no-untyped-def]
    """Adam"""
    _right("adam")


@check50.check()
def he():  # type: ignore[no-untyped-def]
    """He initialization"""
    _right("he")


@check50.check()
def random():  # type: ignore[no-untyped-def]
    """random initialization"""
    _right("random")


@check50.check()
def grad_norm():  # type: ignore[no-untyped-def]
    """the gradient norm"""
    _right("grad_norm")


@check50.check()
def logs():  # type: ignore[no-untyped-def]
    """the logs"""
    _right("logs")
