"""The support files that the course ever handed out, by their tokens, so that nobody is told of a file they never touched.

A digest is `submission.collect.token_digest` of an official file: 2023 (Berkeley-CS182/cs182hw2, commit a8d8d0d), spring 2025
(cs182sp25_public, fbbf4c2) and fall 2025 (cs182fa25_public, 14a3bf8) handed out the same bytes. Fall 2026 (cs182fa26_public,
075c3c6 and later) changed two files, whose digests are of its code as rebuilt from an index; the lengths agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TO_FALL_2025: Final = {
    "deeplearning/__init__.py": "e3b0c44298fc1c14",  # empty
    "deeplearning/classifiers/__init__.py": "e3b0c44298fc1c14",
    "deeplearning/layers.py": "b231f95806068904",
    "deeplearning/layer_utils.py": "8374920067b135ab",
    "deeplearning/data_utils.py": "895317f20a138c2c",
    "deeplearning/gradient_check.py": "f001af691788811b",
    "deeplearning/vis_utils.py": "d63113a4ffc95eb7",
}
_FALL_2026: Final = {
    "deeplearning/layers.py": "ad165b633dfbe47e",
    "deeplearning/data_utils.py": "406ad5632ef552d5",
}
KNOWN_SUPPORT: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(terms[name] for terms in (_TO_FALL_2025, _FALL_2026) if name in terms) for name in _TO_FALL_2025
}
