"""The judge of attacks notices what it is there for: each of these verdicts has one thing wrong with it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grader.grading.rubric import Rubric
from grader.sandbox.supervisor import Sandbox
from tests.attacks.arena import Arena, Attack, expected_digits, judge
from tests.attacks.driver import lean, verdict

HARMLESS = Attack("harmless", lambda box: box.folder, {})
Verdict = dict[str, Any]


def _set(key: str, value: Any) -> Callable[[Verdict, Arena], None]:
    return lambda result, _arena: result["tests"][1].__setitem__(key, value)


def _output(text: Callable[[Arena], str]) -> Callable[[Verdict, Arena], None]:
    return lambda result, arena: result["tests"][1].__setitem__("output", text(arena))


SPOILED: dict[str, Callable[[Verdict, Arena], None]] = {
    "a point too many": _set("score", 11),
    "points lost elsewhere": _set("score", 0),
    "no number": _set("score", float("nan")),
    "another maximum": _set("max_score", 100),
    "another status": _set("status", "failed but passed"),
    "markup": _set("output_format", "html"),
    "a missing item": lambda result, _: result["tests"].pop(),
    "a total of its own": lambda result, _: result.__setitem__("score", 100000),
    "an error of the grader": lambda result, _: result["tests"][1]["extra_data"].__setitem__("outcome", "grader error"),
    "a canary for the student": _output(lambda arena: arena.canaries["token"]),
    "a canary for staff": lambda result, arena: result["tests"][1]["extra_data"].__setitem__("staff", [arena.canaries["results"]]),
    "an expected value": _output(lambda _: f"it should be -{min(expected_digits())}123"),
    "control characters": _output(lambda _: "\x1b[2J"),
    "direction marks": _output(lambda _: "\u202e"),
    "a line separator": _output(lambda _: "\u2028"),
    "loot": _output(lambda _: "answers: GOT 1"),
    "a text without end": _output(lambda _: "x" * 20_000),
}


@pytest.fixture(scope="module")
def honest(arena: Arena, rubric: Rubric, sandbox: Sandbox) -> Verdict:
    """The verdict on an honest submission."""
    return verdict(arena.neighbour, lean(rubric, {}), sandbox)[0]


def test_an_honest_verdict_is_accepted(honest: Verdict, arena: Arena, rubric: Rubric) -> None:
    judge(HARMLESS, honest, arena, lean(rubric, {}), "")


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_a_spoiled_verdict_is_noticed(
    spoil: Callable[[Verdict, Arena], None], honest: Verdict, arena: Arena, rubric: Rubric
) -> None:
    spoiled = copy.deepcopy(honest)
    spoil(spoiled, arena)
    with pytest.raises((AssertionError, ValueError)):
        judge(HARMLESS, spoiled, arena, lean(rubric, {}), "")


def test_an_attack_that_passes_is_noticed(honest: Verdict, arena: Arena, rubric: Rubric) -> None:
    attack = Attack("forged", HARMLESS.make, {"optim.adam.golden": ("wrong",)})
    with pytest.raises(AssertionError, match=r"optim\.adam\.golden is passed"):
        judge(attack, honest, arena, lean(rubric, {}), "")


def test_what_is_left_behind_is_noticed(arena: Arena) -> None:
    arena.untouched()
    left = Path("/tmp", f"{arena.mark}-left")
    left.touch()
    try:
        with pytest.raises(AssertionError, match="a file was made"):
            arena.untouched()
    finally:
        left.unlink()
    before = arena.results.read_bytes()
    arena.results.write_bytes(b"{}")
    try:
        with pytest.raises(AssertionError, match="results were changed"):
            arena.untouched()
    finally:
        arena.results.write_bytes(before)
