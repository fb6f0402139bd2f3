"""Which submissions staff should look at first, and why: read from the verdicts, the most telling reason first.

A reason is no verdict: docs/logs.md says what an honest student may have done to cause a finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..result import Outcome
from ..text import clean
from .book import Line, Member
from .markup import e, link

_CONSISTENCY: Final = re.compile(r"(?:\w+: )?consistency: (\w+): (.*)", re.DOTALL)
# Consistency findings in the order in which an honest explanation gets likelier; one that is not named here comes behind them.
_TELLING: Final = (
    "byte_equal", "shared_run", "draws_differ", "batch_noise", "full_precision", "accuracy_grid", "finite", "starts_at_ln10",
    "loss_against_accuracy", "val_against_train", "test_against_val", "w_stds_plausible", "printed", "settings", "fixed_values",
    "trajectory", "first_losses_equal", "lengths", "val_acc_is_best", "code_against_logs", "batch_size_agrees",
)  # fmt: skip
_FAILED, _EQUAL, _FINDING, _MISSING = 0, 1, 2, 1000  # ranks; findings take those in between
_SHOWN, OTHERS, _TEXT = 50, 5, 200


@dataclass(frozen=True, slots=True)
class Equal:
    """A file that is byte for byte that of other submissions: the first `OTHERS` of them, and how many more there are."""

    file: str
    others: tuple[Member, ...]
    more: int = 0

    def markup(self) -> str:
        """A sentence with links."""
        named = ", ".join(link(member, named=True) for member in self.others)
        return f"{e(self.file)} is byte for byte that of {named}{f' and {self.more} more' if self.more else ''}"


@dataclass(frozen=True, slots=True)
class Look:
    """A submission to look at: `reasons` are (rank, HTML), lower ranks more telling."""

    member: Member
    reasons: tuple[tuple[int, str], ...]

    @property
    def order(self) -> tuple[int, int]:
        """The most telling reason, then how many there are."""
        return self.reasons[0][0], -len(self.reasons)


def look(line: Line, found: Mapping[str, Any], equal: Sequence[Equal]) -> Look | None:
    """What there is to look at in one submission; None if nothing is."""
    reasons = sorted(_reasons(line, found, equal), key=lambda reason: reason[0])
    return Look(line.member, tuple(reasons)) if reasons else None


def _reasons(line: Line, found: Mapping[str, Any], equal: Sequence[Equal]) -> Iterator[tuple[int, str]]:
    failed = [item for item, mark in line.marks.items() if mark.outcome == Outcome.GRADER_ERROR]
    if "grader_error" in found["extra_data"]:
        yield _FAILED, f"grader error: {e(clean(str(found['extra_data']['grader_error']), _TEXT))}"
    elif failed:
        yield _FAILED, f"grader error in {e(', '.join(failed))}"
    for one in equal:
        yield _EQUAL, one.markup()
    for test in found["tests"]:
        for told in map(_CONSISTENCY.fullmatch, map(str, test["extra_data"].get("staff", ()))):
            if told is not None:
                name, text = told.groups()
                rank = _TELLING.index(name) if name in _TELLING else len(_TELLING)
                yield _FINDING + rank, f"{e(name)}: {e(clean(text, _TEXT))}"
    if line.outcome == Outcome.MISSING:
        yield _MISSING, "missing"


def section(looks: Sequence[Look]) -> str:
    """All of them, the most telling first; after fifty the rest is folded."""
    if not looks:
        return ""
    rows = [
        f'<li>{link(one.member, named=True)}<ul class="plain">{"".join(f"<li>{text}</li>" for _, text in one.reasons)}</ul></li>'
        for one in sorted(looks, key=lambda look: look.order)
    ]
    shown = f"<ol>{''.join(rows[:_SHOWN])}</ol>"
    if len(rows) > _SHOWN:
        shown += (
            f'<details><summary>{len(rows) - _SHOWN} more</summary><ol start="{_SHOWN + 1}">{"".join(rows[_SHOWN:])}</ol></details>'
        )
    return (
        '<section class="first"><h2>To look at first</h2>\n<p>For staff. Nothing here changes points; what it may mean stands in '
        f"docs/logs.md.</p>\n{shown}</section>\n"
    )
