"""A submission as checks meet it: its code stays in the sandbox, its files are opened there too."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from .places import MOUNTED
from .sandbox.ending import Ending, SessionEnded
from .sandbox.policy import Limits
from .sandbox.session import Remote, Session
from .sandbox.supervisor import Sandbox
from .submission import Submission

OPTIM, FC_NET, SOLVER = "deeplearning/optim.py", "deeplearning/classifiers/fc_net.py", "deeplearning/solver.py"
# A student's copy of the grader has the first alone.
_READERS = ("readers.py", "notebook_reader.py", "notebook_source.py", "notebook_values.py")
_READER_OF = {".npz": "read_npz", "json": "read_json"}
_MOST_AHEAD = 8 * 2**20  # bytes of files that are opened together; logs have 60 kB, a notebook with plots some 500
_CHEAP = 0.5  # seconds; a process that spent more is not used again, so that no item lives off what another left of its limits


def _reader_sources() -> dict[str, bytes]:
    return {name: staff_source(name) for name in _READERS if (MOUNTED / name).is_file()}


class Missing(Exception):
    """A file that an item needs is not in the submission, or was refused; the message is for the student."""


class AskAgain(Exception):
    """An item went wrong in a process that had answered others before; it has to be asked in a new one."""


class TimeUsedUp(Exception):
    """The deadline for the whole submission has passed; no fault of the item that was to be asked."""


def staff_source(name: str) -> bytes:
    """The source of one of staff's own modules that run inside the sandbox (`checks/mounted/`)."""
    return (MOUNTED / name).read_bytes()


@dataclass(frozen=True, slots=True)
class _Kept:
    """A process whose answers so far were quick and whole."""

    limits: Limits
    session: Session


class Student:
    """Opens sessions on one submission.

    Attributes:
        limits: what each session may use; set anew for each item.
        reused: whether a question of this item went to a process that had answered another item before.
        reads_ahead: which files will be asked for ("logs", "notebook"), so that they may all be opened at once.
        cut_short: whether a session of this item got less time than its limits allow, because the deadline is near.
        absent: modules the student's files import that are not installed here and were not needed so far.
        printed: what the student's code printed, by the file asked for (capped, untrusted).
    """

    def __init__(
        self,
        submission: Submission,
        sandbox: Sandbox,
        support: Mapping[str, bytes],
        limits: Limits,
        deadline: float = math.inf,
    ) -> None:
        """`support` maps staff's files ("deeplearning/layers.py") to their bytes, the three student files as handed out too.

        No session runs on after `deadline` (`time.monotonic`).
        """
        self.submission = submission
        self.limits = limits
        self.cut_short = False
        self.reused = False
        self.reads_ahead: frozenset[str] = frozenset()
        self._deadline = deadline
        self.absent: dict[str, set[str]] = {}
        self.printed: dict[str, str] = {}
        self._sandbox = sandbox
        self._support = support
        self._together: set[str] = set()
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
        self, file: str, extra: Mapping[str, bytes] | None = None, *, alone: bool = False
    ) -> Iterator[tuple[Session, Remote]]:
        """A process with the student's `file` freshly imported, staff's files around it, and `extra` staff modules.

        Items may follow each other in one process, as long as they were answered, and quickly; what was imported and drawn
        before is gone each time. With `alone` the process is a new one.

        Only `file` is the student's, so that a slip in another file is charged once, where it is. If that cannot be imported
        because it leans on something the student added to another file, all three are mounted together.

        Raises:
            Missing: the file was not handed in.
            SessionEnded: it cannot be imported.
            TimeUsedUp: the deadline has passed.
        """
        own = self._bytes(file)
        mounts = {**self._support, **(extra or {}), file: own}
        if file in self._together:
            mounts.update(self.submission.files)
        session = self._session() if alone else self._process()
        try:
            module = _import(session, mounts, file)
        except SessionEnded as error:
            leans = error.ending is Ending.RAISED and error.kind in ("ImportError", "ModuleNotFoundError", "AttributeError")
            if not leans or file in self._together or len(self.submission.files) < 2:
                self._leave(file, session)
                raise
            session.close()
            session = self._session()
            try:
                module = _import(session, {**mounts, **self.submission.files}, file)
            except SessionEnded:
                self._leave(file, session)
                raise error from None
            self._together.add(file)
        try:
            yield session, module
            again = session.usable and session.spent < _CHEAP and not alone
            if again:
                self._remember(file, session)
        except BaseException:
            self._leave(file, session)
            raise
        if again:
            self._kept = _Kept(self.limits, session)
        else:
            self._leave(file, session)

    def handed_out(self, file: str) -> bytes:
        """The student file as handed out, blanks and all."""
        return self._support[file]

    def read(self, reader: str, data: bytes, file: str = _READERS[0]) -> Any:
        """What one of staff's readers (a function in `file` of `checks/mounted/`) makes of a file's bytes, inside the sandbox.

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
            self._reader.load(_reader_sources())
        readers = self._reader.module(file.removesuffix(".py"))
        try:
            (answer,) = self._reader.fetch(readers.attr(reader)(data))
        except SessionEnded:
            self.close()
            raise
        return answer

    def close(self) -> None:
        """End what processes there are."""
        if self._kept is not None:
            self._kept.session.close()
            self._kept = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def log(self, name: str) -> bytes:
        """The bytes of `submission_logs/<name>`.

        Raises:
            Missing: it was not handed in, or was refused.
        """
        path = f"submission_logs/{name}"
        if path in self.submission.logs:
            return self.submission.logs[path]
        raise Missing(self.submission.refused.get(path, f"{path} is not in the submission."))

    def _process(self) -> Session:
        """The process that answered before, as if new, or a new one."""
        kept, self._kept = self._kept, None
        if kept is not None and kept.limits == self.limits and self.seconds_left >= self.limits.wall:
            self.reused = True
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
        asked = [(_READERS[0], _READER_OF[name[-4:]], data) for name, data in logs.items() if name[-4:] in _READER_OF]
        if "notebook" in kinds and self.submission.notebook is not None:
            asked.append((_READERS[1], "read_notebook", self.submission.notebook[1]))
        if not asked or sum(len(data) for *_, data in asked) > _MOST_AHEAD or self.seconds_left < self.limits.wall:
            return session
        session.load(_reader_sources())
        modules = {file: session.module(file.removesuffix(".py")) for file, *_ in asked}
        try:
            answers = session.fetch(*(modules[file].attr(reader)(data) for file, reader, data in asked))
        except SessionEnded:
            session.close()
            return self._session()
        except BaseException:  # nobody has got it yet who would close it
            session.close()
            raise
        self._answers = {(reader, data): answer for (_, reader, data), answer in zip(asked, answers, strict=True)}
        session.renew(self.limits)
        return session

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

    def _leave(self, file: str, session: Session) -> None:
        session.close()
        self._remember(file, session)

    def _remember(self, file: str, session: Session) -> None:
        if session.absent:
            self.absent.setdefault(file, set()).update(session.absent)
        if text := session.printed():
            self.printed[file] = self.printed.get(file, "") + text


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
