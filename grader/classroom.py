"""A class run from end to end: read the class, grade what is not graded yet, then write the table and the page.

    OUT/class.json   OUT/submissions/<id>/{results.json,curves.json,notebook.html}   OUT/grades.csv   OUT/equal_files.csv
    OUT/report.html

Everything is written in one step, the views at the end from the files on disk; a run that is stopped at any moment is taken up by
the same command.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import batch, equal_files, export, scoring
from . import roster as rosters
from . import rubric as rubrics
from .checks.misconceptions import catalogue
from .errors import UsageError
from .exam import registered
from .report import book as books
from .report import gradescope, page, runs, table
from .report.book import Book, Column, Line, Member
from .report.progress import progress, say
from .report.section import Beside
from .result import Outcome
from .selection import selected
from .stopping import uninterrupted
from .text import name as shown
from .worker import Done, Job, Settings, grader_digest, key_of

GRADES, PAGE, NOTEBOOK = "grades.csv", "report.html", "notebook.html"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command asked for.

    Attributes:
        workers: how many; None for one a core, or for all that a cluster has.
        seconds: time for one submission.
        known: a folder of logs that everybody may have.
        pages: whether notebooks become pages.
        cluster: the address of a Dask scheduler; empty for workers on this machine.
    """

    paths: Sequence[Path]
    out: Path
    workers: int | None
    rubric: Path
    only: str | None
    roster: Path | None
    kind: str | None
    seconds: float = 540.0
    known: Path | None = None
    pages: bool = False
    cluster: str = ""


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
    known = equal_files.known(wish.known)
    out = wish.out
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)  # names, SIDs and grades will lie there
        with _alone(out):
            _same_items(out, wish.only or "")
            entries = export.read(wish.paths, out)
            book = _book(rubric, titles, entries, wish)
            for name in (GRADES, equal_files.CSV, PAGE):
                (out / name).unlink(missing_ok=True)  # they would tell of another run until this one ends
            books.save(book, out)
            counts = _grade(wish, rubric, titles, entries, book, only)
            views(out, book, known)
            shutil.rmtree(out / export.UNPACKED, ignore_errors=True)
            return counts
    except OSError as error:
        raise UsageError(f"{error.filename or out} cannot be written or read ({error.strerror}); name another folder") from error


def views(out: Path, book: Book, known: Collection[str] = ()) -> None:
    """Everything that is made of the verdicts on disk."""

    def verdicts() -> Iterator[tuple[Line, dict[str, Any]]]:
        return books.lines(out, book)

    def beside(member: Member) -> Beside:
        folder = books.place(out, member.id).parent
        place = (folder / NOTEBOOK).relative_to(out).as_posix() if (folder / NOTEBOOK).is_file() else ""
        return Beside(runs.load(folder / runs.FILE), place)

    _write(out / GRADES, table.rows(book, (line for line, _ in verdicts())))
    alike = equal_files.groups(verdicts(), known)
    _write(out / equal_files.CSV, equal_files.rows(alike))
    slips = {slip.id: slip.name for slip in catalogue().values()}
    equal = equal_files.by_submission(alike)
    _write(out / PAGE, page.render(book, verdicts, slips, beside=beside, equal=equal, published=_published()))


def _published() -> dict[str, runs.Published]:
    """The published runs as the page draws them, by log."""
    from .hidden.replayed import band_around
    from .hidden.trajectories import published, rule_of

    found = {}
    for name, machines in published().items():
        first, area = machines[0], band_around(machines, rule_of(name.partition(" ")[0]))
        assert area is not None
        found[name] = runs.Published(*area[:1], first.losses, *area[1:], first.train, first.val)
    return found


def _grade(
    wish: Wish, rubric: rubrics.Rubric, titles: dict[str, str], entries: list[export.Entry], book: Book, only: tuple[str, ...]
) -> dict[str, int]:
    secrets = ((wish.out / books.FILE).resolve(),)
    settings = Settings(wish.rubric.resolve(), rubric.digest, only, wish.kind, grader_digest(), wish.seconds, secrets, wish.pages)
    members = {member.id: member for member in book.members}
    unshown: list[str] = []

    def finish(job: Job, done: Done) -> None:
        result = done.result
        if done.failed:
            result = gradescope.fallback(rubric, titles, done.failed)
        with uninterrupted():
            _keep(books.place(wish.out, job.id), done, result)
        if done.unshown:
            unshown.append(f"{job.id}: {done.unshown}")
        found: dict[str, Any] | None = result if result is not None else books.result(wish.out, job.id)
        assert found is not None
        told.finished(books.line(found, members[job.id]), done.seconds, kept=result is None)

    with _workers(wish, settings) as (there, slots, make):
        told = progress(len(entries), book.maximum, there)
        try:
            batch.run(_jobs(entries, wish.out), slots, make, settings, finish)
        except KeyboardInterrupt:
            print(f"{told.summary()}. What is finished is kept: the same command goes on from here.", file=sys.stderr)
            raise
        finally:
            told.close()
    say(told.summary())
    for line in unshown:
        print(shown(line), file=sys.stderr)
    return dict(told.counts)


@contextmanager
def _workers(wish: Wish, settings: Settings) -> Iterator[tuple[int, int, Callable[[], Executor]]]:
    """How many workers there are, how many jobs they get at once, and a maker of executors for one job each."""
    if wish.cluster:
        from . import cluster

        with cluster.connected(wish.cluster, settings) as found:
            yield found.size, wish.workers or cluster.SLOTS, found.place
    else:
        count = wish.workers or batch.cpus()
        yield count, count, batch.processes(settings)


def _keep(target: Path, done: Done, result: dict[str, Any] | None) -> None:
    """Put what came of a job in place, the verdict last: what lies beside it never tells of another one."""
    if result is not None:
        for name in (runs.FILE, NOTEBOOK):
            target.with_name(name).unlink(missing_ok=True)
        if done.record:
            _write(target.with_name(runs.FILE), [json.dumps(done.record, separators=(",", ":"), allow_nan=False)])
    if done.page:
        _write(target.with_name(NOTEBOOK), [done.page])
    if result is not None:
        gradescope.write(result, target)


def _jobs(entries: Iterable[export.Entry], out: Path) -> Iterator[Job]:
    """A job each, made when its turn comes; the folder is cleared of what an interrupted write left."""
    for entry in entries:
        folder = books.place(out, entry.id).parent
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".*.*"):
            left.unlink()
        path = entry.path.resolve() if entry.path else None
        yield Job(entry.id, path, key_of(books.result(out, entry.id)), (folder / NOTEBOOK).is_file())


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
