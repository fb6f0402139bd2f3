"""Whether the homework's own tables fit together, looked at before anything is graded: a mistake made while adding to it is a
sentence to whoever made it, never a surprise in front of a student."""

from __future__ import annotations

import re
from typing import Final

from ..errors import ConfigurationError
from .misconceptions import entries
from .published import golden, golden_slips
from .rules import RULES
from .sections import SECTIONS

_SECTION: Final = re.compile(r"the section '[^']*'")
REMAKE: Final = "remake the generated files with: python -m grader.homework.hidden.regenerate"


def verify() -> None:
    """Hold the public tables against each other: rules, sections, golden values, slips.

    Raises:
        ConfigurationError: they do not fit together; the message names the place and says what to do.
    """
    known_slips = entries()
    for slip, entry in known_slips.items():
        for named in _SECTION.findall(entry):
            if named not in SECTIONS.values():
                raise ConfigurationError(f"misconceptions.toml: {slip} sends to {named}, which sections.py does not know")
    try:
        answers, slips_answers = golden(), golden_slips()
    except ConfigurationError:  # a fixture that is damaged costs the items that read it, which tell of it, and no others
        return
    for name in RULES:
        if name not in answers or name not in slips_answers:
            raise ConfigurationError(f"fixtures/golden.json or slips.json holds nothing of the rule {name}; {REMAKE}")
    for slips in slips_answers.values():
        for name in slips:
            if name not in known_slips:
                raise ConfigurationError(f"fixtures/slips.json knows the slip {name}, misconceptions.toml does not; {REMAKE}")
