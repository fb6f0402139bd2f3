"""What this system offers, layer by layer, and whether the grader's own files are in order."""

from __future__ import annotations

import platform
import sys

import numpy as np

from .. import __version__
from ..errors import ConfigurationError
from ..sandbox.errors import SandboxUnavailable
from ..sandbox.policy import Kind, Layer, Level, default_kind, missing_layers
from ..sandbox.supervisor import Sandbox
from .homework import Homework
from .rubric import load_rubric

_MEANING = {
    Layer.PROCESS: "a process of its own for every submission",
    Layer.ENVIRONMENT: "an environment with nothing of yours in it",
    Layer.UID: "a user of its own (needs root)",
    Layer.NO_NEW_PRIVS: "no way to gain privileges",
    Layer.RLIMITS: "limits on time, memory and files",
    Layer.LANDLOCK: "no access to files but Python's own",
    Layer.JAIL: "an empty root directory, where the kernel has no Landlock",
    Layer.SECCOMP: "a short list of system calls",
}


def examine(homework: Homework, kind: Kind | None = None) -> tuple[str, bool]:
    """Return a table for people, and whether staff can grade here."""
    lines = [
        f"grader {__version__}, Python {platform.python_version()}, NumPy {np.__version__}, "
        f"{platform.system()} {platform.machine()}",
        f"interpreter: {sys.executable}",
        "",
    ]
    healthy = _fixtures(lines, homework)
    healthy &= _isolation(lines, homework, kind or default_kind())
    lines += ["", "Ready to grade." if healthy else "Not ready to grade; a student's self-check still works."]
    return "\n".join(lines), healthy


def _fixtures(lines: list[str], homework: Homework) -> bool:
    try:
        checks = homework.checks
        loaded = load_rubric(homework.rubric, checks, homework.terms)
        for name in homework.fixtures.names():
            homework.fixtures.verified(name)
    except ConfigurationError as error:
        lines.append(f"rubric and fixtures: {error}")
        return False
    lines.append(f"rubric: {len(loaded.items)} rows, {float(loaded.total):g} points; {len(checks)} checks; fixtures as on record")
    return True


def _isolation(lines: list[str], homework: Homework, kind: Kind) -> bool:
    try:
        with Sandbox(Level.STUDENT, kind=kind, secrets=homework.secrets()) as sandbox:
            test = sandbox.self_test
    except SandboxUnavailable as error:
        lines.append(f"sandbox: {error}")
        return False
    lines.append(f"sandbox: {kind}{' (reduced isolation)' if kind is Kind.SPAWN else ''}")
    missing = missing_layers(test.layers)
    for layer in Layer:
        state = "on" if layer in test.layers else ("MISSING" if layer in missing else "off")
        lines.append(f"  {layer:<14} {state:<8} {_MEANING[layer]}")
    lines.append("self-test (what student code could do here):")
    for name, worked in test.attempts.items():
        bad = name in test.open_doors
        lines.append(f"  {name:<26} {'yes' if worked else 'no':<4}{' <- open door' if bad else ''}")
    return not missing and not test.open_doors
