"""The places of the notebook that messages point to, by titles that the terms' notebooks have, whatever number stands before.

Two are not everywhere: 2023 has no RMSProp, and fall 2026 calls the test "Evaluate your selected model".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SECTIONS: Final[Mapping[str, str]] = {
    "momentum": "the section 'Momentum'",
    "rmsprop": "the section 'RMSProp'",
    "adam": "the section 'Adam'",
    "initialization": "the section 'Initialization'",
    "best_model": "the section 'Train a good model!'",
    "test": "the section 'Test your model'",
}
