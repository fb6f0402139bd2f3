"""The zip a student hands in, made from their folder: what is graded and nothing else, opened again the way the grader opens it."""

from __future__ import annotations

import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path

from .archive import described, packed
from .checks.log_reader import OPTIONAL
from .checks.submission_logs import expected_logs, writer
from .errors import SubmissionError, UsageError
from .grading import support_files
from .submission import LOGS, STUDENT_FILES, Submission, collect


@dataclass(frozen=True, slots=True)
class Upload:
    """What was packed.

    Attributes:
        data: the zip's bytes.
        names: its entries.
        missing: sentences on what is not in it and will cost points.
        notes: sentences on the rest.
    """

    data: bytes
    names: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        """Lines for people."""
        lines = [described(self.data, len(self.names)).partition("\n")[0], *(f"  {name}" for name in self.names)]
        for word, texts in (("Missing", self.missing), ("Note", self.notes)):
            lines += [line for text in texts for line in textwrap.wrap(f"{word}: {text}", 100, subsequent_indent="  ")]
        if not self.missing:
            lines.append("Everything that is graded is in it.")
        return "\n".join(lines)


def submission(path: Path) -> Upload:
    """Pack the homework at `path`, a folder or a zip.

    Raises:
        UsageError: there is no homework there, or it cannot be read.
    """
    found = _collected(path)
    files = {**found.files, **found.logs}
    if found.notebook is not None:
        files[found.notebook[0]] = found.notebook[1]
    if not files:
        raise UsageError(f"{path} holds nothing of the homework; give the folder that holds deeplearning/ and submission_logs/")
    data = packed(files)
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "submission.zip"
        again.write_bytes(data)
        if _collected(again).digest != found.digest:
            raise UsageError(f"{path} cannot be packed so that the grader finds the same files in it; zip the folder by hand")
    return Upload(data, tuple(sorted(files)), tuple(_missing(found)), _notes(found))


def _collected(path: Path) -> Submission:
    try:
        return collect(path, support=support_files())
    except SubmissionError as error:
        raise UsageError(str(error)) from error


def _missing(found: Submission) -> list[str]:
    texts = [found.refused.get(name, f"{name} is not there.") for name in STUDENT_FILES if name not in found.files]
    absent: dict[str, list[str]] = {}
    for name in expected_logs():
        path = f"{LOGS}/{name}"
        if path in found.refused:
            texts.append(found.refused[path])
        elif path not in found.logs and name not in OPTIONAL:
            absent.setdefault(writer(name), []).append(name)
    for cell, names in absent.items():
        texts.append(f"{', '.join(names)} in {LOGS}/. {cell} writes {'it' if len(names) == 1 else 'them'}.")
    if found.notebook is None:
        texts.append(found.refused.get("notebook", "the notebook q_optimizer_init.ipynb is not there."))
    return texts


def _notes(found: Submission) -> tuple[str, ...]:
    left_out = f"What is neither one of your files, nor the notebook, nor a log in {LOGS}/ was left out, the data set too."
    return (*found.notes, left_out)
