"""A class run from end to end: read the class, grade what is not graded yet, then write the table and the page.

    OUT/class.json   OUT/rubric.toml   OUT/submissions/<id>/{results.json,curves.json,notebook.html}
    OUT/grades.csv   OUT/report.html   OUT/adjustments.toml, if staff decided something

Everything is written in one step, the views at the end from the files on disk; a run that is stopped at any moment is taken up by
the same command.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ConfigurationError, UsageError
from ..grading import preflight as policies
from ..grading import scoring
from ..grading.apart import cpus
from ..grading.atomic import clear, replacing
from ..grading.homework import Homework
from ..grading.results import Outcome
from ..grading.rubric import Rubric, load_rubric
from ..grading.selection import selected
from ..grading.signals import uninterrupted
from ..report import extras, gradescope
from ..report.output import say
from ..sandbox.policy import Kind
from ..submission.text import name as shown
from . import (
    adjustments,
    batch,
    class_replay,
    export,
    final_grades,
    grades_table,
    learning_curves,
    merging,
    notebook_page,
    page,
    preflight,
    sources,
)
from . import gradebook as gradebooks
from . import roster as rosters
from .final_grades import Grades
from .gradebook import Column, Gradebook, Member
from .progress import progress
from .roster import Person
from .sources import Sources
from .student_section import Beside
from .worker import Done, Job, Settings, grader_digest, key_of, work

_T = TypeVar("_T")
GRADES, PAGE, NOTEBOOK = "grades.csv", "report.html", "notebook.html"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command asked for.

    Attributes:
        homework: which one it is.
        rubric: its file; None for the built-in one.
        workers: how many; None for one a core, or for all that a cluster has.
        seconds: time for one submission.
        known: a folder with logs that were handed out, if there is one.
        pages: whether notebooks become pages.
        cluster: the address of a Dask scheduler; empty for workers on this machine.
        adjustments: those of another run, to be taken over.
        attempt: which of a student's submissions counts, one of `attempts.POLICIES`.
    """

    homework: Homework
    paths: Sequence[Path]
    out: Path
    workers: int | None
    rubric: Path | None
    only: str | None
    roster: Path | None
    kind: str | None
    seconds: float = 540.0
    known: Path | None = None
    pages: bool = False
    cluster: str = ""
    adjustments: Path | None = None
    attempt: str = "latest"


def grade_class(wish: Wish) -> dict[str, int]:
    """Do the whole run; how many submissions ended with which outcome.

    Raises:
        UsageError: the class, the roster or the folder cannot be used, or something is not installed.
        ConfigurationError: grading is not possible here.
    """
    extras.require("a class is graded", "class", "yaml", "jinja2")
    if wish.pages:
        notebook_page.require()
    text, rubric, roster = _preflight(wish)
    only = selected([item.id for item in rubric.graded], wish.only)
    whole, named = _put_into(wish, rubric, only)
    rubric = replace(rubric, items=tuple(item for item in rubric.items if item.id in (whole or only)))
    titles = {name: check.title for name, check in wish.homework.checks.items()}
    out = wish.out
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)  # names, SIDs and grades will lie there
        with alone(out):
            if wish.adjustments is not None:
                adjustments.bring(wish.adjustments, out)
            entries = export.read(wish.paths, out, wish.homework.layout)
            preflight.told([*preflight.room(out, len(entries), (), pages=wish.pages)])
            book = _book(rubric, titles, entries, roster, replace(wish, only=named))
            for name in (GRADES, PAGE):
                (out / name).unlink(missing_ok=True)  # they would tell of another run until this one ends
            gradebooks.save(book, out)
            sources.save(out, Sources(wish.paths, wish.kind, wish.seconds))
            with replacing(gradebooks.rubric(out)) as copy:  # the workers read it, and what is explained later is explained with it
                copy.write(text)
            grades = final_grades.adjusted(out, book, adjustments.load(out))
            counts = _grade(wish, rubric, titles, entries, grades, only, whole)
            views(wish.homework, out, book)
            shutil.rmtree(out / export.UNPACKED, ignore_errors=True)
            return counts
    except OSError as error:
        raise UsageError(f"{error.filename or out} cannot be written or read ({error.strerror}); name another folder") from error


