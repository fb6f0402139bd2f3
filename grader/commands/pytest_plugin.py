"""The pytest door: `pytest --submission=PATH`, one test an item under its id.

An installed grader brings it along; elsewhere `pytest -p grader.commands.pytest_plugin --submission=PATH` loads it. Without
`--submission` it does nothing. pytest's own options work: `-k NAME`, `-x`, `--junitxml FILE`, `-n 2` (pytest-xdist).

How an item ended is what its test becomes: passed; failed where the answer is not right (partial, wrong, raised, timed out, out of
memory, crashed); an error where there was nothing to judge (missing, skipped) or the grader failed; an expected failure where an
item without points is not right, which costs nothing. `user_properties`, which JUnit's XML has as properties, hold submission,
outcome, score and maximum.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Generator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:  # a plugin is loaded with every run of pytest: what is heavy waits until it is needed
    from ..grading.homework import Homework
    from ..grading.results import ItemResult, Report
    from ..grading.rubric import Rubric
    from ..sandbox.supervisor import Sandbox
    from ..submission.collect import Submission

_ERRORS: Final = ("missing", "skipped", "grader error")
_STUDENT, _STAFF = "for the student", "for staff"
_RULE: Final = "-" * 8


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the grader to pytest's."""
    group = parser.getgroup("grader", "grading submissions")
    group.addoption("--submission", metavar="PATH", action="append", type=Path, help="grade this folder or zip; may be repeated")
    group.addoption("--rubric", metavar="FILE", type=Path, help="a rubric other than the built-in one")
    group.addoption("--staff", action="store_true", help="also show what only staff may read")
    group.addoption("--sandbox", choices=("fork", "spawn"), help="how to make sandboxed processes; default: what suits the system")


@pytest.hookimpl(tryfirst=True)  # before pytest acts upon settings that it found
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Refuse to let a submission decide what pytest does: its settings and its conftest.py are code of a stranger."""
    paths = early_config.known_args_namespace.submission
    if not paths or not _has_staff():  # students check their own
        return
    here = early_config.invocation_params.dir.resolve()
    for path in (path.resolve() for path in paths):
        if here.is_relative_to(path):
            raise pytest.UsageError(f"{path} is a submission, and pytest runs code of the folder where it is called; go elsewhere")
        if early_config.inipath is not None and early_config.inipath.resolve().is_relative_to(path):
            raise pytest.UsageError(
                f"pytest took its settings from {early_config.inipath}, which is part of a submission; write --submission={path}"
            )


def pytest_configure(config: pytest.Config) -> None:
    """Load the rubric and the submissions, where some are named; nothing else is collected unless it is named as well."""
    paths = config.getoption("--submission")
    if not paths:
        return
    from ..errors import GraderError

    try:
        config.stash[_GRADING] = _Grading(paths, config.getoption("--rubric"), config.getoption("--sandbox"))
    except GraderError as error:
        raise pytest.UsageError(str(error)) from None
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = []


@pytest.hookimpl(tryfirst=True)  # before options such as -k choose among the tests
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add a test for each item of each submission."""
    if grading := config.stash.get(_GRADING, None):
        items += [
            GradedItem.from_parent(session, name=name, nodeid=f"{label}::{name}", label=label)
            for label in grading.submissions
            for name in grading.items
        ]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the sandbox."""
    if grading := config.stash.get(_GRADING, None):
        grading.close()


class GradedItem(pytest.Item):
    """One item of the rubric, asked about one submission."""

    def __init__(self, *, label: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.label = label
        self.result: ItemResult | None = None
        self.notes: list[str] = []

    def setup(self) -> None:
        """Grade it; where there is no verdict about an answer, that is an error, not a failure."""
        report, result = self.config.stash[_GRADING].graded(self.label, self.name)
        self.result = result
        self.notes = [*report.notes, *(report.staff_notes if self.config.getoption("--staff") else ())]
        self.user_properties += [
            ("submission", self.label),
            ("outcome", str(result.outcome)),
            ("score", str(result.score)),
            ("max_score", str(result.maximum)),
        ]
        if result.outcome == _ERRORS[-1] or (result.outcome in _ERRORS and not result.shown_only):
            pytest.fail(self._verdict, pytrace=False)

    def runtest(self) -> None:
        """Fail unless it is passed."""
        assert self.result is not None
        if self.result.outcome == "passed":
            return
        if self.result.shown_only:
            pytest.xfail(f"{self.result.outcome}; it carries no points")
        pytest.fail(self._verdict, pytrace=False)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The verdict and its texts for a failure or an error of ours; anything else as pytest shows it."""
        if self.result is None or not isinstance(excinfo.value, pytest.fail.Exception):
            return super().repr_failure(excinfo, style)
        return _Told(self._verdict, self._texts())

    def reportinfo(self) -> tuple[Path, None, str]:
        """The submission, and what the test is called."""
        return self.config.stash[_GRADING].submissions[self.label], None, self.nodeid

    def sections(self) -> list[tuple[str, str]]:
        """What there is to read, by reader."""
        from ..report import wording
        from ..submission.text import clean

        if self.result is None:
            return []
        said = [(_STUDENT, wording.for_student(self.result))]
        if self.config.getoption("--staff") and (lines := wording.for_staff(self.result)):
            said.append((_STAFF, "\n".join(lines)))
        return [(reader, clean(text, 10_000)) for reader, text in said]

    @property
    def _verdict(self) -> str:
        from ..report import wording

        assert self.result is not None
        return f"{self.result.outcome}, {wording.score_of(self.result)}"

    def _texts(self) -> str:
        return "\n".join(f"{_RULE} {reader} {_RULE}\n{text}" for reader, text in self.sections())


