"""A clock that is set while grading changes nothing: limits are counted on the monotonic clock, and the date is never read."""

from __future__ import annotations

import ast
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.grading.results import Report
from grader.sandbox.errors import Ending
from grader.sandbox.policy import Limits
from grader.sandbox.supervisor import Sandbox
from tests.conftest import ROOT, SAMPLES, Grader
from tests.sandbox.asking import ended

# What reads the time of day. A naive way to say it: a name of this list on `time`, `datetime` or `date`, or imported from there.
WALL = {
    "time": {"time", "time_ns", "ctime", "localtime", "gmtime", "asctime", "strftime", "clock_gettime", "clock_gettime_ns"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}
# Where it is read all the same, never while something is graded: when a member of staff wrote an adjustment down.
READ_BY_STAFF = {"grader/classroom/adjustments.py": ["datetime.now"]}


def readings(tree: ast.Module) -> Iterator[str]:
    """Every place where the source reads the time of day, under whatever name it imports it."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in ("time", "datetime")}
        elif isinstance(node, ast.ImportFrom) and node.module == "datetime":
            modules |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name in WALL}
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"line {node.lineno}: from time import {a.name}" for a in node.names if a.name in WALL["time"])
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            match node.value:
                case ast.Name(name) if node.attr in WALL.get(modules.get(name, ""), ()):
                    yield f"line {node.lineno}: {name}.{node.attr}"
                case ast.Attribute(ast.Name(name), inner) if modules.get(name) == "datetime" and node.attr in WALL.get(inner, ()):
                    yield f"line {node.lineno}: {name}.{inner}.{node.attr}"


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "import time as t\nt.time_ns()",
        "from time import time\ntime()",
        "from time import time as now\nnow()",
        "import datetime\ndatetime.datetime.now()",
        "import datetime as d\nd.date.today()",
        "from datetime import datetime\ndatetime.utcnow()",
        "def f():\n    from datetime import datetime as D\n    return D.now(None)",
    ],
)
def test_a_reading_of_the_date_is_seen(source: str) -> None:
    assert list(readings(ast.parse(source)))


def test_other_uses_of_these_modules_are_not_taken_for_one() -> None:
    source = "import time\nfrom datetime import datetime\ntime.monotonic()\ndatetime.fromisoformat('2023-01-01')\nx.time()"
    assert not list(readings(ast.parse(source)))


@pytest.mark.parametrize("path", sorted((ROOT / "grader").rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_grader_never_reads_the_date(path: Path) -> None:
    found = [place.partition(": ")[2] for place in readings(ast.parse(path.read_text("utf-8")))]
    assert found == READ_BY_STAFF.get(path.relative_to(ROOT).as_posix(), [])


def verdicts(report: Report) -> list[tuple[object, ...]]:
    return [(item.id, item.outcome, item.score, item.parts, [f.student for f in item.findings]) for item in report.items]


def test_a_clock_that_jumps_while_grading_changes_no_verdict(graded: Grader, monkeypatch: pytest.MonkeyPatch) -> None:
    path, items = SAMPLES / "absent_imports", ("optim.adam.golden", "fc_net.init.he", "solver.grad_norm", "logs.w_stds")
    before = verdicts(graded(path, *items))
    jumps = itertools.cycle([0.0, 1e9, -1e9, 3600.0, 4e9, -1.0])
    monkeypatch.setattr(time, "time", lambda: 1.7e9 + next(jumps))
    monkeypatch.setattr(time, "time_ns", lambda: int(1.7e18 + 1e9 * next(jumps)))
    assert time.time() != time.time()  # the clock does jump
    assert verdicts(graded(path, *items)) == before


def test_endless_code_is_ended_although_the_clock_stands_still(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1.7e9)
    monkeypatch.setattr(time, "time_ns", lambda: int(1.7e18))
    assert ended(sandbox, "while True: pass", Limits(wall=0.5, cpu=60)).ending is Ending.TIMED_OUT
