"""Whatever is answered, judging it ends by name, in little memory and time, and nothing passes that is not right.

The trusted side of every check is fed with generated answers (`answers.py`), without a process for each: a long run sends
`FUZZ_ANSWERS` of them, a million if nothing else is said, shared among the checks. What a failing attempt answered is printed as
lines for `answers_found.toml`, which is asked again in every run.
"""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import random
import resource
import time
import tomllib
import zlib
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from grader.grading import apart
from grader.grading.grade import TOO_LARGE, grade
from grader.grading.results import ItemResult, Outcome
from grader.grading.rubric import Rubric, load_rubric
from grader.homework import HOMEWORK
from grader.homework.hidden import corpus
from grader.homework.rules import RULES
from grader.sandbox.inside import wire
from grader.sandbox.supervisor import Sandbox
from grader.submission.collect import Submission, collect
from tests.conftest import OPTIM
from tests.fuzz.answers import Attempt, Listening, Recorded, StandIn, sent_in
from tests.fuzz.running import first_seed

FOUND: Final = Path(__file__).with_name("answers_found.toml")
DEFAULT_ANSWERS: Final = 1_000_000
QUICK: Final = 15  # attempts a check in the normal suite
_ROUND: Final = 200  # attempts a process does before it reports
_RULE: Final = {"optim.sgd_momentum": "sgd_momentum", "optim.rmsprop": "rmsprop", "optim.adam": "adam"}


@cache
def rubric() -> Rubric:
    """The built-in rubric."""
    return load_rubric(HOMEWORK.rubric, HOMEWORK.checks)


@cache
def submission() -> Submission:
    """The reference, whose answers are changed."""
    return collect(HOMEWORK.sample, HOMEWORK.layout, support=HOMEWORK.support)


ITEMS: Final = tuple(item.id for item in rubric().graded)


def judged(item: str, stand_in: StandIn) -> ItemResult:
    """The verdict on one item."""
    (found,) = grade(HOMEWORK, submission(), rubric(), stand_in, only=[item]).items  # type: ignore[arg-type]
    return found


@dataclass(slots=True)
class Figures:
    """What a run came to: attempts, answers, outcomes, the most CPU seconds and bytes that judging one attempt took."""

    attempts: int = 0
    answers: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    cpu: float = 0.0
    memory: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ends = ", ".join(f"{word} {count}" for word, count in self.ends.most_common())
        most = f"at most {self.cpu:.2f} s CPU and {self.memory / 2**20:.0f} MB for one"
        return f"{self.answers} answers in {self.attempts} gradings; {most}; {ends}"

    def add(self, other: Figures) -> None:
        """Put another run's figures to these."""
        self.attempts += other.attempts
        self.answers += other.answers
        self.ends += other.ends
        self.cpu, self.memory = max(self.cpu, other.cpu), max(self.memory, other.memory)
        self.faults += other.faults


@pytest.fixture(scope="module")
def recorded(sandbox: Sandbox) -> Recorded:
    """What the reference answers to every check."""
    found = Recorded()
    for item in ITEMS:
        (told,) = grade(HOMEWORK, submission(), rubric(), Listening(sandbox, found), only=[item]).items  # type: ignore[arg-type]
        assert told.outcome is Outcome.PASSED, item
    step_by_step = Recorded()  # rules whose answers have another form are asked to tell them one by one
    optim = submission().files[OPTIM].replace(b"return next_w, config", b"return [next_w, config]")
    assert optim != submission().files[OPTIM]
    listed = replace(submission(), files={**submission().files, OPTIM: optim})
    for item in ITEMS:
        if item.endswith(".behaviour"):
            grade(HOMEWORK, listed, rubric(), Listening(sandbox, step_by_step), only=[item])  # type: ignore[arg-type]
    found.sent = {**step_by_step.sent, **found.sent}
    return found


def attempts(item: str, recorded: Recorded, seed: int, first: int, count: int) -> Figures:
    """Judge so many generated conversations, each from a seed of its own."""
    stand_in, figures = StandIn(recorded), Figures()
    judged(item, stand_in)  # what is worked out once
    at_start = _resident()
    for number in range(first, first + count):
        attempt = stand_in.attempt = Attempt(random.Random(f"{seed} {item} {number}"))
        before = time.process_time()
        found = judged(item, stand_in)
        spent = time.process_time() - before - attempt.seconds
        figures.attempts += 1
        figures.answers += attempt.answers
        figures.ends[str(found.outcome)] += 1
        figures.cpu = max(figures.cpu, spent)
        figures.memory = max(figures.memory, _resident() - at_start)
        if wrong := fault(item, found, attempt, recorded, spent):
            figures.faults.append(f"{wrong}\n(seed {seed}, attempt {number}) to keep it:\n{kept(item, attempt)}")
    return figures