@dataclass(frozen=True, slots=True)
class _Told:
    """A failure as pytest takes one: where it is summed up it says the verdict alone, also under CI, where nothing is shortened."""

    message: str
    texts: str

    @property
    def reprcrash(self) -> _Told:
        """What has the message."""
        return self

    def toterminal(self, terminal: Any) -> None:
        """Write it."""
        terminal.line(str(self))

    def __str__(self) -> str:
        return f"{self.message}\n{self.texts}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Take along what the summary needs, also from another process; a passed test shows its text with -rP."""
    report = yield
    if isinstance(item, GradedItem):
        report.submission_notes = item.notes
        if call.when == "call" and report.passed:
            report.sections += item.sections()
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The points of each submission, and what is to be said about it as a whole."""
    if config.stash.get(_GRADING, None) is None:
        return
    totals: dict[str, list[Decimal]] = {}
    notes: dict[str, dict[str, None]] = {}
    for reports in list(terminalreporter.stats.values()):
        for report in reports:
            properties = dict(getattr(report, "user_properties", ()))
            if "submission" not in properties or (report.when == "setup" and report.passed) or report.when == "teardown":
                continue
            total = totals.setdefault(properties["submission"], [Decimal(0), Decimal(0)])
            total[0] += Decimal(properties["score"])
            total[1] += Decimal(properties["max_score"])
            notes.setdefault(properties["submission"], {}).update(dict.fromkeys(getattr(report, "submission_notes", ())))
    terminalreporter.section("points")
    for label, (score, maximum) in totals.items():
        terminalreporter.line(f"Submission {label}: {score:f} of {maximum:f}")
        for note in notes[label]:
            terminalreporter.line(f"  Note: {note}")


class _Grading:
    """What is graded in this run, and the sandbox that it is graded in, made when it is first needed."""

    def __init__(self, paths: list[Path], rubric: Path | None, kind: str | None) -> None:
        from ..grading.grade import collected
        from ..grading.homework import active
        from ..grading.shipped_logs import rubric_with

        self.homework: Homework = active()
        self.rubric: Rubric = rubric_with(self.homework, rubric, None)[1]
        self.items = [item.id for item in self.rubric.graded]
        self.submissions = _labelled(paths)
        self._collected: dict[str, Submission] = {label: collected(self.homework, path) for label, path in self.submissions.items()}
        self._kind = kind
        self._sandbox: Sandbox | None = None

    def graded(self, label: str, name: str) -> tuple[Report, ItemResult]:
        """One item's verdict, with those it needs asked before it, as in a run of everything."""
        from ..grading.grade import grade, sandbox
        from ..sandbox.policy import Kind, Level

        if self._sandbox is None:
            full = _has_staff() and self._kind != "spawn"
            self._sandbox = sandbox(
                self.homework, Level.STAFF if full else Level.STUDENT, kind=Kind(self._kind) if self._kind else None
            )
        report = grade(self.homework, self._collected[label], self.rubric, self._sandbox, only=self._with_needed(name))
        return report, next(item for item in report.items if item.id == name)

    def close(self) -> None:
        """End the sandbox, if there is one."""
        if self._sandbox is not None:
            self._sandbox.close()

    def _with_needed(self, name: str) -> set[str]:
        found = {name}
        for item in reversed(self.rubric.graded):  # what an item needs stands above it
            if item.id in found:
                found.update(item.needs)
        return found


_GRADING: Final = pytest.StashKey[_Grading]()


def _has_staff() -> bool:
    """Whether this is more than a student's copy."""
    return importlib.util.find_spec(f"{__package__}.staff") is not None


def _labelled(paths: list[Path]) -> dict[str, Path]:
    """A name for each submission: its folder's or file's, with a number behind it where several are called the same."""
    from ..submission.text import name as shown

    found: dict[str, Path] = {}
    for path in dict.fromkeys(path.resolve() for path in paths):
        name = shown(path.name) or "submission"
        label, number = name, 1
        while label in found:
            number += 1
            label = f"{name}-{number}"
        found[label] = path
    return found
