"""`grade --replay`: a submission's experiments, run again with its own code, against the curves it recorded.

For staff, in a dispute: what comes out are findings and never a verdict, so points and exit code are what they are without it.
Every run has a process of its own. The images are mapped once by the server these are forked from, so none of them has to read
a file. What a run gives is what the student's code says, and code that knows it is replayed could say anything.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from . import dataset, experiments
from .checks.log_reader import History
from .errors import SandboxUnavailable, UsageError
from .experiments import Run
from .finding import Mismatch
from .grading import collected, secret_paths, support_files
from .recorded import Recorded, history_of
from .report import replays
from .report.progress import say
from .report.replays import AGREES, Told
from .sandbox.ending import SessionEnded
from .sandbox.policy import Kind, Level, Limits, default_kind
from .sandbox.supervisor import Sandbox
from .selection import selected
from .student import staff_source
from .submission import STUDENT_FILES, Submission
from .text import clean

PREFIX: Final = "replay"
LEAVES, NOT_RECORDED, NOT_RUN = "leaves the band", "not recorded", "did not run"
_UNSEEDED: Final = ("optimizer_experiment_sgd", "optimizer_experiment_sgd_momentum")


@dataclass(frozen=True, slots=True)
class Replay:
    """What is to be replayed.

    Attributes:
        data: the data file, and `facts` what it holds.
        only: as `--only` says, an experiment or an item; None for all runs.
        seconds: time limit of one run.
        plot: where to write the page with the curves.
    """

    data: Path
    facts: dataset.DataSet
    only: str | None
    seconds: float
    plot: Path | None

    @property
    def grades(self) -> bool:
        """Whether the submission is graded as well: not where `only` names nothing but replays."""
        return self.only is None or any(not _is_replay(part) for part in _parts(self.only))


def asked(data: Path | None, only: str | None, seconds: float, plot: Path | None, sandbox: str | None) -> Replay:
    """The replay that the options ask for; what is wrong with them is told before anything is run.

    Raises:
        UsageError: it cannot be done.
    """
    if (Kind(sandbox) if sandbox else default_kind()) is Kind.SPAWN:
        raise UsageError("a replay needs Linux and --sandbox fork: the images are mapped once and inherited by forked processes")
    if data is None:
        raise UsageError("--replay needs the images: --data FILE, which 'python -m grader data import' makes")
    if plot is not None and not plot.resolve().parent.is_dir():
        raise UsageError(f"{plot} cannot be written: there is no folder {plot.resolve().parent}")
    if only is not None:
        _chosen(list(experiments.runs({}, None)), only)
    return Replay(data, dataset.describe(data), only, seconds, plot)


def at_desk(wish: Replay, path: Path) -> tuple[str, ...]:
    """Replay the submission at `path`, tell of it while it goes on, and write the page; returned are sentences for staff.

    Raises:
        UsageError: there is no such submission, or the page cannot be written.
        SandboxUnavailable: no sandbox can be made here.
    """
    submission = collected(path)
    say(f"Replay on {wish.facts}")
    told = []
    with Sandbox(Level.STAFF, kind=Kind.FORK, secrets=secret_paths(), share={"cifar10": wish.data}) as sandbox:
        recorded = Recorded.read(submission, sandbox)
        runs = list(_chosen(list(experiments.runs(recorded.batches, recorded.settings)), wish.only))
        steps = replays.steps(len(runs))
        try:
            for run in runs:
                steps.begin(run.log)
                one = replayed(run, submission, sandbox, recorded, wish.seconds)
                told.append(_with_published(one, run) if wish.facts.source == "CIFAR-10" else one)
                steps.end(one)
        finally:
            steps.close()
    say(f"{replays.summary(told)}. A replay is no verdict and changes no points.")
    if wish.plot is not None:
        try:
            wish.plot.write_text(replays.page(submission.label, str(wish.facts), told), "utf-8")
        except OSError as error:
            raise UsageError(f"{wish.plot} cannot be written ({error.strerror}); name another file") from error
        say(str(wish.plot))
    return tuple(f"replay on {wish.facts.source}: {one.name}: {one.sentence}" for one in told)


def _chosen(runs: Sequence[Run], only: str | None) -> Iterator[Run]:
    """The runs that `--only` stands for: "replay.best_model", or those of the items it names, "logs.best_model".

    Raises:
        UsageError: none.
    """
    if only is not None:
        named = [PREFIX + part.removeprefix("logs") if f"{part}.".startswith("logs.") else part for part in _parts(only)]
        only = ",".join(part for part in named if _is_replay(part)) or only
    names = set(selected([run.id for run in runs], only))
    return (run for run in runs if run.id in names)


def _parts(only: str) -> list[str]:
    return [part.strip() for part in only.split(",")]


def _is_replay(part: str) -> bool:
    return f"{part}.".startswith(f"{PREFIX}.")


def replayed(run: Run, submission: Submission, sandbox: Sandbox, recorded: Recorded, seconds: float) -> Told:
    """Replay one run and compare it; whatever the student's code does costs this run alone."""
    history = recorded.histories.get(run.log)
    if run.unknown:
        return Told(run.log, NOT_RECORDED, run.unknown, 0.0, history or {})
    started = time.monotonic()
    try:
        again = _again(run, submission, sandbox, seconds)
    except SessionEnded as error:
        return Told(run.log, NOT_RUN, _why(error, submission), time.monotonic() - started, history or {})
    except (Mismatch, SandboxUnavailable) as error:
        why = error.student if isinstance(error, Mismatch) else str(error)
        return Told(run.log, NOT_RUN, why, time.monotonic() - started, history or {})
    taken = time.monotonic() - started
    if history is None:
        return Told(run.log, NOT_RECORDED, recorded.missing[run.log], taken, {}, again)
    verdict, detail = _compared(run, history, again, recorded)
    return Told(run.log, verdict, detail, taken, history, again)


