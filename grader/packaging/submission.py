"""The zip a student hands in, made from their folder: what is graded and nothing else, opened again the way the grader opens it."""

from __future__ import annotations

import tempfile
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..errors import SubmissionError, UsageError
from ..grading.homework import Homework
from ..grading.results import ItemResult, Outcome, Report
from ..report import terminal, wording
from ..submission.collect import Submission, collect
from .archive import described, packed

_WIDTH = 100
_MOST_LEFT_OUT = 12  # names in the list of what is left out


@dataclass(frozen=True, slots=True)
class Upload:
    """What was packed.

    Attributes:
        data: the zip's bytes.
        names: its entries.
        submission: what the grader finds in it.
        missing: sentences on what is not in it and will cost points.
    """

    data: bytes
    names: tuple[str, ...]
    submission: Submission
    missing: tuple[str, ...]

    def told(self, report: Report, *, colour: bool = False) -> str:
        """Lines for people: what is in it, what was left out, what to look at, and how `report` judges it."""
        lines = [described(self.data, len(self.names)).partition("\n")[0], *(f"  {name}" for name in self.names)]
        lines += _wrapped(f"Left out: {_left_out(self.submission)}")
        lines += terminal.warnings("Missing", self.missing, colour=colour, width=_WIDTH)
        lines += terminal.warnings("Warning", report.warnings, colour=colour, width=_WIDTH)
        lines += [line for note in report.notes if note not in report.warnings for line in _wrapped(f"Note: {note}")]
        if not self.missing:
            lines.append("Everything that is graded is in it.")
        open_items = [item for item in report.items if item.outcome is not Outcome.PASSED and not item.shown_only]
        if open_items:
            lines += ["Not all right yet, and `check` says why:", *terminal.rows(open_items, colour=colour)]
        lines.append(f"Public items: {wording.points(report.score)} of {wording.points(report.maximum)} points.")
        lines += filter(None, [wording.elsewhere(report.elsewhere[0], wording.points(report.elsewhere[1]))])
        return "\n".join(lines)


def submission(homework: Homework, path: Path) -> Upload:
    """Pack the homework at `path`, a folder or a zip.

    Raises:
        UsageError: there is no homework there, or it cannot be read.
    """
    found = _collected(homework, path)
    files = {**found.files, **found.logs}
    if found.notebook is not None:
        files[found.notebook[0]] = found.notebook[1]
    if not files:
        folders = [f"{name}/" for name in (homework.layout.code_folder, homework.layout.logs) if name]
        held = " and ".join(folders or homework.layout.files)
        raise UsageError(f"{path} holds nothing of the homework; give the folder that holds {held}")
    data = packed(files)
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "submission.zip"
        again.write_bytes(data)
        if _collected(homework, again).digest != found.digest:
            raise UsageError(f"{path} cannot be packed so that the grader finds the same files in it; zip the folder by hand")
    return Upload(data, tuple(sorted(files)), found, tuple(_missing(homework, found)))


def made_before(homework: Homework, path: Path) -> Submission | None:
    """The submission in the zip that lies where a new one is to be; None if there is none, or a broken one.

    Raises:
        UsageError: what lies there is no zip.
    """
    if not path.is_file():
        return None
    try:
        return collect(path, homework.layout)
    except SubmissionError:
        return None
    except UsageError:
        raise UsageError(f"{path} is no zip and was left as it is; name another file, or add --force to replace it") from None


def lost(old: Submission, old_report: Report, new: Submission, new_report: Report) -> str:
    """What an older zip has that a new one lacks, in a clause: code, the notebook, or what is right; empty if nothing."""
    absent = [name for name in old.files if name not in new.files]
    if old.notebook is not None and new.notebook is None:
        absent.append(old.notebook[0])
    if absent:
        return f"the new one lacks {' and '.join(absent)}"
    right = {item.id: _right(item) for item in new_report.items}
    worse = [item.id for item in old_report.items if not _right(item) <= right.get(item.id, set())]
    return f"more is right in it than in the new one ({', '.join(worse)})" if worse else ""


def _right(item: ItemResult) -> set[str]:
    return {part for part, passed in item.parts.items() if passed}


def _collected(homework: Homework, path: Path) -> Submission:
    try:
        return collect(path, homework.layout, support=homework.originals, known_support=homework.known_support)
    except SubmissionError as error:
        raise UsageError(str(error)) from error


def _missing(homework: Homework, found: Submission) -> Iterator[str]:
    layout = homework.layout
    yield from (found.refused.get(name, f"{name} is not there.") for name in layout.files if name not in found.files)
    yield from homework.incomplete(found)
    if layout.notebook and found.notebook is None:
        yield found.refused.get("notebook", f"the notebook {layout.notebook_name} is not there.")


def _left_out(found: Submission) -> str:
    """What lies beside what was packed, folders with the number of their files; what is never looked at is named by its kind."""
    tops = Counter(PurePosixPath(name).parts[0] + "/" * ("/" in name) for name in found.others)
    names = [f"{top} ({count} {'file' if count == 1 else 'files'})" if top[-1] == "/" else top for top, count in tops.items()]
    more = len(names) - _MOST_LEFT_OUT
    names[_MOST_LEFT_OUT:] = [f"{more} more"] if more > 0 else []
    return ", ".join([*names, "and always data sets and caches."])


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent=terminal.HANG)
