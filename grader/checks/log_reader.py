"""Opens an item's log files in the sandbox, and at the end holds them against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from .. import expect
from ..exam import Exam
from ..expect import Array
from ..finding import Finding, Mismatch
from ..sandbox.ending import SessionEnded
from ..student import Missing
from . import log_consistency
from .log_consistency import NAMES, Evidence

HISTORY: Final = ("train_losses", "train_accs", "val_accs")
MAX_ENTRIES: Final = 1_000_000
OPTIONAL: Final = frozenset({"optimizer_experiment_rmsprop.npz"})


class LogReader:
    """Opens an item's log files in the sandbox; a file that is missing or cannot be opened costs only its own part."""

    def __init__(self, exam: Exam, cell: str) -> None:
        """`cell` names the notebook section that writes these files, for messages."""
        self._exam = exam
        self._cell = cell
        self._absent: list[str] = []
        self._place = -1
        self._broken = False
        self.evidence = Evidence()
        self.unread: set[str] = set()

    @contextmanager
    def part(self, name: str, *, of: tuple[str, ...] = ()) -> Iterator[None]:
        """As `Exam.part`; a file that is missing or ends its reader fails this part only.

        `of` names the parts a part without a file of its own is made of: it is missing when all of them are.
        """
        if of and self._exam.missing >= set(of):
            self._exam.missing.add(name)
        with self._exam.part(name):
            try:
                yield
            except Mismatch as mismatch:
                self._broken = self._broken or (name not in self._exam.missing and self._cell not in mismatch.student)
                raise (Mismatch("") if name in self._exam.missing else mismatch) from None
            except Missing:
                self._exam.missing.add(name)
                raise Mismatch("") from None

    def npz(self, name: str, run: tuple[int, int] | None = None) -> dict[str, Array]:
        """The histories in `submission_logs/<name>`: finite-length 1-D real arrays by name, checked to be there.

        `run` is how many losses and accuracies the run leaves, where that is fixed; `lengths` holds the file against it.

        Raises:
            Missing, Mismatch: there is no such file, or it cannot be opened or is not as it should be.
        """
        self.unread.add(name)
        if run is not None:
            self.evidence.expected[name] = run
        answer = self._read("read_npz", name)
        arrays = answer.get("arrays")
        if not isinstance(arrays, Mapping):
            raise Mismatch(f"{name} {_clause(answer)}. {self._cell} writes it.")
        found = {}
        for key in HISTORY:
            values = expect.numbers(expect.item(arrays, key, name), f"{name}: {key}")
            if values.size > MAX_ENTRIES:
                raise Mismatch(f"{name}: {key} has {values.size} entries.")
            found[key] = values
        self.unread.remove(name)
        self.evidence.histories[name] = found
        for key in ("train_accs", "val_accs"):
            bad = ~((found[key] >= 0) & (found[key] <= 1))
            if bad.any():
                at = int(np.argmax(bad))
                raise Mismatch(f"{name}: {key}[{at}] is {found[key][at]:g}; an accuracy is between 0 and 1.")
        if np.isnan(found["train_losses"]).any():
            raise Mismatch(f"{name}: train_losses holds NaN.")
        return found

    def json(self, name: str) -> Any:
        """The data in `submission_logs/<name>`; raises as `npz`."""
        self.unread.add(name)
        answer = self._read("read_json", name)
        if "value" not in answer:
            raise Mismatch(f"{name} {_clause(answer)}. {self._cell} writes it.")
        self.unread.remove(name)
        return answer["value"]

    def close(self, item: str, code: Mapping[str, tuple[str, ...]]) -> None:
        """Say which cell writes the files that broke a rule, and settle the item's quiet parts.

        `code` maps a word in a file's name to the items whose code its run calls.
        """
        exam, evidence = self._exam, self.evidence
        if self._broken:
            exam.note(f"{self._cell} writes these files.")
        read = [*evidence.histories, *evidence.stds]
        if not read and not evidence.results:
            exam.missing.update(NAMES[item])
        needs = {name: calls for name in read for word, calls in code.items() if name.endswith(f"_{word}")}
        try:
            found = log_consistency.oddities(item, evidence)
            found += log_consistency.byte_equal(exam.student.submission.logs, read)
            found += log_consistency.code_against_logs(exam.before, needs)
        except Exception as error:
            if set(NAMES[item]) & set(exam.counted):
                raise
            exam.note(staff=f"consistency could not be judged: {error!r}")  # what costs nothing must not cost the item
            return
        log_consistency.settle(exam, item, found, complete=not self.unread - OPTIONAL)

    def _read(self, reader: str, name: str) -> dict[str, Any]:
        try:
            data = self._exam.student.log(name)
        except Missing as missing:
            self._tell_missing(name, str(missing))
            raise
        try:
            answer = self._exam.student.read(reader, data)
        except SessionEnded as error:
            raise Mismatch(f"{name} could not be opened: {error.reason}.", f"{error.ending}: {error.message}") from None
        return answer if isinstance(answer, dict) else {}

    def _tell_missing(self, name: str, why: str) -> None:
        """One sentence for all files that are not there; what was refused is told for itself."""
        if "not in the submission" not in why:
            self._exam.note(why)
            return
        self._absent.append(name)
        names = ", ".join(self._absent)
        finding = Finding(f"Not in submission_logs/: {names}. {self._cell} writes {'it' if len(self._absent) == 1 else 'them'}.")
        if self._place < 0:
            self._place = len(self._exam.findings)
            self._exam.findings.append(finding)
        else:
            self._exam.findings[self._place] = finding


def _clause(answer: Mapping[str, Any]) -> str:
    """The reader's own clause on what is wrong; anything else did not come from the reader."""
    text = answer.get("error")
    return text if isinstance(text, str) and len(text) < 100 else "could not be read"
