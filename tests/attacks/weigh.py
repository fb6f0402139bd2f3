"""What attacks cost the trusted side: `python -m tests.attacks.weigh [NAME ...]` prints a table, one row an attack.

`python -m tests.attacks.weigh --small` weighs those that once cost most as a container of half a core and 0.75 GB would bear them,
and writes that table into SECURITY.md. Memory and CPU are those of the grader's own processes; the sandbox's server and what it
starts are left out.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from grader.grading.homework import ROOT
from tests.attacks.arena import Arena, Attack, attacks, corpus
from tests.packaging import confined

CPUS: Final = 0.5
MEMORY: Final = 750 * 2**20
SECONDS: Final = 300.0
# What it is, the attack that does it, and what it cost before answers had forms and judging had bounds, as issue 21 has it.
CLASSES: Final = (
    ("texts where numbers are due, slips looked up", "a_hyperparameter_of_a_megabyte", "5.8 GB, 113 s"),
    ("a list of texts where a number is due", "texts_where_a_number_is_due", "grader error"),
    ("a ragged list where a number is due", "a_ragged_list_where_a_number_is_due", "grader error"),
    ("forged columns of more steps", "columns_of_more_steps_than_were_asked", "7.6 GB, 220 s"),
    ("forged columns of many keys", "columns_of_many_keys", "347 s, past every deadline"),
    ("float16 weights of 60 MB", "weights_of_sixty_megabytes", "1.6 GB; the grader was killed"),
    ("ten thousand misspelt keys", "ten_thousand_misspelt_keys", "67 s of CPU in one item"),
    ("ten thousand misspelt parameters", "ten_thousand_misspelt_parameters", "as the keys"),
    ("a history of 100,000 epochs", "log_of_a_hundred_thousand_epochs", "15 s"),
    ("a notebook of 80,000 printed lines", "notebook_that_prints_many_thousand_lines", "23 s"),
    ("an import hook for the files that follow", "an_import_hook_for_the_files_that_follow", "27 points for blank files"),
    ("inputs told as absent modules", "absent_modules_that_tell_the_inputs", "48 numbers came out"),
    ("a message that speaks as the grader", "a_message_that_speaks_as_the_grader", "a line `[staff] …` on a TA's terminal"),
)


@dataclass(slots=True)
class Scales:
    """What some processes were seen to use: bytes resident at once, all together, and CPU seconds."""

    peak: int = 0
    _cpu: dict[int, float] = field(default_factory=dict)

    def look(self, pids: list[int]) -> None:
        """Take down what they use now."""
        together = 0
        for pid in pids:
            resident, spent = _usage(pid)
            together += resident
            self._cpu[pid] = max(self._cpu.get(pid, 0.0), spent)
        self.peak = max(self.peak, together)

    @property
    def cpu(self) -> float:
        """Seconds of all that were seen."""
        return sum(self._cpu.values())


def weighed(command: list[str], cwd: Path = ROOT) -> tuple[float, float, float, str]:
    """Run a command: seconds, CPU seconds and peak resident MB of its trusted processes, and what it printed."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as output, subprocess.Popen(command, cwd=cwd, stdout=output, stderr=output) as process:
        scales = Scales()
        while process.poll() is None:
            scales.look(trusted(process.pid))
            time.sleep(0.01)
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    return time.monotonic() - started, scales.cpu, scales.peak / 2**20, said


def in_a_small_container(path: Path, output: Path) -> tuple[confined.Figures, Scales]:
    """Grade a path within half a core and 0.75 GB: the figures of all processes, and those of the trusted ones."""
    command = [sys.executable, "-m", "grader", "grade", str(path), "-o", str(output)]
    said = output.with_name("said.txt")
    task = confined.Task(command, str(ROOT), dict(os.environ), str(said), SECONDS, MEMORY, CPUS)
    scales = Scales()
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(confined.run, task)
        while not run.done():
            scales.look([pid for keeper in children(os.getpid()) for one in children(keeper) for pid in trusted(one)])
            time.sleep(0.02)
    return run.result(), scales


def trusted(pid: int) -> list[int]:
    """A process and its descendants, but for fork servers and theirs."""
    try:
        if b"inside import forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes():
            return []
    except OSError:  # it ended meanwhile
        return []
    return [pid, *(one for child in children(pid) for one in trusted(child))]


def children(pid: int) -> list[int]:
    """The processes that any of its threads has started; none for one that has ended."""
    try:
        lists = [task.joinpath("children").read_text("ascii") for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
    return [int(child) for found in lists for child in found.split()]


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
    told = verdict(output) or f"no verdict: {said[-200:]!r}"
    return f"| {attack.name} | {seconds:.1f} s | {cpu:.1f} s | {peak:.0f} MB | {told} |"


def verdict(output: Path) -> str:
    """The score and every item that did not pass; empty where there are no results."""
    if not output.exists():
        return ""
    result: dict[str, Any] = json.loads(output.read_text("utf-8"))
    told = {test["extra_data"]["id"]: test["extra_data"]["outcome"] for test in result["tests"]}
    return f"{result['score']:g}: {', '.join(f'{name} {word}' for name, word in told.items() if word != 'passed') or 'all passed'}"


def small_row(what: str, before: str, make: Callable[[], Path]) -> str:
    """A line of the table in SECURITY.md."""
    path = make()
    output = path.parent / "results.json"
    figures, scales = in_a_small_container(path, output)
    told = verdict(output) or "no results"
    if figures.killed or figures.stopped:
        told += f" ({figures.killed} killed, stopped: {figures.stopped or 'no'})"
    peaks = f"{scales.peak / 2**20:.0f} MB, {figures.memory / 2**20:.0f} MB"
    return f"| {what} | {before} | {figures.seconds:.0f} s | {scales.cpu:.1f} s | {peaks} | {told} |"


def main(arguments: list[str]) -> None:
    """Print the table, or write that of the small container."""
    with tempfile.TemporaryDirectory(prefix="arena-") as folder:
        arena = Arena(Path(folder).resolve())
        if arguments == ["--small"]:
            _write_small(arena)
            return
        print("| attack | wall | CPU | memory | verdict |\n| --- | --- | --- | --- | --- |")
        for attack in [attack for attack in corpus() if attack.name in arguments] if arguments else attacks("sizes"):
            print(row(attack, arena), flush=True)


def _write_small(arena: Arena) -> None:
    by_name = {attack.name: attack for attack in corpus()}
    lines = [
        "| what is tried | before | wall | CPU | memory: trusted, all | outcome now |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines.append(small_row("an honest submission", "", lambda: arena.neighbour))
    print("\n".join(lines), flush=True)
    for what, name, before in CLASSES:
        attack = by_name[name]
        lines.append(small_row(what, before, lambda attack=attack: attack.make(arena.box(attack))))  # type: ignore[misc]
        print(lines[-1], flush=True)
    path = ROOT / "SECURITY.md"
    table = "<!-- small -->\n" + "\n".join(lines) + "\n<!-- /small -->"
    path.write_text(re.sub(r"<!-- small -->.*<!-- /small -->", lambda _: table, path.read_text("utf-8"), flags=re.S), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
