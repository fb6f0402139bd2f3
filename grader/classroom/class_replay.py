"""`batch --replay N`: the runs behind the logs of N submissions of a class, run again, and what to talk about afterwards.

    OUT/replays.json                    how the sample was chosen
    OUT/submissions/<id>/replay.json    what came of one submission's runs
    OUT/replays.csv                     a row a run

No points change. Which submissions are replayed follows from a seed and from what was handed in: whoever has the seed gets the same
ones, a larger sample holds the smaller one, and nobody who hands in can tell before. What was replayed already is kept while all it
depends on is the same.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import textwrap
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..errors import ConfigurationError, UsageError
from ..grading.apart import cpus
from ..grading.atomic import replacing
from ..grading.homework import Homework
from ..grading.results import Outcome
from ..grading.signals import uninterrupted
from ..grading.starter import Starter
from ..replay.replay import NOT_RUN, Replay, all_of, asked, sandbox_for
from ..replay.report import LEAVES, Told, kind_of, summary
from ..report.output import say
from ..sandbox.errors import SandboxUnavailable
from ..sandbox.policy import Kind
from ..sandbox.supervisor import Sandbox
from ..submission.text import name as shown
from . import batch, final_grades, sources
from . import gradebook as gradebooks
from . import worker as grading
from .final_grades import Grades
from .gradebook import Line, Member
from .grades_table import MARK, csv_line

CHOICE, FILE, TABLE = "replays.json", "replay.json", "replays.csv"
NO_FINDING: Final = (
    "A run that leaves its band is a reason to talk, not a finding of misconduct: code that was edited after the run does that, "
    "and so do other data and another seed. No points were changed."
)
_HEAD: Final = ("submission", "name", "sid", "run", "verdict", "what", "seconds", "seed")
_DETAIL: Final = 500
_WIDTH: Final = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be replayed of a class.

    Attributes:
        count: how many submissions.
        seed: what they are chosen by; empty for that of the run before, else one is drawn.
        replay: what of each, and on which data.
        workers: how many; None for one a core.
    """

    count: int
    seed: str
    replay: Replay
    workers: int | None


@dataclass(frozen=True, slots=True)
class Settings:
    """What every worker must agree on; `facts` says what the data are, the others are as in `Replay` and `worker.Settings`."""

    homework: str
    starter: Starter | None
    out: Path
    data: Path
    facts: str
    only: str | None
    seconds: float
    term: str
    grader_digest: str


