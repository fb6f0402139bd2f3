"""Runs one command as a small container would, and says what came of it; a process of its own, so that every orphan falls to it.

`python -m tests.container.confined` reads a `Task` as JSON on stdin and writes a `Figures` as JSON on stdout. Memory and CPU are
limited by control groups where they can be made; without them the memory of the whole tree is watched and the CPU is not limited.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# What Docker leaves root by default (docs.docker.com, "Runtime privilege and Linux capabilities").
CAPABILITIES = (
    "chown", "dac_override", "fowner", "fsetid", "kill", "setgid", "setuid", "setpcap", "net_bind_service", "net_raw",
    "sys_chroot", "mknod", "audit_write", "setfcap",
)  # fmt: skip
_SUBREAPER, _LOOK = 36, 0.02
_GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Task:
    """What to run: `memory` in bytes for the whole tree, `cpus` in cores, `timeout` in seconds."""

    command: list[str]
    folder: str
    environment: dict[str, str]
    output: str
    timeout: float
    memory: int
    cpus: float


@dataclass(slots=True)
class Figures:
    """What came of it.

    Attributes:
        code: the command's exit code, negative for a signal.
        stopped: "time" where the limit ended it.
        killed: processes that were killed for want of memory.
        seconds, cpu: wall-clock and CPU time of the whole tree.
        memory: the most memory held at once without the page cache, in bytes, sampled.
        survivors: command lines of the processes that were still alive afterwards; they are ended now.
        unlimited: what could not be limited here, and why.
    """

    code: int = 0
    stopped: str = ""
    killed: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    survivors: list[str] = field(default_factory=list)
    unlimited: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line for people."""
        notes = "".join(f"; {note}" for note in self.unlimited)
        alive = ", ".join(self.survivors) or "nothing"
        return f"{self.seconds:.1f} s, CPU {self.cpu:.1f} s, {self.memory / 2**20:.0f} MB at most; still alive: {alive}{notes}"


def run(task: Task) -> Figures:
    """Run it in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(dataclasses.asdict(task)),
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Figures(**json.loads(done.stdout))


def _confined(task: Task) -> Figures:
    figures = Figures()
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    limits = _groups(task, figures)
    memory, groups = limits.get("memory"), set(limits.values())

    def enter() -> None:
        for group in groups:
            (group / "cgroup.procs").write_text("0")

    started = time.monotonic()
    try:
        with Path(task.output).open("wb") as output:
            process = subprocess.Popen(
                [*_privileges(figures), *task.command],
                cwd=task.folder,
                env=task.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=enter,
            )
        handle = os.pidfd_open(process.pid)
        while not select.select([handle], [], [], _LOOK)[0]:
            used = _used(memory)
            figures.memory = max(figures.memory, used)
            if memory is None and used > task.memory:
                _end_largest()
                figures.killed += 1
            if time.monotonic() - started > task.timeout and not figures.stopped:
                figures.stopped = "time"
                process.kill()
        os.close(handle)
        figures.code = process.wait()
        figures.seconds = time.monotonic() - started
        figures.survivors = [_named(pid) for pid in _tree()]
    finally:
        _end_all()
        figures.killed += _counted(memory)
        for group in groups:
            group.rmdir()
    spent = os.times()
    figures.cpu = spent.children_user + spent.children_system
    return figures


def _privileges(figures: Figures) -> list[str]:
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        figures.unlimited.append("capabilities: " + ("not root" if os.geteuid() else "no setpriv here"))
        return []
    kept = ",".join(["-all", *(f"+{name}" for name in CAPABILITIES)])
    return [setpriv, f"--bounding-set={kept}", f"--inh-caps={kept}", "--"]


def _groups(task: Task, figures: Figures) -> dict[str, Path]:
    """Controller -> a control group under this process's own that limits it; a note for each that cannot be had."""
    quota = int(task.cpus * 100_000)
    settings = {
        "memory": {"memory.limit_in_bytes": str(task.memory), "memory.max": str(task.memory)},
        "cpu": {"cpu.cfs_quota_us": str(quota), "cpu.max": f"{quota} 100000"},
    }
    inside = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text("ascii").splitlines())
    found: dict[str, Path] = {}
    for controller, values in settings.items():
        own = _GROUPS / controller  # version 1 has a tree for each controller, version 2 one for all
        parent = own / inside.get(controller, "/").lstrip("/") if own.is_dir() else _GROUPS
        group = parent / f"confined-{os.getpid()}"
        try:
            group.mkdir(exist_ok=True)
        except OSError as error:
            figures.unlimited.append(f"{controller}: no control group can be made ({error.strerror})")
            continue
        name = next((name for name in values if (group / name).exists()), None)
        if name is None:
            figures.unlimited.append(f"{controller}: not handed to this control group")
            if group not in found.values():
                group.rmdir()
            continue
        (group / name).write_text(values[name])
        found[controller] = group
    return found


def _used(memory: Path | None) -> int:
    """Bytes of memory in use, the page cache left out."""
    if memory is None:
        return sum(_resident(pid) for pid in _tree())
    stat = dict(line.split() for line in (memory / "memory.stat").read_text("ascii").splitlines())
    return int(stat.get("total_rss", stat.get("anon", "0")))


def _counted(memory: Path | None) -> int:
    for name in ("memory.oom_control", "memory.events"):
        if memory is not None and (memory / name).exists():
            return int(dict(line.split() for line in (memory / name).read_text("ascii").splitlines()).get("oom_kill", 0))
    return 0


def _tree() -> Iterator[int]:
    """Living descendants of this process."""
    parents: dict[int, int] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                state, parent = (path / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:2]
            except OSError:  # it has just ended
                continue
            if state not in "ZX":
                parents[int(path.name)] = int(parent)
    for pid in parents:
        above = parents[pid]
        while above in parents and above != os.getpid():
            above = parents[above]
        if above == os.getpid():
            yield pid


def _resident(pid: int) -> int:
    """Its share of memory; shared pages count once over all who share them, where the kernel tells."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _named(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")[:200] or str(pid)
    except OSError:
        return str(pid)


def _end_largest() -> None:
    largest = max(_tree(), key=_resident, default=None)
    if largest is not None:
        os.kill(largest, signal.SIGKILL)


def _end_all() -> None:
    """Kill and reap every descendant; those of one that dies fall to this process and are met in the next round."""
    while True:
        for pid in _tree():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


if __name__ == "__main__":
    json.dump(dataclasses.asdict(_confined(Task(**json.load(sys.stdin)))), sys.stdout)