def views(homework: Homework, out: Path, book: Gradebook) -> None:
    """Everything that is made of the verdicts on disk and of what staff decided; what does not fit is told on standard error."""
    grades = final_grades.adjusted(out, book, adjustments.load(out))
    book = grades.book

    def beside(member: Member) -> Beside:
        folder = gradebooks.place(out, member.id).parent
        place = (folder / NOTEBOOK).relative_to(out).as_posix() if (folder / NOTEBOOK).is_file() else ""
        again = class_replay.sentences(class_replay.load_record(out, member.id))
        return Beside(learning_curves.load(folder / learning_curves.FILE), place, again)

    counts = grades.counting()
    members = sorted(book.members, key=lambda member: member.id not in counts)  # what is graded by hand comes first
    pages = [(gradebooks.place(out, member.id).with_name(NOTEBOOK), member) for member in members]
    notebook_page.link_up([(path, f"{member.id} {member.names}".strip()) for path, member in pages if path.is_file()])
    _write(out / GRADES, grades_table.rows(book, (line for line, _ in grades.lines())))
    _write(out / PAGE, page.render(homework, book, grades.lines, beside=beside))
    for warning in grades.warnings:
        print(f"warning: {shown(warning, 2_000)}", file=sys.stderr)


def _grade(
    wish: Wish,
    rubric: Rubric,
    titles: dict[str, str],
    entries: list[export.Entry],
    grades: Grades,
    only: tuple[str, ...],
    whole: tuple[str, ...],
) -> dict[str, int]:
    settings = _settings(wish.homework, wish.out, rubric, only, wish.kind, wish.seconds, pages=wish.pages)
    settings = replace(settings, whole=whole)
    members = {member.id: member for member in grades.book.members}
    unshown: list[str] = []

    def finish(job: Job, done: Done) -> None:
        result = done.result
        if done.failed:
            items = tuple(item for item in rubric.items if not job.base or item.id in only)
            result = gradescope.fallback(replace(rubric, items=items), titles, done.failed)
        earlier = gradebooks.result(wish.out, job.id) if job.base else None
        into = result is not None and earlier is not None and len(result["tests"]) < len(earlier["tests"])
        if into and result is not None and earlier is not None:
            result = merging.merged(earlier, result)
        with uninterrupted():
            _keep(gradebooks.place(wish.out, job.id), done, result, into=into)
        if done.unshown:
            unshown.append(f"{job.id}: {done.unshown}")
        found: dict[str, Any] | None = result if result is not None else gradebooks.result(wish.out, job.id)
        assert found is not None
        line = grades.line(gradebooks.line(found, members[job.id]), found)
        told.finished(line, done.seconds, kept=result is None)

    with _workers(wish, settings) as (there, slots, make):
        told = progress(len(entries), grades.book.maximum, there)
        try:
            jobs = _jobs(entries, grades, partial=bool(whole))
            batch.run(jobs, slots, make, settings, batch.GRADING, finish, lambda job: told.begun(job.id))
        except KeyboardInterrupt:
            print(f"{told.summary()}. What is finished is kept: the same command goes on from here.", file=sys.stderr)
            raise
        finally:
            told.close()
    say(told.summary())
    for line in unshown:
        print(shown(line), file=sys.stderr)
    return dict(told.counts)


def replay_class(homework: Homework, out: Path, wish: class_replay.Wish) -> None:
    """Replay a sample of the class in `out` and write the page anew; see `class_replay`.

    Raises:
        UsageError: there is no class run, another run is at work in it, or the folder cannot be written.
        ConfigurationError: nothing can be replayed here.
    """
    with alone(out):
        class_replay.run(homework, out, wish)
        views(homework, out, gradebooks.load(out))


