"""What a sandbox must offer, and how much a session may use."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Layer(StrEnum):
    """A layer of isolation, by the name it is reported under."""

    PROCESS = "process"
    ENVIRONMENT = "environment"
    UID = "uid"
    NO_NEW_PRIVS = "no_new_privs"
    RLIMITS = "rlimits"
    LANDLOCK = "landlock"
    JAIL = "jail"
    SECCOMP = "seccomp"


class Level(StrEnum):
    """Who grades, hence how much isolation is required before a student's code may run."""

    CONTAINER = "container"
    STAFF = "staff"
    STUDENT = "student"


class Kind(StrEnum):
    """How a sandboxed process comes to be."""

    FORK = "fork"
    SPAWN = "spawn"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one session may use; going over any of them ends it.

    Attributes:
        wall: seconds the session may spend answering, all its calls together.
        cpu: CPU seconds of the process.
        memory: bytes of address space beyond what the warm fork server itself occupies.
        files: open file descriptors.
        output_kept: bytes of printed output kept for staff; what is beyond is dropped.
        output_max: bytes of printed output after which the session is ended.
    """

    wall: float = 10.0
    cpu: int = 10
    memory: int = 512 * 2**20
    files: int = 64
    output_kept: int = 16 * 2**10
    output_max: int = 16 * 2**20


def required_layers() -> frozenset[Layer]:
    """The layers without which staff grade nothing; a self-check takes whatever the system gives."""
    layers = frozenset(Layer) - {Layer.JAIL}
    return layers if is_root() else layers - {Layer.UID}


def missing_layers(on: Collection[str]) -> list[Layer]:
    """What staff require and is not among the layers that are `on`; a jail stands in for Landlock."""
    here = {*on, Layer.LANDLOCK} if Layer.JAIL in on else set(on)
    return sorted(layer for layer in required_layers() if layer not in here)


def default_kind() -> Kind:
    """Fork where that is safe; a fresh process each time on Windows (no fork) and macOS (unsafe once libraries are loaded)."""
    return Kind.FORK if sys.platform == "linux" else Kind.SPAWN


def is_root() -> bool:
    """Whether this process may become any user."""
    return sys.platform != "win32" and os.geteuid() == 0
