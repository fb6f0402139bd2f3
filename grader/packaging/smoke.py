"""The last step of an image's set-up: one submission whose score is known, graded as Gradescope will grade.

`python -m grader.packaging.smoke` plays the container in a temporary folder and calls the real entry there. It exits 0 if
everything is right and 1, with one plain line, if anything is off, so that the image is not built.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..grading.homework import ROOT, Homework, active
from ..grading.rubric import Rubric, load_rubric
from ..sandbox.errors import SandboxUnavailable
from ..sandbox.policy import Layer, Level
from ..sandbox.supervisor import Sandbox

_SECONDS = 120.0  # a small machine takes about 5


def main() -> int:
    """Try the entry and the jail; return the exit code."""
    try:
        homework = active()
        score, seconds = graded(homework)
        with_jail = jail(homework)
    except (ConfigurationError, SandboxUnavailable) as error:
        print(f"smoke run: {error}", file=sys.stderr)
        return 1
    print(f"smoke run: {score} points of {score} in {seconds:.1f} s; a jail for kernels without Landlock is {with_jail}")
    return 0


def jail(homework: Homework) -> str:
    """Make the empty root directory that stands in for Landlock, and prove that it does: the kernel that grades may be another.

    Raises:
        SandboxUnavailable: this is root, and it does not isolate.
    """
    if os.geteuid() != 0:
        return "left out (this user is not root)"
    with Sandbox(Level.CONTAINER, secrets=homework.secrets(), disabled=[Layer.LANDLOCK]):
        return "ready"


def graded(homework: Homework) -> tuple[Decimal, float]:
    """Grade the sample through the real entry; its score, which is all there is to reach, and the seconds it took.

    Raises:
        ConfigurationError: anything else came out.
    """
    policy = load_rubric(homework.rubric, homework.checks, homework.terms)
    with tempfile.TemporaryDirectory(prefix="smoke-") as folder:
        root = Path(folder)
        shutil.copytree(homework.sample, root / "submission")
        (root / "source").symlink_to(ROOT)
        (root / "submission_metadata.json").write_text("{}", "ascii")
        shutil.copy(ROOT / "run_autograder", root)
        started = time.monotonic()
        try:
            process = subprocess.run(
                [root / "run_autograder"],
                cwd=root,
                env={**os.environ, "GRADESCOPE_ROOT": folder},
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except OSError as error:
            raise ConfigurationError(f"run_autograder could not be started: {error.strerror}") from error
        except subprocess.TimeoutExpired:
            raise ConfigurationError(f"the sample was not graded within {_SECONDS:.0f} seconds") from None
        seconds = time.monotonic() - started
        said = process.stderr.decode("utf-8", "replace").strip()
        if process.returncode != 0:
            raise ConfigurationError(f"run_autograder ended with exit code {process.returncode}. {said}".strip())
        return _score(root / "results" / "results.json", policy, said), seconds


def _score(path: Path, policy: Rubric, said: str) -> Decimal:
    try:
        result: dict[str, Any] = json.loads(path.read_bytes(), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"no readable results.json was written: {error}") from error
    if reason := result["extra_data"].get("grader_error"):
        raise ConfigurationError(f"the grader failed: {said or reason}")
    short = [test["extra_data"]["id"] for test in result["tests"] if test["status"] != "passed"]
    score = Decimal(result["score"])
    if short or score != Decimal(policy.reachable.numerator) / policy.reachable.denominator:
        raise ConfigurationError(f"the sample got {score} points, not {float(policy.reachable):g}; not right: {', '.join(short)}")
    return score


if __name__ == "__main__":
    sys.exit(main())
