"""Grade every mutant and every correct style and write the matrix of slips and items: `python -m tests.matrix`.

The table goes to `docs/slips.md`, the totals are printed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader import rubric as rubrics
from grader.checks.misconceptions import catalogue
from grader.exam import registered
from grader.grading import grade, secret_paths, support_files
from grader.result import Outcome, Report
from grader.rubric import Rubric
from grader.sandbox.policy import Level
from grader.sandbox.supervisor import Sandbox
from grader.submission import collect
from tests.conftest import ROOT
from tests.mutants import files, mutants
from tests.styles import COUNT, style

_COLUMNS = {
    "optim.sgd_momentum.golden": "m.g", "optim.sgd_momentum.behaviour": "m.b", "optim.adam.golden": "a.g",
    "optim.adam.behaviour": "a.b", "optim.rmsprop.golden": "r.g", "optim.rmsprop.behaviour": "r.b", "fc_net.init.he": "he",
    "fc_net.init.zero": "zero", "fc_net.init.random": "rand", "fc_net.loss": "loss", "solver.grad_norm": "norm",
    "solver.training": "train",
}  # fmt: skip
_HEAD = """\
# The slips that are recognised

Each row is a submission with exactly one slip, graded; a cross marks an item it costs. Written by `python -m tests.matrix`, which
also grades {styles} complete correct submissions in different styles: {passed} of them pass every item.

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
    (ROOT / "docs" / "slips.md").write_text(head + "\n".join(rows) + "\n", "utf-8")
    print(f"slips: {len(rows)}, killed: {killed}, told by their own name: {named}, misnamed: {misnamed}")
    print(f"correct styles: {COUNT}, passed: {passed}")


@contextmanager
def _grader() -> Iterator[_Graded]:
    rubric = rubrics.load(rubrics.DEFAULT, registered())
    with tempfile.TemporaryDirectory() as folder, Sandbox(Level.STAFF, secrets=secret_paths()) as sandbox:
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
        submission = collect(self._folder, support=support_files())
        return grade(submission, self._rubric, self._sandbox, only=tuple(_COLUMNS))


if __name__ == "__main__":
    main()