@dataclass(frozen=True, slots=True)
class Job:
    """One submission; `known` is the key of what came of it before, `renames` as in `worker.Job`."""

    id: str
    known: str
    renames: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a job: the record to be written, None if the one that is there holds; or `failed` says why there is none."""

    record: dict[str, Any] | None
    seconds: float
    failed: str = ""


def run(homework: Homework, out: Path, wish: Wish) -> None:
    """Replay a sample of the class in `out`, tell of it, and write the table.

    Raises:
        UsageError: there is no class run, or the folder cannot be written.
        ConfigurationError: nothing can be replayed here.
    """
    grades = final_grades.load(out)
    there = [(line, _digest(found)) for line, found in grades.lines() if line.counts]
    able = [(line, digest) for line, digest in there if line.outcome not in (Outcome.MISSING, Outcome.GRADER_ERROR)]
    seed = wish.seed or _earlier(out) or secrets.token_hex(4)
    chosen = sample([(line.member.id, digest) for line, digest in able], wish.count, seed)
    lines = [line for line, _ in able if line.member.id in chosen]
    say(f"Replay of {len(lines)} of {len(able)} submissions, chosen by the seed {shown(seed)}, on {wish.replay.facts}")
    try:
        with replacing(out / CHOICE) as file:
            file.write(json.dumps({"seed": seed, "count": wish.count, "data": str(wish.replay.facts)}, indent=1).encode())
        failed = _replayed(homework, out, wish, lines, grades)
        records = {line.member.id: record for line in lines if (record := load_record(out, line.member.id)) is not None}
        with replacing(out / TABLE) as file:
            file.write("".join(_rows(lines, records, failed, seed)).encode("utf-8", "replace"))
    except OSError as error:
        raise UsageError(f"{error.filename or out} cannot be written ({error.strerror}); name another folder") from error
    nothing = [line for line, _ in there if line.outcome == Outcome.MISSING]
    say("\n".join(_to_talk_about(lines, records, failed, nothing)))


def sample(submissions: Sequence[tuple[str, str]], count: int, seed: str) -> frozenset[str]:
    """The ids of `count` of the submissions, each given with the digest of what was handed in.

    They are those with the smallest SHA-256 over seed, digest and id: the same on every machine, and whoever is chosen stays chosen
    when others hand in or more are asked for.
    """

    def rank(one: tuple[str, str]) -> str:
        return hashlib.sha256(json.dumps([seed, one[1], one[0]]).encode()).hexdigest()

    return frozenset(one[0] for one in sorted(submissions, key=rank)[:count])


def load_record(out: Path, id: str) -> dict[str, Any] | None:
    """What came of a submission's runs; None if they were not replayed, or it was handed in anew since."""
    try:
        found = json.loads(gradebooks.place(out, id).with_name(FILE).read_bytes())
        verdict = gradebooks.result(out, id)
        if verdict is None or found["submission_digest"] != _digest(verdict):
            return None
        return {**found, "runs": [{key: one[key] for key in ("log", "verdict", "what", "seconds")} for one in found["runs"]]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def sentences(record: Mapping[str, Any] | None) -> list[str]:
    """A record for a view: what it came to, then the runs that did not agree."""
    if record is None or not record["runs"]:
        return []
    odd = [f"{one['log']}: {_said(one)}" for one in record["runs"] if kind_of(one["verdict"]) in (LEAVES, NOT_RUN)]
    return [f"On {record['data']}: {_summed_up(record)}.", *odd, *([NO_FINDING] if odd else [])]


def work(settings: Settings, job: Job) -> Came:
    """Replay one submission in this process.

    Raises:
        ConfigurationError: this process cannot replay anything.
    """
    started = time.monotonic()
    wish, sandbox = _here(settings)
    try:
        with sources.opened(settings.out, wish.homework.layout, job.id) as path:
            submission = grading.collected(wish.homework, grading.Job(job.id, path.resolve(), "", renames=job.renames))
    except UsageError as error:  # it is not where it was, or cannot be read
        return Came(None, time.monotonic() - started, str(error))
    own = [submission.digest, settings.facts, settings.only, settings.seconds, settings.term, settings.grader_digest]
    key = hashlib.sha256(json.dumps(own).encode()).hexdigest()
    if key == job.known:
        return Came(None, time.monotonic() - started)
    try:
        told = all_of(wish, submission, sandbox)
    except SandboxUnavailable as error:
        raise ConfigurationError(str(error)) from None
    runs = [_kept(one) for one in told]
    record = {"key": key, "submission_digest": submission.digest, "data": settings.facts, "runs": runs}
    return Came(record, time.monotonic() - started)


def start(_settings: Settings) -> None:
    """Prepare a worker's process; the sandbox is made with the first job."""
    grading.attend()


_TRADE: Final = batch.Trade(start, work, lambda why: Came(None, 0.0, why))
_made: list[tuple[Settings, Replay, Sandbox]] = []  # what this process works with


def _here(settings: Settings) -> tuple[Replay, Sandbox]:
    if not _made or _made[0][0] != settings:
        given = grading.Settings(settings.homework, Path(), "", (), None, "", starter=settings.starter)
        homework = given.loaded()
        wish = asked(homework, settings.data, settings.only, settings.seconds, None, Kind.FORK, settings.term)
        try:
            sandbox = sandbox_for(wish, [settings.out / gradebooks.FILE])
        except SandboxUnavailable as error:
            raise ConfigurationError(str(error)) from None
        weakref.finalize(wish.experiments, sandbox.close)
        _made[:] = [(settings, wish, sandbox)]
    return _made[0][1], _made[0][2]


def _replayed(homework: Homework, out: Path, wish: Wish, lines: Sequence[Line], grades: Grades) -> dict[str, str]:
    """Replay what is not on record yet; why not, by id, where one could not be replayed."""
    replay = wish.replay
    settings = Settings(
        homework.package,
        homework.course,
        out.resolve(),
        replay.data.resolve(),
        str(replay.facts),
        replay.only,
        replay.seconds,
        replay.term,
        grading.grader_digest(homework),
    )
    failed: dict[str, str] = {}
    members = {line.member.id: line.member for line in lines}
    started, done, kept = time.monotonic(), 0, 0

    def finish(job: Job, came: Came) -> None:
        nonlocal done, kept
        done += 1
        place = gradebooks.place(out, job.id).with_name(FILE)
        if came.failed:
            failed[job.id] = came.failed
            place.unlink(missing_ok=True)
        elif came.record is not None:
            with uninterrupted(), replacing(place) as file:
                file.write(json.dumps(came.record, indent=1).encode())
        else:
            kept += 1
            return
        what = shown(came.failed) if came.record is None else _summed_up(came.record) or "nothing on record"
        left = (time.monotonic() - started) / max(done - kept, 1) * (len(lines) - done)
        eta = f"  (ETA {int(left) // 60}:{int(left) % 60:02})" if done < len(lines) else ""
        say(f"{done:>5}/{len(lines)}  {what:<40} {came.seconds:>7.1f} s  {_who(members[job.id])}{eta}")

    jobs = (Job(line.member.id, _known(out, line.member.id), grades.renames(line.member)) for line in lines)
    slots = wish.workers or cpus()
    try:
        batch.run(jobs, slots, batch.processes(settings, _TRADE), settings, _TRADE, finish)
    finally:
        if kept:
            say(f"{kept} of {len(lines)} were replayed before")
    return failed


def _to_talk_about(
    lines: Sequence[Line], records: Mapping[str, Mapping[str, Any]], failed: Mapping[str, str], nothing: Sequence[Line]
) -> Iterator[str]:
    """The list that a replay ends with."""
    by_kind = [(LEAVES, "To talk about"), (NOT_RUN, "Not to be run again with the code as handed in")]
    for kind, title in by_kind:
        found = {line.member.id: list(_of_kind(records.get(line.member.id), kind)) for line in lines}
        some = [line for line in lines if found[line.member.id]]
        if some or kind == LEAVES:
            yield f"{title}: {len(some)} of {len(lines)}"
        for line in some:
            yield f"  {_who(line.member)}"
            yield from (f"    {one['log']}: {_said(one)}" for one in found[line.member.id])
    without = [line for line in lines if not records.get(line.member.id, {}).get("runs")]
    if without or nothing:
        yield f"Not replayed: {len(without)} of {len(lines)} chosen" + (f", {len(nothing)} not to be chosen" if nothing else "")
        for line in without:
            yield f"  {_who(line.member)}: {shown(failed.get(line.member.id, 'no run is on record'), _DETAIL)}"
        yield from (f"  {_who(line.member)}: nothing to grade was handed in" for line in nothing)
    yield from textwrap.wrap(NO_FINDING, _WIDTH)


def _rows(lines: Sequence[Line], records: Mapping[str, Mapping[str, Any]], failed: Mapping[str, str], seed: str) -> Iterator[str]:
    yield MARK + csv_line(_HEAD)
    for line in lines:
        people = line.member.people
        who = [line.member.id, line.member.names, ", ".join(person.sid for person in people if person.sid)]
        runs = records.get(line.member.id, {}).get("runs", ())
        for one in runs:
            yield csv_line([*who, one["log"], one["verdict"], one["what"], f"{one['seconds']:.1f}", seed])
        if not runs:
            why = failed.get(line.member.id, "no run is on record")
            yield csv_line([*who, "", "not replayed", why, "", seed])


def _kept(told: Told) -> dict[str, Any]:
    return {"log": told.name, "verdict": told.verdict, "what": shown(told.detail, _DETAIL), "seconds": round(told.seconds, 1)}


def _of_kind(record: Mapping[str, Any] | None, kind: str) -> Iterator[Mapping[str, Any]]:
    yield from (one for one in (record or {"runs": ()})["runs"] if kind_of(one["verdict"]) == kind)


def _said(one: Mapping[str, Any]) -> str:
    return f"{one['verdict']}: {shown(one['what'], _DETAIL)}" if one["what"] else str(one["verdict"])


def _summed_up(record: Mapping[str, Any]) -> str:
    return summary([Told(one["log"], one["verdict"], "", 0.0) for one in record["runs"]])


def _known(out: Path, id: str) -> str:
    record = load_record(out, id)
    return str(record["key"]) if record is not None else ""


def _earlier(out: Path) -> str:
    """The seed of the run before, if there was one."""
    try:
        return str(json.loads((out / CHOICE).read_bytes())["seed"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _digest(found: Mapping[str, Any]) -> str:
    return str(found["extra_data"].get("submission_digest", ""))


def _who(member: Member) -> str:
    return shown(f"{member.id} {member.names}".strip())
