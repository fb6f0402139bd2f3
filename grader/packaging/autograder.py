"""The zip a course uploads to Gradescope, made from this copy of the grader: everything the container needs and nothing else.

setup.sh run_autograder bootstrap    grader/ (the homework in it)    gradescope/requirements-run.lock
fixtures/, the starter's code and the sample where the homework has them: beside the package, or in its own folder
grader/homework/course/              the course's own starter, if there is one
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..grading.homework import COURSE, ROOT, Homework
from ..grading.rubric import Rubric
from ..grading.shipped_logs import rubric_with
from .archive import described, packed, read, shipped, sources

_SCRIPTS = {"setup.sh": "gradescope/setup.sh", "run_autograder": "run_autograder", "bootstrap": "bootstrap"}
_LOCK = "gradescope/requirements-run.lock"
PACKAGE = "grader"
HOMEWORK = f"{PACKAGE}/homework"  # where the homework lies in what is built, wherever it lies here


@dataclass(frozen=True, slots=True)
class Archive:
    """What was built: the zip's bytes, its entries' names, and the rubric in it."""

    data: bytes
    names: tuple[str, ...]
    rubric: Rubric

    def __str__(self) -> str:
        """Three lines for people, and one more where logs were handed out."""
        reachable = float(self.rubric.reachable)
        policy = f"rubric: {len(self.rubric.graded)} graded rows, {reachable:g} points"
        return "\n".join([described(self.data, len(self.names)), policy, *shipped(self.rubric)])


def autograder(homework: Homework, rubric: Path | None = None, known: Path | None = None) -> Archive:
    """Pack this grader for a homework, with `rubric` in place of the built-in one; `known` as in `shipped_logs.rubric_with`.

    Raises:
        UsageError: `known` cannot be used.
        ConfigurationError: the rubric is inconsistent, a fixture is not the one on record, or a file of the grader is missing.
    """
    text, policy = rubric_with(homework, rubric, known)
    files = dict(package(homework))
    for name, script in _SCRIPTS.items():
        files[name] = read(ROOT / script).replace(b"\r\n", b"\n")  # a shell stumbles over a checkout made on Windows
    files[_LOCK] = read(ROOT / _LOCK)
    files[f"{HOMEWORK}/{homework.rubric.name}"] = text
    facts = homework.fixtures
    for name in facts.names():
        files[_placed(homework, facts.folder / name)] = facts.verified(name)
    if facts.record.exists():
        files[_placed(homework, facts.record)] = read(facts.record)
    for path in (*homework.handed_out().values(), *sample(homework)):
        files[_placed(homework, path)] = read(path)
    if homework.course:
        files |= {f"{HOMEWORK}/{COURSE}/{name}": data for name, data in homework.course.packed().items()}
    return Archive(packed(files, _SCRIPTS), tuple(sorted(files)), policy)


def package(homework: Homework) -> Iterator[tuple[str, bytes]]:
    """The grader's own files by name, the homework's among them; not what it keeps beside its code."""
    here = Path(__file__).resolve().parents[1]
    ours = here / "homework"
    for path in sources(here):
        if not path.is_relative_to(ours):
            yield f"{PACKAGE}/{path.relative_to(here).as_posix()}", read(path)
    beside = (homework.starter_folder, homework.fixtures_folder, homework.sample, homework.folder / COURSE)
    for path in sources(homework.folder):
        if not any(path.is_relative_to(folder) for folder in beside):
            yield f"{HOMEWORK}/{path.relative_to(homework.folder).as_posix()}", read(path)


def sample(homework: Homework) -> Iterator[Path]:
    """The files of the sample that are graded: code and logs."""
    layout = homework.layout
    if layout.logs:
        yield from (path for path in sources(homework.sample / layout.logs) if path.suffix in layout.log_suffixes)
    yield from (path for path in sources(homework.sample / layout.code_folder) if path.suffix == ".py")


def _placed(homework: Homework, path: Path) -> str:
    """The name in the zip of something the homework has: with its folder if it lies in there, else as it lies in the repository."""
    if path.is_relative_to(homework.folder):
        return f"{HOMEWORK}/{path.relative_to(homework.folder).as_posix()}"
    return path.relative_to(ROOT).as_posix()
