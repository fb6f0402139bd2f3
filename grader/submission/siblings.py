"""Whether a folder is one level too high: it holds several people's homeworks and none of its own. Names only."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ..errors import SubmissionError
from . import intake
from .layout import Layout
from .text import name as shown

_MOST = 200_000  # names below a folder that are looked at: a class of a thousand with all their files


def homeworks(path: Path, layout: Layout) -> list[str]:
    """The folders or zips directly below the folder `path` that hold a homework each, sorted; empty where it is one itself.

    Folders are several homeworks if a file of one name is graded in more than one of them, however deep. Zips are not opened, and
    count where no such file lies beside them.

    Raises:
        UsageError: `path` does not exist or cannot be read.
    """
    if not path.is_dir():
        return []
    try:
        with intake.source(path, intake.Limits(max_entries=_MOST), layout) as source:
            found = [entry.path for entry in source.entries() if not intake.ignored(entry.path)]
    except SubmissionError:  # more names than a class has
        return []
    wanted = {PurePosixPath(name).name.casefold() for name in layout.files}
    files = [entry for entry in found if entry.name.casefold() in wanted]
    tops = {entry.parts[0] for entry in files}
    own = {layout.code_folder.casefold(), layout.logs.casefold()}
    if any(len(entry.parts) == 1 for entry in files) or any(top.casefold() in own for top in tops):
        return []
    if tops and len({(entry.parts[0], entry.name.casefold()) for entry in files}) == len(
        {entry.name.casefold() for entry in files}
    ):
        return []  # one homework in pieces
    if not tops:
        tops = {entry.name for entry in found if len(entry.parts) == 1 and entry.suffix.casefold() == ".zip"}
    return [shown(top) for top in sorted(tops)]
