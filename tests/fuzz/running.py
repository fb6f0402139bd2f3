"""How a fuzzing run goes: so many inputs from a printed seed, each within bounds of time and memory, and figures at the end."""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Generic, NoReturn, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")

# How many inputs in a thousand each target gets of FUZZ_INPUTS, and how many it gets in the normal suite.
TARGETS = {
    "zips": (340, 120),
    "folders": (25, 20),
    "npz": (290, 100),
    "json": (215, 80),
    "logs": (20, 15),
    "sources": (5, 8),
    "reports": (125, 60),
}
LENGTHS = ["quick", pytest.param("long", marks=pytest.mark.long)]
DEFAULT_INPUTS = 100_000
CPU_SECONDS = 30  # of this process for one input; the slowest takes a fraction of one
_ROUND = 1_000  # inputs a Hypothesis run; it remembers all of a run
_SHOWN = 20_000
_NEW_SEED = random.SystemRandom().randrange(10**6)
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class _Input(Generic[T]):
    """One input, told at a length that can be read; the seed brings back all of it."""

    def __init__(self, value: T) -> None:
        self.value = value

    def __repr__(self) -> str:
        text = repr(self.value)
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def inputs(target: str, length: str) -> int:
    """How many inputs `target` gets: FUZZ_INPUTS is the number over all targets of a long run."""
    share, quick = TARGETS[target]
    if length == "quick":
        return quick
    return max(quick, int(os.environ.get("FUZZ_INPUTS", DEFAULT_INPUTS)) * share // 1000)


def first_seed(length: str) -> int:
    """The seed: always the same in the normal suite; in a long run FUZZ_SEED, else a new one."""
    return 0 if length == "quick" else int(os.environ.get("FUZZ_SEED") or _NEW_SEED)


def fuzz(target: str, length: str, strategy: SearchStrategy[T], attempt: Callable[[T], str]) -> Counter[str]:
    """Give `attempt` the target's number of inputs and return how often it came to each of the words it returns.

    What it raises is shrunk by Hypothesis and ends the run.
    """
    wanted, start = inputs(target, length), first_seed(length)
    again = f" (FUZZ_SEED={start} repeats them)" if length == "long" else ""
    print(f"\nfuzz {target}: {wanted} inputs from seed {start}{again}")
    ends: Counter[str] = Counter()
    begun = time.monotonic()
    for number, done in enumerate(range(0, wanted, _ROUND)):

        @seed(start * 1_000 + number)
        @settings(
            max_examples=min(_ROUND, wanted - done),
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
        )
        @given(strategy.map(_Input))
        def once(input: _Input[T]) -> None:
            ends[attempt(input.value)] += 1

        once()
    told = ", ".join(f"{word} {count}" for word, count in ends.most_common())
    print(f"fuzz {target}: {ends.total()} inputs in {(time.monotonic() - begun) / 60:.2f} minutes: {told}")
    assert ends.total() >= wanted
    return ends


@contextmanager
def bounded(memory: int, *, traced: bool = True) -> Iterator[None]:
    """Assert that the block takes no more than `CPU_SECONDS` of this process, and no more than `memory` bytes at once.

    Processor time, because it is the same however busy the machine is. Memory is what Python allocates, or where tracing that
    would take too long, by how much the process outgrew what it ever was before.
    """
    size = _largest()
    if traced:
        tracemalloc.start()
    _limit_processor_time(CPU_SECONDS)
    try:
        yield
    finally:
        _limit_processor_time(0)
        peak = tracemalloc.get_traced_memory()[1] if traced else _largest() - size
        tracemalloc.stop()
    assert peak <= memory, f"{peak / 2**20:.1f} MB at once; allowed are {memory / 2**20:.1f}"


def _limit_processor_time(seconds: float) -> None:
    """Raise `AssertionError` after so much more processor time of this process; 0 lifts the limit. Windows has no such clock."""
    if sys.platform != "win32":
        signal.signal(signal.SIGPROF, _too_long)
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _too_long(_number: int, _frame: FrameType | None) -> NoReturn:
    raise AssertionError(f"an input took more than {CPU_SECONDS} s of processor time")


def _largest() -> int:
    """The most memory this process ever had resident, in bytes; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def harmless(text: str) -> str:
    """Assert that a text can be shown anywhere: nothing that steers a terminal, changes the direction, or cannot be encoded."""
    text.encode("utf-8")
    bad = _STEERING.search(text)
    assert bad is None, f"{bad[0]!a} in {text[max(0, bad.start() - 100) : bad.end() + 100]!a}"
    return text
