"""A submission as checks meet it: its code stays in the sandbox, its files are opened there too."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from .sandbox.ending import Ending, SessionEnded
from .sandbox.policy import Limits
from .sandbox.session import Remote, Session
from .sandbox.supervisor import Sandbox
from .submission import Submission

OPTIM, FC_NET, SOLVER = "deeplearning/optim.py", "deeplearning/classifiers/fc_net.py", "deeplearning/solver.py"
_MOUNTED = Path(__file__).with_name("checks") / "mounted"


class Missing(Exception):
    """A file that an item needs is not in the submission, or was refused; the message is for the student."""


class TimeUsedUp(Exception):
    """The deadline for the whole submission has passed; no fault of the item that was to be asked."""


def staff_source(name: str) -> bytes:
    """The source of one of staff's own modules that run inside the sandbox (`checks/mounted/`)."""
    return (_MOUNTED / name).read_bytes()


class Student:
    """Opens sessions on one submission.

    Attributes:
        limits: what each session may use; set anew for each item.
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
        self._deadline = deadline
        self.absent: dict[str, set[str]] = {}
        self.printed: dict[str, str] = {}
        self._sandbox = sandbox
        self._support = support
        self._together: set[str] = set()
        self._reader: Session | None = None
        self._reader_wall = 0.0

    @property
    def seconds_left(self) -> float:
        """Time until the deadline."""
        return self._deadline - time.monotonic()

    @contextmanager
    def module(self, file: str, extra: Mapping[str, bytes] | None = None) -> Iterator[tuple[Session, Remote]]:
        """A fresh process with the student's `file` imported, staff's files around it, and `extra` staff modules.

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
        session = self._session()
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
        finally:
            self._leave(file, session)

    def handed_out(self, file: str) -> bytes:
        """The student file as handed out, blanks and all."""
        return self._support[file]

    def read(self, reader: str, data: bytes) -> Any:
        """What one of staff's readers (`checks/mounted/readers.py`) makes of a file's bytes, inside the sandbox.

        One process serves all files of a submission, because opening them runs none of its code; after any ending but an
        exception the next file gets a new one.

        Raises:
            SessionEnded: the reader did not come back with an answer.
            TimeUsedUp: the deadline has passed.
        """
        if self._reader_wall > self.seconds_left:
            self.close()
        if self._reader is None:
            self._reader_wall = min(self.limits.wall, self.seconds_left)
            self._reader = self._session()
            self._reader.load({"readers.py": staff_source("readers.py")})
        readers = self._reader.module("readers")
        try:
            (answer,) = self._reader.fetch(readers.attr(reader)(data))
        except SessionEnded:
            self.close()
            raise
        return answer

    def close(self) -> None:
        """End the reader's process."""
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
        if session.absent:
            self.absent.setdefault(file, set()).update(session.absent)
        if session.output:
            self.printed.setdefault(file, session.output)


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
