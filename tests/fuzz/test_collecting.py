"""Whatever is handed in, as a zip or as a folder, collecting it gives a submission within the limits or a refusal in words."""

from __future__ import annotations

import itertools
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import strategies as st

from grader.errors import SubmissionError, UsageError
from grader.homework import HOMEWORK
from grader.submission.collect import Limits, Submission, collect
from tests.fuzz import running
from tests.fuzz.running import LENGTHS, bounded, fuzz, harmless
from tests.fuzz.trees import TREES, Node, plant
from tests.fuzz.zips import SUBMISSIONS, honest_members, pack

MB = 2**20
TIGHT = Limits(
    max_entries=40, max_directory_bytes=4_000, max_depth=4, max_file_bytes=20_000, max_notebook_bytes=30_000,
    max_total_bytes=60_000,
    max_logs=6,
)  # fmt: skip
LIMITS = st.sampled_from((Limits(), TIGHT))


def attempt(path: Path, limits: Limits) -> str:
    """Collect; everything that comes of it is held against the limits, and every text must be fit to be shown."""
    size = path.stat().st_size if path.is_file() else 0
    # What is kept, what is being read, and the directory: some hundred bytes of objects for each of its 46 bytes or more.
    memory = limits.max_total_bytes + 3 * limits.max_notebook_bytes + 40 * min(size, limits.max_directory_bytes) + 2 * MB
    with bounded(memory):
        found = _collected(path, limits)
    if isinstance(found, Submission):
        return within(found, limits)
    if isinstance(found, UsageError):
        assert str(path) in str(found)
        return "no submission"
    assert 0 < len(harmless(str(found))) < 1_000
    return "refused"


def _collected(path: Path, limits: Limits) -> Submission | SubmissionError | UsageError:
    """The submission, or the one of the two errors that collecting may raise; any other ends the run."""
    try:
        return collect(path, HOMEWORK.layout, support=HOMEWORK.support, limits=limits)
    except (SubmissionError, UsageError) as error:
        return error


def within(found: Submission, limits: Limits) -> str:
    """Hold a submission against the limits it was collected under."""
    assert set(found.files) <= set(HOMEWORK.layout.files)
    assert len(found.logs) <= limits.max_logs
    assert all(Path(name).parent == Path("submission_logs") for name in found.logs)
    taken = [*found.files.values(), *found.logs.values()]
    assert all(len(data) <= limits.max_file_bytes for data in taken)
    notebook = found.notebook[1] if found.notebook else b""
    assert len(notebook) <= limits.max_notebook_bytes
    assert sum(map(len, taken)) + len(notebook) <= limits.max_total_bytes
    assert not found.refused.keys() & {*found.files, *found.logs}
    assert len(found.digest) == 64
    for text in (found.label, *found.notes, *found.refused.values(), found.notebook[0] if found.notebook else ""):
        assert len(harmless(text)) < 1_000
    if taken:
        return "collected in part" if found.refused else "collected"
    return "nothing usable"


@pytest.mark.parametrize("length", LENGTHS)
def test_every_zip_is_collected_or_refused(tmp_path: Path, length: str) -> None:
    path = tmp_path / "hand-in.zip"

    def one(case: tuple[bytes, Limits]) -> str:
        data, limits = case
        path.write_bytes(data)
        return attempt(path, limits)

    ends = fuzz("zips", length, st.tuples(SUBMISSIONS, LIMITS), one)
    assert min(ends["refused"], ends["collected"], ends["collected in part"]) > 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
@pytest.mark.parametrize("length", LENGTHS)
def test_every_folder_is_collected_or_refused(tmp_path: Path, length: str) -> None:
    numbers = itertools.count()

    def one(case: tuple[tuple[bool, list[Node]], Limits]) -> str:
        (honest, nodes), limits = case
        root = tmp_path / f"hand-in-{next(numbers)}"
        try:
            plant(root, honest, nodes)
            return attempt(root, limits)
        finally:
            shutil.rmtree(root)

    ends = fuzz("folders", length, st.tuples(TREES, LIMITS), one)
    assert min(ends["collected"], ends["collected in part"]) > 0


def test_the_zips_that_are_changed_are_honest_before(tmp_path: Path) -> None:
    path = tmp_path / "hand-in.zip"
    path.write_bytes(pack(honest_members(), end64={}))
    assert attempt(path, Limits()) == "collected"
    found = collect(path, HOMEWORK.layout)
    assert (len(found.files), len(found.logs), found.notes, found.refused) == (3, 18, (), {})


def test_what_exceeds_the_bounds_is_noticed() -> None:
    with pytest.raises(AssertionError, match="MB at once"), bounded(MB):
        bytes(2 * MB)
    with pytest.raises(AssertionError, match="u202e"):
        harmless("PASSED \u202e")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no clock of a process's own that could raise")
def test_an_input_that_never_ends_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "CPU_SECONDS", 0.05)

    def endless() -> None:
        with bounded(MB):
            while True:
                pass

    with pytest.raises(AssertionError, match="processor time"):
        endless()
