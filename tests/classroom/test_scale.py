"""How fast a class is graded, and that nothing but the output grows with it. The figures are printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.classroom.classes import children, many, outcome
from tests.conftest import ROOT

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("sandbox")]
# Runs the command in this process and reports what it took: seconds, CPU seconds (all processes), its own peak memory in kB.
MEASURED = """\
import resource, sys, time
from grader.commands.program import main
if __name__ == "__main__":
    started = time.monotonic()
    code = main(sys.argv[1:])
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in (own, others))
    print(f"measured {code} {time.monotonic() - started} {cpu} {own.ru_maxrss}")
"""


def measured(folder: Path, *arguments: str | Path) -> tuple[float, float, int, int]:
    """Seconds, CPU seconds, and peak memory (MB) of the command and of its heaviest worker.

    Workers are read while they live: what the system adds up of ended processes would count student code at its limit too.
    """
    script = folder / "measured.py"
    script.write_text(MEASURED)
    process = subprocess.Popen(
        [sys.executable, script, *map(str, arguments)],
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    worker, last = 0, ""
    with process:
        for last in process.stdout:  # noqa: B007 - the last line is what was measured
            worker = max([worker, *(peak(pid) for pid in children(process.pid))])
    word, code, seconds, cpu, own = last.split()
    assert (word, code) == ("measured", "1")
    return float(seconds), float(cpu), int(own) // 1024, worker // 1024


def peak(pid: int) -> int:
    """The most memory a living process ever held, in kB; 0 if it has just ended."""
    try:
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    except OSError:
        return 0
    return int(fields.get("VmHWM", "0").split()[0])


def test_throughput_of_two_hundred_submissions(tmp_path: Path) -> None:
    group = many(tmp_path / "class", 200)
    print()
    for workers in (1, 2):
        seconds, cpu, _, _ = measured(tmp_path, "batch", group, "-o", tmp_path / f"out{workers}", "-j", str(workers))
        print(f"-j {workers}: 200 in {seconds:.0f} s, {200 / seconds * 60:.0f} a minute, {cpu / 200:.2f} CPU seconds each")
    assert outcome(tmp_path / "out1") == outcome(tmp_path / "out2")


def test_memory_does_not_grow_with_the_class(tmp_path: Path) -> None:
    peaks = []
    print()
    for count in (50, 1000):
        out = tmp_path / f"out{count}"
        seconds, _, own, worker = measured(tmp_path, "batch", many(tmp_path / f"class{count}", count), "-o", out, "-j", "2")
        page = (out / "report.html").stat().st_size
        print(f"{count} submissions: peak {own} MB, worker {worker} MB; {seconds:.0f} s; report.html {page / 2**20:.1f} MB")
        peaks.append((own, worker))
    for few, lots in zip(*peaks, strict=True):
        assert lots <= 1.2 * few
