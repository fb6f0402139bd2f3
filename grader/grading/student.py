"""A submission as checks meet it: its code stays in the sandbox, its files are opened there too."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from ..sandbox.errors import Ending, Frame, SessionEnded
from ..sandbox.forms import ArrayOf, Form, Keys, OneOf, Plain, Text
from ..sandbox.policy import Limits
from ..sandbox.session import Remote, Session, called
from ..sandbox.supervisor import Sandbox
from ..submission.collect import Submission
from .homework import Homework

_DECODERS = "log_decoders.py"  # the core's own, for files of these endings
DECODER_OF = {".npz": "read_npz", ".json": "read_json"}
_FAILED = Keys({"error": Text(1000)}, most=0)
_READ_AS: Mapping[str, Form] = {  # what the core's decoders make of a file; what the homework's own make of one is plain data
    "read_npz": OneOf({"arrays": Keys({"arrays": Keys(others=ArrayOf(2**18))}, most=0), "error": _FAILED}),
    "read_json": OneOf({"value": Keys({"value": Plain(1_000, 20_000, 0)}, most=0), "error": _FAILED}),
}
_READ_PLAINLY = Plain(parts=60_000, texts=4 * 2**20, entries=0)
_PACKAGE = re.compile(r"[A-Za-z_]\w{0,39}(\.[A-Za-z_]\w{0,39}){0,3}")
_MOST_AHEAD = 8 * 2**20  # bytes of files that are opened together; logs have 60 kB, a notebook with plots some 500
_HURRIED = 0.25  # of its time: what a call gets that has hung before
_CHEAP = 0.5  # seconds; a process that spent more is not used again, so that no item lives off what another left of its limits


class Missing(Exception):
    """A file that an item needs is not in the submission, or was refused; the message is for the student."""


class AskAgain(Exception):
    """An item went wrong in a process that had answered others before; it has to be asked in a new one."""


class TimeUsedUp(Exception):
    """The deadline for the whole submission has passed; no fault of the item that was to be asked."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A process whose answers so far were quick and whole."""

    limits: Limits
    session: Session
    file: str  # the one file of the student's that it has loaded
    items: frozenset[str]  # that it has answered


