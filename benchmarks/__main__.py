"""One table of what the grader costs, as ratios against yardsticks measured in the same run.

    python -m benchmarks                    all but growth, peers, container, profile; some minutes
    python -m benchmarks cost cold          only these parts: cost, call, items, reading, cold, batch, growth, peers,
                                            container, profile
    python -m benchmarks growth --sizes 10 100 1000
    python -m benchmarks peers --venvs DIR  gradescope-utils and otter-grader from virtual environments in DIR (see peers.py)
    python -m benchmarks --record [PART …]  puts what it measures on record, in benchmarks/record.json
    python -m benchmarks --write docs/performance.md    measures nothing: writes the table of what is on record there
    python -m benchmarks --check [PART …]   1 if something is slower than on record: ratios of CPU (record.py)

docs/performance.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import batches, containers, costs, failures, peers, record

PARTS = {
    "cost": costs.cost,
    "call": costs.call,
    "items": costs.items,
    "reading": costs.reading,
    "cold": costs.cold,
    "batch": batches.throughput,
    "growth": batches.growth,
    "failures": failures.failures,
    "peers": peers.compare,
    "container": containers.container,
    "profile": costs.profile,
}
_USUAL = ("cost", "call", "items", "reading", "cold", "batch")
_CHECKED = ("cost", "cold")


def main() -> int:
    """Print the parts that were asked for; 1 if something is slower than on record."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What the grader costs.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"of: {', '.join(PARTS)}")
    parser.add_argument("--runs", type=int, help="measurements of each thing, 2 at least (default 20, with --check 7)")
    parser.add_argument("--size", type=int, default=100, help="submissions of the batch part (default 100)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000], help="submissions of the growth part")
    parser.add_argument("--venvs", type=Path, help="the folder with the peers' virtual environments")
    parser.add_argument("--record", action="store_true", help="put the figures on record")
    parser.add_argument("--check", action="store_true", help="compare with the record")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table on record into a page")
    parser.add_argument("--file", type=Path, default=record.RECORD, help="the record; default: the repository's")
    options = parser.parse_args()
    if options.write:
        record.put_into(options.write, options.file)
        return 0
    options.runs = options.runs or (7 if options.check else 20)
    figures: list[record.Figure] = []
    for name in options.parts or (_CHECKED if options.check else _USUAL):
        print(f"\n== {name}", flush=True)
        found = PARTS[name](options)
        if options.record:
            record.write(found, options.file)
        figures += found
    slower = record.slower(figures, record.read(options.file)[1]) if options.check else []
    if slower:
        print("\nslower than on record:", *slower, sep="\n  ")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
