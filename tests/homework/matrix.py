"""Grade every mutant and every correct style and write the matrix of slips and items: `python -m tests.homework.matrix`.

The table goes to `docs/slips.md`, with the choices that are combined and what no input tells apart; the totals are printed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from grader.grading.grade import grade
from grader.grading.results import Outcome, Report
from grader.grading.rubric import Rubric, load_rubric
from grader.homework import HOMEWORK
from grader.homework.hidden.reference_rules import READINGS
from grader.homework.hidden.rule_formulas import ways
from grader.homework.misconceptions import catalogue
from grader.sandbox.policy import Level
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import collect
from tests.conftest import ROOT
from tests.homework import init_programs, norm_programs
from tests.homework.combinations import combinations
from tests.homework.mutants import files, mutants
from tests.homework.styles import COUNT, style

_COLUMNS = {
    "optim.sgd_momentum.golden": "m.g", "optim.sgd_momentum.behaviour": "m.b", "optim.adam.golden": "a.g",
    "optim.adam.behaviour": "a.b", "optim.rmsprop.golden": "r.g", "optim.rmsprop.behaviour": "r.b", "fc_net.init.he": "he",
    "fc_net.init.zero": "zero", "fc_net.init.random": "rand", "fc_net.loss": "loss", "solver.grad_norm": "norm",
    "solver.training": "train",
}  # fmt: skip
_HEAD = """\
# The slips that are recognised

Each row is a submission with exactly one slip, graded; a cross marks an item it costs. Written by
`python -m tests.homework.matrix`, which also grades {styles} complete correct submissions in different styles: {passed} of them
pass every item.

Items: m, r, a are momentum, RMSProp and Adam, g golden and b behaviour; he, zero, rand the initializations; loss the given
network; norm the gradient norm; train the given loop. "Told as" is the name the grader gave, where it is not the slip's own.

| slip | what it is | {columns} | told as |
| --- | --- | {rule} | --- |
"""


def main() -> None:
    """Write the table and print the totals."""
    rows, killed, named, misnamed = [], 0, 0, 0
    with _grader() as graded:
        for slip, (blank, answer) in mutants().items():
            report = graded(files(**{blank: answer}))
            failed = [item for item in report.items if item.outcome is not Outcome.PASSED]
            told = {finding.slip for item in failed for finding in item.findings if finding.slip}
            killed += bool(failed)
            named += told == {slip}
            misnamed += bool(told - {slip})
            marks = " | ".join("x" if any(item.id == name for item in failed) else "" for name in _COLUMNS)
            rows.append(
                f"| {slip} | {catalogue()[slip].name} | {marks} | {'' if told == {slip} else ', '.join(sorted(told)) or '-'} |"
            )
        passed = sum(graded(files(**style(number))).all_passed for number in range(COUNT))
    head = _HEAD.format(
        styles=COUNT, passed=passed, columns=" | ".join(_COLUMNS.values()), rule=" | ".join("---" for _ in _COLUMNS)
    )
    (ROOT / "docs" / "slips.md").write_text("\n".join([head + "\n".join(rows), "", *_combined()]) + "\n", "utf-8")
    print(f"slips: {len(rows)}, killed: {killed}, told by their own name: {named}, misnamed: {misnamed}")
    print(f"correct styles: {COUNT}, passed: {passed}")


_COMBINED = """\
# Slips together

Slips are told alone and in pairs. Each is one wrong choice or several of those below, and the grader works out every combination of
two that choose in different places, under every accepted reading; it names what explains every answer. Where several do, it names
what they have in common. The combinations are compared as programs (`tests/homework/combinations.py`, `init_programs.py`,
`norm_programs.py`). Draws leave room: of an initialization only what all combinations that the draws allow have in common is named.
"""


def _combined() -> list[str]:
    """The choices of each rule, how many combinations are told apart, and which make one function."""
    lines = [_COMBINED]
    for rule in READINGS:
        choices: dict[str, list[str]] = {}
        for slip, options in ways(rule):
            for place in options:
                choices.setdefault(place, []).append(slip)
        found = combinations(rule)
        alike = {slips for group in found.alike for slips in group[1:]}
        lines += [f"## {rule}", "", "| where it is chosen | slips |", "| --- | --- |"]
        lines += [f"| {place.replace('_', ' ')} | {', '.join(dict.fromkeys(slips))} |" for place, slips in choices.items()]
        lines += [
            "",
            f"Of {found.count} combinations of one or two slips {found.count - len(alike | {*found.harmless})} are told apart.",
        ]
        if found.harmless:
            lines.append(f"Right all the same: {'; '.join(map(_joined, found.harmless))}.")
        lines += ["These are one function, under one accepted reading or another:", ""]
        lines += [f"- {'; '.join(map(_joined, group))}" for group in found.alike] + [""]
    for topic in (init_programs, norm_programs):
        places: dict[str, list[str]] = {}
        for slip, chosen in topic.SLIPS.items():
            for place in chosen:
                places.setdefault(place, []).append(slip)
        count, alike = topic.alike()
        lines += [f"## {topic.TOPIC}", "", "| where it is chosen | slips |", "| --- | --- |"]
        lines += [f"| {place} | {', '.join(slips)} |" for place, slips in places.items()]
        lines += [
            "",
            f"Of {count} combinations of one or two slips {count - sum(len(group) - 1 for group in alike)} are told apart.",
        ]
        lines += ["These are one function:", "", *(f"- {'; '.join(group)}" for group in alike), ""]
    return lines[:-1]


def _joined(slips: Sequence[str]) -> str:
    return " + ".join(slips)


@contextmanager
def _grader() -> Iterator[_Graded]:
    rubric = load_rubric(HOMEWORK.rubric, HOMEWORK.checks)
    with tempfile.TemporaryDirectory() as folder, Sandbox(Level.STAFF, secrets=HOMEWORK.secrets()) as sandbox:
        yield _Graded(Path(folder), rubric, sandbox)


class _Graded:
    """Grades the code items of three student files."""

    def __init__(self, folder: Path, rubric: Rubric, sandbox: Sandbox) -> None:
        self._folder, self._rubric, self._sandbox = folder, rubric, sandbox

    def __call__(self, sources: dict[str, bytes]) -> Report:
        for name, data in sources.items():
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        submission = collect(self._folder, HOMEWORK.layout, support=HOMEWORK.support)
        return grade(HOMEWORK, submission, self._rubric, self._sandbox, only=tuple(_COLUMNS))


if __name__ == "__main__":
    main()
