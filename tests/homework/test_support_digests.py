"""The support files of every term: each that the course handed out is known, and whoever grades says the same of the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from grader.homework import HOMEWORK
from grader.homework.support_digests import KNOWN_SUPPORT
from grader.submission.collect import token_digest
from tests.conftest import run

INIT, LAYERS, VIEWS = "deeplearning/__init__.py", "deeplearning/layers.py", "deeplearning/vis_utils.py"
TOLD = f"Graded with the course's own copies of {LAYERS} and {VIEWS}; yours are not used."


def test_a_digest_is_of_the_tokens() -> None:
    assert token_digest(b"") == token_digest(b" \r\n") == "e3b0c44298fc1c14"
    assert token_digest(b"import  os\r\n\tpass \n") == token_digest(b"import os pass") != token_digest(b"importos pass")


def test_every_support_file_has_the_digests_of_its_terms() -> None:
    assert set(KNOWN_SUPPORT) == set(HOMEWORK.support) - set(HOMEWORK.layout.files)
    two = {name for name, digests in KNOWN_SUPPORT.items() if len(digests) == 2}
    assert two == {LAYERS, "deeplearning/data_utils.py"}, "fall 2026 changed these"
    assert all(re.fullmatch("[0-9a-f]{16}", digest) for digests in KNOWN_SUPPORT.values() for digest in digests)


def test_grading_and_the_self_check_name_the_files_that_no_term_handed_out(make: Callable[..., Path]) -> None:
    official, foreign = (INIT, None, b""), [(name, None, "import torch\n") for name in (LAYERS, VIEWS)]
    for command in ("grade", "check"):
        told = " ".join(run(command, make(official, *foreign), "--only", "logs.w_stds").stdout.split())
        assert told.count("not used") == 1
        assert TOLD in told
        assert "not used" not in run(command, make(official), "--only", "logs.w_stds").stdout
