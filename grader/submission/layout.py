"""Which files of a submission are graded, and under which names; what a homework tells the collector."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Layout:
    """The files of a homework, by the names they are graded under.

    Attributes:
        files: the student's code, relative to the homework's folder, forward slashes: "package/module.py".
        logs: the folder of what the student's runs recorded; empty if there is none.
        log_suffixes: endings of the files in it that are taken.
        expected_logs: names of the files that a whole submission has in it.
        notebook: a word in the notebook's name; empty where no notebook is looked at.
        notebook_name: what it is called where it was handed out, for messages.
    """

    files: tuple[str, ...]
    logs: str = ""
    log_suffixes: tuple[str, ...] = field(default=(".npz", ".json"))
    expected_logs: tuple[str, ...] = ()
    notebook: str = ""
    notebook_name: str = ""

    @cached_property
    def folders(self) -> frozenset[str]:
        """The names of all folders that graded files lie in."""
        code = {part for name in self.files for part in PurePosixPath(name).parts[:-1]}
        return frozenset({*code, self.logs} - {""})

    @cached_property
    def code_folder(self) -> str:
        """The folder that holds the code, as the homework's folder has it; empty if the files lie in none."""
        tops = {PurePosixPath(name).parts[0] for name in self.files if "/" in name}
        return min(tops, default="")

    @cached_property
    def modules(self) -> dict[str, str]:
        """Import name -> file, for each of the student's files."""
        return {name.removesuffix(".py").replace("/", "."): name for name in self.files}

    def log(self, name: str) -> str:
        """The canonical name of a log."""
        return f"{self.logs}/{name}"

    def is_unexpected_log(self, name: str) -> bool:
        """Whether a canonical name is that of a log, and of none that a whole submission has."""
        folder, _, log = name.rpartition("/")
        return bool(self.expected_logs) and folder == self.logs and log not in self.expected_logs