def fault(item: str, found: ItemResult, attempt: Attempt, recorded: Recorded, spent: float) -> str:
    """What is wrong with a verdict; empty if nothing is."""
    staff = "\n".join(finding.staff for finding in found.findings)
    if found.outcome is Outcome.GRADER_ERROR:
        return f"{item} ends in a grader error: {staff[-2000:]}"
    if any(finding.student == TOO_LARGE for finding in found.findings):
        return f"{item} takes more than {apart.MEMORY // 2**20} MB"
    if spent > apart.CPU:
        return f"{item} takes {spent:.1f} s of processor time"
    if found.outcome is Outcome.PASSED:
        told = [(recorded.sent.get(key), frame) for key, frame in zip(attempt.keys, attempt.frames, strict=True)]
        if item.endswith(".behaviour"):
            told = [one for one in told if _tells_all(item, one[0])][-1:]  # where it is told in another form, that is judged
        for honest, frame in told:
            sent = None if frame is None else sent_in(frame)
            if honest is not None and sent is not None and (why := unlike(item, sent, honest)):
                return f"{item} is passed with {why}"
    return ""


def kept(item: str, attempt: Attempt) -> str:
    """A row of `answers_found.toml`."""
    frames = ["" if frame is None else base64.b64encode(zlib.compress(frame, 9)).decode() for frame in attempt.frames]
    return f'[[found]]\nwhy = ""\nitem = "{item}"\nframes = {json.dumps(frames)}'


