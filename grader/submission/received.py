"""What was received: which file was taken for what, what is missing, and what was received and looks like it under another name.

Names only, and words of a homework's layout only. Nothing here is guessed into a grade: a stand-in is told to the student in one
sentence, and staff may grade the submission as if it were renamed (`collect.collect` with `renames`).

A rename is a pair of names below the submission, one of
    "code/rules (1).py" -> "package/rules.py"    a file, to the name it is graded under
    "output/"           -> "logs/"               a folder, to that of the logs
    "hw2.zip"           -> "hw2/"                a zip inside the submission, unpacked in a folder
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from ..errors import UsageError
from .layout import Layout
from .text import name as shown

Rename = tuple[str, str]

ARCHIVES: Final = (".rar", ".7z", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".tbz2", ".txz", ".zst")  # what is never opened
NOT_OPENED: Final = "is an archive of a kind that is not opened; hand in a zip or the files themselves"
_ENDINGS: Final = re.compile(r"(\.(py|txt|npz|json|bak|old|orig))+$|~$")
_COPIES: Final = re.compile(r"^copy[ _]of[ _]|[ _-]*\(\d+\)$|[ _-]+copy([ _]?\d+)?$| \d+$")  # what browsers and systems add
_SAME, _COPY, _WORD, _NEAR = range(4)  # how alike two names are, the closest first
_MOST: Final = 3  # names in a sentence, and zips that are unpacked
_ALIKE: Final = 0.8  # of `difflib`: one or two letters off


@dataclass(frozen=True, slots=True)
class Received:
    """What a submission was found to be.

    Attributes:
        taken: the name it is graded under -> where it was found, for each file that is graded.
        missing: names of the layout that nothing was taken for.
        likely: what would have to be renamed for the missing to be there, as far as one file or folder stands out.
        lines: one sentence, fit for the student, on each thing that was received and not used although something is missing.
        choice: which of several copies of the homework is graded; empty if there is one.
    """

    taken: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    likely: tuple[Rename, ...] = ()
    lines: tuple[str, ...] = ()
    choice: str = ""


def received(
    layout: Layout,
    taken: Mapping[str, str],
    unused: Sequence[PurePosixPath],
    *,
    blank: Collection[str] = (),
    others: Collection[str] = (),
    choice: str = "",
) -> Received:
    """Hold what was taken against what a layout asks for.

    Args:
        taken: as in `Received`.
        unused: the other files of the submission.
        blank: names of files that were taken and are as they were handed out: another one may be meant.
        others: names of the homework's further files, which stand in for nothing.
        choice: as in `Received`.
    """
    found = _Comparison(layout, taken, unused, frozenset(blank), frozenset(PurePosixPath(name).name for name in others))
    found.code()
    found.logs()
    found.copies()
    found.archives()
    found.alone()
    absent = tuple(name for name in (*layout.files, *map(layout.log, layout.expected_logs)) if name not in taken)
    return Received(dict(taken), absent, tuple(found.likely), tuple(dict.fromkeys(found.lines)), choice)


def resolved(pairs: Iterable[Rename], names: Collection[str], layout: Layout) -> tuple[Rename, ...]:
    """Renames as somebody typed them, with the whole names meant: the end of a graded file's name is enough.

    Args:
        names: the files of the submission.

    Raises:
        UsageError: nothing there is called so, or nothing is graded under the new name.
    """
    return tuple((_source(old, names), _target(old, new, layout)) for old, new in pairs)


def _source(old: str, names: Collection[str]) -> str:
    if old in names or (old.endswith("/") and any(name.startswith(old) for name in names)):
        return old
    ends = [name for name in names if name.endswith(f"/{old}")]
    if len(ends) == 1:
        return ends[0]
    near = ends[:_MOST] or difflib.get_close_matches(old, [*names, *(PurePosixPath(name).name for name in names)], n=1)
    hint = f"; did you mean {' or '.join(repr(shown(name)) for name in near)}?" if near else ""
    raise UsageError(f"the submission holds no '{shown(old)}'{hint}")


def _target(old: str, new: str, layout: Layout) -> str:
    if old.casefold().endswith(".zip"):
        return new if new.endswith("/") else f"{new}/"
    if old.endswith("/"):
        if layout.logs and new.rstrip("/") == layout.logs:
            return f"{layout.logs}/"
        raise UsageError(f"a folder can be renamed to {layout.logs}/ alone, not to '{shown(new)}'")
    graded = [*layout.files, *map(layout.log, layout.expected_logs)]
    meant = [name for name in graded if name == new or name.endswith(f"/{new}")]
    if len(meant) != 1:
        near = difflib.get_close_matches(new, [*graded, *(PurePosixPath(name).name for name in graded)], n=1)
        hint = f"; did you mean '{near[0]}'?" if near else f"; there are {', '.join(layout.files)}"
        raise UsageError(f"nothing is graded under the name '{shown(new)}'{hint}")
    return meant[0]


def told(renames: Iterable[Rename]) -> str:
    """Renames in words: "a (1).py as package/a.py, out/ as logs/"."""
    return ", ".join(f"{shown(old)} as {shown(new)}" for old, new in renames)


@dataclass(slots=True)
class _Comparison:
    """One comparison at work."""

    layout: Layout
    taken: Mapping[str, str]
    unused: Sequence[PurePosixPath]
    blank: frozenset[str]
    others: frozenset[str]
    likely: list[Rename] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    doubtful: bool = False  # something looks like a missing file, but several do

    @property
    def renamed(self) -> set[str]:
        """The names that a stand-in was found for."""
        return {new for _, new in self.likely}

    def code(self) -> None:
        """Code files that are missing, or as they were handed out, and what looks like them."""
        free = [path for path in self.unused if path.name not in self.others]
        for name in self.layout.files:
            if name in self.taken and name not in self.blank:
                continue
            place, wanted = PurePosixPath(name).parent, PurePosixPath(name).name
            ranks = {path: rank for path in free if (rank := _rank(path.name, wanted)) is not None}
            if name in self.taken:  # a blank: only what bears its name is meant to be it
                ranks = {path: rank for path, rank in ranks.items() if rank <= _COPY}
            best = [path for path, rank in ranks.items() if rank == min(ranks.values())]
            if len(best) > 1:
                self.doubtful = True
                self.lines.append(f"{_listed(best)}: each could be {name}. Keep one, under this name.")
            elif best:
                free.remove(best[0])
                self.likely.append((str(best[0]), name))
                same = best[0].name == wanted
                self.lines.append(_misplaced([best[0]], place) if same else _misnamed(best[0], wanted))

    def logs(self) -> None:
        """Logs that are missing: in a folder of another name, or under names of their own."""
        place = PurePosixPath(self.layout.logs)
        absent = [name for name in self.layout.expected_logs if self.layout.log(name) not in self.taken]
        folders: dict[PurePosixPath, list[PurePosixPath]] = {}
        for path in self.unused:
            if path.name in absent:
                folders.setdefault(path.parent, []).append(path)
        ranked = sorted(folders, key=lambda folder: (-len(folders[folder]), len(folder.parts), str(folder)))
        self.lines += [_misplaced(folders[folder], place) for folder in ranked[:_MOST]]
        for folder in ranked[:1]:
            self.likely.append((f"{folder}/", f"{self.layout.logs}/"))
            absent = [name for name in absent if name not in {path.name for path in folders[folder]}]
        for name in absent:
            best = [path for path in self.unused if _rank(path.name, name) == _COPY]
            if len(best) == 1:
                self.likely.append((str(best[0]), self.layout.log(name)))
                self.lines.append(_misnamed(best[0], name))
            elif best:
                self.doubtful = True
                self.lines.append(f"{_listed(best)}: each could be {name}. Keep one, under this name.")

    def copies(self) -> None:
        """Files beside a graded one that are called almost like it."""
        moved = {old for old, _ in self.likely}
        for name, at in self.taken.items():
            here = PurePosixPath(at)
            wanted = PurePosixPath(name).name
            for path in self.unused:
                if path.parent == here.parent and str(path) not in moved and _rank(path.name, wanted) == _COPY:
                    folder = f"{shown(str(here.parent))}/" if here.parent.parts else "The top folder"
                    self.lines.append(f"{folder} holds {shown(here.name)} and {shown(path.name)}; {shown(here.name)} is graded.")

    def archives(self) -> None:
        """Archives that were not opened, as far as something is missing that nothing else stands in for."""
        whole = self._open()
        absent = {plain(name) for name in self.layout.expected_logs if self.layout.log(name) not in {*self.taken, *self.renamed}}
        zips = [p for p in self.unused if p.suffix.casefold() == ".zip" and (whole or plain(p.stem) in absent)]
        for path in sorted(zips, key=lambda path: (len(path.parts), str(path)))[:_MOST]:
            self.likely.append((str(path), f"{path.with_suffix('')}/"))
            self.lines.append(f"{shown(str(path))} is a zip inside what was handed in and was not opened. Hand in what is in it.")
        for path in [path for path in self.unused if whole and path.suffix.casefold() in ARCHIVES][:_MOST]:
            self.lines.append(f"{shown(str(path))} {NOT_OPENED}.")

    def alone(self) -> None:
        """Where there is no code at all: what there is instead."""
        if any(name in self.taken for name in self.layout.files) or self.likely or self.lines:
            return
        files = ", ".join(self.layout.files)
        notebook = self.taken.get("notebook")
        if notebook is not None:
            self.lines.append(
                f"The notebook {shown(notebook)} was received without the code. What is written in its cells is not graded; "
                f"hand in {files} as well."
            )
        elif self.unused:
            self.lines.append(f"What was received ({_listed(self.unused)}) holds nothing that is graded.")

    def _open(self) -> bool:
        """Whether a code file is missing, or all logs are, and nothing stands in for that."""
        if self.doubtful:
            return False
        names = {*self.taken, *self.renamed}
        expected = self.layout.expected_logs
        logless = bool(expected) and not any(name.startswith(f"{self.layout.logs}/") for name in names)
        return logless or not names.issuperset(self.layout.files)


def _rank(name: str, wanted: str) -> int | None:
    """How alike a file's name is to the wanted one; None if it is not."""
    if name == wanted:
        return _SAME
    folded, ending = name.casefold(), PurePosixPath(wanted).suffix
    stem, meant = plain(folded), plain(wanted.casefold())
    if "." in stem or not (ending in folded or re.fullmatch(r"[^.]*(\.txt)?", folded)):  # it is a file of another kind
        return None
    if stem == meant:
        return _COPY
    if ending != ".py":
        return None
    if re.search(rf"(?<![a-z]){re.escape(meant)}(?![a-z])", stem):
        return _WORD
    return _NEAR if difflib.SequenceMatcher(None, stem, meant).ratio() >= _ALIKE else None


def plain(name: str) -> str:
    """A file's name without what was added to it: endings, "(1)", "copy"; upper and lower case do not count."""
    stem = _ENDINGS.sub("", name.casefold())
    while (shorter := _ENDINGS.sub("", _COPIES.sub("", stem))) != stem:
        stem = shorter
    return stem


def _misnamed(path: PurePosixPath, wanted: str) -> str:
    return f"{shown(str(path))} is not looked at under this name. If it is {wanted}, rename it."


def _misplaced(paths: Sequence[PurePosixPath], place: PurePosixPath) -> str:
    parent = str(paths[0].parent)
    where = "beside the homework's folders" if parent == "." else f"in {shown(parent)}/"
    them = "it" if len(paths) == 1 else "them"
    return f"{_listed([path.name for path in paths])}: found {where}, looked for in {place}/ alone. Move {them} there."


def _listed(names: Sequence[object]) -> str:
    """A few names, and how many more there are."""
    texts = [shown(str(name)) for name in names]
    more = len(texts) - _MOST
    return ", ".join(texts) if more <= 1 else f"{', '.join(texts[:_MOST])} and {more} more"
