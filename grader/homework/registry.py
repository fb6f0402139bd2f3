"""The checks of this homework; each module registers its own."""

from __future__ import annotations

from functools import partial
from typing import Final

from ..grading.registry import Registry

registry: Final = Registry()
check = partial(registry.check, tolerances=())  # a check that asks for a limit names it
