"""Whether every update rule and every slip that the public tables name has its code here; see `consistency`."""

from __future__ import annotations

from ...errors import ConfigurationError
from ..consistency import REMAKE
from ..misconceptions import about
from ..published import golden_slips
from ..rules import RULES
from . import corpus, packed, slips
from .reference_rules import READINGS


def verify() -> None:
    """Look for the formula, the slips and the scenarios of each rule.

    Raises:
        ConfigurationError: something is missing; the message says what and where.
    """
    for rule in RULES:
        if rule not in READINGS:
            raise ConfigurationError(f"hidden/reference_rules.py has no reading of {rule}; add it to READINGS")
        known = slips.variants(rule)
        for slip in about(rule):
            if slip not in known:
                raise ConfigurationError(
                    f"no code for the slip {slip} of misconceptions.toml, in hidden/rule_formulas.py or slips.py"
                )
        unknown = golden_slips()[rule].keys() - known.keys()
        if unknown:
            raise ConfigurationError(f"fixtures/slips.json knows {', '.join(sorted(unknown))}, hidden/slips.py does not; {REMAKE}")
        for path in (corpus.file(rule), packed.file(rule)):
            if not path.exists():
                raise ConfigurationError(f"hidden/scenarios/{path.name} is missing; {REMAKE}")
