"""Where a class's submissions lie, so that one of them can be looked at and graded again later.

OUT/sources.json    {"paths": […], "sandbox": null, "seconds": 540.0}
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import UsageError
from ..grading.atomic import replacing
from ..submission.layout import Layout
from . import export

FILE: Final = "sources.json"


@dataclass(frozen=True, slots=True)
class Sources:
    """What a class run was given.

    Attributes:
        paths: as `export.read` takes them, absolute.
        kind: how sandboxed processes were made; None for what suits the system.
        seconds: time for one submission.
    """

    paths: Sequence[Path]
    kind: str | None
    seconds: float


def save(out: Path, found: Sources) -> None:
    """Write OUT/sources.json.

    Raises:
        OSError: the folder cannot be written.
    """
    paths = [str(path.resolve()) for path in found.paths]
    with replacing(out / FILE) as file:
        file.write(json.dumps({"paths": paths, "sandbox": found.kind, "seconds": found.seconds}, indent=1).encode())


def load(out: Path) -> Sources:
    """What the class run in `out` was given.

    Raises:
        UsageError: that is not on record.
    """
    try:
        data = json.loads((out / FILE).read_bytes())
        return Sources([Path(path) for path in data["paths"]], data["sandbox"], float(data["seconds"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"where the submissions of {out} lie is not on record; run 'batch' into that folder again") from error


@contextmanager
def opened(out: Path, layout: Layout, id: str) -> Iterator[Path]:
    """The folder or zip of one submission, for as long as the block lasts.

    Raises:
        UsageError: it is not there any more.
    """
    found = load(out)
    with tempfile.TemporaryDirectory(prefix="grader-") as folder:
        entries = export.read(found.paths, Path(folder), layout, only=id)
        path = next((entry.path for entry in entries if entry.id == id), None)
        if path is None:
            raise UsageError(f"{id} is not in {', '.join(map(str, found.paths))} any more")
        yield path
