"""The staff notebook as programs: one for each training run that leaves a log, to be run again inside the sandbox.

nbconvert turns the notebook into a script. The cells that define something come before every run; an experiment's own cell is cut
down to one run: what its loops go over becomes that run's one value, and what follows the loops is dropped. The runs seed
themselves, so each alone is what it is among the others. Cells are known by what they write, never by their place.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from ...errors import ConfigurationError
from ...grading.invocation import how_to_get

RULES: Final = ("sgd", "sgd_momentum", "adam", "rmsprop")
SEEDS: Final = (100, 200, 300)
SCHEMES: Final = ("he", "random", "zero")
SETTINGS: Final = ("lr", "num_epochs", "batch_size", "lr_decay", "update_rule")
_PROMPT: Final = re.compile(r"^# In\[.*\]:$", re.MULTILINE)  # stands before each cell in nbconvert's script
_WRITES: Final = "record_histories_as_npz(log_to("
_CELLS: Final[Mapping[str, tuple[str, ...]]] = {  # words that only the cells of an experiment hold
    "sgd_momentum_compare": (f'{_WRITES}f"sgd_momentum_compare_{{',),
    "optimizer_experiment": (f'{_WRITES}f"optimizer_experiment_{{',),
    "initialization_experiment": (f'{_WRITES}f"initialization_experiment_{{',),
    "best_model": ("best_solver = Solver(", f'{_WRITES}"best_fc_model'),
}
_BEFORE: Final = "from replay_driver import keep, kept_open as open\n"  # a sandbox has no files to write
_FINITE: Final = "from replay_driver import finite_softmax\nfinite_softmax()\n"  # before any module takes the layers' names
_BETWEEN: Final = "keep(Solver)\n"


@dataclass(frozen=True, slots=True)
class Run:
    """One training run.

    Attributes:
        group: the experiment, as in "logs.optimizer_experiment".
        name: what it is within the experiment, "adam"; empty where it is all of it.
        log: the log it leaves, without ".npz".
        rule: its update rule.
        cuts: what is put into the cell by place: the value of a variable ("lr"), of a dict's entry ("batch_sizes['sgd']"), the one
            value of a loop's variable ("for update_rule"), the argument of the one call of a function ("np.random.seed()").
        seed: set before the cell; None where the run goes on from whatever was drawn before.
        finite_loss: whether the layers have a softmax loss that is finite for any scores.
        unknown: why its settings are not known; empty if they are.
    """

    group: str
    name: str
    log: str
    rule: str
    cuts: Mapping[str, Any] = field(default_factory=dict)
    unknown: str = ""
    seed: int | None = None
    finite_loss: bool = False

    @property
    def id(self) -> str:
        """How `--only` names it: "replay.optimizer_experiment.adam"."""
        return ".".join(part for part in ("replay", self.group, self.name) if part)


def runs(
    batches: Mapping[int, int],
    settings: Mapping[str, Any] | None,
    *,
    best_seed: int = 2023,
    initialization_seed: int | None = None,
    finite_loss: bool = False,
) -> Iterator[Run]:
    """All runs, in the notebook's order.

    Args:
        batches: B of plain SGD in the comparison by seed, where a log tells it.
        settings: the best model's, all of `SETTINGS`; None where results.json does not hold them.
        best_seed, initialization_seed, finite_loss: as the submission's notebook and term have them.
    """
    for run in _runs(batches, settings, best_seed, initialization_seed):
        yield replace(run, finite_loss=finite_loss)


def _runs(
    batches: Mapping[int, int], settings: Mapping[str, Any] | None, best_seed: int, initialization_seed: int | None
) -> Iterator[Run]:
    for rule in ("sgd", "sgd_momentum"):
        for seed in SEEDS:
            cuts: dict[str, Any] = {"for update_rule": rule, "seeds": [seed]}
            if rule == "sgd":
                cuts["batch_sizes['sgd']"] = batches.get(seed, 100)
            unknown = "its log does not tell the batch size" if rule == "sgd" and seed not in batches else ""
            name = f"{rule}_{seed}"
            yield Run("sgd_momentum_compare", name, f"sgd_momentum_compare_{name}", rule, cuts, unknown)
    for rule in RULES:
        yield Run("optimizer_experiment", rule, f"optimizer_experiment_{rule}", rule, {"for update_rule": rule})
    for scheme in SCHEMES:
        cuts = {"for initialization": scheme}
        log = f"initialization_experiment_{scheme}"
        yield Run("initialization_experiment", scheme, log, "sgd", cuts, seed=initialization_seed)
    if settings is None:
        yield Run("best_model", "", "best_fc_model", "adam", {}, "results.json does not hold its settings")
    else:
        cuts = {key: settings[key] for key in SETTINGS} | {"np.random.seed()": best_seed}
        yield Run("best_model", "", "best_fc_model", settings["update_rule"], cuts)


def program(notebook: Path, run: Run) -> bytes:
    """The run's source, out of staff's notebook.

    Raises:
        ConfigurationError: nbconvert is not installed, or the notebook has no such cell.
    """
    cells = _cells(notebook)
    definitions = [cell for cell in cells if any(isinstance(part, ast.FunctionDef) for part in ast.parse(cell).body)]
    cutter = _Cutter(dict(run.cuts))
    body = [statement for words in _CELLS[run.group] for statement in cutter.cut(_last_with(words, cells))]
    if cutter.left:
        raise ConfigurationError(f"{notebook.name}: where {run.log} is made there is no {', '.join(sorted(cutter.left))} to set")
    source = ast.unparse(ast.fix_missing_locations(ast.Module(body, [])))
    before = _BEFORE + (_FINITE if run.finite_loss else "")
    seeded = [] if run.seed is None else [f"np.random.seed({run.seed})"]
    return "\n".join([before, *definitions, _BETWEEN, *seeded, source, ""]).encode("utf-8")


def _last_with(words: str, cells: list[str]) -> str:
    """The last cell that holds `words`: an earlier one writes two of the logs too, unseeded."""
    found = [cell for cell in cells if words in cell]
    if not found:
        raise ConfigurationError(f"the notebook has no cell with '{words}'")
    return found[-1]


@cache
def _cells(notebook: Path) -> list[str]:
    """The notebook's code cells as source."""
    try:
        from nbconvert.exporters import PythonExporter
    except ImportError:
        raise ConfigurationError(f"a replay needs nbconvert, which is not installed here; {how_to_get('staff')}") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that IPython is needed for magic commands; this notebook has none
        script, _ = PythonExporter().from_filename(str(notebook))  # type: ignore[no-untyped-call]
    return _PROMPT.split(script)[1:]