def regrade(homework: Homework, grades: Grades, member: Member) -> None:
    """Grade one submission of a class again, in this process, under the names that staff decided on.

    Raises:
        UsageError: the submission is not where it was, or the class was graded on another starter.
        ConfigurationError: grading is not possible here.
    """
    out, given = grades.out, sources.load(grades.out)
    before = gradebooks.result(out, member.id) or {"extra_data": {}}
    starter = homework.course.digest if homework.course else ""
    if before["extra_data"].get("starter_digest", starter) != starter:
        raise UsageError(f"{out} was graded on another starter; name it with --starter")
    rubric = load_rubric(gradebooks.rubric(out), homework.checks, homework.terms)
    only = selected([item.id for item in rubric.graded], grades.book.only or None)
    target = gradebooks.place(out, member.id)
    shown_page = target.with_name(NOTEBOOK).is_file()
    settings = _settings(homework, out, rubric, only, given.kind, given.seconds, pages=shown_page)
    with sources.opened(out, homework.layout, member.id) as path:
        done = work(settings, Job(member.id, path.resolve(), "", renames=grades.renames(member)))
    if done.failed:
        raise UsageError(f"{member.id} cannot be graded: {done.failed}")
    with uninterrupted():
        _keep(target, done, done.result)


def _settings(
    homework: Homework, out: Path, rubric: Rubric, only: tuple[str, ...], kind: str | None, seconds: float, *, pages: bool
) -> Settings:
    return Settings(
        homework.package,
        gradebooks.rubric(out).resolve(),
        rubric.digest,
        only,
        kind,
        grader_digest(homework),
        seconds,
        ((out / gradebooks.FILE).resolve(),),
        pages,
        homework.course,
    )


@contextmanager
def _workers(wish: Wish, settings: Settings) -> Iterator[tuple[int, int, Callable[[], Executor]]]:
    """How many workers there are, how many jobs they get at once, and a maker of executors for one job each."""
    if wish.cluster:
        from . import dask_cluster

        with dask_cluster.connected(wish.cluster, settings) as found:
            yield found.size, wish.workers or dask_cluster.SLOTS, found.place
    else:
        count = wish.workers or cpus()
        yield count, count, batch.processes(settings, batch.GRADING)


def _keep(target: Path, done: Done, result: dict[str, Any] | None, *, into: bool = False) -> None:
    """Put what came of a job in place, the verdict last: what lies beside it never tells of another one.

    `into`: it is the verdict that lies there with some items anew, on the same submission.
    """
    if into:
        if done.record:
            learning_curves.add(target.with_name(learning_curves.FILE), done.record)
    elif result is not None:
        for name in (learning_curves.FILE, NOTEBOOK):
            target.with_name(name).unlink(missing_ok=True)
        if done.record:
            _write(target.with_name(learning_curves.FILE), [json.dumps(done.record, separators=(",", ":"), allow_nan=False)])
    if done.page:
        _write(target.with_name(NOTEBOOK), [done.page])
    if result is not None:
        gradescope.write(result, target)


def _jobs(entries: Iterable[export.Entry], grades: Grades, *, partial: bool) -> Iterator[Job]:
    """A job each, made when its turn comes; the folder is cleared of what an interrupted write left."""
    out, members = grades.out, {member.id: member for member in grades.book.members}
    for entry in entries:
        folder = gradebooks.place(out, entry.id).parent
        folder.mkdir(parents=True, exist_ok=True)
        clear(folder)
        path = entry.path.resolve() if entry.path else None
        found = gradebooks.result(out, entry.id)
        base = str(found["extra_data"].get("submission_digest", "")) if found is not None and partial else ""
        known = merging.key_of_part(found) if base else key_of(found)
        yield Job(entry.id, path, known, (folder / NOTEBOOK).is_file(), renames=grades.renames(members[entry.id]), base=base)


