"""What the attacks share: an arena of this process's own, and canaries in its environment."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.arena import Arena


@pytest.fixture(scope="session")
def arena() -> Iterator[Arena]:
    """A folder outside pytest's own, which only its owner may enter: there the sandbox would have nothing to hold off."""
    with tempfile.TemporaryDirectory(prefix="arena-") as folder:
        made = Arena(Path(folder).resolve())
        os.environ["AUTHENTICATION_TOKEN"] = made.canaries["token"]
        try:
            yield made
        finally:
            del os.environ["AUTHENTICATION_TOKEN"]
