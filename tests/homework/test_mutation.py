"""Mutation testing of the reference's three student files: every mutant that no item notices is argued for in a list."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.grading.results import Outcome
from tests.conftest import FC_NET, OPTIM, SAMPLES, SOLVER, Grader, Maker

_ITEMS = {
    OPTIM: [f"optim.{rule}.{kind}" for rule in ("sgd_momentum", "adam", "rmsprop") for kind in ("golden", "behaviour")],
    FC_NET: ["fc_net.init.he", "fc_net.init.zero", "fc_net.init.random", "fc_net.loss"],
    SOLVER: ["solver.grad_norm", "solver.training"],
}
_EXCUSED = tomllib.loads(Path(__file__).with_name("survivors.toml").read_text("utf-8"))


def mutations(source: str) -> Iterator[tuple[str, str]]:
    """Every mutant mutmut makes of `source`, and the lines it changes, as "function: - old + new"."""
    pytest.importorskip("mutmut", reason="mutmut is installed by ./run_tests --long")
    from mutmut.mutation.file_mutation import create_mutations, deep_replace

    module, found, *_ = create_mutations("student.py", source)
    for mutation in found:
        tree = deep_replace(module, mutation.original_node, mutation.mutated_node)
        assert isinstance(tree, type(module))
        mutant = tree.code
        changed = [line for line in difflib.ndiff(source.splitlines(), mutant.splitlines()) if line[0] in "+-"]
        function = mutation.contained_by_top_level_function
        place = f"{function.name.value}: " if function is not None else ""
        yield mutant, place + " ".join(" ".join(line.split()) for line in changed)


@pytest.mark.long
@pytest.mark.parametrize("file", list(_ITEMS))
def test_every_mutant_is_noticed_or_argued_for(file: str, make: Maker, graded: Grader) -> None:
    source = (SAMPLES / "reference" / file).read_text("utf-8")
    excuses = _EXCUSED[file]
    tried, survivors, unexplained = 0, 0, []
    used: set[str] = set()
    path = make()
    for mutant, change in mutations(source):
        (path / file).write_text(mutant, "utf-8")
        tried += 1
        if any(item.outcome is not Outcome.PASSED for item in graded(path, *_ITEMS[file]).items):
            continue
        survivors += 1
        excuse = next((pattern for pattern in excuses if pattern in change), None)
        if excuse is None:
            unexplained.append(change)
        else:
            used.add(excuse)
    print(f"\n{file}: {tried} mutants, {tried - survivors} noticed, {survivors} survived, {len(unexplained)} of them unexplained")
    print("\n".join(unexplained))
    assert tried
    assert unexplained == []
    assert used == set(excuses), "an excuse that no survivor needs"
