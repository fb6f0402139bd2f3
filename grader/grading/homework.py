"""What a homework is, as the core is given one: a package that knows it, described by one object.

The package's `__init__.py` holds HOMEWORK, a `Homework` or an instance of a subclass that overrides what that homework has; what is
left alone means "there is none". It is cheap to import: whatever is slow or can fail is loaded when it is asked for.

    PACKAGE/__init__.py    HOMEWORK                      PACKAGE/rubric.toml    points, visibility, tolerances
    PACKAGE/registry.py    registry, of the checks       PACKAGE/mounted/       its own code that runs inside the sandbox
    PACKAGE/hidden/        what students never get: answers, and further checks and mounted code
    PACKAGE/given/         in a copy that was built: what lies elsewhere in the repository (`fixtures/`, the starter)
    PACKAGE/course/        in a copy that was built for a course: that course's own starter
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..errors import ConfigurationError
from ..submission.layout import Layout
from .fixtures import Fixtures, placed
from .starter import Starter, unpacked

if TYPE_CHECKING:  # these load NumPy
    from ..submission.collect import Submission
    from .check import Check
    from .curves import CurveGroup, PublishedCurve, Series
    from .experiments import Experiments
    from .results import Report

ROOT: Final = Path(__file__).resolve().parents[2]  # what holds the package `grader`: the repository, or a copy that was built
_DEFAULT: Final = f"{__package__.partition('.')[0]}.homework"
_VARIABLE: Final = "GRADER_HOMEWORK"
COURSE: Final = "course"
_CORE_MOUNTED: Final = Path(__file__).resolve().with_name("mounted")

# (a mounted module, its function, a file's bytes) -> what that makes of them inside the sandbox; None where there is no answer.
Opener = Callable[[str, str, bytes], Any]


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """What the class may see of each other: a number that a check measured, under a name; "desc" where more is better."""

    measured: str
    name: str
    order: str = "desc"


@dataclass(frozen=True, kw_only=True, eq=False)
class Homework:
    """One homework.

    Attributes:
        package: import name of the folder that knows it.
        name: one word, of which names of zips and folders are made.
        title: what it is called, for people.
        layout: which files of a submission are graded, and under which names.
        folder: of the package.
        starter_folder: what is handed out, and holds the files that submissions are mounted on.
        fixtures_folder: recorded facts with their digests.
        sample: a complete submission that gets all points.
        modules: modules of the package that register checks; `hidden_modules` likewise, where students' copies have none.
        known_support: token digests (see `submission.collect`), by name, of the versions of the starter's other code files that
            the course ever handed out, beside those that are mounted.
        sections: places of the handout by a short name, as messages call them.
        example: an item's id and a group of items, for help texts.
        public_fixtures: fixtures that the public checks need.
        scripts: files of the starter that are to be executable.
        notebook_reader: the mounted module and function that read a notebook for a check.
        reader_files: the mounted modules that open files of a submission for checks, and what these import.
        leaderboard: what the class may compare, if the rubric wants that.
        by_hand: words of the notebook's question that is graded by hand, in lower case: its cell holds all of them.
        terms: names of the terms it was handed out in, where that makes a difference.
        course: the course's own starter, whose support files stand in place of ours.
    """

    package: str
    name: str
    title: str
    layout: Layout
    folder: Path
    starter_folder: Path
    fixtures_folder: Path
    sample: Path
    modules: tuple[str, ...]
    example: tuple[str, str]
    hidden_modules: tuple[str, ...] = ()
    known_support: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sections: Mapping[str, str] = field(default_factory=dict)
    public_fixtures: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    notebook_reader: tuple[str, str] | None = None
    reader_files: tuple[str, ...] = ()
    leaderboard: Leaderboard | None = None
    by_hand: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    course: Starter | None = None

    # Where things lie

    @property
    def rubric(self) -> Path:
        """The built-in rubric."""
        return self.folder / "rubric.toml"

    @property
    def hidden(self) -> Path:
        """The folder that students' copies do not have."""
        return self.folder / "hidden"

    @cached_property
    def starter(self) -> Path:
        """The folder of what was handed out."""
        return self._given or self.starter_folder

    @cached_property
    def fixtures(self) -> Fixtures:
        """The recorded facts."""
        return placed(self.folder, self.fixtures_folder)

    @property
    def _given(self) -> Path | None:
        given = self.folder / "given"
        return given if given.is_dir() else None

    def handed_out(self) -> dict[str, Path]:
        """The code files of our starter by name, "package/module.py"; the student's as they were handed out among them."""
        folder = self.starter / self.layout.code_folder
        return {path.relative_to(self.starter).as_posix(): path for path in sorted(folder.rglob("*.py"))}

    @cached_property
    def support(self) -> Mapping[str, bytes]:
        """What a submission is mounted on: `handed_out`, and over it the support files of the course's own starter.

        The student's files stay ours, so that no item depends on how far a course's are filled in.
        """
        ours = {name: path.read_bytes() for name, path in self.handed_out().items()}
        return {**ours, **(self.course.mounted if self.course else {})}

    @property
    def originals(self) -> Mapping[str, bytes]:
        """What students were given beside their own files, also where something else is mounted in its place."""
        return self.course.files if self.course else self.support

    @property
    def mounted_starter(self) -> str:
        """One line for staff on whose support files submissions are mounted on; empty where all are ours."""
        if self.course is None:
            return ""
        ours = self.handed_out().keys() - set(self.layout.files)
        own = len(ours & self.course.mounted.keys())
        return f"starter: {self.course.label}, {own} of {len(ours)} support files the course's own"

    @cached_property
    def mounted(self) -> Mapping[str, Path]:
        """Staff's modules that run inside the sandbox, by file name; the hidden ones where they are installed."""
        folders = (_CORE_MOUNTED, self.folder / "mounted", self.hidden / "mounted")
        return {path.name: path for folder in folders for path in sorted(folder.glob("*.py"))}

    def source(self, name: str) -> bytes:
        """The source of one of staff's modules that run inside the sandbox."""
        return self.mounted[name].read_bytes()

    def ahead(self) -> dict[str, Path]:
        """What may be mounted in a sandbox and lies here as staff's, by the name it is mounted under."""
        return self.handed_out() | dict(self.mounted)

    def secrets(self) -> list[Path]:
        """Files that student code must not be able to read; a sandbox's self-test tries to."""
        hidden = sorted(self.hidden.rglob("*.*")) if self.hidden.is_dir() else []
        facts = sorted(path for path in self.fixtures.folder.glob("*") if path.is_file())  # on record or not
        core = Path(__file__).resolve().with_name("grade.py")
        return [path for path in (*facts, core, *hidden) if path.exists()]

    # What is graded

    @cached_property
    def checks(self) -> Mapping[str, Check]:
        """All checks by id, the modules imported that register them; the hidden ones where they are installed.

        Raises:
            ConfigurationError: the homework is not in order; the message says what to mend.
        """
        names = [f"{self.package}.{name}" for name in self.modules]
        if self.hidden.is_dir():
            names += [f"{self.package}.hidden.{name}" for name in self.hidden_modules]
        for name in names:
            importlib.import_module(name)
        registry = importlib.import_module(f"{self.package}.registry").registry
        checks: dict[str, Check] = registry.checks
        for check in checks.values():
            if check.section and check.section not in self.sections:
                known = ", ".join(self.sections)
                raise ConfigurationError(f"check '{check.id}' has the unknown section '{check.section}'; there are {known}")
        self.verify()
        return checks

    def verify(self) -> None:
        """Look whether the homework's own tables fit together, before anything is graded.

        Raises:
            ConfigurationError: they do not; the message names the place.
        """

    def slip_names(self) -> Mapping[str, str]:
        """What each slip that a check can recognise is, by id, in a few words for staff."""
        return {}

    # What views and tools want to know

    curve_series: tuple[Series, ...] = ()
    curve_groups: tuple[CurveGroup, ...] = ()

    def published_curve(self, log: str, entries: Mapping[str, int]) -> PublishedCurve | None:
        """What is published of the run that a log (without its ending) records; `entries` counts what it holds by key."""
        del log, entries
        return None

    @property
    def beside(self) -> Collection[str]:
        """Files of the layout whose items take about as long as those on the others, and may be settled beside them."""
        return ()

    def code_of(self, item: str) -> tuple[str, tuple[str, ...]]:
        """What a student wrote for an item: a file of the layout, and the functions in it ("f", "Class.method"); empty if none."""
        del item
        return "", ()

    def findings_order(self) -> tuple[str, ...]:
        """Names of the findings that only staff read, the most telling first."""
        return ()

    def built_on(self, submission: Submission, term: str) -> str:
        """What a submission was built on, in a sentence for staff; `term` is the one that the rubric names, if it does."""
        del submission, term
        return ""

    def incomplete(self, submission: Submission) -> list[str]:
        """Sentences for a student on what is missing in a submission beside the code and the notebook."""
        logs = self.layout.logs
        return [f"there is no log in {logs}/."] if logs and not submission.logs else []

    def warnings(self, submission: Submission, report: Report, opened: Opener) -> list[str]:
        """Sentences for a student on what they hardly mean to hand in, beside what is missing or wrong by the checks.

        `report` holds the verdicts on all public items; `opened` opens a file of the submission inside the sandbox.
        """
        del submission, report, opened
        return []

    def handout_files(self) -> Mapping[str, bytes]:
        """Files of the package that students get in a shorter form, by their name in it."""
        return {}

    def experiments(self) -> Experiments | None:
        """How the runs behind the logs are run again; None where they cannot be."""
        return None


def load(package: str) -> Homework:
    """The homework of a package, with the course's own starter if that copy was built with one.

    Raises:
        ConfigurationError: there is none, or its starter is damaged.
    """
    try:
        found = importlib.import_module(package).HOMEWORK
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(f"{package} is no homework ({error}); name a package whose __init__.py holds HOMEWORK") from error
    assert isinstance(found, Homework)
    course = unpacked(found.folder / COURSE)
    return replace(found, course=course) if course else found


def active() -> Homework:
    """The homework this copy of the grader is for: the one in it, or that of the package that $GRADER_HOMEWORK names.

    Raises:
        ConfigurationError: there is no such package.
    """
    return load(os.environ.get(_VARIABLE) or _DEFAULT)
