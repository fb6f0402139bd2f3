"""The templates the class's pages are made of: everything they print is cleaned, cut and escaped unless it is marked safe there."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..grading.results import Outcome
from ..report import wording
from ..submission.text import clean

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

MAX_TEXT: Final = 4_000
_SIGNS: Final[Mapping[str, str]] = {
    **dict.fromkeys(Outcome, "\u2717"),
    Outcome.PASSED: "\u2713",
    Outcome.PARTIAL: "\u00bd",
    Outcome.MISSING: "\u2013",
    Outcome.SKIPPED: "\u2013",
    Outcome.GRADER_ERROR: "?",
}
_TEMPLATES: Final = Path(__file__).with_name("templates")


@cache
def environment() -> Environment:
    """Where the templates are found, with the filters they use."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def printed(value: object) -> str:
        return value if isinstance(value, Markup) else clean(str(value), MAX_TEXT)

    found = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )

    def whole(text: str) -> Markup:
        """A text that was cleaned before, however long."""
        return Markup.escape(text)

    found.filters |= {"whole": whole, "clean": clean, "data": data}
    found.filters |= {"digest": digest, "points": points, "sign": sign}
    return found


def points(value: Decimal) -> str:
    """ "2.5", "10"."""
    return wording.points(value.normalize() + 0)


def sign(outcome: str) -> str:
    """An outcome as one sign, where no points stand."""
    return _SIGNS.get(outcome, "\u2013")


def data(value: object) -> Markup:
    """A value as JSON that can stand in a `<script>` which runs nothing: cleaned, cut, and without anything that could end it."""
    from markupsafe import Markup

    found = json.dumps(_cleaned(value), separators=(",", ":"), allow_nan=False)
    for sign in "&<>":
        found = found.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(found)  # noqa: S704 - nothing is left that markup is made of


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value, MAX_TEXT)
    if isinstance(value, Mapping):
        return {_cleaned(name): _cleaned(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(one) for one in value]
    return value


def digest(script: str) -> str:
    """What a Content Security Policy knows a script by."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
