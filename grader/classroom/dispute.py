"""A verdict that somebody disputes: its records found, the student's code cut out in the sandbox, the question asked again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, UsageError
from ..grading.grade import grade, sandbox
from ..grading.homework import Homework
from ..grading.invocation import command
from ..grading.results import Report
from ..grading.rubric import load_rubric
from ..grading.selection import selected
from ..sandbox.errors import SandboxUnavailable
from ..sandbox.policy import Kind, Level
from ..sandbox.supervisor import Sandbox
from ..submission.collect import Submission
from . import explanation, final_grades, sources, student_code
from . import gradebook as gradebooks
from .explanation import Explanation, Known
from .final_grades import Grades
from .gradebook import Member
from .student_code import Excerpt
from .worker import Job, collected


@dataclass(frozen=True, slots=True)
class Case:
    """Items of one submission of a class run, by id, with all its verdicts."""

    homework: Homework
    grades: Grades
    member: Member
    found: dict[str, Any]
    items: tuple[str, ...]
    rubric: Path | None

    @property
    def tests(self) -> dict[str, dict[str, Any]]:
        """The parts of the verdict, by item."""
        return {test["extra_data"]["id"]: test for test in self.found["tests"]}

    @property
    def rubric_file(self) -> Path:
        """The rubric that is asked with."""
        kept = gradebooks.rubric(self.grades.out)
        return self.rubric or (kept if kept.exists() else self.homework.rubric)


def opened(homework: Homework, out: Path, who: str, item: str, rubric: Path | None = None) -> Case:
    """Find the records.

    Raises:
        UsageError: there are none, or it is not clear which are meant.
    """
    grades = final_grades.load(out)
    member = gradebooks.find(grades.book, who, grades.counting())
    found = gradebooks.result(out, member.id)
    if found is None:
        raise UsageError(f"{member.id} has no readable verdict in {out}; run '{command('batch')}' into that folder again")
    ids = selected([test["extra_data"]["id"] for test in found["tests"]], item)
    return Case(homework, grades, member, found, ids, rubric)


def explained(case: Case, *, student: bool) -> list[Explanation]:
    """An explanation of each item; `student`: only what may be sent.

    Raises:
        UsageError: an item is hidden from students.
        ConfigurationError: the rubric that was named cannot be used.
    """
    line = case.grades.line(gradebooks.line(case.found, case.member), case.found)
    line = replace(line, counts=case.member.id in case.grades.counting())
    rows = _rows(case)
    code = _code(case)
    out = shlex.quote(str(case.grades.out))
    found = []
    for item in case.items:
        excerpts, note = code.get(item, ([], ""))
        again = command("explain", out, shlex.quote(case.member.id), item, "--again")
        known = Known(line, case.found, case.tests[item], rows.get(item), case.homework.slip_names(), excerpts, note, again)
        found.append(explanation.for_student(known) if student else explanation.for_staff(known))
    return found


def as_page(case: Case, explanations: Sequence[Explanation]) -> str:
    """The explanations as a page."""
    return explanation.as_page(explanations, " ".join(filter(None, (case.grades.book.title, case.member.id, case.member.names))))


def asked_again(case: Case) -> Report:
    """Grade the items anew, now.

    Raises:
        UsageError: the submission is not where it was.
        ConfigurationError: grading is not possible here.
    """
    rubric = load_rubric(case.rubric_file, case.homework.checks, case.homework.terms)
    with _submission(case) as (submission, jail):
        return grade(case.homework, submission, rubric, jail, only=case.items)


def _rows(case: Case) -> dict[str, Any]:
    """The rubric's rows by item, where the verdict was reached with that rubric."""
    try:
        rubric = load_rubric(case.rubric_file, case.homework.checks, case.homework.terms)
    except ConfigurationError:
        if case.rubric is not None:
            raise
        return {}  # the checks are others by now; what is on record can be told all the same
    same = rubric.digest == case.found["extra_data"].get("rubric_digest")
    return {item.id: item for item in rubric.items} if same else {}


def _code(case: Case) -> dict[str, tuple[list[Excerpt], str]]:
    """What the student wrote, by item; why it cannot be shown where it cannot."""
    asked = [item for item in case.items if case.homework.code_of(item)[1]]
    if not asked:
        return {}
    try:
        with _submission(case) as (submission, jail):
            if submission.digest != case.found["extra_data"].get("submission_digest"):
                why = "What lies there now is not what was graded, so the code is not shown."
                return dict.fromkeys(asked, ([], why))
            return student_code.excerpts(case.homework, submission, asked, jail)
    except (UsageError, SandboxUnavailable) as error:
        return dict.fromkeys(asked, ([], f"It cannot be shown: {error}."))


@contextmanager
def _submission(case: Case) -> Iterator[tuple[Submission, Sandbox]]:
    """The submission as it lies where it was graded from, under the names that staff decided on, and a sandbox for it."""
    given = sources.load(case.grades.out)
    kind = Kind(given.kind) if given.kind else None
    level = Level.STUDENT if kind is Kind.SPAWN else Level.STAFF
    with sources.opened(case.grades.out, case.homework.layout, case.member.id) as path:
        submission = collected(case.homework, Job(case.member.id, path, "", renames=case.grades.renames(case.member)))
        with sandbox(case.homework, level, kind=kind) as jail:
            yield submission, jail
