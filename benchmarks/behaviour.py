"""CPU seconds the behaviour items of one submission take, warm: the grader's own and its sandbox's.

python benchmarks/behaviour.py [SUBMISSION] [RUNS]
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from grader import rubric as rubrics
from grader.exam import registered
from grader.grading import grade, support_files
from grader.hidden import corpus
from grader.sandbox.policy import Level
from grader.sandbox.supervisor import Sandbox
from grader.submission import collect

_RULES = ("sgd_momentum", "rmsprop", "adam")


def cpu_of(server: int) -> float:
    """CPU seconds of this process, the fork server and every child that it has reaped."""
    fields = Path(f"/proc/{server}/stat").read_text("ascii").rpartition(")")[2].split()
    return time.process_time() + sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print the median over the runs and the examples of each rule."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else rubrics.DEFAULT.parents[1] / "fixtures" / "submissions" / "reference"
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    rubric = rubrics.load(rubrics.DEFAULT, registered())
    submission = collect(path, support=support_files())
    items = [f"optim.{rule}.behaviour" for rule in _RULES]
    with Sandbox(Level.STAFF) as sandbox:
        grade(submission, rubric, sandbox, only=items)
        assert sandbox.server_pid is not None
        spent = []
        for _ in range(runs):
            before = cpu_of(sandbox.server_pid)
            report = grade(submission, rubric, sandbox, only=items)
            spent.append(cpu_of(sandbox.server_pid) - before)
    print(", ".join(f"{item.id}: {item.outcome}" for item in report.items))
    print(", ".join(f"{rule}: {len(corpus.scenarios(rule))} scenarios" for rule in _RULES))
    print(f"CPU s: median {statistics.median(spent):.3f}, {min(spent):.3f} to {max(spent):.3f} ({runs} runs)")


if __name__ == "__main__":
    main()
