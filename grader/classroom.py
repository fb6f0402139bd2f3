"""A class run from end to end: read the class, grade what is not graded yet, then write the table and the page.

    OUT/class.json   OUT/submissions/<id>/results.json   OUT/grades.csv   OUT/report.html

Everything is written in one step, the views at the end from the files on disk; a run that is stopped at any moment is taken up by
the same command.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import batch, export, scoring
from . import roster as rosters
from . import rubric as rubrics
from .checks.misconceptions import catalogue
from .errors import UsageError
from .exam import registered
from .report import book as books
from .report import gradescope, page, table
from .report.book import Book, Column, Member
from .report.progress import progress, say
from .result import Outcome
from .selection import selected
from .stopping import uninterrupted
from .worker import Done, Job, Settings, grader_digest, key_of

GRADES, PAGE = "grades.csv", "report.html"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command asked for."""

    paths: Sequence[Path]
    out: Path
    workers: int
    rubric: Path
    only: str | None
    roster: Path | None
    kind: str | None


def grade_class(wish: Wish) -> dict[str, int]:
    """Do the whole run; how many submissions ended with which outcome.

    Raises:
        UsageError: the class, the roster or the folder cannot be used.
        ConfigurationError: grading is not possible here.
    """
    checks = registered()
    rubric = rubrics.load(wish.rubric, checks)
    only = selected([item.id for item in rubric.graded], wish.only)
    rubric = replace(rubric, items=tuple(item for item in rubric.items if item.id in only))
    titles = {name: check.title for name, check in checks.items()}
    out = wish.out
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)  # names, SIDs and grades will lie there
        with _alone(out):
            _same_items(out, wish.only or "")
            entries = export.read(wish.paths, out)
            book = _book(rubric, titles, entries, wish)
            for name in (GRADES, PAGE):
                (out / name).unlink(missing_ok=True)  # they would tell of another run until this one ends
            books.save(book, out)
            counts = _grade(wish, rubric, titles, entries, book, only)
            _write(out / GRADES, table.rows(book, (line for line, _ in books.lines(out, book))))
            _write(out / PAGE, page.render(book, lambda: books.lines(out, book), {s.id: s.name for s in catalogue().values()}))
            shutil.rmtree(out / export.UNPACKED, ignore_errors=True)
            return counts
    except OSError as error:
        raise UsageError(f"{error.filename or out} cannot be written or read ({error.strerror}); name another folder") from error


def _grade(
    wish: Wish, rubric: rubrics.Rubric, titles: dict[str, str], entries: list[export.Entry], book: Book, only: tuple[str, ...]
) -> dict[str, int]:
    secrets = ((wish.out / books.FILE).resolve(),)
    settings = Settings(wish.rubric.resolve(), rubric.digest, only, wish.kind, grader_digest(), secrets)
    members = {member.id: member for member in book.members}
    told = progress(len(entries), book.maximum, wish.workers)

    def finish(job: Job, done: Done) -> None:
        target = books.place(wish.out, job.id)
        result = done.result
        if done.failed:
            result = gradescope.fallback(rubric, titles, done.failed)
        if result is not None:
            with uninterrupted():
                gradescope.write(result, target)
        found: dict[str, Any] | None = result if result is not None else books.result(wish.out, job.id)
        assert found is not None
        told.finished(books.line(found, members[job.id]), done.seconds, kept=result is None)

    try:
        batch.run(_jobs(entries, wish.out), wish.workers, batch.processes(settings), settings, finish)
    except KeyboardInterrupt:
        print(f"{told.summary()}. What is finished is kept: the same command goes on from here.", file=sys.stderr)
        raise
    finally:
        told.close()
    say(told.summary())
    return dict(told.counts)


def _jobs(entries: Iterable[export.Entry], out: Path) -> Iterator[Job]:
    """A job each, made when its turn comes; the folder is cleared of what an interrupted write left."""
    for entry in entries:
        folder = books.place(out, entry.id).parent
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".results.json.*"):
            left.unlink()
        yield Job(entry.id, entry.path.resolve() if entry.path else None, key_of(books.result(out, entry.id)))


def _book(rubric: rubrics.Rubric, titles: dict[str, str], entries: list[export.Entry], wish: Wish) -> Book:
    roster = rosters.read(wish.roster) if wish.roster else ()
    known = rosters.Index(roster)
    members = tuple(Member(entry.id, known.completed(entry.submitters), entry.created_at) for entry in entries)
    present = rosters.Index(person for member in members for person in member.people)
    columns = tuple(
        Column(item.id, titles[item.id], scoring.rounded(item.points) if item.points or item.bonus else None)
        for item in rubric.graded
    )
    absent = tuple(person for person in roster if present.match(person) is None)
    return Book(rubric.title, columns, members, absent, wish.only or "")


def _same_items(out: Path, only: str) -> None:
    """Refuse to replace whole verdicts by partial ones, or the other way round."""
    if not (out / books.FILE).exists():
        return
    before = books.load(out).only
    if before != only:
        there = f"--only {before}" if before else "all items"
        raise UsageError(f"{out} holds a run of {there}; name another folder and see what changed with 'compare'")


def _write(path: Path, pieces: Iterable[str]) -> None:
    """Write a text piece by piece, and put it in place in one step."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Keep a second run out of the folder; the lock goes with this process, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with (out / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"another run is at work in {out}; wait for it or name another folder") from None
        yield


def exit_code(counts: dict[str, int]) -> int:
    """0 every submission passed everything, 1 some did not, 3 the grader failed on some."""
    if counts.get(Outcome.GRADER_ERROR):
        return 3
    return 0 if set(counts) <= {Outcome.PASSED} else 1
