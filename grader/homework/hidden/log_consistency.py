"""Whether a submission's logs fit together: findings for staff that cost nothing unless a course gives them points.

Each finding has a name, which is a quiet part of a logs.* item: with weight 0, as in the built-in rubric, it changes neither
outcome nor score and its text goes to staff alone. A finding says what does not fit and never why; docs/logs.md derives the
bounds and lists what an honest student may have done to cause one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from ...grading import expect
from ...grading.context import Context
from ...grading.findings import Finding
from ...grading.results import ItemResult, Outcome
from ...grading.student import Student
from .. import submission_logs  # noqa: F401 - its checks are the ones that get more parts
from ..log_reader import Evidence, History, judge_evidence
from ..registry import registry
from ..terms import starter_of
from . import log_statistics as statistics

_RUN: Final = (
    "lengths", "accuracy_grid", "finite", "full_precision", "batch_noise", "draws_differ", "val_against_train",
    "loss_against_accuracy", "byte_equal", "code_against_logs",
)  # fmt: skip
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "optimizer_experiment": (*_RUN, "shared_run", "first_losses_equal", "trajectory"),
    "sgd_momentum_compare": (*_RUN, "shared_run", "batch_size_agrees", "trajectory"),
    "w_stds": ("w_stds_plausible", "full_precision", "byte_equal", "code_against_logs"),
    "initialization_experiment": (*_RUN, "shared_run", "starts_at_ln10"),
    "best_model": (*_RUN, "val_acc_is_best", "test_against_val", "beyond_known"),
}
# Findings of all items in the order in which an honest explanation gets likelier.
MOST_TELLING: Final = (
    "byte_equal", "shared_run", "draws_differ", "batch_noise", "full_precision", "accuracy_grid", "finite", "starts_at_ln10",
    "loss_against_accuracy", "val_against_train", "test_against_val", "beyond_known", "w_stds_plausible", "printed", "settings",
    "fixed_values", "trajectory", "first_losses_equal", "lengths", "val_acc_is_best", "code_against_logs", "batch_size_agrees",
    "shipped",
)  # fmt: skip
_STILL: Final = ("_random.npz", "_zero.npz")  # runs that stay at ln 10
_LN_10: Final = math.log(10.0)
_HIDDEN: Final = frozenset({"trajectory"})  # a student who loses points reads that it does not fit, not against what
_UNWRITTEN: Final = ("may not be filled in yet", "returns None for next_w")
_ELSEWHERE: Final = (
    "ModuleNotFoundError",
    "ImportError",
    "module 'numpy' has no attribute",
    "`np.",
)  # may well run where it was written

Curves = Callable[[str, Mapping[str, History]], Iterable[str]]
_CURVES: list[Curves] = []


def judge_curves(judge: Curves) -> Curves:
    """Register what holds recorded curves against known ones: `judge(item, histories by file)` gives sentences for staff."""
    if judge not in _CURVES:
        _CURVES.append(judge)
    return judge


@dataclass(frozen=True, slots=True)
class Oddity:
    """One thing that does not fit: the finding's name and a sentence."""

    name: str
    text: str


def oddities(item: str, evidence: Evidence) -> list[Oddity]:
    """All that does not fit within the files of one item ("best_model"), in the order of its names."""
    with np.errstate(all="ignore"):  # a log may hold any numbers
        return sorted(_oddities(item, evidence), key=lambda oddity: NAMES[item].index(oddity.name))


def _oddities(item: str, evidence: Evidence) -> list[Oddity]:
    found = [oddity for name, history in evidence.histories.items() for oddity in _in_run(item, name, history, evidence)]
    found += _between_runs(item, evidence)
    for name, (stds, wanted, sizes) in evidence.stds.items():
        if stds.size == len(sizes) and min(wanted) > 0:
            found += _said("w_stds_plausible", name, statistics.unlikely_stds(stds, wanted, sizes))
            found += _said("full_precision", name, statistics.rounded(stds))
    found += _in_results(evidence)
    curves = _CURVES if evidence.published else ()
    return found + [Oddity("trajectory", text) for judge in curves for text in judge(item, evidence.histories)]


def _said(name: str, file: str, text: str) -> list[Oddity]:
    return [Oddity(name, f"{file}: {text}")] if text else []


