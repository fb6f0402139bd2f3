"""Whatever stands in a log file, the reader in the sandbox answers in its form or its process ends, and the next file is read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from grader.grading.student import Student
from grader.homework import HOMEWORK
from grader.sandbox.errors import SessionEnded
from grader.sandbox.policy import Limits
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import Submission
from tests.fuzz.arrays import NPZ, honest_npz
from tests.fuzz.running import LENGTHS, bounded, fuzz
from tests.fuzz.texts import honest_json, json_files

FILES_A_SESSION = 50
MEMORY = 400 * 2**20  # an answer of 64 MB, as it arrives, as a frame, and as what it says


@pytest.fixture
def student(sandbox: Sandbox) -> Iterator[Student]:
    made = Student(Submission("fuzz", {}, {}, None, (), {}, ""), sandbox, HOMEWORK, Limits(wall=20, cpu=20))
    yield made
    made.close()


class Reading:
    """Reads one file after another, an honest one after each, and starts a new process now and then."""

    def __init__(self, student: Student, reader: str, honest: bytes) -> None:
        self.student, self.reader, self.honest = student, reader, honest
        self.told = repr(student.read(reader, honest))
        self.count = 0

    def attempt(self, data: bytes) -> str:
        self.count += 1
        if self.count % FILES_A_SESSION == 0:
            self.student.close()
        try:
            with bounded(MEMORY):
                answer = self.student.read(self.reader, data)
        except SessionEnded as error:
            word = f"{error.ending}{f' ({error.kind})' if error.kind else ''}"
        else:
            word = self.form(answer)
        assert repr(self.student.read(self.reader, self.honest)) == self.told
        return word

    def form(self, answer: object) -> str:
        """Assert that an answer has one of the reader's forms; returns which."""
        assert isinstance(answer, dict)
        ((key, value),) = answer.items()
        if key == "error":
            assert isinstance(value, str)
            assert len(value) < 100
            return f"error: {value}"
        if self.reader == "read_npz":
            assert key == "arrays"
            assert isinstance(value, dict)
        else:
            assert key == "value"
        return str(key)


@pytest.mark.parametrize("length", LENGTHS)
def test_every_npz_is_answered_and_the_next_file_is_read(student: Student, length: str) -> None:
    ends = fuzz("npz", length, NPZ, Reading(student, "read_npz", honest_npz()["best_fc_model.npz"]).attempt)
    assert ends["arrays"] > 0
    assert ends["error: is not a readable .npz file of plain arrays"] > 0


@pytest.mark.parametrize("length", LENGTHS)
def test_every_json_is_answered_and_the_next_file_is_read(student: Student, length: str) -> None:
    ends = fuzz("json", length, json_files(), Reading(student, "read_json", honest_json()[0]).attempt)
    assert ends["value"] > 0
    assert ends["error: is not valid JSON"] > 0


def test_the_honest_files_are_read_as_they_are(student: Student) -> None:
    for data in honest_npz().values():
        arrays = student.read("read_npz", data)["arrays"]
        assert set(arrays) == {"train_losses", "train_accs", "val_accs"}
        assert all(isinstance(array, np.ndarray) for array in arrays.values())
    for data in honest_json():
        assert "value" in student.read("read_json", data)
