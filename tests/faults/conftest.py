"""One stage for all tests of this folder."""

from __future__ import annotations

import sys

import pytest

from grader.homework import HOMEWORK
from tests.faults.stage import Stage, lean

collect_ignore_glob = ["test_*.py"] if sys.platform != "linux" else []


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory, sandbox: object) -> Stage:
    """The product with a few items graded; skipped where the sandbox cannot be had."""
    return Stage(tmp_path_factory.mktemp("stage"), lean(HOMEWORK.rubric.read_text("utf-8")))