class _Cutter(ast.NodeTransformer):
    """Puts values into a cell, and forgets each once it is put."""

    def __init__(self, left: dict[str, Any]) -> None:
        self.left = left

    def cut(self, cell: str) -> list[ast.stmt]:
        """The cell's statements with the values put in, up to its last loop if it has one."""
        body = ast.parse(cell).body
        loops = [at for at, statement in enumerate(body) if isinstance(statement, ast.For)]
        return [self.visit(statement) for statement in (body[: loops[-1] + 1] if loops else body)]

    def visit_For(self, node: ast.For) -> ast.AST:
        key = f"for {ast.unparse(node.target)}"
        if key in self.left:
            node.iter = _literal([self.left.pop(key)])
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        key = f"{ast.unparse(node.func)}()"
        if key in self.left:
            node.args = [_literal(self.left.pop(key))]
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        name = ast.unparse(node.targets[0])
        if name in self.left:
            node.value = _literal(self.left.pop(name))
        elif isinstance(node.value, ast.Dict):
            for at, key in enumerate(node.value.keys):
                place = f"{name}[{key and ast.unparse(key)}]"
                if place in self.left:
                    node.value.values[at] = _literal(self.left.pop(place))
        return node


def _literal(value: Any) -> ast.expr:
    return ast.parse(repr(value), mode="eval").body
