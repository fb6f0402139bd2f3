"""A course's own starter: what its students were given beside the files they edit, to stand in place of ours.

A course points at a folder of its own, `find` looks for the code in it and `read` takes it. A copy of the grader that is built for
the course carries the result as a folder (`Starter.packed`, `unpacked`), so that it grades the same elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from ..errors import ConfigurationError, UsageError
from ..submission.intake import ignored
from ..submission.layout import Layout
from ..submission.text import name as shown

_RECORD: Final = "starter.json"


@dataclass(frozen=True, slots=True)
class Starter:
    """The support files of a course.

    Attributes:
        label: the name of the folder they come from, for people.
        files: their bytes by canonical name, "package/module.py".
        set_aside: names among them that cannot be imported where submissions are graded; ours stay in their place.
    """

    label: str
    files: Mapping[str, bytes]
    set_aside: tuple[str, ...] = ()

    @property
    def mounted(self) -> dict[str, bytes]:
        """Those that submissions are mounted on."""
        return {name: data for name, data in self.files.items() if name not in self.set_aside}

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over all that a verdict can depend on: files, and which are set aside."""
        parts = [[name, hashlib.sha256(data).hexdigest(), name in self.set_aside] for name, data in sorted(self.files.items())]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def packed(self) -> dict[str, bytes]:
        """Everything `unpacked` needs, by name in a folder."""
        record = {"label": self.label, "files": sorted(self.files), "set_aside": sorted(self.set_aside)}
        return {**self.files, _RECORD: (json.dumps(record, indent=1) + "\n").encode()}


def unpacked(folder: Path) -> Starter | None:
    """The starter that was packed into `folder`; None if there is none.

    Raises:
        ConfigurationError: a part of it is missing.
    """
    if not (folder / _RECORD).is_file():
        return None
    try:
        record = json.loads((folder / _RECORD).read_bytes())
        files = {name: (folder / name).read_bytes() for name in record["files"]}
        return Starter(record["label"], files, tuple(record["set_aside"]))
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(f"the course's starter in {folder} is damaged ({error!r}); build the zip again") from error


def find(folder: Path, layout: Layout) -> Path:
    """The folder at or below `folder` that holds a homework's code folder.

    Raises:
        UsageError: there is none, or several could be meant.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name the one with the starter that the course hands out")
    code = layout.code_folder
    if any((folder / code).glob("*.py")):
        return folder
    below = [place.parent for place in sorted(folder.rglob(code)) if any(place.glob("*.py"))] if code else []
    found = [root for root in below if not ignored(PurePosixPath(root.relative_to(folder).as_posix()))]
    if not found:
        what = f"folder {code}/ with code in it" if code else "code"
        raise UsageError(f"{folder} holds no {what}; name the folder with the starter that the course hands out")
    complete = {root: sum((root / name).is_file() for name in layout.files) for root in found}
    best = [root for root, count in complete.items() if count == max(complete.values())]
    if len(best) > 1:
        places = ", ".join(shown(str(root)) for root in best[:3])
        raise UsageError(f"{folder} holds {len(best)} folders {code}/, e.g. in {places}; name the one of these that is meant")
    return best[0]


def read(root: Path, layout: Layout, label: str) -> Starter:
    """The support files in the code folder of `root`: every module that students do not edit.

    Raises:
        UsageError: one cannot be read.
    """
    files = {}
    for path in sorted((root / layout.code_folder).rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name not in layout.files and not ignored(PurePosixPath(name)):
            try:
                files[name] = path.read_bytes()
            except OSError as error:
                raise UsageError(f"{path} cannot be read ({error.strerror}); mend that or name another folder") from error
    return Starter(shown(label), files)