def _in_run(item: str, file: str, history: History, evidence: Evidence) -> Iterator[Oddity]:
    losses, train, val = history["train_losses"], history["train_accs"], history["val_accs"]
    found = (losses.size, train.size, val.size)
    if file in evidence.expected:
        wanted = (evidence.expected[file][0], *2 * (evidence.expected[file][1],))
        if found != wanted:
            yield Oddity("lengths", f"{file}: {found} losses, training and validation accuracies; the settings give {wanted}")
    for key, values in (("train_accs", train), ("val_accs", val)):
        yield from _said("accuracy_grid", f"{file}: {key}", statistics.off_grid(values))
    from_he = item == "best_model" or file.endswith("_he.npz")
    still = file.endswith(_STILL)
    yield from _said("finite", file, statistics.impossible_losses(losses, may_be_infinite=from_he))
    yield from _said("full_precision", file, statistics.rounded(losses))
    if still:
        yield from _said("batch_noise", file, statistics.frozen(losses))
        if losses.size and not abs(losses[0] - _LN_10) <= 1e-5:
            yield Oddity("starts_at_ln10", f"{file}: the first loss is {losses[0]:.9g}, not ln 10 = {_LN_10:.9g}")
    elif evidence.batches.get(file, 100) <= 1000:
        yield from _said("batch_noise", file, statistics.without_noise(losses))
    yield from _said("draws_differ", file, statistics.equal_draws(train))
    yield from _said("val_against_train", file, statistics.above_train(train, val))
    yield from _said("loss_against_accuracy", file, statistics.below_errors(losses, train))


def _between_runs(item: str, evidence: Evidence) -> Iterator[Oddity]:
    histories = evidence.histories
    for one, other in combinations(histories, 2):
        if not (one.endswith("_random.npz") and other.endswith("_zero.npz")):  # both lie at ln 10, where floats are few
            same = statistics.shared_run(histories[one]["train_losses"], histories[other]["train_losses"])
            yield from _said("shared_run", f"{one} and {other}", same)
    if item == "optimizer_experiment":
        # Adam's and RMSProp's runs come from one seeded cell; the other two are also written by an earlier one without a seed.
        first = [
            histories[f"{item}_{rule}.npz"]["train_losses"][:1] for rule in ("adam", "rmsprop") if f"{item}_{rule}.npz" in histories
        ]
        if len(first) == 2 and first[0].size and first[1].size and not abs(first[0][0] - first[1][0]) <= 1e-5 * abs(first[0][0]):
            yield Oddity(
                "first_losses_equal", f"Adam starts at {first[0][0]:.9g}, RMSProp at {first[1][0]:.9g}: same seed, same loss"
            )
    if item == "sgd_momentum_compare" and len(set(evidence.batches.values())) > 1:
        yield Oddity("batch_size_agrees", ", ".join(f"{file} has B = {size}" for file, size in evidence.batches.items()))


def _in_results(evidence: Evidence) -> Iterator[Oddity]:
    results = evidence.results
    for key in ("val_acc", "test_acc"):
        if key in results:
            yield from _said("accuracy_grid", f"results.json: {key}", statistics.off_grid(np.array([results[key]])))
            yield from _said("beyond_known", f"results.json: {key}", statistics.beyond_known(results[key]))
    if results.keys() >= {"val_acc", "test_acc"}:
        yield from _said("test_against_val", "results.json", statistics.tested_above(results["val_acc"], results["test_acc"]))
    for file, history in evidence.histories.items():
        if "val_acc" in results and history["val_accs"].size:
            best = float(history["val_accs"].max())
            if not abs(best - results["val_acc"]) < 5e-4:
                text = f"results.json claims val_acc = {results['val_acc']!r}, the largest of val_accs in {file} is {best!r}"
                yield Oddity("val_acc_is_best", text)


