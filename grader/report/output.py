"""Printing for a reader who may have left."""

from __future__ import annotations

import os


def say(text: str) -> bool:
    """Print, and say whether anybody reads: where the reader has left nobody is there to be told, and the work goes on."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return False
    return True