def _preflight(wish: Wish) -> tuple[bytes, Rubric, tuple[Person, ...]]:
    """The rubric's text, what it says, and the roster, once all that was asked for is in order.

    Raises:
        UsageError: it is not; every mistake has its line.
        ConfigurationError: the homework itself is not in order.
    """
    mistakes = [*preflight.unreadable(wish.paths), *preflight.room(wish.out, 1, wish.paths, pages=wish.pages)]

    def attempted(step: Callable[[], _T]) -> _T | None:
        try:
            return step()
        except UsageError as error:
            mistakes.append(str(error))
            return None

    policy = attempted(lambda: policies.rubric(wish.homework, wish.rubric, wish.known))
    if policy is not None:
        rows = [item.id for item in policy[1].graded]
        attempted(lambda: selected(rows, wish.only))
    roster = attempted(lambda: rosters.read(wish.roster) if wish.roster else ())
    attempted(lambda: adjustments.read(wish.adjustments) if wish.adjustments else adjustments.load(wish.out))
    if wish.cluster:
        from . import dask_cluster

        attempted(lambda: dask_cluster.answering(wish.cluster))
    else:
        attempted(lambda: policies.isolation(wish.homework, Kind(wish.kind) if wish.kind else None))
    preflight.told(mistakes)
    assert policy is not None
    assert roster is not None
    return *policy, roster


def _book(rubric: Rubric, titles: dict[str, str], entries: list[export.Entry], roster: tuple[Person, ...], wish: Wish) -> Gradebook:
    known = rosters.Index(roster)
    members = tuple(Member(entry.id, known.completed(entry.submitters), entry.created_at) for entry in entries)
    present = rosters.Index(person for member in members for person in member.people)
    columns = tuple(
        Column(item.id, titles[item.id], scoring.rounded(item.points) if item.points or item.bonus else None)
        for item in rubric.graded
    )
    absent = tuple(person for person in roster if present.match(person) is None)
    return Gradebook(rubric.title, columns, members, absent, wish.only or "", wish.attempt)


def _put_into(wish: Wish, rubric: Rubric, only: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """What the run in the folder holds: all its items where `only` some of them are graded anew, else none; and what it was
    restricted to, as it was typed.

    Raises:
        UsageError: there is a run of other items, or the rubric has changed in items that would keep their verdicts.
    """
    asked = wish.only or ""
    if not (wish.out / gradebooks.FILE).exists():
        return (), asked
    before = gradebooks.load(wish.out).only
    held = selected([item.id for item in rubric.graded], before or None)
    if set(held) == set(only):
        return (), before
    if not set(only) < set(held):
        there = f"--only {before}" if before else "all items"
        raise UsageError(f"{wish.out} holds a run of {there}; name another folder and see what changed with 'compare'")
    kept = gradebooks.rubric(wish.out)
    if not kept.exists():
        raise UsageError(f"{wish.out} keeps no rubric, so nothing can be put into its verdicts; name another folder")
    try:
        merging.require_same_rows(load_rubric(kept, wish.homework.checks, wish.homework.terms), rubric, only)
    except ConfigurationError as error:
        raise UsageError(f"{wish.out} was graded with other checks ({error}); grade it without --only") from error
    return held, before


def _write(path: Path, pieces: Iterable[str]) -> None:
    """Write a text piece by piece, and put it in place in one step."""
    with replacing(path) as file:
        for piece in pieces:
            file.write(piece.encode("utf-8", "replace"))


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep a second run out of the folder, and clear away what a run that was killed left half written.

    The lock goes with this process, however it ends.
    """
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
        clear(out)
        yield


def exit_code(counts: dict[str, int]) -> int:
    """0 every submission passed everything, 1 some did not, 3 the grader failed on some."""
    if counts.get(Outcome.GRADER_ERROR):
        return 3
    return 0 if set(counts) <= {Outcome.PASSED} else 1
