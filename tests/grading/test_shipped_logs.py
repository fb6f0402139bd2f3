"""The logs that a course hands out get into a rubric's text once, whoever asks, and what cannot be meant is refused."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest

from grader.errors import UsageError
from grader.grading.expect import contents
from grader.grading.rubric import load_rubric
from grader.grading.shipped_logs import rubric_with
from tests.second_homework import HOMEWORK

LOG = b"[1, 2]"
DIGEST = contents([1, 2])


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """A folder of the course's, with one log somewhere in it."""
    place = tmp_path / "known" / "homework" / "logs" / "a.json"
    place.parent.mkdir(parents=True)
    place.write_bytes(LOG)
    (place.parent / "notes.txt").write_text("no log")
    return tmp_path / "known"


def test_what_is_known_is_written_into_the_rubric(tmp_path: Path, known: Path) -> None:
    text, rubric = rubric_with(HOMEWORK, None, known)
    assert rubric.shipped_logs == rubric.public.shipped_logs == {DIGEST}
    assert text.endswith(HOMEWORK.rubric.read_bytes())
    (tmp_path / "mine.toml").write_bytes(text)
    assert load_rubric(tmp_path / "mine.toml", HOMEWORK.checks) == rubric
    assert rubric_with(HOMEWORK, tmp_path / "mine.toml", known) == (text, rubric), "it is there already"


def test_where_nothing_is_known_the_rubric_is_as_it_was() -> None:
    text, rubric = rubric_with(HOMEWORK, None, None)
    assert text == HOMEWORK.rubric.read_bytes()
    assert rubric == load_rubric(HOMEWORK.rubric, HOMEWORK.checks)
    assert rubric.shipped_logs == frozenset()


def test_a_rubric_that_names_other_logs_is_no_place_for_these(tmp_path: Path, known: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(f'shipped_logs = ["{"0" * 64}"]\n{HOMEWORK.rubric.read_text("utf-8")}', "utf-8")
    with pytest.raises(UsageError, match=r"mine\.toml names shipped_logs already, .*; leave one of the two out"):
        rubric_with(HOMEWORK, mine, known)


@pytest.mark.parametrize("content", [None, "notes.txt"])
def test_a_folder_without_logs_is_a_mistake_in_usage(tmp_path: Path, content: str | None) -> None:
    folder = tmp_path / "empty"
    if content is not None:
        folder.mkdir()
        (folder / content).touch()
    with pytest.raises(UsageError, match=r"holds no \.npz or \.json file; name the folder with the logs that were handed out"):
        rubric_with(HOMEWORK, None, folder)


def test_what_a_log_holds_is_the_same_however_it_was_saved() -> None:
    arrays = {"b": np.array([1.5, 2.0]), "a": np.array([[1, 2]])}
    same = {"a": np.array([[1.0, 2.0]]), "b": np.array([1.5, 2.0], np.float32)}
    assert contents(arrays) == contents(same) != ""
    for other in (
        {"b": arrays["b"]},
        {**arrays, "b": arrays["b"] + 1e-9},
        {**arrays, "a": np.array([1, 2])},
        {**arrays, "c": arrays["b"]},
    ):
        assert contents(other) != contents(arrays)
    assert contents({"x": 1, "y": [0.5]}) == contents({"y": [0.5], "x": 1}) != contents({"x": 1, "y": [0.25]})
    assert contents({"a": np.array(["text"])}) == contents({"a": arrays["a"], "b": object()}) == contents(object()) == ""


def test_a_known_log_is_known_by_what_it_holds_and_a_broken_one_by_its_bytes(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.savez_compressed(file, a=np.arange(3.0))
    (tmp_path / "a.npz").write_bytes(file.getvalue())
    (tmp_path / "b.npz").write_bytes(b"PK no archive")
    found = rubric_with(HOMEWORK, None, tmp_path)[1].shipped_logs
    assert found == {contents({"a": np.arange(3)}), hashlib.sha256(b"PK no archive").hexdigest()}
