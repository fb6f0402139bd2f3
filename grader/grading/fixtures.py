"""Recorded facts of a homework: files in one folder, each held against its digest before it is believed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..errors import ConfigurationError

RECORD: Final = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Fixtures:
    """The files of `folder` that its SHA256SUMS lists (lines of a hexadecimal digest and a name, as sha256sum writes them)."""

    folder: Path

    @property
    def record(self) -> Path:
        """The file with the digests."""
        return self.folder / RECORD

    def names(self) -> tuple[str, ...]:
        """Every file on record, in its order; empty where there is no such folder.

        Raises:
            ConfigurationError: the record cannot be read.
        """
        return tuple(self._digests())

    def verified(self, name: str) -> bytes:
        """The bytes of a file whose SHA-256 is the one on record.

        Raises:
            ConfigurationError: it is missing, not on record, or differs from the record.
        """
        path = self.folder / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"fixture {path} cannot be read: {error.strerror}; restore it") from error
        if self._digests().get(name) != hashlib.sha256(data).hexdigest():
            raise ConfigurationError(
                f"fixtures/{name} is not the file on record in fixtures/{RECORD}; restore it from the repository, or, if you "
                "changed it on purpose, put its new digest there (CONTRIBUTING.md says how)"
            )
        return data

    def digest(self) -> str:
        """SHA-256 of the record, which itself records every file."""
        return hashlib.sha256(self.record.read_bytes() if self.record.exists() else b"").hexdigest()

    def _digests(self) -> dict[str, str]:
        if not self.folder.is_dir():
            return {}
        try:
            lines = self.record.read_text("utf-8").splitlines()
        except OSError as error:
            raise ConfigurationError(f"fixture {self.record} cannot be read: {error.strerror}; restore it") from error
        return dict(line.split(maxsplit=1)[::-1] for line in lines if line.strip())


def placed(package: Path, elsewhere: Path) -> Fixtures:
    """The fixtures of a homework's package: those in its folder `given/` where a built copy has one, else those `elsewhere`."""
    given = package / "given"
    return Fixtures(given / "fixtures" if given.is_dir() else elsewhere)