class Student:
    """Opens sessions on one submission.

    Attributes:
        limits: what each session may use; set anew for each item.
        reused: whether a question of this item went to a process that had answered another item before.
        reads_ahead: which files will be asked for ("logs", "notebook"), so that they may all be opened at once.
        cut_short: whether a session of this item got less time than its limits allow, because the deadline is near.
        item: the id of the item that is asked.
        hidden: whether students do not see what this item asks.
        absent: packages that the student's files import and that are not there for them, by file.
        printed: what the student's code printed, by the file asked for (capped, untrusted).
        memory: what one check found out that another one would otherwise find out again, by a name of theirs.
    """

    def __init__(
        self,
        submission: Submission,
        sandbox: Sandbox,
        homework: Homework,
        limits: Limits,
        deadline: float = math.inf,
    ) -> None:
        """No session runs on after `deadline` (`time.monotonic`)."""
        self.submission = submission
        self.limits = limits
        self.cut_short = False
        self.reused = False
        self.item = ""
        self.hidden = False
        self.reads_ahead: frozenset[str] = frozenset()
        self._deadline = deadline
        self.absent: dict[str, set[str]] = {}
        self.printed: dict[str, str] = {}
        self.memory: dict[str, Any] = {}
        self._sandbox = sandbox
        self._homework = homework
        self._together: set[str] = set()
        self._hung: dict[str, dict[str, str]] = {}  # file -> what was called in it and did not end -> the item that asked first
        self._endless: dict[str, SessionEnded] = {}  # file -> how importing it, in a process of its own, did not end
        self._kept: _Kept | None = None
        self._answers: dict[tuple[str, bytes], Any] = {}
        self._reader: Session | None = None
        self._reader_wall = 0.0

    @property
    def seconds_left(self) -> float:
        """Time until the deadline."""
        return self._deadline - time.monotonic()

    @contextmanager
    def module(
        self, file: str, extra: Mapping[str, bytes] | None = None, *, alone: bool = False, shown: bool = False
    ) -> Iterator[tuple[Session, Remote]]:
        """A process with the student's `file` freshly imported, staff's files around it, and `extra` staff modules.

        Items that ask the same file may follow each other in one process, as long as they were answered, and quickly; what was
        imported and drawn before is gone each time. With `alone` the process is a new one. What its code says once a hidden item
        has asked it is for staff, unless all that is asked will be `shown`.

        Only `file` is the student's, so that a slip in another file is charged once, where it is. If that cannot be imported
        because it leans on something the student added to another file, all three are mounted together.

        An endless loop costs its time once. A call that has timed out for one item, in whatever process, gets a quarter of the time
        for the next, so that what goes on forever for one argument only is still right for another; a file whose import does not
        end is not imported again.

        Raises:
            Missing: the file was not handed in.
            SessionEnded: it cannot be imported.
            TimeUsedUp: the deadline has passed.
        """
        if file in self._endless:
            raise self._endless[file]
        own = self._bytes(file)
        mounts = {**self._homework.support, **(extra or {}), file: own}
        if file in self._together:
            mounts.update(self.submission.files)
        kept = self._kept
        session = self._session() if alone else self._process(file)
        fresh = kept is None or session is not kept.session
        hung = self._hung.setdefault(file, {})
        session.hurry(dict.fromkeys(hung, _HURRIED * self.limits.wall))
        try:
            module = _import(session, mounts, file)
        except SessionEnded as error:
            _vouch(error, mounts)
            if self._has_hung(file, error) and fresh:
                self._endless[file] = _as_before(error, self.item)
            leans = error.ending is Ending.RAISED and error.kind in ("ImportError", "ModuleNotFoundError", "AttributeError")
            if not leans or file in self._together or len(self.submission.files) < 2:
                self._leave(file, session, fresh)
                raise
            session.close()
            session, fresh = self._session(), True
            mounts.update(self.submission.files)
            try:
                module = _import(session, mounts, file)
            except SessionEnded:
                self._leave(file, session, fresh)
                raise error from None
            self._together.add(file)
        if fresh:
            self._note_absent(file, session)
        session.secret = session.secret or (self.hidden and not shown)
        try:
            yield session, module
            again = session.usable and session.spent < _CHEAP and not alone
            if again:
                self._remember(file, session)
        except BaseException as error:
            self._leave(file, session)
            if isinstance(error, SessionEnded):
                _vouch(error, mounts)
                self._has_hung(file, error)
            raise
        if again:
            before = kept.items if kept is not None and not fresh else frozenset()
            self._kept = _Kept(self.limits, session, file, before | {self.item})
        else:
            self._leave(file, session)

    def require_fresh(self) -> None:
        """For a check that is about to find out what went wrong: none is failed for what another item left behind.

        Raises:
            AskAgain: this one's questions went to a process that had answered another item before.
        """
        if self.reused:
            raise AskAgain

    def source(self, name: str) -> bytes:
        """The source of one of staff's modules that run inside the sandbox, to be mounted beside the student's file."""
        return self._homework.source(name)

    def read(self, reader: str, data: bytes, file: str = _DECODERS) -> Any:
        """What one of staff's readers (a function in the mounted module `file`) makes of a file's bytes, inside the sandbox.

        One process serves all files of a submission, because opening them runs none of its code; after any ending but an
        exception the next file gets a new one.

        Raises:
            SessionEnded: the reader did not come back with an answer.
            TimeUsedUp: the deadline has passed.
        """
        if (reader, data) in self._answers:
            return self._answers[reader, data]
        if self._reader is not None and self._reader_wall > self.seconds_left:
            self.close()
        if self._reader is None:
            self._reader_wall = min(self.limits.wall, self.seconds_left)
            self._reader = self._read_ahead(self._session())
            if (reader, data) in self._answers:
                return self._answers[reader, data]
            self._reader.load(self._reader_sources())
        readers = self._reader.module(file.removesuffix(".py"))
        try:
            (answer,) = self._reader.fetch(readers.attr(reader)(data).like(_READ_AS.get(reader, _READ_PLAINLY)))
        except BaseException:
            self.close()
            raise
        return answer

    def opened(self, path: str) -> Any:
        """What the core's reader made of a log, by its canonical name, where it was opened ahead; else None."""
        reader = DECODER_OF.get(PurePosixPath(path).suffix, "")
        return self._answers.get((reader, self.submission.logs.get(path, b"")))

    def close(self) -> None:
        """End what processes there are."""
        if self._kept is not None:
            self._kept.session.close()
            self._kept = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def log(self, name: str) -> bytes:
        """The bytes of a file in the folder of logs.

        Raises:
            Missing: it was not handed in, or was refused.
        """
        path = self._homework.layout.log(name)
        if path in self.submission.logs:
            return self.submission.logs[path]
        raise Missing(self.submission.refused.get(path, f"{path} is not in the submission."))

    def _process(self, file: str) -> Session:
        """The process that answered about this file before, as if new, or a new one: no file's code meets what another's left."""
        kept, self._kept = self._kept, None
        if kept is not None and kept.file == file and kept.limits == self.limits and self.seconds_left >= self.limits.wall:
            self.reused = self.reused or not kept.items <= {self.item}
            kept.session.renew(self.limits)
            return kept.session
        if kept is not None:
            kept.session.close()
        return self._read_ahead(self._session())

    def _read_ahead(self, session: Session) -> Session:
        """Open, in one message, all files that will be asked for, in a process that has not seen code yet.

        Returns:
            That process, or a new one where a file brought it down; then each is opened by itself when its turn comes.
        """
        kinds, self.reads_ahead = self.reads_ahead, frozenset()
        logs = self.submission.logs if "logs" in kinds else {}
        asked = [
            (_DECODERS, DECODER_OF[suffix], data)
            for name, data in logs.items()
            if (suffix := PurePosixPath(name).suffix) in DECODER_OF
        ]
        reads_notebook = self._homework.notebook_reader
        if "notebook" in kinds and reads_notebook is not None and self.submission.notebook is not None:
            asked.append((*reads_notebook, self.submission.notebook[1]))
        if not asked or sum(len(data) for *_, data in asked) > _MOST_AHEAD or self.seconds_left < self.limits.wall:
            return session
        session.load(self._reader_sources())
        modules = {file: session.module(file.removesuffix(".py")) for file, *_ in asked}
        try:
            read = [modules[file].attr(reader)(data).like(_READ_AS.get(reader, _READ_PLAINLY)) for file, reader, data in asked]
            answers = session.fetch(*read)
        except SessionEnded:
            session.close()
            return self._session()
        except BaseException:  # nobody has got it yet who would close it
            session.close()
            raise
        self._answers = {(reader, data): answer for (_, reader, data), answer in zip(asked, answers, strict=True)}
        session.renew(self.limits)
        return session

    def _reader_sources(self) -> dict[str, bytes]:
        """The modules that open files, as far as this copy of the grader has them: a student's has no reader of notebooks."""
        files = (_DECODERS, *self._homework.reader_files)
        return {name: self._homework.source(name) for name in files if name in self._homework.mounted}

    def _session(self) -> Session:
        left = self.seconds_left
        if left <= 0:
            self.cut_short = True
            raise TimeUsedUp
        if left >= self.limits.wall:
            return self._sandbox.session(self.limits)
        self.cut_short = True
        return self._sandbox.session(replace(self.limits, wall=left))

    def _bytes(self, file: str) -> bytes:
        if file in self.submission.files:
            return self.submission.files[file]
        raise Missing(self.submission.refused.get(file, f"{file} is not in the submission."))

    def _has_hung(self, file: str, error: SessionEnded) -> bool:
        """Whether that is an endless loop, as far as one can see; then what was called is remembered."""
        if error.ending is not Ending.TIMED_OUT or self.cut_short or not error.asked:
            return False
        names = list(map(called, error.asked))
        hung = self._hung[file]
        if first := next((hung[name] for name in names if name in hung and hung[name] != self.item), ""):
            error.reason += f" ({first} had timed out in the same call, so this one got less time)"
        for name in names:
            hung.setdefault(name, self.item)
        return True

    def _leave(self, file: str, session: Session, fresh: bool = False) -> None:
        session.close()
        self._remember(file, session)
        if fresh:
            self._note_absent(file, session)

    def _note_absent(self, file: str, session: Session) -> None:
        """Take down what a new process says is lacking after the import: it cannot tell of anything that it was asked later."""
        if names := {name for name in session.absent if _PACKAGE.fullmatch(name)}:
            self.absent.setdefault(file, set()).update(names)

    def _remember(self, file: str, session: Session) -> None:
        if text := session.printed():
            self.printed[file] = self.printed.get(file, "") + text


def _vouch(error: SessionEnded, mounts: Mapping[str, bytes]) -> None:
    """Replace what the process says of the lines that led to an ending by what stands in the files: it may say anything."""
    frames = []
    for frame in error.frames:
        lines = mounts[frame.file].decode("utf-8", "replace").splitlines() if frame.file in mounts else []
        if 0 < frame.line <= len(lines):
            named = frame.function if f"def {frame.function}(" in "\n".join(lines) else ""
            frames.append(Frame(frame.file, frame.line, named, lines[frame.line - 1].strip()))
    error.frames = tuple(frames)


def _as_before(error: SessionEnded, item: str) -> SessionEnded:
    return SessionEnded(error.ending, f"it did not when {item} was asked", asked=error.asked)


def _import(session: Session, mounts: Mapping[str, bytes], file: str) -> Remote:
    session.load(mounts)
    module = session.module(file.removesuffix(".py").replace("/", "."))
    try:
        session.fetch()
    except SessionEnded:
        raise
    except BaseException:  # nobody has got the session yet who would close it
        session.close()
        raise
    return module
