"""Text that came from a submission, made safe to show."""

from __future__ import annotations

import re
from typing import Final

# Terminal control sequences: CSI and OSC forms, and two-character escapes (ECMA-48).
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]")
# C0 but for tab and newline, DEL, C1, direction marks and overrides, line separators, byte order mark, lone surrogates.
_UNWANTED: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def clean(text: str, limit: int) -> str:
    """Return `text` without terminal escapes, control characters and direction overrides, cut in the middle to `limit` characters.

    Carriage returns become line ends; what is removed becomes U+FFFD, so that nothing vanishes unseen.
    """
    text = text[: limit * 20 + 1000]  # what is cut anyway is not worth searching
    text = _ESCAPES.sub("\ufffd", text).replace("\r\n", "\n").replace("\r", "\n")
    text = _UNWANTED.sub("\ufffd", text)
    if len(text) <= limit:
        return text
    marker = " … "
    keep = max(limit - len(marker), 0)
    head = (keep + 1) // 2
    return text[:head] + marker[: limit - keep] + (text[len(text) - (keep - head) :] if keep > head else "")


def name(text: str) -> str:
    """A file name from a submission for use in a sentence: cleaned, on one line, at most 120 characters."""
    return clean(text, 120).replace("\n", "\ufffd").replace("\t", " ")
