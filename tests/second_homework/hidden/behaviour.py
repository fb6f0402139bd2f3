"""The function on inputs that the handout does not show."""

from __future__ import annotations

import numpy as np

from grader.grading import expect
from grader.grading.context import Context

from .. import FILTERS
from ..registry import registry


@registry.check("filters.behaviour", parts=("width_1", "whole", "ramp"))
def behaviour(context: Context) -> None:
    """Moving average: other inputs."""
    ramp = np.arange(6.0) ** 2
    cases = {"width_1": (1, ramp), "whole": (6, ramp[:1] + 55 / 6), "ramp": (2, (ramp[1:] + ramp[:-1]) / 2)}
    with context.student.module(FILTERS) as (session, filters):
        found = session.fetch(*(filters.attr("moving_average")(ramp, width) for width, _ in cases.values()))
    for (part, (_, averages)), answer in zip(cases.items(), found, strict=True):
        with context.part(part):
            expect.close(answer, averages, 1e-9, "moving_average(values, width)")
