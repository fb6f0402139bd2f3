"""What students can check themselves: the handout's example, and the log of their own run."""

from __future__ import annotations

import json

import numpy as np

from grader.grading import expect
from grader.grading.context import Context
from grader.grading.findings import Mismatch

from . import FILTERS, HOMEWORK
from .registry import registry


@registry.check("filters.example")
def example(context: Context) -> None:
    """Moving average: the handout's example."""
    case = json.loads(HOMEWORK.fixtures.verified("example.json"))
    with context.student.module(FILTERS) as (session, filters):
        (found,) = session.fetch(filters.attr("moving_average")(np.array(case["values"]), case["width"]))
    with context.part():
        expect.close(found, np.array(case["averages"]), context.limit("rel_error"), "moving_average(values, width)")


@registry.check("logs.roughness", parts=("complete", "falls"), reads=("logs",))
def roughness(context: Context) -> None:
    """Log: the wider the window, the smoother the curve."""
    read = context.student.read("read_json", context.student.log("roughness.json"))
    if "error" in read:
        raise Mismatch(f"roughness.json {read['error']}.")
    with context.part("complete"):
        rough = expect.numbers(read["value"], "roughness.json", length=4)
        expect.finite(rough, "roughness.json")
        with context.part("falls"):
            if not (np.diff(rough) < 0).all():
                raise Mismatch("The numbers in roughness.json should get smaller from one width to the next.", f"{rough.tolist()}")
