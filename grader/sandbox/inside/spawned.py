"""The worker in a plain process of its own, where forking is absent (Windows) or unsafe (macOS), and for `--sandbox spawn`.

Requests come in on standard input and replies go out on what was standard output; anything printed goes to standard error.
Of the layers only those the system offers without forking are put on; the greeting says which.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np

from . import importer, manners, stand_ins, worker


def main(plan: str, *preload: str) -> None:
    """Serve until standard input closes.

    `plan` as in `hardening.harden`, in JSON; its uid and required layers are not used. `preload` names what may be imported beside
    NumPy.
    """
    sys.dont_write_bytecode = True
    if sys.platform == "linux":
        from . import hardening

        hardening.die_with_parent()
    replies = os.dup(1)
    os.dup2(2, 1)
    requests = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if sys.platform == "win32":  # pragma: no cover - Windows
        import msvcrt

        for fd in (requests, replies):
            msvcrt.setmode(fd, os.O_BINARY)
    importer.restore_dropped_numpy_names()
    importer.admit(preload)
    stand_ins.offer_notebook_names()
    layers = ["process", "environment", *_limits(json.loads(plan))]
    if not preload:  # what staff load beside NumPy reads files of its own
        numpy = os.path.dirname(np.__file__)
        manners.keep([sys.base_prefix, os.path.dirname(os.__file__), numpy, f"{numpy}.libs", os.path.dirname(__file__)])
    worker.serve(requests, replies, {"layers": layers, "numpy": np.__version__, "python": sys.version.split()[0]})


def _limits(plan: dict[str, Any]) -> list[str]:
    """CPU time, core and file size limits where the system has them; memory is left alone, macOS does not keep to it."""
    try:
        import resource
    except ImportError:  # pragma: no cover - Windows
        return []
    cpu = int(plan["cpu"])
    for which, soft, hard in ((resource.RLIMIT_CPU, cpu, cpu + 1), (resource.RLIMIT_CORE, 0, 0)):
        ceiling = resource.getrlimit(which)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(which, (soft, hard))  # at the soft limit SIGXCPU tells why; at the hard one nothing would
    return ["rlimits"]
