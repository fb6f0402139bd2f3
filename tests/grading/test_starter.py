"""A course's starter that a built copy carries: whole, or told that it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.errors import ConfigurationError
from grader.grading.starter import Starter, unpacked

STARTER = Starter("course", {"signals/__init__.py": b"", "signals/tools.py": b"WIDTH = 3\r\n"}, ("signals/tools.py",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in STARTER.packed().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_what_was_packed_is_unpacked(folder: Path) -> None:
    (folder / "signals/left_over.py").write_text("(")
    assert unpacked(folder) == STARTER
    assert STARTER.mounted == {"signals/__init__.py": b""}


def test_where_none_was_packed_there_is_none(tmp_path: Path) -> None:
    assert unpacked(tmp_path / "course") is None


def test_one_that_is_damaged_is_told(folder: Path) -> None:
    (folder / "signals/tools.py").unlink()
    with pytest.raises(ConfigurationError, match="is damaged"):
        unpacked(folder)
    (folder / "starter.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="build the zip again"):
        unpacked(folder)
