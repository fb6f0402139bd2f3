"""What the attacks by what is handed in are made with: a submission to spoil, and the list they register in.

Each function of the modules beside this one changes `box`, a copy of the honest submission, and returns what is to be graded; its
docstring says what it is.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

OPTIM, SOLVER = "deeplearning/optim.py", "deeplearning/solver.py"
EVERYTHING = {"*": "missing"}
NO_OPTIM = {"optim.*": "missing"}
SGD_LOG = {"logs.optimizer_experiment": "partial"}
HE_LOG = {"logs.w_stds": "partial"}
ZEROS = bytes(2**20)


@dataclass(frozen=True, slots=True)
class Box:
    """`folder`: a copy of the honest submission to spoil; `places`: what may be named in attacks (see `arena.Arena`)."""

    folder: Path
    places: Mapping[str, str]

    def file(self, name: str) -> Path:
        """A path in the submission, with nothing there."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        return path

    def log(self, name: str, data: bytes) -> Path:
        """Replace one log."""
        self.file(f"submission_logs/{name}").write_bytes(data)
        return self.folder

    def npz(self, **arrays: Any) -> Path:
        """Replace the log of plain SGD."""
        data = io.BytesIO()
        np.savez_compressed(data, **arrays)
        return self.log("optimizer_experiment_sgd.npz", data.getvalue())

    def zip(self, *extra: tuple[str | zipfile.ZipInfo, bytes], without: str = "") -> Path:
        """The folder as a zip with further members, `without` one of its own."""
        path = self.folder.with_suffix(".zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(self.folder.rglob("*")):
                name = file.relative_to(self.folder).as_posix()
                if file.is_file() and name != without:
                    archive.write(file, name)
            for member, data in extra:
                archive.writestr(member, data, zipfile.ZIP_DEFLATED)
        return path


@dataclass(frozen=True, slots=True)
class Bundle:
    """A registered function with what it must come to."""

    name: str
    make: Callable[[Box], Path]
    hits: Mapping[str, str]
    said: str
    broken: str


BUNDLES: list[Bundle] = []


def bundle(
    hits: Mapping[str, str] | None = None, said: str = "", *, broken: str = ""
) -> Callable[[Callable[[Box], Path]], Callable[[Box], Path]]:
    """Register an attack; `broken` says how the grader fails to stand it, until that is mended."""

    def register(make: Callable[[Box], Path]) -> Callable[[Box], Path]:
        BUNDLES.append(Bundle(make.__name__, make, hits or {}, said, broken))
        return make

    return register


def special(name: str, kind: int) -> zipfile.ZipInfo:
    """A zip member that says it is a link, a pipe, a device."""
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    member.external_attr = (kind | 0o777) << 16
    return member
