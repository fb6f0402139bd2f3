"""Processes that are not forked hold honest code to the rules of those that are: the same is refused, with the same exception."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader.sandbox.policy import Kind, Level
from grader.sandbox.supervisor import Sandbox
from tests.sandbox.asking import ask

TRIED = {
    "write a file": "open('/tmp/of-a-student', 'w')",
    "append to one": "open('/etc/hostname', 'a')",
    "save an array": "np.save('/tmp/of-a-student.npy', np.ones(3))",
    "write into the working directory": "np.savetxt('of-a-student.txt', np.ones(3))",
    "read a file": "open('/etc/passwd').read()",
    "read one that is not there": "open('data/cifar.pkl', 'rb')",
    "list a folder": "os.listdir()",
    "make a folder": "os.makedirs('/tmp/of-a-student')",
    "remove a file": "os.remove('/etc/passwd')",
    "a temporary file": "tempfile.TemporaryFile()",
    "a process": "subprocess.run(['true'])",
    "a shell": "os.posix_spawn('/bin/true', ['true'], {})",
    "a fork": "os.fork()",
    "a socket": "socket.create_connection(('127.0.0.1', 9))",
    "a download": "urllib.request.urlretrieve('http://127.0.0.1:9/cifar', '/tmp/of-a-student')",
    "a search for files": "glob.glob('/etc/*')",
    "the null device": "open(os.devnull, 'w').write('x')",
    "a late import": "__import__('colorsys').rgb_to_hsv(0, 0, 1)[2]",
    "a source of the standard library": "len(inspect.getsource(os)) > 0",
    "a thread": "[t := threading.Thread(target=int), t.start(), t.join(), t.is_alive()][-1]",
}
SOURCE = """
import glob, inspect, os, socket, subprocess, tempfile, threading, urllib.request
import numpy as np
def f():
    try:
        return repr({tried})
    except Exception as error:
        return type(error).__name__
"""


@pytest.fixture(scope="module")
def plain() -> Iterator[Sandbox]:
    with Sandbox(Level.STUDENT, kind=Kind.SPAWN) as made:
        yield made


@pytest.mark.parametrize("tried", TRIED.values(), ids=TRIED)
def test_what_is_refused_is_the_same(sandbox: Sandbox, plain: Sandbox, tried: str) -> None:
    source = SOURCE.format(tried=tried)
    assert ask(plain, source) == ask(sandbox, source)