def byte_equal(logs: Mapping[str, bytes], files: Collection[str], contents: Mapping[str, str]) -> list[Oddity]:
    """Pairs of one item's files with another log, itself of any item, that are equal byte for byte or hold the same; no two runs
    leave that. What the runs from 0.01 and from zeros hold lies at ln 10, where floats are few, and is not compared.
    """
    names = {path.rpartition("/")[2]: data for path, data in logs.items() if data}
    pairs = [
        (one, other) for one in files if one in names for other in names if one < other or (other not in files and one != other)
    ]
    found = []
    for one, other in pairs:
        still = one.endswith(_STILL) and other.endswith(_STILL)
        if names[one] == names[other]:
            found.append(Oddity("byte_equal", f"{one} and {other} are the same file"))
        elif not still and contents.get(one) and contents[one] == contents.get(other):
            found.append(Oddity("byte_equal", f"{one} and {other} hold the same, saved at different times"))
    return found


def _contents(student: Student) -> Mapping[str, str]:
    """By file name, what each log holds that was opened, as a digest."""
    found: dict[str, str] = student.memory.setdefault("contents of logs", {})
    for path in student.submission.logs if not found else ():
        answer = student.opened(path)
        if isinstance(answer, Mapping) and "error" not in answer:
            found[path.rpartition("/")[2]] = expect.contents(answer.get("arrays", answer.get("value")))
    return found


def code_against_logs(before: Mapping[str, ItemResult], needs: Mapping[str, Iterable[str]]) -> list[Oddity]:
    """Logs that the code handed in could not have written, because what they need is not written or does not run.

    `needs` maps a log that was read to the items whose code its run calls. Code that fails for a module or a NumPy name that is
    not there where it is graded may have run where it was written, and a missing file says nothing.
    """
    return [
        Oddity("code_against_logs", f"{file} is there, but {name} {why}")
        for file, names in needs.items()
        for name in names
        if name in before and (why := _cannot_run(before[name]))
    ]


def _cannot_run(result: ItemResult) -> str:
    texts = [f"{finding.student} {finding.staff}" for finding in result.findings]
    if result.outcome is Outcome.RAISED and not any(mark in text for mark in _ELSEWHERE for text in texts):
        return "raises"
    if any(mark in text for mark in _UNWRITTEN for text in texts):
        return "is not written"
    return ""


@judge_evidence
def judge(context: Context, item: str, evidence: Evidence, needs: Mapping[str, tuple[str, ...]], complete: bool) -> bool:
    """Hold an item's files against each other, and the code against the logs; see `log_reader.judge_evidence`.

    Files that the course handed out are named and not judged: what is odd about them says nothing of who handed them in.
    """
    if evidence.shipped:
        names = ", ".join(evidence.shipped)
        context.note(staff=f"consistency: shipped: the logs are the ones handed out with the homework, by what they hold: {names}")
        settle(context, item, (), complete=complete)
        return True
    if not needs and not evidence.results:
        context.missing.update(NAMES[item])
    try:
        evidence.published = starter_of(context.student.submission, context.term).published
        found = oddities(item, evidence)
        found += byte_equal(context.student.submission.logs, needs, _contents(context.student))
        found += code_against_logs(context.before, needs)
    except Exception as error:
        if set(NAMES[item]) & set(context.counted):
            raise
        context.note(staff=f"consistency could not be judged: {error!r}")  # what costs nothing must not cost the item
        return False
    settle(context, item, found, complete=complete)
    return context.passed >= set(NAMES[item])


def settle(context: Context, item: str, found: Iterable[Oddity], *, complete: bool) -> None:
    """Tell staff what was found and settle the quiet parts: a part is right if nothing was found and all files could be read."""
    by_name: dict[str, list[str]] = {}
    for oddity in found:
        by_name.setdefault(oddity.name, []).append(oddity.text)
    for name in NAMES[item]:
        texts = by_name.get(name, [])
        told = ""
        if name in context.counted and (texts or not complete):
            told = "; ".join(texts) if texts and name not in _HIDDEN else "the recorded curves are not those of this seeded run"
            told = f"The logs do not fit together ({name}): {told}."
            if not texts:
                told = f"Whether the logs fit together ({name}) can be judged only when all of them can be read."
        if texts or told:
            staff = "; ".join(texts)
            context.findings.append(Finding(told, f"consistency: {name}: {staff}" if staff else ""))
        elif complete:
            context.passed.add(name)


for _item, _names in NAMES.items():
    registry.add_quiet(f"logs.{_item}", _names)
