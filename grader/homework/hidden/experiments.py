"""How the runs behind the logs are run again and compared: what `grading.experiments` asks of a homework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ...grading.curves import PublishedCurve
from ...grading.experiments import History
from ...grading.findings import Mismatch
from ...grading.homework import Homework
from ...sandbox.supervisor import Sandbox
from ...submission.collect import Submission
from . import cifar10, curve_comparison
from .experiment_programs import Run, program, runs
from .recorded_runs import Recorded, history_of

AGREES, LEAVES, NOT_RECORDED = "agrees", "leaves the band", "not recorded"
_DRIVER: Final = "replay_driver.py"
_UNSEEDED: Final = ("optimizer_experiment_sgd", "optimizer_experiment_sgd_momentum")


class TrainingRuns:
    """See `grading.experiments.Experiments`."""

    items: Final = "logs"
    data_name: Final = "CIFAR-10"
    shared_name: Final = "cifar10"

    def __init__(self, homework: Homework) -> None:
        self._homework = homework

    def describe(self, path: Path) -> cifar10.DataSet:
        return cifar10.describe(path)

    def import_data(self, folder: Path, target: Path | None, manifest: Path | None) -> tuple[Path, cifar10.DataSet]:
        chosen = target or cifar10.DEFAULT_OUTPUT
        return chosen, cifar10.import_batches(folder, chosen, manifest, self._homework.source(cifar10.READER))

    def read(self, submission: Submission, sandbox: Sandbox, term: str = "") -> Recorded:
        return Recorded.read(self._homework, submission, sandbox, term)

    def runs(self, recorded: Any) -> list[Run]:
        if recorded is None:
            return list(runs({}, None))
        starter = recorded.starter
        return list(
            runs(
                recorded.batches,
                recorded.settings,
                best_seed=recorded.best_seed,
                initialization_seed=starter.initialization_seed,
                finite_loss=starter.finite_loss,
            )
        )

    def mounts(self, run: Any) -> Mapping[str, bytes]:
        return {_DRIVER: self._homework.source(_DRIVER), "experiment.py": program(self._notebook, run)}

    @property
    def _notebook(self) -> Path:
        return self._homework.starter_folder / self._homework.layout.notebook_name

    def driver(self) -> tuple[str, str]:
        return _DRIVER.removesuffix(".py"), "run"

    def histories(self, run: Any, answer: Any) -> History:
        match answer:
            case {"logs": dict(logs)} if run.log in logs:
                return history_of(logs[run.log])
            case _:
                raise Mismatch("it recorded no histories")

    def compared(self, run: Any, history: History, again: History, recorded: Any) -> tuple[str, str]:
        if run.group == "initialization_experiment":
            seeded = run.seed is not None
            found = curve_comparison.difference_in_kind(run.name, history, again, seeded=seeded)
            unlike = "in its first loss and in kind" if seeded else "in kind, as nothing seeds this run"
        else:
            found, unlike = curve_comparison.difference(run.group, run.rule, history, again), ""
            others = [recorded.histories[log] for log in _UNSEEDED if log in recorded.histories]
            elsewhere = len(others) == 2 and all(curve_comparison.starts_elsewhere(other, again) for other in others)
            if run.log in _UNSEEDED and elsewhere:
                return NOT_RECORDED, "both SGD logs begin elsewhere, as where the cell of the section 'Momentum' was run last"
        if found is None:
            return AGREES, unlike
        return (f"{LEAVES} at iteration {found.at}" if found.at else LEAVES), found.text

    def published(self, run: Any, history: History, data: Any) -> Sequence[PublishedCurve]:
        if data.source != "CIFAR-10":
            return ()
        return curve_comparison.curves(curve_comparison.known(run.log, history), run.rule)
