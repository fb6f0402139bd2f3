"""The private user: no two graders that live have the same, and one that was killed leaves its own to others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from grader.sandbox import users
from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(users.private_uid() is None, reason="only root can give student code a user of its own")
DRAW = """
import sys
from grader.sandbox import users
users.IDS = range(61000, 61003)
users._NAME = "\\0of-a-test-" + sys.argv[1] + "-{}"
print(users.private_uid(), users.private_uid(), flush=True)
sys.stdin.read()
"""


class Graders:
    """Processes that have drawn one of three ids, kept alive."""

    def __init__(self) -> None:
        self.alive: list[subprocess.Popen[str]] = []

    def draw(self) -> int:
        """Start one more; its id."""
        command = [sys.executable, "-c", DRAW, str(os.getpid())]
        self.alive.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        output = self.alive[-1].stdout
        assert output is not None
        first, again = output.readline().split()
        assert first == again
        return int(first)

    def kill(self, number: int) -> None:
        """Kill one with SIGKILL."""
        process = self.alive[number]
        process.kill()
        process.communicate()


@pytest.fixture
def graders() -> Iterator[Graders]:
    """None at first; all are ended."""
    started = Graders()
    yield started
    for number in range(len(started.alive)):
        started.kill(number)


def test_graders_that_live_have_different_users_and_one_that_was_killed_leaves_its_own(graders: Graders) -> None:
    drawn = [graders.draw() for _ in range(3)]
    assert sorted(drawn) == [61000, 61001, 61002]
    graders.kill(1)
    assert graders.draw() == drawn[1]


def test_where_all_are_taken_one_is_shared(graders: Graders) -> None:
    assert {graders.draw() for _ in range(4)} == {61000, 61001, 61002}


def test_a_forked_process_draws_its_own() -> None:
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(theirs, str(users.private_uid()).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    drawn = int(os.read(ours, 100))
    os.close(ours)
    os.close(theirs)
    assert drawn in users.IDS
    assert drawn != users.private_uid()
