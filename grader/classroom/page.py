"""report.html: the class in one file that opens offline, without a server and without fetching anything.

What there is to do comes first, then the class at a glance, its table, and a section a student, which the page's own script makes
of data in the page once somebody looks: so a large class opens at once. Everything a student wrote is escaped, and a policy in the
page lets no style and no script in but its own. The page is given piece by piece; verdicts are never held in memory together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, Final

from ..grading.homework import Homework
from ..report import charts
from . import attempts, triage
from .class_statistics import statistics
from .gradebook import Gradebook, Line, Member
from .markup import environment
from .student_section import Beside, section

Verdicts = Callable[[], Iterator[tuple[Line, dict[str, Any]]]]
_PIECES: Final = 100  # of a template, which are short, in one of the page


def render(
    homework: Homework,
    book: Gradebook,
    verdicts: Verdicts,
    *,
    beside: Callable[[Member], Beside] = lambda _: Beside(),
) -> Iterator[str]:
    """The page in pieces.

    Args:
        homework: which one it is.
        verdicts: goes through every submission and its results.json; called twice.
        beside: what there is of a submission beside its verdict.
    """
    order = homework.findings_order()
    lines: dict[str, Line] = {}
    tasks = {}
    for line, found in verdicts():
        lines[line.member.id] = line
        tasks[line.member.id] = triage.tasks(line, found, order) if line.counts else []
    count = [line for line in lines.values() if line.counts]
    handed = attempts.others(attempts.Attempt(m.id, m.people, m.created_at) for m in book.members)

    def same(member: Member) -> list[Line]:
        return [lines[one] for one in handed.get(member.id, ()) if one in lines]

    pieces = (
        environment()
        .get_template("page.html")
        .stream(
            book=book,
            statistics=statistics(book, count, homework.slip_names(), len(lines) - len(count)),
            queues=triage.queues(task for ones in tasks.values() for task in ones),
            kinds=triage.KINDS,
            groups=[(name, len(list(ones))) for name, ones in groupby(column.id.partition(".")[0] for column in book.columns)],
            lines=count,
            others=[line for line in lines.values() if not line.counts],
            tasks=tasks,
            sections=(
                (line.member.id, section(homework, line, found, beside(line.member), tasks[line.member.id], same(line.member)))
                for line, found in verdicts()
            ),
            curves_style=charts.STYLE,
        )
    )
    pieces.enable_buffering(_PIECES)
    yield from pieces
