"""A folder or a zip becomes a `Submission`: the few files that are graded, as bytes. Nothing is executed, unpickled or parsed.

Finding comes first and works on names only (`Entry`); bytes are read afterwards, once each, from the entries that are wanted. So
a data set, a virtual environment or a bomb beside the homework costs nothing, and a hostile archive is refused before anything
is inflated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from ..errors import SubmissionError, UsageError
from . import intake
from . import received as comparison
from .intake import Entry, Limits, Source
from .layout import Layout
from .received import Received, Rename
from .text import name as shown

__all__ = ["Limits", "Submission", "collect", "token_digest"]

DEFAULT_LIMITS = Limits()
_ROUNDS: Final = 3  # of unpacking what lies in what was unpacked
_NOTHING_KNOWN: Mapping[str, frozenset[str]] = {}


@dataclass(frozen=True, slots=True)
class Submission:
    """What a student handed in, as far as it is graded.

    Attributes:
        label: base name of the folder or zip, cleaned.
        files: canonical name from the layout -> bytes.
        logs: canonical name ("FOLDER/NAME.npz") -> bytes.
        notebook: its name and bytes, if there is one.
        notes: sentences for the student: what was found where, what was not used.
        refused: canonical name -> why this one entry was refused.
        digest: SHA-256 (hex) over the canonical names and bytes taken; the same for a zip and a folder, whatever wraps them.
        others: names, for people, of what else lies there; caches, data sets and the like are passed over.
        received: what was taken for what, what is missing, and what looks like it.
        renames: what is taken to be renamed in it; empty for a submission as it was handed in.
        likely: the same with its likely renames made, for staff to see what it would be worth; None where there are none.
    """

    label: str
    files: Mapping[str, bytes]
    logs: Mapping[str, bytes]
    notebook: tuple[str, bytes] | None
    notes: tuple[str, ...]
    refused: Mapping[str, str]
    digest: str
    others: tuple[str, ...] = ()
    received: Received = field(default_factory=Received)
    renames: tuple[Rename, ...] = ()
    likely: Submission | None = None


def collect(
    path: Path,
    layout: Layout,
    *,
    support: Mapping[str, bytes] | None = None,
    known_support: Mapping[str, frozenset[str]] = _NOTHING_KNOWN,
    limits: Limits = DEFAULT_LIMITS,
    renames: Sequence[Rename] = (),
) -> Submission:
    """Collect the submission at `path`, a folder or a zip.

    Args:
        layout: which files are graded.
        support: staff's files by canonical name; a student's copy is never used, and a note says so where one holds something else.
        known_support: token digests, by canonical name, of copies that the course handed out as well; no note is due to these.
        renames: what is to be taken as if it had been renamed, see `received`; names may be shortened as in `received.resolved`.

    Raises:
        UsageError: `path` does not exist, cannot be read, or is neither a folder nor a zip; or a rename does not fit it.
        SubmissionError: the whole of it is refused; the message names the entry and is fit for the student.
    """

    def found(pairs: Sequence[Rename]) -> Submission:
        with ExitStack() as stack:
            source = stack.enter_context(intake.source(path, limits, layout))
            if pairs:
                names = [str(entry.path) for entry in source.entries() if not intake.ignored(entry.path)]
                pairs = _resolved(pairs, names, layout)
                zips = {old: new for old, new in pairs if old.casefold().endswith(".zip")}
                source = intake.UnpackedSource(source, zips, stack, limits, layout)
            collector = _Collector(source, layout, support or {}, known_support, limits, tuple(pairs))
            return collector.collect(shown(path.resolve().name))

    submission = found(renames)
    if renames or not submission.received.likely:
        return submission
    return replace(submission, likely=_likely(found, submission))


def _likely(found: Callable[[Sequence[Rename]], Submission], submission: Submission) -> Submission | None:
    """The submission with its likely renames made, and those that only show once a zip is unpacked."""
    again, made = submission, submission.renames
    for _ in range(_ROUNDS):
        made += again.received.likely
        try:
            again = found(made)
        except (SubmissionError, UsageError):  # e.g. a zip in it is no zip
            break
        if not again.received.likely:
            break
    return again if again.digest != submission.digest else None


def _resolved(pairs: Sequence[Rename], names: Sequence[str], layout: Layout) -> tuple[Rename, ...]:
    """Renames with whole names; those of files that lie in a zip which another one unpacks are taken as they are."""
    inside = tuple(new if new.endswith("/") else f"{new}/" for old, new in pairs if old.casefold().endswith(".zip"))
    ahead = [pair for pair in pairs if inside and pair[0].startswith(inside)]
    return tuple(pair if pair in ahead else comparison.resolved([pair], names, layout)[0] for pair in pairs)


@dataclass(slots=True)
class _Collector:
    """One collection at work: which entries are wanted, and what was read of them."""

    source: Source
    layout: Layout
    support: Mapping[str, bytes]
    known_support: Mapping[str, frozenset[str]]
    limits: Limits
    renames: tuple[Rename, ...] = ()
    notes: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    taken: dict[str, PurePosixPath] = field(default_factory=dict)
    total: int = 0
    root: PurePosixPath | None = None
    siblings: tuple[PurePosixPath, ...] = ()
    choice: str = ""

    def collect(self, label: str) -> Submission:
        entries = [entry for entry in self.source.entries() if not intake.ignored(entry.path)]
        for entry in entries:
            if entry.path.name in self.layout.folders:  # a folder's name on something that is no folder
                self.notes.append(
                    f"{shown(str(entry.path))} is not a folder that can be read (a link, perhaps) and was not followed."
                )
        if self.renames:
            self.notes.append(f"Taken as if it had been renamed: {comparison.told(self.renames)}.")
        wanted, logged = self.wanted(entries), self.logs(entries)
        self.rename(entries, wanted, logged)
        files = self.read_all({name: wanted[name] for name in self.layout.files if name in wanted}, self.limits.max_file_bytes)
        logs = self.read_all(logged, self.limits.max_file_bytes)
        for name in files:
            at = self.taken[name]
            if at.name != PurePosixPath(name).name and (str(at), name) not in self.renames:
                self.notes.append(f"{shown(str(at))} was taken for {name}.")
        notebook = self.notebook(entries)
        self.compare_support(wanted)
        if not files and not logs and not self.refused:
            folder = f" and the folder {self.layout.logs}" if self.layout.logs else ""
            self.notes.append(f"Nothing to grade was found: looked for {', '.join(self.layout.files)}{folder}, at any depth.")
        parts = dict(sorted({**files, **logs, **({"notebook": notebook[1]} if notebook else {})}.items()))
        unused = [entry.path for entry in entries if entry.path not in self.taken.values()]
        others = tuple(shown(str(path)) for path in unused)
        found = self.received(files, unused)
        return Submission(
            label, files, logs, notebook, tuple(self.notes), self.refused, _digest(parts), others, found, self.renames
        )

    def received(self, files: Mapping[str, bytes], unused: Sequence[PurePosixPath]) -> Received:
        """What was taken for what, and what may be meant by what was not taken; of another copy's files nothing is meant."""
        unknown = [name for name in self.taken if self.layout.is_unexpected_log(name)]  # in their order, which sentences follow
        looked = [*unused, *(self.taken[name] for name in unknown)]
        own = [path for path in looked if self.root in path.parents[:-1]]
        free = [path for path in looked if path in own or not any(root in path.parents for root in self.siblings)]
        known = {name: token_digest(data) for name, data in self.support.items() if name in files}
        blank = [name for name, data in files.items() if name in known and token_digest(data) == known[name]]
        others = [name for name in self.support if name not in self.layout.files]
        taken = {name: str(path) for name, path in self.taken.items() if name not in unknown}
        return comparison.received(self.layout, taken, free, blank=blank, others=others, choice=self.choice)

    def rename(self, entries: list[Entry], wanted: dict[str, list[Entry]], logged: dict[str, list[Entry]]) -> None:
        """Put what is to be taken as if it were renamed in its place."""
        for old, new in self.renames:
            if old.endswith("/"):
                inside = [e for e in entries if e.path.parent == PurePosixPath(old) and e.path.suffix in self.layout.log_suffixes]
                for entry in inside[: self.limits.max_logs]:
                    logged.setdefault(self.layout.log(entry.path.name), [entry])
            elif not old.casefold().endswith(".zip"):
                target = wanted if new in self.layout.files else logged
                target[new] = [entry for entry in entries if str(entry.path) == old]

    def wanted(self, entries: list[Entry]) -> dict[str, list[Entry]]:
        """Canonical name -> the entries that claim it, for the one homework folder chosen; several claims are settled later."""
        known = {name.casefold(): name for name in (*self.layout.files, *self.support)}
        depths = sorted({name.count("/") + 1 for name in known.values()})
        roots: dict[PurePosixPath, dict[str, list[Entry]]] = {}
        for entry in entries:
            parts = entry.path.parts
            for depth in depths:
                name = known.get("/".join(parts[-depth:]).casefold()) if len(parts) >= depth else None
                if name is not None and name.count("/") == depth - 1:
                    root = PurePosixPath(*parts[:-depth])
                    roots.setdefault(root, {}).setdefault(name, []).append(entry)
        complete = {root: found for root, found in roots.items() if any(name in found for name in self.layout.files)}
        if not complete:
            return self.bare(entries) or next(iter(roots.values()), {})
        files = self.layout.files
        ranked = sorted(complete, key=lambda root: (-sum(n in complete[root] for n in files), len(root.parts), str(root)))
        self.root = ranked[0]
        if len(ranked) > 1:
            others = ", ".join(_folder(root) for root in ranked[1:4])
            chosen = _folder(ranked[0])
            self.choice = f"Several copies of the homework were found; graded is the one in {chosen}, not {others}."
            self.siblings = tuple(root for root in ranked[1:] if root.parts)
            self.notes.insert(0, self.choice)
        elif ranked[0].parts:
            self.notes.append(f"The homework was found in the folder {_folder(ranked[0])}.")
        return complete[self.root]

    def bare(self, entries: list[Entry]) -> dict[str, list[Entry]]:
        """The student files uploaded by themselves, without the package's folder."""
        names = {PurePosixPath(name).name.casefold(): name for name in self.layout.files}
        found: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.path.name.casefold() in names:
                found.setdefault(names[entry.path.name.casefold()], []).append(entry)
        if found:
            folder = self.layout.code_folder
            self.notes.append(f"The files were taken by name, without the folder {folder}/: {', '.join(sorted(found))}.")
        return found

    def logs(self, entries: list[Entry]) -> dict[str, list[Entry]]:
        """Log files of the chosen folder; if it has none, those of the only other folder that does, or bare ones."""
        if not self.layout.logs:
            return {}
        place = self.layout.logs
        folders: dict[PurePosixPath, dict[str, list[Entry]]] = {}
        bare: dict[str, list[Entry]] = {}
        for entry in entries:
            if entry.path.suffix not in self.layout.log_suffixes:
                continue
            name = self.layout.log(entry.path.name)
            if entry.path.parent.name == place:
                folders.setdefault(entry.path.parent, {}).setdefault(name, []).append(entry)
            elif len(entry.path.parts) == 1:
                bare.setdefault(name, []).append(entry)
        here = self.root / place if self.root is not None else PurePosixPath(place)
        if here in folders:
            found = folders[here]
        elif len(folders) == 1:
            folder, found = next(iter(folders.items()))
            self.notes.append(f"The logs were found in {_folder(folder)}.")
        elif folders:
            folder = min(folders, key=lambda f: (len(f.parts), str(f)))
            found = folders[folder]
            self.notes.append(f"Several folders {place} were found; used is {_folder(folder)}.")
        else:
            found = bare
            if bare:
                self.notes.append(f"The logs were taken by name, without the folder {place}/.")
        if len(found) > self.limits.max_logs:
            self.notes.append(f"{place} holds {len(found)} files; only the first {self.limits.max_logs} by name were looked at.")
        return dict(sorted(found.items())[: self.limits.max_logs])

    def notebook(self, entries: list[Entry]) -> tuple[str, bytes] | None:
        """The homework's notebook: by its name, else the only one, else the one nearest to the top."""
        found = [entry for entry in entries if entry.path.suffix == ".ipynb"] if self.layout.notebook else []
        named = [entry for entry in found if self.layout.notebook in entry.path.name]
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
        """Name the support files that are none the course handed out; a student's copies are only compared, never used."""
        others = []
        for name, ours in self.support.items():
            if name in self.layout.files or name not in wanted:
                continue
            theirs = self.read(name, wanted[name], self.limits.max_file_bytes, remember=False)
            if theirs is None or theirs.split() == ours.split():
                continue
            if token_digest(theirs) not in self.known_support.get(name, ()):
                others.append(name)
        if others:
            copies, are = ("copy", "yours is") if len(others) == 1 else ("copies", "yours are")
            names = " and ".join(filter(None, (", ".join(others[:-1]), others[-1])))
            self.notes.append(f"Graded with the course's own {copies} of {names}; {are} not used.")

    def read_all(self, wanted: Mapping[str, list[Entry]], limit: int) -> dict[str, bytes]:
        found = {name: self.read(name, entries, limit) for name, entries in wanted.items()}
        return {name: data for name, data in found.items() if data is not None}

    def read(self, name: str, entries: list[Entry], limit: int, *, remember: bool = True) -> bytes | None:
        """The bytes of the one entry that claims `name`, or None with the reason kept under `refused`.

        Without `remember` neither the reason is kept nor that the entry was taken: it is only looked at.
        """
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
        if remember:
            self.taken[name] = entries[0].path
        self.total += len(data)
        if self.total > self.limits.max_total_bytes:
            raise SubmissionError(
                f"The submission was refused at {shown(str(entries[0].path))}: the files to be graded hold more than "
                f"{self.limits.max_total_bytes // 2**20} MB together."
            )
        return data


def token_digest(data: bytes) -> str:
    """The first 16 hex digits of the SHA-256 of a file's tokens, joined by one space: line ends and blanks do not count."""
    return hashlib.sha256(b" ".join(data.split())).hexdigest()[:16]


def _digest(parts: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name, data in parts.items():
        for piece in (name.encode("utf-8", "surrogatepass"), data):
            whole.update(len(piece).to_bytes(8, "little"))
            whole.update(piece)
    return whole.hexdigest()


def _folder(path: PurePosixPath) -> str:
    return shown(str(path)) if path.parts else "the top folder"
