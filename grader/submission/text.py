"""Text that came from a submission, made safe to show: the one place that cleans, cuts and marks it.

`name` is for what stands in a sentence, `quoted` for what may have several lines. Neither can begin a line of its own in any
output, so that nothing in a submission passes for a line of the grader. `clean` keeps line ends: it is for views, which set whole
texts that were made of the other two.
"""

from __future__ import annotations

import re
from typing import Final

BAR: Final = "  | "  # before a line that came from a submission
# Terminal control sequences: CSI and OSC forms, and two-character escapes (ECMA-48).
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|\x9b[0-?]*[ -/]*[@-~]")
# C0 but for tab and newline, DEL, C1, direction marks and overrides, line separators, byte order mark, lone surrogates.
_UNWANTED: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\ud800-\udfff]")


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


def name(text: str, limit: int = 120) -> str:
    """A text from a submission for use in a sentence: cleaned, on one line, at most `limit` characters."""
    return clean(text, limit).replace("\n", "\ufffd").replace("\t", " ")


def quoted(text: str, limit: int) -> str:
    """A text from a submission behind the beginning of a sentence: cleaned and cut, each further line set in behind a bar."""
    return clean(text, limit).strip().replace("\n", f"\n{BAR}")
