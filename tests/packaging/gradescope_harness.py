"""A stand-in for Gradescope's harness: an image set up from a zip, and one submission after the other graded in it.

`python -m tests.packaging.gradescope_harness autograder.zip SUBMISSION …` shows what a course would see. Nothing here needs Docker
or root; what cannot be limited without them is said.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from tests.packaging.confined import Figures, Task, run

FAILED = "The autograder failed to execute correctly."
MEGABYTE = 2**20
SECRET = "a-token-of-the-harness"
_CUT = 100_000


class Rejected(Exception):
    """What lies in results.json cannot be posted."""


@dataclass(frozen=True, slots=True)
class Graded:
    """One submission's run: `results` is what would be shown, with `rejected` telling why it is not what the autograder wrote."""

    results: dict[str, Any]
    rejected: str
    log: str
    figures: Figures


class Image:
    """A container's folder, /autograder or any other."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def build(self, archive: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Unpack the zip and run its setup.sh; the image is good if that exits with 0."""
        source = self.root / "source"
        shutil.rmtree(source, ignore_errors=True)
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(source)
            for entry in zipped.infolist():
                (source / entry.filename).chmod(entry.external_attr >> 16 or 0o644)
        shutil.copy(source / "run_autograder", self.root)
        return subprocess.run(
            [source / "setup.sh"],
            cwd=source,
            env={**_plain(), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def grade(
        self,
        submission: Path,
        *,
        about: Mapping[str, Any] | bytes | None = None,
        timeout: float = 600,
        memory: int = 768 * MEGABYTE,
        cpus: float = 0.5,
    ) -> Graded:
        """Grade a folder: wipe, refill, run, read, in the real one's order. `about` is the metadata, bytes as they are."""
        results, handed_in, described = (self.root / name for name in ("results", "submission", "submission_metadata.json"))
        for folder in (results, handed_in):
            shutil.rmtree(folder, ignore_errors=True)
        results.mkdir()
        shutil.copytree(submission, handed_in, symlinks=True)
        described.write_bytes(about if isinstance(about, bytes) else json.dumps(about or metadata()).encode())
        if about == b"":
            described.unlink()
        environment = {
            **_plain(),
            "GRADESCOPE_ROOT": str(self.root),
            "TIMEOUT_SECONDS": f"{timeout:g}",
            "TOKEN": SECRET,
        }
        log = self.root / "results" / "stdout"
        task = Task(["./run_autograder"], str(self.root), environment, str(log), timeout, memory, cpus)
        figures = run(task)
        text = _posted(log.read_bytes().decode("utf-8", "replace"))
        if figures.stopped:
            return Graded({"score": 0, "output": "The autograder timed out."}, "the time limit was exceeded", text, figures)
        try:
            return Graded(read_results(results / "results.json"), "", text, figures)
        except Rejected as error:
            return Graded({"score": 0, "output": FAILED}, str(error), text, figures)


def read_results(path: Path) -> dict[str, Any]:
    """results.json as it would be posted.

    Raises:
        Rejected: it is missing, not JSON, no object, or holds a number that JSON does not know.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Rejected(f"no results.json: {error.strerror}") from None
    try:
        found = json.loads(data.decode("utf-8", "replace"), parse_constant=_no_number)
    except ValueError as error:
        raise Rejected(f"malformed JSON: {error}") from None
    if not isinstance(found, dict):
        raise Rejected("not an object at the top")
    if not isinstance(found.get("tests", []), list) or not ("score" in found or "tests" in found):
        raise Rejected("neither a score nor a list of tests")
    for test in [found, *found.get("tests", [])]:
        if isinstance(test, dict) and isinstance(test.get("output"), str):
            test["output"] = _posted(test["output"])
    return found


def metadata(**changes: Any) -> dict[str, Any]:
    """submission_metadata.json with every field that is documented or was seen."""
    return {
        "id": 123456,
        "created_at": "2024-10-01T16:30:20.123456-07:00",
        "submission_method": "upload",
        "assignment": {
            "due_date": "2024-10-03T23:59:00.000000-07:00",
            "late_due_date": None,
            "release_date": "2024-09-12T00:00:00.000000-07:00",
            "title": "Optimizers and initialization",
            "id": 4321,
            "course_id": 321,
            "group_size": None,
            "group_submission": False,
            "total_points": "100.0",
            "outline": [{"id": 1, "type": "ProgrammingQuestion", "title": "Autograder", "weight": "100.0"}],
        },
        "users": [{"email": "student@example.edu", "id": 77, "name": "Ada Lovelace", "sid": "3031234567", "assignment": {}}],
        "previous_submissions": [],
        **changes,
    }


def earlier(results: Mapping[str, Any] | None, **changes: Any) -> dict[str, Any]:
    """An entry of previous_submissions; Gradescope gives `results` with the latest one alone."""
    entry = {"submission_time": "2024-09-30T10:00:00.000000-07:00", "score": 0.0, "autograder_error": False, **changes}
    return entry if results is None else {**entry, "score": float(results["score"]), "results": dict(results)}


def _plain() -> dict[str, str]:
    """What a container's process finds in its environment."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **kept}


def _posted(text: str) -> str:
    text = text.replace("\0", "\ufffd")
    return text if len(text) <= _CUT else f"{text[: _CUT // 2]}\n…\n{text[-_CUT // 2 :]}"


def _no_number(name: str) -> NoReturn:
    raise Rejected(f"{name} is no JSON number")


def main() -> int:
    """Set up an image and grade submissions in it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.packaging.gradescope_harness", description="Plays Gradescope with a zip."
    )
    parser.add_argument("archive", type=Path, help="the zip to be uploaded")
    parser.add_argument("submissions", type=Path, nargs="+", help="folders")
    parser.add_argument("--timeout", type=float, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        image = Image(Path(folder) / "autograder")
        image.root.mkdir()
        built = image.build(options.archive, GRADER_VENV=f"{folder}/venv")
        print(built.stdout + built.stderr, end="")
        if built.returncode != 0:
            return built.returncode
        for submission in options.submissions:
            graded = image.grade(submission, timeout=options.timeout)
            print(f"{submission.name}: {graded.rejected or 'accepted'}, score {graded.results['score']}; {graded.figures}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
