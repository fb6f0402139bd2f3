"""Before a class is graded: everything that can be wrong with what was asked for, all of it told at once.

Nothing is graded and nothing of an earlier run is touched until all of this is in order.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from ..errors import UsageError
from ..submission.received import ARCHIVES
from ..submission.text import name as shown

_EACH: Final = 400_000  # bytes that a graded submission leaves in OUT at most, its part of the page with it
_PAGE: Final = 2_000_000  # bytes of a notebook as a page, with its plots


def told(mistakes: Sequence[str]) -> None:
    """Tell of every mistake that was found.

    Raises:
        UsageError: there is one; the message has a line for each.
    """
    if len(mistakes) == 1:
        raise UsageError(mistakes[0])
    if mistakes:
        listed = "".join(f"\n{shown(mistake, 1_000)}" for mistake in mistakes)
        raise UsageError(f"{len(mistakes)} things are to be mended, nothing was graded:{listed}")


def unreadable(paths: Sequence[Path]) -> Iterable[str]:
    """What is wrong with the one file that is to be a class; among several a broken one is somebody's submission."""
    if len(paths) != 1 or not paths[0].is_file():
        return
    (path,) = paths
    if path.suffix.casefold() in ARCHIVES:
        yield f"{path} is an archive of a kind that is not opened; give the export as a zip, or unpacked"
        return
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"PK" or path.suffix.casefold() == ".zip"
        if zipped:
            zipfile.ZipFile(path).close()
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        yield f"{path} is not a readable zip file ({shown(str(error))}); download the export again"


def room(out: Path, count: int, paths: Sequence[Path], *, pages: bool) -> Iterable[str]:
    """Whether the disk holds what the run will write: results of `count` submissions, and an export's zip cut into them."""
    there = next(folder for folder in (out.resolve(), *out.resolve().parents) if folder.exists())
    try:
        free = shutil.disk_usage(there).free
        needed = count * (_EACH + _PAGE * pages) + sum(path.stat().st_size for path in paths if path.is_file())
    except OSError:  # whoever writes there will say it
        return
    if free < needed:
        yield f"{out} has room for {free / 1e6:.0f} MB, some {needed / 1e6:.0f} MB are needed; free some or name another folder"
