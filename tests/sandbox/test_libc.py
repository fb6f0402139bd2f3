"""Memory of a process that was just forked: the heap goes on in large pages, and stays a heap like any other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

_SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_CHILD = """
import ctypes, os, sys
sys.path.insert(0, sys.argv[1])
from grader.sandbox.inside.libc import keep_memory, use_large_pages

keep_memory()
pid = os.fork()
if pid:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
for _ in range(int(sys.argv[2])):
    use_large_pages()
held = [bytearray(2**20) for _ in range(6)]
place = ctypes.addressof(ctypes.c_char.from_buffer(held[-1]))
assert all(piece == bytes(2**20) for piece in held)
flags, here = "", False
with open("/proc/self/smaps", encoding="ascii") as areas:
    for line in areas:
        first = line.split()[0]
        if not first.endswith(":"):
            start, end = (int(part, 16) for part in first.split("-"))
            here = start <= place < end
        elif here and first == "VmFlags:":
            flags = line
print("hg" in flags.split())
sys.stdout.flush()
os._exit(0)
"""


def _in_large_pages(calls: int) -> str:
    line = [sys.executable, "-c", _CHILD, str(ROOT), str(calls)]
    return subprocess.run(line, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@pytest.mark.skipif(not _SETTING.exists(), reason="this kernel has no large pages on request")
def test_what_a_forked_process_allocates_lies_in_large_pages() -> None:
    assert _in_large_pages(0) == "False"
    assert _in_large_pages(1) == "True"


def test_asking_for_them_again_changes_nothing() -> None:
    assert _in_large_pages(2) in ("True", "False")
