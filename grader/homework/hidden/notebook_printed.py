"""What a notebook's cells printed against the logs and results.json, where all that may have written a log is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ...grading import expect
from ...grading.context import Context
from ...grading.findings import Mismatch
from ...grading.student import Missing
from ...sandbox.errors import SessionEnded
from .notebook_cells import Cell, History, agrees, closest, sentences, written

SEEDS: Final = (100, 200, 300)
_RULES: Final = ("sgd", "sgd_momentum", "adam", "rmsprop")
_SCHEMES: Final = ("he", "random", "zero")


class Logs:
    """The logs that a printed number can be held against, each opened once."""

    def __init__(self, context: Context) -> None:
        self._exam = context
        self._known: dict[str, History | None] = {}
        self._results: Mapping[str, Any] | None = None

    def history(self, name: str) -> History | None:
        """The log `name`.npz; None if it is not there or not as it should be, which other items tell."""
        if name not in self._known:
            self._known[name] = self._history(f"{name}.npz")
        return self._known[name]

    def results(self) -> Mapping[str, Any]:
        """What results.json holds; nothing if it cannot be read."""
        if self._results is None:
            found = self._opened("read_json", "results.json").get("value")
            self._results = found if isinstance(found, dict) else {}
        return self._results

    def _history(self, name: str) -> History | None:
        arrays = self._opened("read_npz", name).get("arrays")
        if not isinstance(arrays, dict):
            return None
        try:
            return {key: expect.numbers(arrays[key], key) for key in ("train_losses", "train_accs", "val_accs")}
        except (KeyError, Mismatch):
            return None

    def _opened(self, reader: str, name: str) -> Mapping[str, Any]:
        try:
            answer = self._exam.student.read(reader, self._exam.student.log(name))
        except (Missing, SessionEnded):
            return {}
        return answer if isinstance(answer, dict) else {}


def printed_runs(code: Sequence[Cell], best: Sequence[Cell], logs: Logs) -> Iterator[str]:
    """Printed losses and accuracies against the logs, where every cell that may have written a log shows all its runs."""
    for role, log, names, seeds in (
        ("optimizers", "optimizer_experiment", _RULES, ()),
        ("compare", "sgd_momentum_compare", _RULES[:2], SEEDS),
        ("initialization", "initialization_experiment", _SCHEMES, ()),
    ):
        here = [(cell, written(cell, names, seeds)) for cell in code if role in cell.roles]
        for run in dict.fromkeys(run for _, runs in here for run in runs or ()):
            writers = [(cell, runs) for cell, runs in here if runs is None or run in runs]
            if all(runs is not None and len(cell.complete) >= len(runs) for cell, runs in writers):
                yield from _departing([cell for cell, _ in writers], f"{log}_{run}", logs)
    if best and all(cell.complete for cell in best):
        yield from _departing(best, "best_fc_model", logs)


def _departing(writers: Sequence[Cell], name: str, logs: Logs) -> Iterator[str]:
    history = logs.history(name)
    if history is None:
        return
    told = closest([run for cell in writers for run in cell.complete], history)
    if told is not None and told[1]:
        run, lines = told
        numbers = ", ".join(str(cell.at) for cell in writers)
        text = ", ".join(sentences(lines, len(run.losses) + 2 * len(run.accs)))
        yield f"no run printed by cell {numbers} is the one in {name}.npz (nearest: {text})"


def printed_averages(code: Sequence[Cell], logs: Logs) -> Iterator[str]:
    """The comparison's averages over the seeds and their difference."""
    here = [cell for cell in code if "compare" in cell.roles]
    keys = ("sgd", "sgd_momentum", "difference")
    if not here or not all(cell.printed.get(key) for cell in here for key in keys):
        return
    means = {}
    for rule in keys[:2]:
        runs = [logs.history(f"sgd_momentum_compare_{rule}_{seed}") for seed in SEEDS]
        last = [float(run["train_accs"][-1]) for run in runs if run is not None and run["train_accs"].size]
        if len(last) < len(SEEDS):
            return
        means[rule] = sum(last) / len(last)
    apart = abs(means["sgd"] - means["sgd_momentum"])
    relative = apart / max(1e-8, means["sgd"] + means["sgd_momentum"])
    for key, values in (("sgd", (means["sgd"],)), ("sgd_momentum", (means["sgd_momentum"],)), ("difference", (relative, apart))):
        printed = [text for cell in here for text in cell.printed[key]]
        if not any(agrees(text, value) for text in printed for value in values):
            what = "difference" if key == "difference" else f"average training accuracy of {key}"
            yield f"printed {what} {printed[-1]}, the logs give {values[0]:.6f}"


def printed_results(results: Sequence[Cell], recorded: Mapping[str, Any]) -> Iterator[str]:
    """The accuracies that the cell which writes results.json printed."""
    for key in ("val_acc", "test_acc"):
        value = recorded.get(key)
        if not isinstance(value, int | float) or not results or not all(cell.printed.get(key) for cell in results):
            continue
        printed = [text for cell in results for text in cell.printed[key]]
        if not any(agrees(text, value) for text in printed):
            yield f"printed {key} {printed[-1]}, results.json has {value!r}"