def _limit_memory() -> None:
    """As where it is judged for real: see `apart`."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + apart.MEMORY, resource.RLIM_INFINITY))


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * resource.getpagesize()


# What is right

# Items whose numbers have to be the reference's. Of draws and trained models there are many right ones, and of what the readers
# make of logs and notebooks, which is no code of a student's, nearly everything can be.
_EXACT: Final = ("optim.", "fc_net.init.zero", "fc_net.loss", "solver.grad_norm")
_FORM: Final = ("fc_net.init.", "solver.training")
_FREE: Final = frozenset(name for rule in RULES.values() for name in rule.defaults)  # a config may keep its settings or not


def unlike(item: str, sent: Any, honest: Any) -> str:
    """How what was sent differs from what is right where it must not; empty if it does not."""
    if not item.startswith(_EXACT + _FORM):
        return ""
    if item.endswith(".behaviour") and honest and isinstance(honest[0], dict):  # of what lies beyond nothing is judged
        return _off(sent[:1], [{"within": honest[0]["within"]}], "", True)
    if item.endswith(".behaviour") and honest and isinstance(honest[0], list):
        beyond = [scenario.beyond for scenario in corpus.scenarios(item.split(".")[1])]
        if not isinstance(sent[0], list | tuple) or len(sent[0]) != len(beyond):
            return "another number of scenarios"
        pairs = enumerate(zip(sent[0], honest[0], beyond, strict=True))
        return next((why for at, (one, right, free) in pairs if not free and (why := _off(one, right, f"[{at}]", True))), "")
    return _off(sent, honest, "", item.startswith(_EXACT))


def _tells_all(item: str, honest: list[Any] | None) -> bool:
    """Whether this answers all scenarios: packed, or one by one."""
    count = len(corpus.scenarios(item.split(".")[1]))
    match honest:
        case [dict()]:
            return True
        case [list(scenarios)]:
            return len(scenarios) == count
    return False


def _off(sent: Any, right: Any, at: str, exact: bool) -> str:
    if isinstance(right, dict):
        if not isinstance(sent, dict):
            return f"{at} no dict"
        needed = right.keys() - _FREE
        return next((why for key in needed if (why := _off(sent.get(key), right[key], f"{at}.{key}", exact))), "")
    if isinstance(right, list | tuple) and not (isinstance(sent, np.ndarray) and sent.dtype != object and sent.ndim):
        if not isinstance(sent, list | tuple) or len(sent) != len(right):
            return f"{at} no {len(right)} items"
        pairs = enumerate(zip(sent, right, strict=True))
        return next((why for place, (one, other) in pairs if (why := _off(one, other, f"{at}[{place}]", exact))), "")
    if isinstance(right, bool | str | None):
        return "" if not exact or (type(sent) is type(right) and sent == right) else f"{at} {sent!r:.80} for {right!r}"
    if not isinstance(sent, int | float | np.number | np.ndarray) or isinstance(sent, bool):
        return f"{at} {sent!r:.80} for numbers"
    found, wanted = np.asarray(sent), np.asarray(right)
    if found.shape != wanted.shape or found.dtype.kind not in "fiu" or not np.isfinite(found).all():
        return f"{at} {found!r:.80} for {wanted.shape} numbers"
    scale = float(np.abs(wanted).max(initial=0.0))
    if exact and not np.allclose(found.astype(np.float64), wanted, rtol=1e-4, atol=1e-5 * scale):
        return f"{at} {found!r:.80} for {wanted!r:.80}"
    if not exact and wanted.size > 1000 and not 0.8 < float(found.std()) / float(wanted.std()) < 1.25:
        return f"{at} a spread of {found.std():.3g} for {wanted.std():.3g}"
    return ""


# The runs


def _rows() -> Any:
    return tomllib.loads(FOUND.read_text("utf-8"))["found"]


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row["why"].replace(" ", "_"))
def test_what_was_found_once_ends_by_name(row: Mapping[str, Any], recorded: Recorded) -> None:
    stand_in = StandIn(recorded)
    stand_in.replayed = iter([zlib.decompress(base64.b64decode(frame)) if frame else None for frame in row["frames"]])
    found = judged(row["item"], stand_in)
    assert found.outcome in (Outcome.WRONG, Outcome.PARTIAL, Outcome.CRASHED), found.outcome
    assert found.findings


@pytest.mark.parametrize("answer", [np.zeros(0), {"code": [np.zeros(3)]}, {"code": [{"runs": [{}]}]}, {}, None, [[]]])
def test_what_no_reader_makes_of_a_notebook_is_a_note_for_staff(answer: Any, recorded: Recorded) -> None:
    stand_in = StandIn(recorded)
    judged("notebook.consistency", stand_in)
    (key,) = stand_in.attempt.keys  # the logs and the notebook, opened together
    reply = {"sent": [*recorded.sent[key][:-1], answer], "failed": None, "absent": []}
    stand_in.replayed = iter([wire.frame(reply)[wire.HEADER.size :]])
    found = judged("notebook.consistency", stand_in)
    assert found.outcome is Outcome.PASSED  # it costs nothing
    assert "could not be judged" in "\n".join(finding.staff for finding in found.findings)


@pytest.mark.parametrize("value", [np.zeros(0), np.zeros((0, 3)), np.float64(3.0), [np.zeros(0)], {"adam": 1}, None, 1.0])
def test_what_no_reader_makes_of_results_is_the_submissions_fault(value: Any, recorded: Recorded) -> None:
    stand_in = StandIn(recorded)
    judged("logs.best_model", stand_in)
    (key,) = stand_in.attempt.keys
    sent = [_with_rule(one, value) for one in recorded.sent[key]]
    assert sum(one is not honest for one, honest in zip(sent, recorded.sent[key], strict=True)) == 1
    stand_in.replayed = iter([wire.frame({"sent": sent, "failed": None, "absent": []})[wire.HEADER.size :]])
    assert judged("logs.best_model", stand_in).outcome in (Outcome.WRONG, Outcome.PARTIAL)


def _with_rule(read: Any, rule: Any) -> Any:
    """What was read of a file, with another update rule where it names one."""
    match read:
        case {"value": {"update_rule": _} as results}:
            return {"value": {**results, "update_rule": rule}}
    return read


@pytest.mark.parametrize("item", ITEMS)
def test_some_answers_to_every_check_end_by_name(item: str, recorded: Recorded) -> None:
    figures = attempts(item, recorded, 0, 0, QUICK)
    assert not figures.faults, figures.faults[0]
    assert figures.attempts == QUICK


@pytest.mark.long
def test_a_million_answers_end_by_name(recorded: Recorded) -> None:
    wanted, seed = int(os.environ.get("FUZZ_ANSWERS", DEFAULT_ANSWERS)), first_seed("long")
    print(f"\nanswers: {wanted} from seed {seed} (FUZZ_SEED={seed} repeats them)")
    begun = time.monotonic()
    by_item, told = {item: Figures() for item in ITEMS}, 0
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork"), _limit_memory) as pool:
        while min(figures.answers for figures in by_item.values()) < wanted / len(ITEMS):
            least = sorted(ITEMS, key=lambda item: by_item[item].answers)[:2]
            rounds = {item: pool.submit(attempts, item, recorded, seed, by_item[item].attempts, _ROUND) for item in least}
            for item, done in rounds.items():
                by_item[item].add(done.result())
                print("".join(f"\n{fault}\n" for fault in done.result().faults), end="", flush=True)
            if (so_far := sum(figures.answers for figures in by_item.values()) * 10 // wanted) > told:
                told = so_far
                print(f"{told * 10} % after {(time.monotonic() - begun) / 60:.1f} minutes", flush=True)
    together = Figures()
    for item, figures in by_item.items():
        together.add(figures)
        print(f"{item}: {figures}")
    print(f"all, in {(time.monotonic() - begun) / 60:.1f} minutes: {together}")
    assert together.answers >= wanted
    assert not together.faults
