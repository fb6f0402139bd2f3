"""What a homework tells about the training runs behind its logs, so that they can be run again: the replay's half of `Homework`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from ..sandbox.supervisor import Sandbox
from ..submission.collect import Submission
from .curves import PublishedCurve

History = Mapping[str, NDArray[Any]]  # the series of one run by key, 1-D


class Run(Protocol):
    """One training run."""

    @property
    def id(self) -> str:
        """How `--only` names it: "replay.EXPERIMENT.RUN"."""

    @property
    def log(self) -> str:
        """The log it leaves, without its ending."""

    @property
    def unknown(self) -> str:
        """Why its settings are not known; empty if they are."""


class DataSet(Protocol):
    """What a data file holds; `str` of it says so in words."""

    @property
    def source(self) -> str:
        """The name of the data."""


class Recorded(Protocol):
    """What a submission's logs say about its runs."""

    @property
    def histories(self) -> Mapping[str, History]:
        """By log."""

    @property
    def missing(self) -> Mapping[str, str]:
        """Why there is none, by log."""


class Experiments(Protocol):
    """How the runs of one homework are run again and compared."""

    @property
    def items(self) -> str:
        """The group of items whose logs these runs leave."""

    @property
    def data_name(self) -> str:
        """What the data are called, for help texts and messages."""

    @property
    def shared_name(self) -> str:
        """The name under which the data file is mapped for the sandbox."""

    def describe(self, path: Path) -> DataSet:
        """What the data file at `path` holds.

        Raises:
            UsageError: it is no such file.
        """

    def import_data(self, folder: Path, target: Path | None, manifest: Path | None) -> tuple[Path, DataSet]:
        """Check the data in `folder` and write the data file.

        Raises:
            UsageError: the data are not as published, or nothing can be written.
        """

    def read(self, submission: Submission, sandbox: Sandbox, term: str = "") -> Recorded:
        """Open a submission's logs inside the sandbox; `term` is the one that the rubric names, if it does."""

    def runs(self, recorded: Recorded | None) -> Sequence[Run]:
        """All runs, with the settings that the logs tell."""

    def mounts(self, run: Run) -> Mapping[str, bytes]:
        """What is mounted beside the submission to run it.

        Raises:
            ConfigurationError: what that is made of is not installed.
        """

    def driver(self) -> tuple[str, str]:
        """The mounted module, and the function in it that runs what is mounted and answers."""

    def histories(self, run: Run, answer: Any) -> History:
        """The run's history in the driver's answer.

        Raises:
            Mismatch: it holds none.
        """

    def compared(self, run: Run, history: History, again: History, recorded: Recorded) -> tuple[str, str]:
        """The verdict's words ("agrees", "leaves the band at iteration 21", "not recorded") and a sentence to add."""

    def published(self, run: Run, history: History, data: DataSet) -> Sequence[PublishedCurve]:
        """What is published of the run on these data."""
