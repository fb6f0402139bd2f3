"""What attacks cost the trusted side: `python -m tests.attacks.weigh [NAME ...]` prints a table, one row an attack.

Memory and CPU are those of the grader's own processes; the sandbox's server and what it starts are left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grader.grading.homework import ROOT
from tests.attacks.arena import Arena, Attack, attacks, corpus


def weighed(command: list[str], cwd: Path = ROOT) -> tuple[float, float, float, str]:
    """Run a command: seconds, CPU seconds and peak resident MB of its trusted processes, and what it printed."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as output, subprocess.Popen(command, cwd=cwd, stdout=output, stderr=output) as process:
        peak: dict[int, int] = {}
        cpu: dict[int, float] = {}
        while process.poll() is None:
            together = 0
            for pid in trusted(process.pid):
                resident, spent = _usage(pid)
                together += resident
                cpu[pid] = max(cpu.get(pid, 0.0), spent)
            peak[0] = max(peak.get(0, 0), together)
            time.sleep(0.01)
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    return time.monotonic() - started, sum(cpu.values()), peak.get(0, 0) / 2**20, said


def trusted(pid: int) -> list[int]:
    """A process and its descendants, but for fork servers and theirs."""
    try:
        if b"inside import forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return []
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    except OSError:  # it ended meanwhile
        return []
    return [pid, *(one for child in children for one in trusted(int(child)))]


def _usage(pid: int) -> tuple[int, float]:
    """Bytes that are this process's own, and its CPU seconds."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()
    except OSError:
        return 0, 0.0
    ticks = os.sysconf("SC_CLK_TCK")
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE"), (int(fields[11]) + int(fields[12])) / ticks


def row(attack: Attack, arena: Arena) -> str:
    """An attack's line of the table."""
    path = attack.make(arena.box(attack))
    output = path.parent / "results.json"
    command = [sys.executable, "-m", "grader", "grade", str(path), "-o", str(output)]
    seconds, cpu, peak, said = weighed(command)
    if not output.exists():
        return f"| {attack.name} | {seconds:.1f} s | {cpu:.1f} s | {peak:.0f} MB | no verdict: {said[-200:]!r} |"
    result = json.loads(output.read_text("utf-8"))
    told = {test["extra_data"]["id"]: test["extra_data"]["outcome"] for test in result["tests"]}
    hit = ", ".join(f"{name} {word}" for name, word in told.items() if word != "passed")
    return f"| {attack.name} | {seconds:.1f} s | {cpu:.1f} s | {peak:.0f} MB | {result['score']:g}: {hit or 'all passed'} |"


def main(names: list[str]) -> None:
    """Print the table."""
    print("| attack | wall | CPU | memory | verdict |\n| --- | --- | --- | --- | --- |")
    chosen = [attack for attack in corpus() if attack.name in names] if names else list(attacks("sizes"))
    with tempfile.TemporaryDirectory(prefix="arena-") as folder:
        arena = Arena(Path(folder).resolve())
        for attack in chosen:
            print(row(attack, arena), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
