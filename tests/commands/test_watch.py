"""`check --watch`: a report at once and after every change, whatever becomes of the folder, and an end in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.commands.conftest import REFERENCE, UNTOUCHED, plain
from tests.conftest import OPTIM

WAITING = "Waiting for you to save a file; Ctrl-C ends.\n"
ADAM = ("--only", "optim.adam")


class Watched:
    """A running watch; its output is read up to what is waited for, so that nothing depends on how long it takes."""

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-m", "grader", "check", "--watch", *map(str, arguments)],
            cwd=folder,
            env=plain(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.folder = folder
        self.read = ""

    def until(self, *texts: str) -> str:
        """All that is printed until one of `texts` has been."""
        assert self.process.stdout is not None
        new = ""
        while not any(text in new for text in texts):
            line = self.process.stdout.readline()
            assert line, f"it ended after: {self.read}{new}"
            new += line
        self.read += new
        return new

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal, as Ctrl-C does; its exit code. Nothing is left of it, and no traceback is among what it printed."""
        assert self.process.stdout is not None
        assert len(processes(self.folder)) >= 1
        os.kill(self.process.pid, number)
        self.read += self.process.stdout.read()
        code = self.process.wait(30)
        assert "Traceback" not in self.read
        assert processes(self.folder) == []
        return code


def processes(folder: Path) -> list[int]:
    """The sandboxes' processes of the grader in `folder`; each was told where its files lie."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder / "grader" / "sandbox").encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:  # it has ended
            continue
    return found


@contextmanager
def watched(folder: Path, *arguments: str | Path) -> Iterator[Watched]:
    watch = Watched(folder, *arguments)
    try:
        yield watch
    finally:
        watch.process.kill()
        watch.process.wait()
        if watch.process.stdout is not None:
            watch.process.stdout.close()


def saved(folder: Path, source: Path) -> None:
    """Save a file as an editor does: a new one takes the old one's place."""
    new = folder / f"{OPTIM}.new"
    new.write_bytes((source / OPTIM).read_bytes())
    new.replace(folder / OPTIM)


def test_a_saved_file_is_checked_again_and_the_last_report_gives_the_exit_code(homework: Path) -> None:
    with watched(homework, *ADAM) as watch:
        assert "Total: 0 of 10 points" in watch.until(WAITING)
        saved(homework, REFERENCE)
        second = watch.until(WAITING)
        assert "passed        optim.adam.golden" in second
        assert "Total: 10 of 10 points" in second
        assert watch.end() == 0
    assert watch.read.count("Total: ") == 2


def test_after_a_last_report_with_faults_the_exit_code_says_so(homework: Path) -> None:
    saved(homework, REFERENCE)
    with watched(homework, *ADAM) as watch:
        watch.until("Total: 10 of 10 points")
        watch.until(WAITING)
        saved(homework, UNTOUCHED)
        watch.until(WAITING)
        assert watch.end(signal.SIGTERM) == 1


def test_a_file_that_is_not_graded_does_not_count_as_a_change(homework: Path) -> None:
    with watched(homework, *ADAM) as watch:
        watch.until(WAITING)
        (homework / "notes.txt").write_text("mine")
        (homework / "deeplearning/layers.py").touch()
        saved(homework, REFERENCE)
        assert "Total: 10 of 10 points" in watch.until(WAITING)
        assert watch.end() == 0
    assert watch.read.count("Total: ") == 2


def test_a_folder_that_disappears_and_returns_is_waited_for(homework: Path, handout: Path) -> None:
    elsewhere = homework.with_name("moved away")
    with watched(handout, homework, *ADAM) as watch:
        watch.until(WAITING)
        homework.rename(elsewhere)
        assert watch.until("does not exist").startswith(f"grader: {homework} does not exist")
        elsewhere.rename(homework)
        assert "Total: 0 of 10 points" in watch.until(WAITING)
        assert watch.end() == 1


def test_code_that_cannot_be_read_in_between_is_reported_like_any_other(homework: Path) -> None:
    with watched(homework, *ADAM) as watch:
        watch.until(WAITING)
        (homework / OPTIM).write_text("def adam(w, dw\n", "utf-8")
        assert "raised        optim.adam.golden" in watch.until(WAITING)
        saved(homework, REFERENCE)
        assert "passed        optim.adam.golden" in watch.until(WAITING)
        assert watch.end() == 0


def test_a_watch_whose_reader_left_ends_by_itself(homework: Path) -> None:
    with watched(homework, *ADAM) as watch:
        watch.until(WAITING)
        assert watch.process.stdout is not None
        watch.process.stdout.close()
        saved(homework, REFERENCE)
        assert watch.process.wait(60) == 0


def test_a_mistake_in_the_call_ends_a_watch_at_once(homework: Path) -> None:
    with watched(homework, "--only", "optm") as watch:
        assert "did you mean 'optim'?" in watch.until("did you mean")
        assert watch.process.wait(30) == 2