def _again(run: Run, submission: Submission, sandbox: Sandbox, seconds: float) -> History:
    """The histories the run gives today.

    Raises:
        SessionEnded: the student's code raised, or its process did not come to an end in order.
        Mismatch: what came back is no history.
    """
    limits = replace(Limits(), wall=seconds, cpu=math.ceil(seconds))
    mounts = {**support_files(), **submission.files}
    mounts["replay_driver.py"] = staff_source("replay_driver.py")
    mounts["experiment.py"] = experiments.program(run)
    with sandbox.session(limits) as session:
        session.load(mounts)
        (answer,) = session.fetch(session.module("replay_driver").attr("run")())
    match answer:
        case {"logs": dict(logs)} if run.log in logs:
            return history_of(logs[run.log])
        case _:
            raise Mismatch("it recorded no histories")


def _why(error: SessionEnded, submission: Submission) -> str:
    """What ended a run, where, and which of its files were those handed out."""
    said = clean(error.message, 200).strip()
    where = next((f" ({clean(f.file, 80)}, line {f.line})" for f in reversed(error.frames) if f.file in STUDENT_FILES), "")
    absent = [name for name in STUDENT_FILES if name not in submission.files]
    stands_in = f"; not in the submission: {', '.join(absent)}" if absent else ""
    return f"{error.reason}{f': {said}' if said else ''}{where}{stands_in}"


def _compared(run: Run, history: History, again: History, recorded: Recorded) -> tuple[str, str]:
    from .hidden import replayed as curves

    if run.group == "initialization_experiment":
        found, unlike = curves.difference_in_kind(run.name, history, again), "in kind, as nothing seeds this run"
    else:
        found, unlike = curves.difference(run.group, run.rule, history, again), ""
        others = [recorded.histories[log] for log in _UNSEEDED if log in recorded.histories]
        if run.log in _UNSEEDED and len(others) == 2 and all(curves.starts_elsewhere(other, again) for other in others):
            return NOT_RECORDED, "both SGD logs begin elsewhere, as where section 2.2's unseeded cell was run last"
    if found is None:
        return AGREES, unlike
    return (f"{LEAVES} at iteration {found.at}" if found.at else LEAVES), found.text


def _with_published(told: Told, run: Run) -> Told:
    """With the curves that are published for its seed."""
    from .hidden import replayed as curves

    runs = curves.known(run.log, told.recorded or told.replayed)
    published = tuple((one.at, one.losses, one.train, one.val) for one in runs)
    return replace(told, published=published, band=curves.band_around(runs, run.rule))
