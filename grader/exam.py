"""How a check is written and what it is given.

    @check("optim.adam.golden", parts=("next_w", "m", "v", "t"))
    def adam_golden(exam: Exam) -> None:
        \"\"\"Adam: one step from t = 5 against the handout's arrays.\"\"\"

A check asks the student's code questions through `exam.student` and settles each part in a `with exam.part(name):` block. What
`expect` raises there fails that part and the check goes on; raised outside, it fails what is still open. Parts that are never
reached count as failed.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from .errors import ConfigurationError
from .expect import Array
from .finding import Finding, Mismatch
from .result import ItemResult
from .student import Student

if TYPE_CHECKING:
    from .checks.misconceptions import Misconception

WHOLE: Final = "all"  # the one part of a check that declares none


@dataclass(frozen=True, slots=True)
class Check:
    """A registered check: `title` is its docstring's first line, `parts` the names that can be weighted in the rubric.

    Those in `quiet` are for staff alone unless the rubric gives them a weight above 0. `reads`: what it opens of
    the submission beside code: "logs", "notebook".
    """

    id: str
    title: str
    parts: tuple[str, ...]
    function: Callable[[Exam], None]
    quiet: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()


@dataclass(slots=True)
class Exam:
    """One check of one submission while it runs.

    Attributes:
        student: the submission, to ask.
        tolerance: the named limits of the item's rubric row.
        passed: parts settled as right.
        missing: parts that are wrong because their file was not handed in.
        findings: what there is to say, in order.
        counted: the parts that can change the score; a check tells the student nothing about a quiet part that is not among them.
        before: the verdicts on the items that were asked before.
        measured: numbers of the submission's own that a view may show, by name; they settle nothing.
        curves: histories of the submission's own that a view may show, by log file: arrays of equal kind by name.
    """

    student: Student
    tolerance: Mapping[str, float]
    passed: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    counted: Collection[str] = ()
    before: Mapping[str, ItemResult] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)
    curves: dict[str, Mapping[str, Array]] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str = WHOLE) -> Iterator[None]:
        """Settle one part: right if the block ends quietly, wrong if it raises `Mismatch`."""
        try:
            yield
        except Mismatch as mismatch:
            if mismatch.student or mismatch.staff:
                self.findings.append(Finding(mismatch.student, mismatch.staff, name))
        else:
            self.passed.add(name)

    def note(self, student: str = "", staff: str = "") -> None:
        """Add an observation that settles nothing."""
        self.findings.append(Finding(student, staff))

    def diagnose(self, slip: Misconception | None, *, hint: bool = True) -> None:
        """Name the slip that was recognised, if one was; settles nothing. Without `hint` for staff only."""
        if slip is not None:
            self.findings.append(Finding(slip.hint if hint else "", f"slip: {slip.id} ({slip.name})", slip=slip.id))

    def limit(self, name: str) -> float:
        """The tolerance `name` of the rubric row.

        Raises:
            ConfigurationError: the row does not give it.
        """
        try:
            return self.tolerance[name]
        except KeyError:
            raise ConfigurationError(f"the rubric row gives no tolerance '{name}'") from None


_REGISTRY: Final[dict[str, Check]] = {}
_STAFFS_OWN: Final = ("behaviour", "log_consistency", "notebook", "trajectories")  # modules of `hidden/` that add to the checks


def check(
    id: str, *, parts: tuple[str, ...] = (WHOLE,), reads: tuple[str, ...] = ()
) -> Callable[[Callable[[Exam], None]], Callable[[Exam], None]]:
    """Register a check under its stable id; `reads` as in `Check`.

    Raises:
        ConfigurationError: the id is taken, or the function has no docstring to serve as title.
    """

    def register(function: Callable[[Exam], None]) -> Callable[[Exam], None]:
        title = (inspect.getdoc(function) or "").partition("\n")[0].rstrip(".")
        if id in _REGISTRY:
            raise ConfigurationError(f"check '{id}' is registered twice")
        if not title:
            raise ConfigurationError(f"check '{id}' has no docstring; its first line is the title students read")
        _REGISTRY[id] = Check(id, title, parts, function, reads=frozenset(reads))
        return function

    return register


def add_quiet(id: str, parts: tuple[str, ...]) -> None:
    """Give a registered check more parts, behind the others, that are for staff unless the rubric weights them."""
    known = _REGISTRY[id]
    _REGISTRY[id] = replace(known, parts=(*known.parts, *parts), quiet=known.quiet | set(parts))


def registered() -> dict[str, Check]:
    """All checks by id, the homework's modules imported; those in `hidden/` where it is installed."""
    from .checks import fc_net, optim, solver, submission_logs  # noqa: F401 - importing registers

    if importlib.util.find_spec("grader.hidden") is not None:
        for name in _STAFFS_OWN:
            importlib.import_module(f"grader.hidden.{name}")
    return dict(_REGISTRY)
