"""Opens an item's log files in the sandbox, and collects what they hold for whoever holds them against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ..grading import expect
from ..grading.context import Context
from ..grading.expect import Array
from ..grading.findings import Finding, Mismatch
from ..grading.student import Missing
from ..sandbox.errors import SessionEnded
from ..submission.text import name as shown
from ..submission.text import quoted
from .blanks import is_blank

History = Mapping[str, Array]  # train_losses, train_accs, val_accs
HISTORY: Final = ("train_losses", "train_accs", "val_accs")
MAX_ENTRIES: Final = 1_000_000
OPTIONAL: Final = frozenset({"optimizer_experiment_rmsprop.npz"})
_HANDED_OUT: Final = "{} were handed out with the homework; run the notebook with your own code to make yours."


@dataclass(slots=True)
class Evidence:
    """What an item's files hold, as far as they could be read.

    Attributes:
        histories: arrays by file name ("best_fc_model.npz").
        expected: (losses, accuracies) by file name where it is known from the settings.
        batches: the batch size of each run that chose its own, where known; others have 100.
        stds: the weights' standard deviations by file name, with nominal values and sizes of the layers.
        results: the numbers of results.json.
        shipped: the names of the files, if every one holds what one does that the course handed out; else none.
        published: whether curves are published that the seeded runs of this starter follow.
    """

    histories: dict[str, History] = field(default_factory=dict)
    expected: dict[str, tuple[int, int]] = field(default_factory=dict)
    batches: dict[str, int] = field(default_factory=dict)
    stds: dict[str, tuple[Array, Sequence[float], Sequence[int]]] = field(default_factory=dict)
    results: Mapping[str, float] = field(default_factory=dict)
    shipped: tuple[str, ...] = ()
    published: bool = True


@dataclass(frozen=True, slots=True)
class Blanks:
    """What a student has to write before an item's runs can be made; each (file, place) as `blanks.is_blank` takes them.

    Attributes:
        own: what one run calls, by the beginning of its log's name behind the item's.
        common: what every run calls.
    """

    own: Mapping[str, tuple[str, str]]
    common: tuple[tuple[str, str], ...]


Judge = Callable[[Context, str, Evidence, Mapping[str, tuple[str, ...]], bool], bool]
_JUDGES: list[Judge] = []


def judge_evidence(judge: Judge) -> Judge:
    """Register who holds an item's files against each other: `judge(context, item, evidence, needs, complete)` tells what it finds,
    settles the parts it added, and says whether all fits.

    `needs` maps a log that was read to the items whose code its run calls; `complete` says whether all logs could be read.
    """
    if judge not in _JUDGES:
        _JUDGES.append(judge)
    return judge


class LogReader:
    """Opens an item's log files in the sandbox; a file that is missing or cannot be opened costs only its own part."""

    def __init__(self, context: Context, cell: str) -> None:
        """`cell` names the notebook section that writes these files, for messages."""
        self._exam = context
        self._cell = cell
        self._absent: list[str] = []
        self._place = -1
        self._broken = False
        self._shipped: dict[str, bool] = {}  # whether the course handed it out, by the name of a file that is there
        self._part = ""
        self._files: dict[str, set[str]] = {}  # that were opened for a part
        self.evidence = Evidence()
        self.unread: set[str] = set()

    @contextmanager
    def part(self, name: str, *, of: tuple[str, ...] = ()) -> Iterator[None]:
        """As `Context.part`; a file that is missing or ends its reader fails this part only.

        `of` names the parts a part without a file of its own is made of: it is missing when all of them are.
        """
        if of and self._exam.missing >= set(of):
            self._exam.missing.add(name)
        self._part = name
        for one in of:
            self._files.setdefault(name, set()).update(self._files.get(one, ()))
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
            found[key] = values
        self.unread.remove(name)
        self.evidence.histories[name] = self._exam.curves[name] = found
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

    def close(self, item: str, code: Mapping[str, tuple[str, ...]], blanks: Blanks) -> bool:
        """Say which cell writes the files that broke a rule, and have the files held against each other; whether all fits.

        Where the course handed out all of the logs, a run whose code is not written gives no points, and none does if nothing is.

        `code` maps a word in a file's name to the items whose code its run calls; a log that was handed out asks for none.
        """
        if self._shipped and all(self._shipped.values()):
            self.evidence.shipped = tuple(self._shipped)
            if self._settled_as_shipped(item, blanks):
                return False
        if self._broken:
            self._exam.note(f"{self._cell} writes these files.")
        read = [*self.evidence.histories, *self.evidence.stds]
        needs = {name: next((calls for word, calls in code.items() if name.endswith(f"_{word}")), ()) for name in read}
        needs |= {name: () for name in needs if self._shipped[name]}
        complete = not self.unread - OPTIONAL
        verdicts = [judge(self._exam, item, self.evidence, needs, complete) for judge in _JUDGES]  # every one has its say
        return all(verdicts)

    def _settled_as_shipped(self, item: str, blanks: Blanks) -> bool:
        """Take away what logs that were handed out gave though their code is not written; whether nothing is left to judge."""
        unwritten = {run for run, blank in blanks.own.items() if _is_unwritten(self._exam, *blank)}
        if any(_is_unwritten(self._exam, *blank) for blank in blanks.common) or (blanks.own and unwritten == set(blanks.own)):
            self._exam.passed.clear()
            self._exam.findings[:] = [Finding(_HANDED_OUT.format("These logs"))]
            return True
        names = [name for name in self._shipped if name.removeprefix(f"{item}_").startswith(tuple(unwritten))]
        if names:
            self._exam.passed -= {part for part, files in self._files.items() if files & set(names)}
            self._exam.note(_HANDED_OUT.format(", ".join(names)))
        return False

    def _read(self, reader: str, name: str) -> dict[str, Any]:
        try:
            data = self._exam.student.log(name)
        except Missing as missing:
            self._tell_missing(name, str(missing))
            raise
        self._shipped[name] = self._exam.is_shipped(data)  # as long as it is not read
        self._files.setdefault(self._part, set()).add(name)
        try:
            answer = self._exam.student.read(reader, data)
        except SessionEnded as error:
            raise Mismatch(
                f"{name} could not be opened: {error.reason}.", f"{error.ending}: {quoted(error.message, 600)}"
            ) from None
        found = answer if isinstance(answer, dict) else {}
        if "error" not in found and self._exam.shipped_logs:
            self._shipped[name] = self._exam.is_shipped(data, expect.contents(found.get("arrays", found.get("value"))))
        return found

    def _tell_missing(self, name: str, why: str) -> None:
        """One sentence for all files that are not there; what was refused is told for itself."""
        if "not in the submission" not in why:
            self._exam.note(why)
            return
        if name in OPTIONAL:  # nobody has to have it
            return
        self._absent.append(name)
        names = ", ".join(self._absent)
        finding = Finding(f"Not in submission_logs/: {names}. {self._cell} writes {'it' if len(self._absent) == 1 else 'them'}.")
        if self._place < 0:
            self._place = len(self._exam.findings)
            self._exam.findings.append(finding)
        else:
            self._exam.findings[self._place] = finding


def _is_unwritten(context: Context, file: str, place: str) -> bool:
    return file not in context.student.submission.files or is_blank(context, file, place)


def _clause(answer: Mapping[str, Any]) -> str:
    """The reader's own clause on what is wrong; anything else did not come from the reader."""
    text = answer.get("error")
    return shown(text) if isinstance(text, str) and len(text) < 100 else "could not be read"
