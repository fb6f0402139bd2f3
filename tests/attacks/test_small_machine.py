"""In a small container too, the worst that can be handed in leaves whole results within five minutes, honest points among them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.grading.rubric import Rubric
from tests.attacks.arena import Arena, corpus, judge
from tests.attacks.weigh import CLASSES, SECONDS, in_a_small_container, verdict

BY_NAME = {attack.name: attack for attack in corpus()}
WORST = ("a_hyperparameter_of_a_megabyte", "columns_of_many_keys", "weights_of_sixty_megabytes")


def test_every_class_of_the_table_has_its_attack() -> None:
    assert {name for _, name, _ in CLASSES} <= BY_NAME.keys()
    assert set(WORST) <= {name for _, name, _ in CLASSES}


@pytest.mark.parametrize("name", WORST)
def test_the_worst_leaves_whole_results_with_all_honest_points(name: str, arena: Arena, rubric: Rubric, tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    figures, _ = in_a_small_container(BY_NAME[name].make(arena.box(BY_NAME[name])), output)
    if figures.unlimited:
        pytest.skip(f"no small container can be played here: {figures.unlimited}")
    assert (figures.stopped, figures.killed, figures.survivors) == ("", 0, []), verdict(output)
    assert figures.seconds < SECONDS
    judge(BY_NAME[name], json.loads(output.read_text("utf-8")), arena, rubric, output.with_name("said.txt").read_text("utf-8"))
    arena.untouched()
