"""Whether a course's own starter can stand in place of ours, found out before anybody is graded on it.

The names its support files export are held against ours. The solved copy, the homework's sample, has to get everything on them.
The files that the course's students start from tell which items are given and which are to be written. Code runs in the sandbox.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ..errors import UsageError
from ..grading.grade import grade, sandbox
from ..grading.homework import Homework
from ..grading.results import ItemResult, Outcome
from ..grading.rubric import Rubric, load_rubric
from ..grading.starter import Starter, find, read
from ..report import wording
from ..sandbox.errors import SessionEnded
from ..sandbox.forms import ListOf, Text
from ..sandbox.policy import Kind, Level
from ..sandbox.supervisor import Sandbox
from ..submission.collect import Submission
from ..submission.text import name as shown

_WIDTH: Final = 100
_MAX_NAMES: Final = 10_000  # that a module exports
_MAX_REASON: Final = 300  # characters of what an import or an item says


@dataclass(frozen=True, slots=True)
class _Module:
    """One support file, as the course has it: `remark` says how it compares, `asks` whether staff should look at it."""

    name: str
    remark: str
    asks: bool


@dataclass(frozen=True, slots=True)
class _Item:
    """One item that asks code: of the solved copy, of the course's files as handed out, and of ours as handed out."""

    solved: ItemResult
    untouched: ItemResult
    ours: ItemResult

    @property
    def right(self) -> bool:
        """Whether the solved copy gets everything."""
        return self.solved.outcome is Outcome.PASSED

    @property
    def asks(self) -> bool:
        """Whether the item is another one than with our files."""
        return not self.right or _share(self.untouched) != _share(self.ours)

    @property
    def meaning(self) -> str:
        """What the two verdicts mean."""
        if not self.right:
            return "WRONG: the solved copy fails"
        theirs, ours = _share(self.untouched), _share(self.ours)
        return theirs if theirs == ours else f"{theirs}; {ours} in ours"


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found.

    Attributes:
        homework: with the course's starter in place.
    """

    homework: Homework
    notebook: str
    modules: tuple[_Module, ...]
    items: tuple[_Item, ...]

    @property
    def usable(self) -> bool:
        """Whether submissions can be graded on it."""
        return all(item.right for item in self.items)

    @property
    def advice(self) -> str:
        """One sentence on what comes of it."""
        if self.usable:
            return "Submissions can be graded on this starter."
        failed = ", ".join(item.solved.id for item in self.items if not item.right)
        return (
            f"This starter cannot be used, because the solved copy fails on it ({failed}): mend the support files that differ, or "
            "leave --starter out to grade on ours."
        )

    def table(self) -> str:
        """Everything, in plain text."""
        lines = [self.homework.mounted_starter, f"notebook: {self.notebook or 'none beside the code'}", "", *self._modules(), ""]
        return "\n".join([*lines, *self._items(), "", *textwrap.wrap(self.advice, _WIDTH)])

    def brief(self) -> str:
        """One line, and below it what is different from what the checks expect."""
        return "\n".join([self.homework.mounted_starter, *self._modules(asking=True), *self._items(asking=True)])

    def _modules(self, *, asking: bool = False) -> list[str]:
        width = max(len(module.name) for module in self.modules)
        lines = []
        for module in self.modules:
            if module.asks or not asking:
                first = f"  {module.name:<{width}}  "
                lines += textwrap.wrap(first + module.remark, _WIDTH, subsequent_indent=" " * len(first), break_on_hyphens=False)
        return lines

    def _items(self, *, asking: bool = False) -> list[str]:
        width = max((len(item.solved.id) for item in self.items), default=0)
        lines = [] if asking else [f"  {'':<{width}}  {'solved':<13}  {'untouched':<13}"]
        for item in self.items:
            if item.asks or not asking:
                scores = f"{_score(item.solved):<13}  {_score(item.untouched):<13}"
                lines.append(f"  {item.solved.id:<{width}}  {scores}  {item.meaning}")
            if not item.right:
                for said in (wording.for_student(item.solved), *wording.for_staff(item.solved)):
                    text = shown(" ".join(said.split()), _MAX_REASON)
                    lines += textwrap.wrap(text, _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 8)
        return [line.rstrip() for line in lines]


def examine(homework: Homework, folder: Path, rubric: Path | None = None, kind: Kind | None = None) -> Examination:
    """Examine the starter in `folder`, by the items of `rubric` or of the built-in one.

    Raises:
        UsageError: there is no starter in it, or no solved copy here to try it with.
        ConfigurationError: the rubric is inconsistent.
        SandboxUnavailable: no process can be made here.
    """
    ours = replace(homework, course=None)
    if not _code(ours, ours.sample).files:
        raise UsageError("an installed copy has no solved files to try a starter with; use a checkout of the repository")
    policy = load_rubric(rubric or ours.rubric, ours.checks)
    root = find(folder, ours.layout)
    starter = read(root, ours.layout, folder.resolve().name)
    with sandbox(ours, Level.STUDENT, kind=kind) as jail:  # a course trusts its own code: whatever isolation there is will do
        starter, why = _importable(ours, starter, jail)
        theirs = replace(ours, course=starter)
        modules = tuple(_modules(ours, theirs, why, jail))
        items = tuple(_items(ours, theirs, root, policy, jail))
    return Examination(theirs, _notebook(root, ours), modules, items)


def _importable(ours: Homework, starter: Starter, jail: Sandbox) -> tuple[Starter, dict[str, str]]:
    """The starter without what cannot be imported where submissions are graded, and why not, by name.

    What is set aside may be what another module needs, so the rest is tried again.
    """
    why: dict[str, str] = {}
    while True:
        left = replace(starter, set_aside=tuple(why))
        mounts = replace(ours, course=left).support
        failing = {}
        for name in left.mounted:
            found = _exports(mounts, name, jail)
            if isinstance(found, str):
                failing[name] = found
        if not failing:
            return left, why
        why |= failing


def _modules(ours: Homework, theirs: Homework, why: Mapping[str, str], jail: Sandbox) -> list[_Module]:
    """Every support file that either side has."""
    course = theirs.course
    assert course is not None
    handed_out = {name: data for name, data in ours.support.items() if name not in ours.layout.files}
    found = []
    for name in sorted(handed_out.keys() | course.files.keys()):
        if name not in course.files:
            found.append(_Module(name, "ours: the course has none", True))
        elif name in why:
            found.append(_Module(name, f"{'kept ours' if name in handed_out else 'left out'}: {why[name]}", True))
        elif name not in handed_out:
            found.append(_Module(name, "none of ours", False))
        elif course.files[name].split() == handed_out[name].split():
            found.append(_Module(name, "same", False))
        else:
            found.append(_compared(name, _exports(ours.support, name, jail), _exports(theirs.support, name, jail)))
    return found


def _compared(name: str, ours: frozenset[str] | str, theirs: frozenset[str] | str) -> _Module:
    assert not isinstance(ours, str)
    assert not isinstance(theirs, str)
    remarks = ["differs"]
    for told, names in (("names missing", ours - theirs), ("names extra", theirs - ours)):
        if names:
            remarks.append(f"{told}: {', '.join(sorted(names))}")
    return _Module(name, "; ".join(remarks), bool(ours - theirs))


def _exports(mounts: Mapping[str, bytes], file: str, jail: Sandbox) -> frozenset[str] | str:
    """The names that `from MODULE import *` gives, or why the module cannot be imported where submissions are graded."""
    with jail.session() as session:
        session.load(mounts)
        module = session.module(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        builtins = session.module("builtins")
        try:
            asked = (builtins.attr("dir")(module), builtins.attr("getattr")(module, "__all__", None))
            names, listed = session.fetch(*(one.like(ListOf(Text(), _MAX_NAMES)) for one in asked))
        except SessionEnded as error:
            return shown(f"{error.reason}{f': {error.message}' if error.message else ''}", _MAX_REASON)
        if session.absent:  # a stand-in would do, but every student would read that their own file imports it
            absent = ", ".join(session.absent)
            return shown(f"it imports {absent}, not installed where submissions are graded", _MAX_REASON)
    public = frozenset(name for name in names if not name.startswith("_"))
    return public & set(listed) if isinstance(listed, list | tuple) else public


def _items(ours: Homework, theirs: Homework, root: Path, policy: Rubric, jail: Sandbox) -> list[_Item]:
    """The items that ask code and nothing else: the logs are those of other runs."""
    only = [item.id for item in policy.graded if not ours.checks[item.id].reads]
    solved, untouched, handed_out = (
        grade(graded, _code(graded, folder), policy, jail, only=only).items
        for graded, folder in ((theirs, ours.sample), (theirs, root), (ours, ours.starter))
    )
    return [_Item(*verdicts) for verdicts in zip(solved, untouched, handed_out, strict=True)]


def _code(homework: Homework, folder: Path) -> Submission:
    """The files of `folder` that students edit, as a submission."""
    files = {name: (folder / name).read_bytes() for name in homework.layout.files if (folder / name).is_file()}
    return Submission(folder.name, files, {}, None, (), {}, "")


def _notebook(root: Path, homework: Homework) -> str:
    """The name of the notebook that is handed out beside the code; empty if there is none."""
    found = sorted(path.name for path in root.glob("*.ipynb"))
    return next((name for name in found if homework.layout.notebook in name), found[0] if found else "")


def _share(untouched: ItemResult) -> str:
    """How much of an item is handed out."""
    return {Outcome.PASSED: "given", Outcome.PARTIAL: "partly given"}.get(untouched.outcome, "to be written")


def _score(item: ItemResult) -> str:
    return str(item.outcome) if item.shown_only else wording.score_of(item)
