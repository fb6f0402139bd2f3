"""What staff's commands need beyond NumPy, and a sentence where it is absent."""

from __future__ import annotations

from importlib.util import find_spec

from ..errors import UsageError
from ..grading.invocation import how_to_get


def require(purpose: str, extra: str, *modules: str) -> None:
    """Refuse before anything is done what would fail in the middle.

    Args:
        purpose: what needs the modules, the beginning of a sentence: "the class page is made".
        extra: which of the grader's extras brings them.

    Raises:
        UsageError: one of them is not installed.
    """
    absent = [name for name in modules if find_spec(name) is None]
    if absent:
        are = "is" if len(absent) == 1 else "are"
        raise UsageError(f"{purpose} with {' and '.join(absent)}, which {are} not installed here; {how_to_get(extra)}")
