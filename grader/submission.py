"""A folder or a zip becomes a `Submission`: the few files that are graded, as bytes. Nothing is executed, unpickled or parsed.

Finding comes first and works on names only (`Entry`); bytes are read afterwards, once each, from the entries that are wanted. So
a data set, a virtual environment or a bomb beside the homework costs nothing, and a hostile archive is refused before anything
is inflated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from . import intake
from .errors import SubmissionError
from .intake import Entry, Limits, Source
from .text import name as shown

__all__ = ["STUDENT_FILES", "Limits", "Submission", "collect"]

STUDENT_FILES = ("deeplearning/optim.py", "deeplearning/classifiers/fc_net.py", "deeplearning/solver.py")
DEFAULT_LIMITS = Limits()
LOGS = "submission_logs"
_NOTEBOOK_WORD = "optimizer_init"


@dataclass(frozen=True, slots=True)
class Submission:
    """What a student handed in, as far as it is graded.

    Attributes:
        label: base name of the folder or zip, cleaned.
        files: canonical name from `STUDENT_FILES` -> bytes.
        logs: "submission_logs/NAME.npz" or ".json" -> bytes.
        notebook: its name and bytes, if there is one.
        notes: sentences for the student: what was found where, what was not used.
        refused: canonical name -> why this one entry was refused.
        digest: SHA-256 (hex) over the canonical names and bytes taken; the same for a zip and a folder, whatever wraps them.
    """

    label: str
    files: Mapping[str, bytes]
    logs: Mapping[str, bytes]
    notebook: tuple[str, bytes] | None
    notes: tuple[str, ...]
    refused: Mapping[str, str]
    digest: str


def collect(path: Path, *, support: Mapping[str, bytes] | None = None, limits: Limits = DEFAULT_LIMITS) -> Submission:
    """Collect the submission at `path`, a folder or a zip.

    Args:
        support: staff's files by canonical name; a student's copy is never used, and a note says where one differs.

    Raises:
        UsageError: `path` does not exist, cannot be read, or is neither a folder nor a zip.
        SubmissionError: the whole of it is refused; the message names the entry and is fit for the student.
    """
    with intake.source(path, limits) as source:
        return _Collector(source, support or {}, limits).collect(shown(path.resolve().name))


@dataclass(slots=True)
class _Collector:
    """One collection at work: which entries are wanted, and what was read of them."""

    source: Source
    support: Mapping[str, bytes]
    limits: Limits
    notes: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    total: int = 0
    root: PurePosixPath | None = None

    def collect(self, label: str) -> Submission:
        entries = [entry for entry in self.source.entries() if not intake.ignored(entry.path)]
        for entry in entries:
            if entry.path.name in ("deeplearning", "classifiers", LOGS):  # a folder's name on something that is no folder
                self.notes.append(f"{shown(str(entry.path))} is not a folder (a link, perhaps) and was not followed.")
        wanted = self.wanted(entries)
        files = self.read_all({name: wanted[name] for name in STUDENT_FILES if name in wanted}, self.limits.max_file_bytes)
        logs = self.read_all(self.logs(entries), self.limits.max_file_bytes)
        notebook = self.notebook(entries)
        self.compare_support(wanted)
        if not files and not logs and not self.refused:
            self.notes.append(
                "Nothing to grade was found: looked for deeplearning/optim.py, deeplearning/classifiers/fc_net.py, "
                "deeplearning/solver.py and the folder submission_logs, at any depth."
            )
        parts = dict(sorted({**files, **logs, **({"notebook": notebook[1]} if notebook else {})}.items()))
        return Submission(label, files, logs, notebook, tuple(self.notes), self.refused, _digest(parts))

    def wanted(self, entries: list[Entry]) -> dict[str, list[Entry]]:
        """Canonical name -> the entries that claim it, for the one homework folder chosen; several claims are settled later."""
        known = {name.casefold(): name for name in (*STUDENT_FILES, *self.support)}
        roots: dict[PurePosixPath, dict[str, list[Entry]]] = {}
        for entry in entries:
            parts = entry.path.parts
            for depth in (2, 3):
                name = known.get("/".join(parts[-depth:]).casefold()) if len(parts) >= depth else None
                if name is not None and name.count("/") == depth - 1:
                    root = PurePosixPath(*parts[:-depth])
                    roots.setdefault(root, {}).setdefault(name, []).append(entry)
        complete = {root: found for root, found in roots.items() if any(name in found for name in STUDENT_FILES)}
        if not complete:
            return self.bare(entries) or next(iter(roots.values()), {})
        ranked = sorted(complete, key=lambda root: (-sum(n in complete[root] for n in STUDENT_FILES), len(root.parts), str(root)))
        self.root = ranked[0]
        if len(ranked) > 1:
            others = ", ".join(_folder(root) for root in ranked[1:4])
            chosen = _folder(ranked[0])
            self.notes.append(f"Several copies of the homework were found; graded is the one in {chosen}, not {others}.")
        elif ranked[0].parts:
            self.notes.append(f"The homework was found in the folder {_folder(ranked[0])}.")
        return complete[self.root]

    def bare(self, entries: list[Entry]) -> dict[str, list[Entry]]:
        """The student files uploaded by themselves, without the package's folder."""
        names = {PurePosixPath(name).name: name for name in STUDENT_FILES}
        found: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.path.name in names:
                found.setdefault(names[entry.path.name], []).append(entry)
        if found:
            self.notes.append(f"The files were taken by name, without the folder deeplearning/: {', '.join(sorted(found))}.")
        return found

    def logs(self, entries: list[Entry]) -> dict[str, list[Entry]]:
        """Log files of the chosen folder; if it has none, those of the only other folder that does, or bare ones."""
        folders: dict[PurePosixPath, dict[str, list[Entry]]] = {}
        bare: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.path.suffix not in (".npz", ".json"):
                continue
            name = f"{LOGS}/{entry.path.name}"
            if entry.path.parent.name == LOGS:
                folders.setdefault(entry.path.parent, {}).setdefault(name, []).append(entry)
            elif len(entry.path.parts) == 1:
                bare.setdefault(name, []).append(entry)
        here = self.root / LOGS if self.root is not None else PurePosixPath(LOGS)
        if here in folders:
            found = folders[here]
        elif len(folders) == 1:
            folder, found = next(iter(folders.items()))
            self.notes.append(f"The logs were found in {_folder(folder)}.")
        elif folders:
            folder = min(folders, key=lambda f: (len(f.parts), str(f)))
            found = folders[folder]
            self.notes.append(f"Several folders {LOGS} were found; used is {_folder(folder)}.")
        else:
            found = bare
            if bare:
                self.notes.append(f"The logs were taken by name, without the folder {LOGS}/.")
        if len(found) > self.limits.max_logs:
            self.notes.append(f"{LOGS} holds {len(found)} files; only the first {self.limits.max_logs} by name were looked at.")
        return dict(sorted(found.items())[: self.limits.max_logs])

    def notebook(self, entries: list[Entry]) -> tuple[str, bytes] | None:
        """The homework's notebook: by its name, else the only one, else the one nearest to the top."""
        found = [entry for entry in entries if entry.path.suffix == ".ipynb"]
        named = [entry for entry in found if _NOTEBOOK_WORD in entry.path.name]
        inside = [entry for entry in named or found if self.root is not None and entry.path.parent == self.root]
        ranked = sorted(inside or named or found, key=lambda entry: (len(entry.path.parts), str(entry.path)))
        if not ranked:
            return None
        name = ranked[0].path.name
        if len(ranked) > 1 or (found and not named):
            self.notes.append(f"The notebook that was looked at is {shown(name)}.")
        data = self.read("notebook", [entry for entry in ranked if entry.path == ranked[0].path], self.limits.max_notebook_bytes)
        return None if data is None else (shown(name), data)

    def compare_support(self, wanted: Mapping[str, list[Entry]]) -> None:
        """Say which of staff's files the student changed; their copies are only compared, never used."""
        for name, ours in self.support.items():
            if name in STUDENT_FILES or name not in wanted:
                continue
            theirs = self.read(name, wanted[name], self.limits.max_file_bytes, remember=False)
            if theirs is not None and theirs.split() != ours.split():
                self.notes.append(f"Your {name} differs from the one handed out; it was graded with staff's.")

    def read_all(self, wanted: Mapping[str, list[Entry]], limit: int) -> dict[str, bytes]:
        found = {name: self.read(name, entries, limit) for name, entries in wanted.items()}
        return {name: data for name, data in found.items() if data is not None}

    def read(self, name: str, entries: list[Entry], limit: int, *, remember: bool = True) -> bytes | None:
        """The bytes of the one entry that claims `name`, or None with the reason kept under `refused`."""
        try:
            if len({entry.path for entry in entries}) > 1:
                names = " and ".join(shown(str(entry.path)) for entry in entries[:2])
                alike = len({str(entry.path).casefold() for entry in entries}) == 1
                why = "differ only in upper and lower case" if alike else "could both be meant"
                raise intake.Refused(f"{name} was not used: {names} {why}; keep one.")
            if len(entries) > 1:
                raise intake.Refused(f"{name} was not used: it is in the archive {len(entries)} times; keep one.")
            data = self.source.read(entries[0], limit)
        except intake.Refused as refused:
            if remember:
                self.refused[name] = str(refused)
            return None
        self.total += len(data)
        if self.total > self.limits.max_total_bytes:
            raise SubmissionError(
                f"The submission was refused at {shown(str(entries[0].path))}: the files to be graded hold more than "
                f"{self.limits.max_total_bytes // 2**20} MB together."
            )
        return data


def _digest(parts: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name, data in parts.items():
        for piece in (name.encode("utf-8", "surrogatepass"), data):
            whole.update(len(piece).to_bytes(8, "little"))
            whole.update(piece)
    return whole.hexdigest()


def _folder(path: PurePosixPath) -> str:
    return shown(str(path)) if path.parts else "the top folder"
