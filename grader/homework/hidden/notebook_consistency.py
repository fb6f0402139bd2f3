"""Whether the notebook fits the logs: its fixed values, the best model's settings, and what its cells printed.

Findings for staff, as those on the logs (docs/logs.md): a finding says what does not fit and never why. Cells are known by what
they do, and where several could have written a log, one that fits is enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from ...grading.context import Context
from ...grading.findings import Finding, Mismatch
from ...sandbox.errors import SessionEnded
from ...submission.text import name as cleaned
from ..registry import check
from ..terms import starter_of
from .notebook_cells import Cell, cells
from .notebook_printed import SEEDS, Logs, printed_averages, printed_results, printed_runs

PARTS: Final = ("fixed_values", "settings", "printed")
_RATES: Final = {"rmsprop": 1e-4, "adam": 1e-3, "sgd": 1e-2, "sgd_momentum": 1e-2}
_SETTINGS: Final = ("lr", "num_epochs", "batch_size", "lr_decay", "update_rule")
_WRITERS: Final = {
    "optimizers": "a cell that compares update rules",
    "compare": "the cell that tunes the batch size of plain SGD",
    "initialization": "the cell that compares the initializations",
    "final": "the cell that trains the best model",
    "results": "the cell that writes results.json",
}
READER: Final = "notebook_reader.py"
# What an answer that is none of the reader's makes go wrong; the reader runs where no one is trusted.
_NO_ANSWER: Final = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, IndexError)


@check("notebook.consistency", parts=PARTS, reads=("logs", "notebook"))
def notebook(context: Context) -> None:
    """The notebook: fixed values, settings and printed results fit the logs."""
    found = _read(context)
    if context.missing:
        return
    try:
        told = dict(_judged(context, found)) if found else {}
    except (*_NO_ANSWER, Mismatch) as error:
        if context.counted:
            raise
        context.note(staff=f"the notebook could not be judged: {error!r}")  # what costs nothing must not fail
        told = {}
    for part in PARTS:
        texts = told.get(part, [])
        if not texts:
            context.passed.add(part)
            continue
        staff = "; ".join(texts)
        student = f"The notebook does not fit together with the logs ({part}): {staff}." if part in context.counted else ""
        context.findings.append(Finding(student, f"consistency: {part}: {staff}"))


def _read(context: Context) -> list[Cell]:
    """The code cells; none, with a note for staff, where there is nothing to compare."""
    submission = context.student.submission
    if submission.notebook is None:
        context.note(staff=f"notebook: {submission.refused.get('notebook', 'there is none in the submission')}")
        if not submission.files and not submission.logs:
            context.missing.update(PARTS)
        return []
    name, data = submission.notebook
    try:
        answer = context.student.read("read_notebook", data, READER)
        if "error" in answer:
            context.note(staff=f"notebook: {name} {cleaned(str(answer['error']), 100)}")
            return []
        code = cells(answer)
    except SessionEnded as error:
        context.note(staff=f"notebook: {name} could not be opened: {error.reason}")
        return []
    except _NO_ANSWER as error:
        context.note(staff=f"notebook: {name} could not be judged: {error!r}")
        return []
    if not any(cell.roles for cell in code):
        context.note(staff=f"notebook: no cell of the homework's experiments is in {name}")
        return []
    return code


def _judged(context: Context, code: Sequence[Cell]) -> Iterator[tuple[str, list[str]]]:
    for line in _order(code):
        context.note(staff=f"notebook: {line}")
    starter = starter_of(context.student.submission, context.term)
    yield "fixed_values", list(dict.fromkeys(_fixed(code, starter.best_seeds)))
    logs = Logs(context)
    best = [cell for cell in code if "final" in cell.roles and None not in cell.assigned.values()]
    results = [cell for cell in code if "results" in cell.roles]
    if best and results and all(_after(cell, results) for cell in best):
        context.note(staff="notebook: the best model was trained again after results.json was written, so the two are not compared")
        best = []
    yield "settings", list(_settings(code, best, results, logs.results()))
    yield "printed", [*printed_runs(code, best, logs), *printed_averages(code, logs), *printed_results(results, logs.results())]


def _after(cell: Cell, others: Iterable[Cell]) -> bool:
    """Whether a cell ran later than all of the others, as far as execution counts tell."""
    return cell.count is not None and all(other.count is not None and other.count < cell.count for other in others)


def _order(code: Sequence[Cell]) -> Iterator[str]:
    """What the execution counts tell, for information."""
    counted = [cell for cell in code if cell.count is not None]
    if not counted and not any(cell.outputs for cell in code):
        yield "it has no outputs and no execution counts (never run, or cleared), so what it printed is not compared"
        return
    back = [(one, other) for one, other in pairwise(counted) if (one.count or 0) > (other.count or 0)]
    if back:
        shown = ", ".join(f"[{one.count}] before [{other.count}]" for one, other in back[:3])
        yield f"cells were not run from top to bottom: {shown}{' and others' if len(back) > 3 else ''}"
    for role, name in _WRITERS.items():
        for table in (False, True):  # two cells write optimizer_experiment_*, the one with a table of rates all four
            here = [cell for cell in code if role in cell.roles and bool(cell.table) is table]
            if here and all(cell.count is None and not cell.outputs for cell in here):
                yield f"{name} (cell {here[-1].at}) has no execution count and no output"


def _fixed(code: Sequence[Cell], best_seeds: Sequence[int]) -> Iterator[str]:
    """The values that are not to be changed; of several cells for one purpose, one with the right value is enough."""
    best = [cell for cell in code if "final" in cell.roles and cell.parsed]
    yield from _wrong("the best model's hidden layers", [net for cell in best for net in cell.nets], [200] * 10)
    yield from _seeded(code, best, best_seeds)
    tables = [cell for cell in code if "optimizers" in cell.roles and cell.table]
    for rule, rate in _RATES.items():
        yield from _wrong(f"the learning rate of {rule}", [cell.table[rule] for cell in tables if rule in cell.table], rate)
    yield from _seeded(code, tables, (0,))
    compared = [cell for cell in code if "compare" in cell.roles and cell.parsed]
    yield from _wrong("the learning rate of the comparison", [rate for cell in compared for rate in cell.rates], 1e-2)
    loops = [sorted({item for item in items if type(item) is int}) for cell in compared for items in cell.over]
    known = [loop for loop in loops if loop]
    if known and all(cell.loops_known for cell in compared) and not any(set(loop) >= set(SEEDS) for loop in known):
        yield f"the comparison's seeds are {_shown(known[-1])}, not {_shown(list(SEEDS))}"


def _wrong(what: str, found: Sequence[Any], wanted: Any) -> Iterator[str]:
    """A sentence if all the values are known and none is the right one."""
    if found and None not in found and not any(_same(value, wanted) for value in found):
        yield f"{what}: {_shown(found[-1])}, not {_shown(wanted)}"


def _seeded(code: Sequence[Cell], here: Sequence[Cell], wanted: Sequence[int]) -> Iterator[str]:
    """The seed of the runs in `here`; it may also be set in a cell of its own."""
    if not here or not all(cell.parsed for cell in code) or any(cell.seeded_otherwise and not cell.seeds for cell in here):
        return
    seeds = [value for cell in here for value in cell.seeds]
    elsewhere = [value for cell in code if "compare" not in cell.roles for value in cell.seeds]
    if None in elsewhere or any(_same(value, seed) for value in elsewhere for seed in wanted):
        return
    seed = " or ".join(map(str, wanted))
    if seeds:
        yield f"np.random.seed({seed}) is np.random.seed({_shown(seeds[-1])}) in cell {here[-1].at}"
    else:
        yield f"np.random.seed({seed}) is gone from cell {here[-1].at}"


def _settings(code: Sequence[Cell], best: Sequence[Cell], results: Sequence[Cell], recorded: Mapping[str, Any]) -> Iterator[str]:
    """The final cell's settings against results.json: one cell has to give all that is known of them."""
    told = [list(_unlike(code, cell, results, recorded)) for cell in best]
    if told and all(told):
        yield from min(told, key=len)


