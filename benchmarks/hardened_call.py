"""One sandboxed call with every layer of isolation, against the same call in a bare fork, interleaved in one run.

    python benchmarks/hardened_call.py [PAIRS]

A call is what a check costs at least: a new process from the warm fork server, a module mounted and imported, one function called,
its answer read, the process ended and reaped.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from grader.sandbox.policy import Layer, Level
from grader.sandbox.supervisor import Sandbox

_SOURCE = b"import numpy as np\ndef f(w): return w - 0.1 * w\n"


def seconds_of_a_call(sandbox: Sandbox) -> float:
    """Wall-clock time of one call in a process of its own."""
    started = time.perf_counter()
    with sandbox.session() as session:
        session.load({"m.py": _SOURCE})
        session.fetch(session.module("m").attr("f")(1.0))
    return time.perf_counter() - started


def main() -> None:
    """Print medians, spreads and their ratio."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    layers = [layer for layer in Layer if layer not in (Layer.PROCESS, Layer.ENVIRONMENT, Layer.NO_NEW_PRIVS, Layer.RLIMITS)]
    with Sandbox(Level.STAFF) as hardened, Sandbox(Level.STUDENT, disabled=layers) as bare:
        for sandbox in (hardened, bare):
            seconds_of_a_call(sandbox)
        times = [(seconds_of_a_call(hardened), seconds_of_a_call(bare)) for _ in range(pairs)]
        print(f"layers: {', '.join(hardened.self_test.layers)}; against: {', '.join(bare.self_test.layers)}")
    for name, column in zip(("hardened", "bare"), zip(*times, strict=True), strict=True):
        low, _, high = statistics.quantiles(column, n=4)
        print(f"{name:<9} median {1e3 * statistics.median(column):.2f} ms, quartiles {1e3 * low:.2f} to {1e3 * high:.2f}")
    ratios = [a / b for a, b in times]
    print(f"ratio of medians {statistics.median(a for a, _ in times) / statistics.median(b for _, b in times):.2f}, "
          f"median of paired ratios {statistics.median(ratios):.2f} ({pairs} pairs)")  # fmt: skip


if __name__ == "__main__":
    main()
