"""Kinds of values that staff's options take."""

from __future__ import annotations

import argparse


def workers(text: str) -> int:
    """A number of workers.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdigit() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of workers from 1 to 256")
    return int(text)


def submissions(text: str) -> int:
    """A number of submissions.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of submissions from 1 on")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds, up to a day.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not text.isdigit() or not 1 <= int(text) <= 86_400:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds from 1 to 86400")
    return float(text)
