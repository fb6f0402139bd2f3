"""How often the slips of generated programs are told by their names: `python -m tests.homework.diagnosis_rate`.

The programs (`tests.homework.programs`) are our own and run right here, through the same questions and the same driver as in the
sandbox. A diagnosis is exact if it names the slips that were put in, or others of which no more than two make the same function:
then no input tells them apart (`tests.homework.combinations`). A part of them is named where what was asked cannot tell more.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import islice
from typing import Any, Final

import numpy as np

from grader.homework.hidden import behaviour, corpus
from grader.homework.hidden.diagnosis import Asked, diagnosed
from grader.homework.hidden.reference_rules import READINGS
from grader.homework.hidden.rule_formulas import SLIPS as SEARCHED
from grader.homework.hidden.rule_formulas import Options
from grader.homework.hidden.scenarios import Scenario
from grader.homework.hidden.slip_search import explaining
from grader.homework.hidden.traces import explained, fault_in
from grader.sandbox import inside
from grader.sandbox.inside import wire
from tests.homework import init_programs, norm_programs
from tests.homework.combinations import same_function
from tests.homework.programs import RULES, SLIPS, Program, Rule, programs
from tests.homework.verdicts import COMMON, EQUAL, EXACT, RIGHT, UNNAMED, UNNOTICED, WRONG, Verdict, how

_COLUMNS: Final = (EXACT, EQUAL, COMMON, WRONG, UNNAMED, UNNOTICED, RIGHT)
_JUDGES: Final = {norm_programs.TOPIC: norm_programs.judged, init_programs.TOPIC: init_programs.judged}
_WRITERS: Final = {init_programs.TOPIC: init_programs.programs, norm_programs.TOPIC: norm_programs.programs}
_SLIPS: Final = {**SLIPS, init_programs.TOPIC: init_programs.SLIPS, norm_programs.TOPIC: norm_programs.SLIPS}
TOPICS: Final = (*RULES, *_WRITERS)
_SINGLES: Final = 5  # one program in so many has a single slip


@cache
def _driver() -> Any:
    """The module that walks a rule through questions inside the sandbox."""
    sys.modules.setdefault("inside", inside)
    sys.modules.setdefault("inside.wire", wire)
    return importlib.import_module("grader.homework.hidden.mounted.rule_driver")


def answered(rule: str, function: Rule) -> Asked:
    """All that is asked of a rule, the golden step last, with what this function answers."""
    golden = Scenario((behaviour._golden_track(rule),), (None,))
    asked = [*corpus.scenarios(rule), golden]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = _driver().run(function, copy.deepcopy([one.as_data() for one in asked]))
    return [(one, behaviour._record(_travelled(answer), len(one.rates))) for one, answer in zip(asked, answers, strict=True)]


def _travelled(answer: Any) -> Any:
    """An answer as it arrives; columns of arrays arrive as they are."""
    return answer if "columns" in answer else wire.decode(wire.frame(answer)[wire.HEADER.size :])


def passes(rule: str, asked: Asked) -> bool:
    """Whether one accepted reading explains all answers, as the behaviour check judges them."""
    return any(_fits(rule, reading, asked) for reading in range(len(READINGS[rule])))


def _fits(rule: str, reading: int, asked: Asked) -> bool:
    for number, (scenario, record) in enumerate(asked[:-1]):
        if scenario.beyond or explained(rule, scenario, record, corpus.walks(rule, reading, number)):
            continue
        if fault_in(rule, scenario, record, corpus.right(rule, reading, number)) is not None:
            return False
    return True


def judged(program: Program) -> Verdict:
    """What the diagnosis says of a program."""
    return _JUDGES.get(program.rule, _judged)(program)


def _judged(program: Program) -> Verdict:
    asked = answered(program.rule, program.function())
    if passes(program.rule, asked):
        return Verdict(RIGHT if same_function(program, ()) else UNNOTICED, (), 0.0)
    start = time.process_time()
    found = diagnosed(program.rule, asked)
    seconds = time.process_time() - start
    named = tuple(slip.id.partition(".")[2] for slip in found.slips)
    plain = [(scenario, record) for scenario, record in asked if scenario.plain]
    told = how(program, named, same_function, lambda: explaining(program.rule, plain), partial(_is_part, program.rule))
    return Verdict(told, named, seconds)


def _is_part(rule: str, slip: str, other: str) -> bool:
    """Whether all that one slip has wrong, another has wrong alike: both powers include that of v."""
    one, of = (_forms(SEARCHED[rule][name]) if name in SEARCHED[rule] else () for name in (slip, other))
    return slip == other or any(form.items() <= whole.items() for form in one for whole in of)


def _forms(choices: Options | tuple[Options, ...]) -> tuple[Options, ...]:
    return choices if isinstance(choices, tuple) else (choices,)


@dataclass(slots=True)
class Tally:
    """Counts of verdicts, over all programs and by slip; what was said of others, and who is told otherwise at home."""

    verdicts: Counter[str] = field(default_factory=Counter)
    by_slip: dict[str, Counter[str]] = field(default_factory=dict)
    confusions: dict[tuple[tuple[str, ...], tuple[str, ...], str], list[Program]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    contradicted: list[Program] = field(default_factory=list)

    def add(self, program: Program, verdict: Verdict) -> None:
        """Count one program."""
        self.verdicts[verdict.how] += 1
        for slip in program.slips:
            self.by_slip.setdefault(slip, Counter())[verdict.how] += 1
        if verdict.how not in (EXACT, RIGHT):
            self.confusions.setdefault((program.slips, verdict.named, verdict.how), []).append(program)
        if verdict.seconds:
            self.seconds.append(verdict.seconds)
        if not {*verdict.at_home} <= {*verdict.named}:
            self.contradicted.append(program)

    def share(self) -> float:
        """Of the programs that are wrong at all, the share whose slips are named exactly."""
        wrong = self.verdicts.total() - self.verdicts[RIGHT]
        return (self.verdicts[EXACT] + self.verdicts[EQUAL]) / wrong if wrong else 1.0


def written(topic: str, slips: int, seed: int = 0) -> Iterator[Program]:
    """Programs on a topic with that many slips (0, 1 or 2) without end."""
    return _WRITERS[topic](slips, seed) if topic in _WRITERS else programs(topic, slips, seed)


def measured(rule: str, slips: int, count: int, seed: int = 0) -> Tally:
    """What is told of `count` programs with so many slips."""
    tally = Tally()
    for program in islice(written(rule, slips, seed), count):
        tally.add(program, judged(program))
    return tally


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Generate programs with 0, 1 and 2 slips and count how their slips are named.")
    parser.add_argument("--programs", type=int, default=6000, help="how many with slips; as many correct ones are tried too")
    parser.add_argument("--rule", choices=TOPICS, action="append", help="this topic only; may be repeated")
    parser.add_argument("--seed", type=int, default=0, help="draw other programs")
    options = parser.parse_args()
    rules = options.rule or TOPICS
    share = options.programs // len(rules)
    tallies = {}
    for rule in rules:
        for slips, count in ((0, share), (1, share // _SINGLES), (2, share - share // _SINGLES)):
            tallies[rule, slips] = measured(rule, slips, count, options.seed)
    print("\n".join(lines(tallies)))


def lines(tallies: dict[tuple[str, int], Tally]) -> list[str]:
    """The tables that the command prints; `tallies` are by rule and number of slips."""
    table = [f"{'rule':14}{'slips':>6}" + "".join(f"{column:>16}" for column in _COLUMNS) + f"{'named exactly':>16}"]
    for (rule, slips), tally in tallies.items():
        counts = "".join(f"{tally.verdicts[column]:16}" for column in _COLUMNS)
        table.append(f"{rule:14}{slips:6}{counts}" + (f"{tally.share():16.1%}" if slips else ""))
    for rule in dict.fromkeys(rule for rule, _ in tallies):
        table += ["", f"{rule}, by slip, singly and in pairs"]
        for slip in _SLIPS[rule]:
            found = [tallies[rule, slips].by_slip.get(slip, Counter()) for slips in (1, 2)]
            table.append(f"  {slip:32}" + "   ".join(", ".join(f"{n} {how}" for how, n in one.most_common()) for one in found))
        table += ["", f"{rule}, told otherwise than it was made"]
        confusions = [one for slips in (0, 1, 2) for one in tallies[rule, slips].confusions.items()]
        for (made, named, way), found_in in sorted(confusions, key=lambda one: (_COLUMNS.index(one[0][2]), one[0])):
            table.append(f"  {len(found_in):4} {way:16}{' + '.join(made):55} told as {' + '.join(named) or '-'}")
        table.append(f"  {sum(len(tallies[rule, slips].contradicted) for slips in (1, 2)):4} named at home and not by staff")
        seconds = sorted(second for slips in (1, 2) for second in tallies[rule, slips].seconds)
        if seconds:
            late = seconds[int(0.95 * (len(seconds) - 1))]
            mean = sum(seconds) / len(seconds)
            table += ["", f"{rule}, CPU of a diagnosis: mean {mean:.3f} s, 95 % below {late:.3f} s, longest {seconds[-1]:.3f} s"]
    return table


if __name__ == "__main__":
    main()
