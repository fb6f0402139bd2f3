"""`gradescope`: the container's entry; `run_autograder` without an argument comes here."""

from __future__ import annotations

import argparse

from ...grading.homework import active

HELP = {"gradescope": "grade what lies in Gradescope's container"}


def add_options(_parser: argparse.ArgumentParser) -> None:
    """There are none: the harness gives no arguments."""


def run(_options: argparse.Namespace | None = None) -> int:
    """0 once a valid results.json is there."""
    from ...packaging.container import run as run_in_container

    return run_in_container(active)
