"""`--replay`: a submission's experiments, run again with its own code, against the curves it recorded.

For staff, in a dispute: what comes out are findings and never a verdict, so points and exit code are what they are without it.
Every run has a process of its own. The data are mapped once by the server these are forked from, so none of them has to read
a file. What a run gives is what the student's code says, and code that knows it is replayed could say anything.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ..errors import UsageError
from ..grading.experiments import DataSet, Experiments, History, Recorded, Run
from ..grading.findings import Mismatch
from ..grading.grade import collected
from ..grading.homework import Homework
from ..grading.invocation import command
from ..grading.selection import selected
from ..report import extras
from ..report.output import say
from ..sandbox.errors import SandboxUnavailable, SessionEnded
from ..sandbox.forms import Plain
from ..sandbox.policy import Kind, Level, Limits, default_kind
from ..sandbox.supervisor import Sandbox
from ..submission.collect import Submission
from ..submission.layout import Layout
from ..submission.text import name as shown
from . import report
from .report import Told

_ANSWER: Final = Plain(parts=1_000, texts=2**20, entries=4 * 2**20)  # histories, and what is written beside them
PREFIX: Final = "replay"
NOT_RECORDED, NOT_RUN = "not recorded", "did not run"


@dataclass(frozen=True, slots=True)
class Replay:
    """What is to be replayed.

    Attributes:
        homework: whose experiments these are, and `experiments` how they are run.
        data: the data file, and `facts` what it holds.
        only: as `--only` says, an experiment or an item; None for all runs.
        seconds: time limit of one run.
        plot: where to write the page with the curves.
        term: the homework's term that the submission is taken to be of, where the rubric names one.
    """

    homework: Homework
    experiments: Experiments
    data: Path
    facts: DataSet
    only: str | None
    seconds: float
    plot: Path | None
    term: str = ""

    @property
    def grades(self) -> bool:
        """Whether the submission is graded as well: not where `only` names nothing but replays."""
        return self.only is None or any(not is_replay(part) for part in _parts(self.only))


def asked(
    homework: Homework, data: Path | None, only: str | None, seconds: float, plot: Path | None, sandbox: str | None, term: str
) -> Replay:
    """The replay that the options ask for; what is wrong with them is told before anything is run.

    Raises:
        UsageError: it cannot be done.
    """
    experiments = homework.experiments()
    if experiments is None:
        raise UsageError(f"the homework {homework.title} has no experiments that could be run again")
    if (Kind(sandbox) if sandbox else default_kind()) is Kind.SPAWN:
        raise UsageError("a replay needs Linux and --sandbox fork: the data are mapped once and inherited by forked processes")
    if data is None:
        raise UsageError(f"--replay needs {experiments.data_name}: --data FILE, which '{command('data import')}' makes")
    if plot is not None:
        extras.require("the page of a replay is made", "class", "jinja2")
    if plot is not None and not plot.resolve().parent.is_dir():
        raise UsageError(f"{plot} cannot be written: there is no folder {plot.resolve().parent}")
    if only is not None:
        _chosen(experiments.runs(None), only, experiments.items)
    return Replay(homework, experiments, data, experiments.describe(data), only, seconds, plot, term)


def run(wish: Replay, path: Path) -> tuple[str, ...]:
    """Replay the submission at `path`, tell of it while it goes on, and write the page; returned are sentences for staff.

    Raises:
        UsageError: there is no such submission, or the page cannot be written.
        SandboxUnavailable: no sandbox can be made here.
    """
    experiments = wish.experiments
    submission = collected(wish.homework, path)
    say(f"Replay on {wish.facts}")
    told = []
    with sandbox_for(wish) as sandbox:
        recorded = experiments.read(submission, sandbox, wish.term)
        runs = list(_chosen(experiments.runs(recorded), wish.only, experiments.items))
        steps = report.steps(len(runs))
        try:
            for run in runs:
                steps.begin(run.log)
                one = replayed(wish, run, submission, sandbox, recorded)
                curves = experiments.published(run, one.recorded or one.replayed, wish.facts)
                told.append(replace(one, published=tuple(curves)))
                steps.end(one)
        finally:
            steps.close()
    say(f"{report.summary(told)}. A replay is no verdict and changes no points.")
    if wish.plot is not None:
        try:
            wish.plot.write_text(report.page(submission.label, str(wish.facts), told, wish.homework.curve_series), "utf-8")
        except OSError as error:
            raise UsageError(f"{wish.plot} cannot be written ({error.strerror}); name another file") from error
        say(str(wish.plot))
    return tuple(f"replay on {wish.facts.source}: {one.name}: {one.sentence}" for one in told)


def sandbox_for(wish: Replay, secrets: Sequence[Path] = ()) -> Sandbox:
    """A sandbox whose processes see the data, and none of `secrets`.

    Raises:
        SandboxUnavailable: none can be made here.
    """
    shared = {wish.experiments.shared_name: wish.data}
    return Sandbox(Level.STAFF, kind=Kind.FORK, secrets=[*wish.homework.secrets(), *secrets], share=shared)


def all_of(wish: Replay, submission: Submission, sandbox: Sandbox) -> list[Told]:
    """What came of each run of a submission that was asked for; empty where no run of it is on record.

    Raises:
        SandboxUnavailable: no process can be made here.
    """
    recorded = wish.experiments.read(submission, sandbox, wish.term)
    if not recorded.histories:
        return []
    runs = _chosen(wish.experiments.runs(recorded), wish.only, wish.experiments.items)
    return [replayed(wish, run, submission, sandbox, recorded) for run in runs]


def _chosen(runs: Sequence[Run], only: str | None, items: str) -> Iterator[Run]:
    """The runs that `--only` stands for: "replay.RUN", or those of the items it names, "ITEMS.RUN".

    Raises:
        UsageError: none.
    """
    if only is not None:
        named = [PREFIX + part.removeprefix(items) if f"{part}.".startswith(f"{items}.") else part for part in _parts(only)]
        only = ",".join(part for part in named if is_replay(part)) or only
    names = set(selected([run.id for run in runs], only))
    return (run for run in runs if run.id in names)


def _parts(only: str) -> list[str]:
    return [part.strip() for part in only.split(",")]


def is_replay(part: str) -> bool:
    """Whether a part of `--only` names replays."""
    return f"{part}.".startswith(f"{PREFIX}.")


def replayed(wish: Replay, run: Run, submission: Submission, sandbox: Sandbox, recorded: Recorded) -> Told:
    """Replay one run and compare it; whatever the student's code does costs this run alone."""
    history = recorded.histories.get(run.log)
    if run.unknown:
        return Told(run.log, NOT_RECORDED, run.unknown, 0.0, history or {})
    started = time.monotonic()
    try:
        again = _again(wish, run, submission, sandbox)
    except SessionEnded as error:
        return Told(run.log, NOT_RUN, _why(error, submission, wish.homework.layout), time.monotonic() - started, history or {})
    except (Mismatch, SandboxUnavailable) as error:
        why = error.student if isinstance(error, Mismatch) else str(error)
        return Told(run.log, NOT_RUN, why, time.monotonic() - started, history or {})
    taken = time.monotonic() - started
    if history is None:
        return Told(run.log, NOT_RECORDED, recorded.missing[run.log], taken, {}, again)
    verdict, detail = wish.experiments.compared(run, history, again, recorded)
    return Told(run.log, verdict, detail, taken, history, again)


def _again(wish: Replay, run: Run, submission: Submission, sandbox: Sandbox) -> History:
    """The histories the run gives today.

    Raises:
        SessionEnded: the student's code raised, or its process did not come to an end in order.
        Mismatch: what came back is no history.
    """
    limits = replace(Limits(), wall=wish.seconds, cpu=math.ceil(wish.seconds))
    mounts = {**wish.homework.support, **submission.files, **wish.experiments.mounts(run)}
    module, function = wish.experiments.driver()
    with sandbox.session(limits) as session:
        session.load(mounts)
        (answer,) = session.fetch(session.module(module).attr(function)().like(_ANSWER))
    return wish.experiments.histories(run, answer)


def _why(error: SessionEnded, submission: Submission, layout: Layout) -> str:
    """What ended a run, where, and which of its files were those handed out."""
    said = shown(error.message.strip(), 200)
    where = next((f" ({shown(f.file, 80)}, line {f.line})" for f in reversed(error.frames) if f.file in layout.files), "")
    absent = [name for name in layout.files if name not in submission.files]
    stands_in = f"; not in the submission: {', '.join(absent)}" if absent else ""
    return f"{error.reason}{f': {said}' if said else ''}{where}{stands_in}"