def _unlike(code: Sequence[Cell], cell: Cell, results: Sequence[Cell], recorded: Mapping[str, Any]) -> Iterator[str]:
    others = [other for other in code if "final" not in other.roles and not _no_matter(other, cell, results)]
    for name in _SETTINGS:
        value = recorded.get(name)
        if type(value) not in (int, float, str) or any(name in other.unknown for other in (cell, *others)):
            continue
        given = [one.assigned[name] for one in (cell, *others) if name in one.assigned]
        if given and None not in given and not any(_same(one, value) for one in given):
            yield f"cell {cell.at} gives {name} = {_shown(given[0])}, results.json has {_shown(value)}"


def _no_matter(other: Cell, cell: Cell, results: Sequence[Cell]) -> bool:
    """Whether execution counts tell that `other` did not run between the training and the writing of results.json."""
    wrote = [one.count for one in results if one.count is not None]
    if other.count is None or cell.count is None or not wrote or len(wrote) < len(results):
        return False
    return not cell.count < other.count < max(wrote)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return bool(abs(one - other) <= 1e-9 * abs(other))
    return bool(one == other)


def _shown(value: Any) -> str:
    if isinstance(value, list) and value and len({repr(item) for item in value}) == 1 and len(value) > 3:
        return f"[{_shown(value[0])}] * {len(value)}"
    return cleaned(f"{value:g}" if isinstance(value, float) else repr(value), 100)
