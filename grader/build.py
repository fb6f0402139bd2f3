"""The zip a course uploads to Gradescope, made from this copy of the grader: everything the container needs and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import fixtures, places, rubric
from .archive import described, packed, read, sources
from .exam import registered

SAMPLE = "fixtures/submissions/reference"  # graded once in the image, at the end of its set-up; see `smoke`
_SCRIPTS = {"setup.sh": "gradescope/setup.sh", "run_autograder": "run_autograder", "bootstrap": "bootstrap"}
_LOCK = "gradescope/requirements-run.lock"
_LOGS = (".npz", ".json")


@dataclass(frozen=True, slots=True)
class Archive:
    """What was built: the zip's bytes, its entries' names, and the rubric in it."""

    data: bytes
    names: tuple[str, ...]
    rubric: rubric.Rubric

    def __str__(self) -> str:
        """Three lines for people."""
        reachable = float(self.rubric.reachable)
        return f"{described(self.data, len(self.names))}\nrubric: {len(self.rubric.graded)} graded rows, {reachable:g} points"


def autograder(rubric_path: Path | None = None) -> Archive:
    """Pack this grader, with the rubric at `rubric_path` in place of the built-in one.

    Raises:
        ConfigurationError: the rubric is inconsistent, a fixture is not the one on record, or a file of the grader is missing.
    """
    checks = registered()
    chosen = rubric_path or rubric.DEFAULT
    policy = rubric.load(chosen, checks)
    facts = {fixtures.GOLDEN, fixtures.TRAJECTORIES, fixtures.SLIPS, *_recorded()}
    files = {f"fixtures/{path.relative_to(places.FOLDER).as_posix()}": fixtures.verified(path) for path in facts}
    files["fixtures/SHA256SUMS"] = read(fixtures.DIGESTS)
    for name, script in _SCRIPTS.items():
        files[name] = read(places.ROOT / script).replace(b"\r\n", b"\n")  # a shell stumbles over a checkout made on Windows
    for path in _sources():
        files[path.relative_to(places.ROOT).as_posix()] = read(path)
    files[rubric.DEFAULT.relative_to(places.ROOT).as_posix()] = read(chosen)
    return Archive(packed(files, _SCRIPTS), tuple(sorted(files)), policy)


def _recorded() -> Iterator[Path]:
    """Every fixture on record."""
    for line in read(fixtures.DIGESTS).decode("utf-8").splitlines():
        if line.strip():
            yield places.FOLDER / line.split(maxsplit=1)[1]


def _sources() -> Iterator[Path]:
    """The package, staff's files that submissions are mounted on, locked requirements, and one sample."""
    yield from sources(places.ROOT / "grader")
    yield from (places.ROOT / "student_src" / "deeplearning").rglob("*.py")
    yield places.ROOT / _LOCK
    sample = places.ROOT / SAMPLE
    yield from (sample / "deeplearning").rglob("*.py")
    yield from (path for path in (sample / "submission_logs").iterdir() if path.suffix in _LOGS)
