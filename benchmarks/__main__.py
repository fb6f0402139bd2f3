"""One table of what the grader costs, as ratios against yardsticks measured in the same run.

    python -m benchmarks                    everything but growth and peers; some minutes
    python -m benchmarks cost cold          only these parts: cost, call, items, reading, cold, batch, growth, peers, profile
    python -m benchmarks growth --sizes 10 100 1000
    python -m benchmarks peers --venvs DIR  gradescope-utils and otter-grader from virtual environments in DIR (see peers.py)

docs/performance.md says what the figures mean and holds those on record.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import batches, costs, peers

PARTS = {
    "cost": costs.cost,
    "call": costs.call,
    "items": costs.items,
    "reading": costs.reading,
    "cold": costs.cold,
    "batch": batches.throughput,
    "growth": batches.growth,
    "peers": peers.compare,
    "profile": costs.profile,
}
_USUAL = ("cost", "call", "items", "reading", "cold", "batch")


def main() -> None:
    """Print the parts that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What the grader costs.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"of: {', '.join(PARTS)}")
    parser.add_argument("--runs", type=int, default=20, help="measurements of each thing (default 20)")
    parser.add_argument("--size", type=int, default=100, help="submissions of the batch part (default 100)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000], help="submissions of the growth part")
    parser.add_argument("--venvs", type=Path, help="the folder with the peers' virtual environments")
    options = parser.parse_args()
    for name in options.parts or _USUAL:
        print(f"\n== {name}", flush=True)
        PARTS[name](options)


if __name__ == "__main__":
    main()
