"""CPU and wall-clock time of two things that are to be compared: run in turn, so that whatever else the machine does hits both."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Spread:
    """Many measurements of one thing, in one unit."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def shown(self, scale: float = 1e3, unit: str = "ms") -> str:
        """Median and quartiles."""
        low, _, high = statistics.quantiles(self.values, n=4)
        return f"{scale * self.median:.1f} {unit} ({scale * low:.1f} to {scale * high:.1f})"


def ratio(one: Spread, other: Spread) -> str:
    """The ratio of the medians, with the quartiles of the paired ratios."""
    low, _, high = statistics.quantiles([a / b for a, b in zip(one.values, other.values, strict=True)], n=4)
    return f"{one.median / other.median:.2f} (paired {low:.2f} to {high:.2f})"


def interleaved(runs: int, things: Mapping[str, Callable[[], float]]) -> dict[str, Spread]:
    """Each thing once to warm up, then all of them in turn, `runs` times; a thing returns what it took."""
    for thing in things.values():
        thing()
    found: dict[str, list[float]] = {name: [] for name in things}
    for _ in range(runs):
        for name, thing in things.items():
            found[name].append(thing())
    return {name: Spread(tuple(values)) for name, values in found.items()}


def cpu() -> float:
    """CPU seconds of this process, of its children, and of every process that one of these has reaped."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime + children_cpu()


def children_cpu() -> float:
    """CPU seconds of the children that live, and of every process that they have reaped (in steps of the clock tick, 10 ms)."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()
    ticks = 0
    for child in children:
        fields = Path(f"/proc/{child}/stat").read_text("ascii").rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """A finished command: seconds of wall clock and of CPU with all that it reaped, and the most memory any one of them had."""

    wall: float
    cpu: float
    memory: int
    code: int


def command(line: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> Process:
    """Run a command to its end, its output thrown away."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.Popen(
        [str(part) for part in line],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(done.pid, 0)
    done.returncode = os.waitstatus_to_exitcode(status)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Process(wall, cpu, usage.ru_maxrss * 1024, done.returncode)
