"""Before and while a class is graded: what not every machine shows, such as a full disk, is told all the same."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from grader.classroom import export, preflight
from grader.classroom.gradebook import Line, Member
from grader.classroom.progress import Progress
from grader.errors import UsageError
from grader.grading import preflight as policies
from grader.homework import HOMEWORK
from grader.sandbox.errors import SandboxUnavailable


def test_a_disk_that_will_not_hold_the_results_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, archive = tmp_path / "not/there/yet", tmp_path / "export.zip"
    archive.write_bytes(bytes(1000))
    usage = type(shutil.disk_usage(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 10**8, 10**8))
    assert [*preflight.room(out, 200, [archive], pages=False)] == []
    for count, pages in ((1000, False), (200, True)):
        (told,) = preflight.room(out, count, [archive], pages=pages)
        assert told.startswith(f"{out} has room for 100 MB, some ")
    assert not out.exists()


def test_missing_isolation_is_told_before_anything_is_graded(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_: object, **__: object) -> None:
        raise SandboxUnavailable("this machine has no Landlock")

    monkeypatch.setattr(policies, "sandbox", unavailable)
    with pytest.raises(UsageError, match="no Landlock"):
        policies.isolation(HOMEWORK, None)


def test_what_is_being_graded_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    told = Progress(6, Decimal(100))
    for name in "abcde":
        told.begun(name)
    told.finished(Line(Member("b", (), ""), "passed", Decimal(100), {}, ()), 1.0, kept=False)
    line = capsys.readouterr().out
    assert "1/6" in line
    assert line.endswith(", at a, c, d and 1 more)\n")
    for name in "acde":
        told.finished(Line(Member(name, (), ""), "passed", Decimal(100), {}, ()), 1.0, kept=True)
    assert told.at() == ""


def test_an_archive_of_another_kind_among_submissions_has_its_row(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    for name in ("ada.rar", "bo.7z", "notes.txt"):
        (tmp_path / "class" / name).write_bytes(b"x")
    entries = export.read([tmp_path / "class"], tmp_path / "out", HOMEWORK.layout)
    assert [(entry.id, entry.path) for entry in entries] == [(name, tmp_path / "class" / name) for name in ("ada.rar", "bo.7z")]
