"""What a submission's logs say about its runs, for running them again. Like everything of a submission they are opened inside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ...grading import expect
from ...grading.findings import Mismatch
from ...grading.homework import Homework
from ...grading.student import Missing, Student
from ...sandbox.errors import SessionEnded
from ...sandbox.policy import Limits
from ...sandbox.supervisor import Sandbox
from ...submission.collect import Submission
from ..log_reader import HISTORY, MAX_ENTRIES, History
from ..submission_logs import run_lengths
from ..terms import Starter, starter_of
from . import experiment_programs as programs
from .notebook_cells import cells
from .notebook_consistency import READER as NOTEBOOK_READER

_COMPARED_IMAGES: Final = 6000


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a submission's logs say.

    Attributes:
        histories: by log; `missing` says why there is none.
        batches: B of plain SGD in the comparison, by seed.
        settings: the best model's; None if results.json does not hold all of them.
        starter: what the submission was built on.
        best_seed: of the best model's run, as the notebook has it, else as its term has it.
    """

    histories: Mapping[str, History]
    missing: Mapping[str, str]
    batches: Mapping[int, int]
    settings: Mapping[str, Any] | None
    starter: Starter
    best_seed: int

    @classmethod
    def read(cls, homework: Homework, submission: Submission, sandbox: Sandbox, term: str = "") -> Recorded:
        """Open the logs and the notebook, each in the sandbox; `term` as in `starter_of`."""
        student = Student(submission, sandbox, homework, Limits())
        histories: dict[str, History] = {}
        missing: dict[str, str] = {}
        try:
            for run in programs.runs({}, None):
                try:
                    histories[run.log] = history_of(_opened(student, "read_npz", f"{run.log}.npz", "arrays"))
                except Mismatch as mismatch:
                    missing[run.log] = mismatch.student
            try:
                settings = _settings(_opened(student, "read_json", "results.json", "value"))
            except Mismatch:
                settings = None
            starter = starter_of(submission, term)
            best_seed = _best_seed(student)
        finally:
            student.close()
        batches = {}
        for seed in programs.SEEDS:
            history = histories.get(f"sgd_momentum_compare_sgd_{seed}")
            batch = (history["train_accs"].size - 1) * 20 if history is not None else 0
            if history is not None and batch > 0 and batch % 100 == 0:
                lengths = run_lengths(_COMPARED_IMAGES, batch, batch // 20)
                if lengths == (history["train_losses"].size, history["train_accs"].size):
                    batches[seed] = batch
        return cls(histories, missing, batches, settings, starter, starter.best_seeds[0] if best_seed is None else best_seed)


def _best_seed(student: Student) -> int | None:
    """The seed that the notebook sets where it trains the best model; None where it cannot be read there."""
    if student.submission.notebook is None:
        return None
    try:
        code = cells(student.read("read_notebook", student.submission.notebook[1], NOTEBOOK_READER))
    except (SessionEnded, ValueError, TypeError, KeyError, AttributeError):
        return None
    seeds = [seed for cell in code if "final" in cell.roles for seed in cell.seeds if type(seed) is int and 0 <= seed < 2**32]
    return seeds[-1] if seeds else None


def _opened(student: Student, reader: str, name: str, key: str) -> Any:
    try:
        answer = student.read(reader, student.log(name))
    except Missing as missing:
        raise Mismatch(str(missing).rstrip(".")) from None
    except SessionEnded as error:
        raise Mismatch(f"{name} could not be opened: {error.reason}") from None
    if not isinstance(answer, dict) or key not in answer:
        raise Mismatch(f"{name} could not be read")
    return answer[key]


def history_of(arrays: Any) -> History:
    """Three arrays of numbers.

    Raises:
        Mismatch: they are something else.
    """
    if not isinstance(arrays, dict):
        raise Mismatch("there are no histories")
    found = {key: expect.numbers(expect.item(arrays, key, "the log"), key) for key in HISTORY}
    if any(values.size > MAX_ENTRIES for values in found.values()):
        raise Mismatch("a history is too long")
    if not all(values.size for values in found.values()):
        raise Mismatch("a history is empty")
    return {key: values.astype(np.float64) for key, values in found.items()}


def _settings(results: Any) -> dict[str, Any]:
    """The best model's settings as the notebook would have them.

    Raises:
        Mismatch: one is missing or is no setting of a training run.
    """
    found: dict[str, Any] = {}
    for key in programs.SETTINGS:
        value = expect.item(results, key, "results.json")
        if key == "update_rule":
            fits = value in programs.RULES
        else:
            value = expect.number(value, key)
            fits = 0 < value < math.inf
            if key in ("num_epochs", "batch_size"):
                fits = fits and value == int(value) and value <= MAX_ENTRIES
                value = int(value) if fits else value
        if not fits:
            raise Mismatch(f"results.json: {key} is no setting of a training run")
        found[key] = value
    return found
