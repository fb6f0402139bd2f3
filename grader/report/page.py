"""report.html: the class in one file that opens offline, without a server and without fetching anything.

Everything a student wrote is escaped, and a policy in the page lets no script run but its own. The page is given piece by piece,
so that a large class is never held in memory.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from . import attention, curves, glance
from .attention import Equal
from .book import Book, Column, Line, Member
from .markup import broken, e, link, points, style
from .runs import Published
from .section import Beside, section

TEMPLATE: Final = Path(__file__).with_name("page.html")

Verdicts = Callable[[], Iterator[tuple[Line, dict[str, Any]]]]


def render(
    book: Book,
    verdicts: Verdicts,
    slip_names: Mapping[str, str],
    *,
    beside: Callable[[Member], Beside] = lambda _: Beside(),
    equal: Mapping[str, Sequence[Equal]] | None = None,
    published: Mapping[str, Published] | None = None,
) -> Iterator[str]:
    """The page in pieces.

    Args:
        verdicts: goes through every submission and its results.json; called three times.
        slip_names: what each slip is, in a few words.
        beside: what there is of a submission beside its verdict.
        equal: by submission its files that others have, too.
        published: what is published of each log's run, to be drawn with the recorded ones.
    """
    counted = glance.Glance()
    looks = []
    equal = equal or {}
    for line, found in verdicts():
        counted.add(line)
        look = attention.look(line, found, equal.get(line.member.id, ()))
        if look is not None:
            looks.append(look)
    head, _, rest = TEMPLATE.read_text("utf-8").partition("<!--body-->")
    script = rest.partition("<script>")[2].partition("</script>")[0]
    texts = {"{{title}}": e(book.title), "{{script}}": _digest(script), "{{curves}}": curves.STYLE}
    for name, text in texts.items():
        head = head.replace(name, text)
    yield head
    yield f"<h1>{e(book.title)}</h1>\n<p>{glance.counts(book, counted)}</p>\n"
    yield glance.panels(book, counted, slip_names)
    yield attention.section(looks)
    yield from _table(book, verdicts)
    yield _absent(book)
    yield "<h2>Students</h2>\n"
    for line, found in verdicts():
        yield from section(book, line, found, beside(line.member), equal.get(line.member.id, ()), published or {})
    yield rest


def _table(book: Book, verdicts: Verdicts) -> Iterator[str]:
    heads = ["Submission", "Name", "SID", "Outcome", "Total", *(column.id for column in book.columns)]
    yield (
        '<h2 id="class">Class</h2>\n<p class="search"><label>Search <input type="search" id="search" autocomplete="off"></label> '
        f'<span id="shown" role="status">{len(book.members)} shown</span></p>\n<div class="wide" tabindex="0" role="region" '
        'aria-labelledby="class"><table id="grades"><thead><tr>'
    )
    for column in heads:
        yield f'<th scope="col"><button type="button">{broken(column)}</button></th>'
    yield "</tr></thead><tbody>\n"
    for line, _ in verdicts():
        people = line.member.people
        sids = ", ".join(person.sid for person in people if person.sid)
        cells = [e(line.member.names), e(sids), f'<span class="{style(line.outcome)}">{e(line.outcome)}</span>']
        marks = "".join(_mark(column, line) for column in book.columns)
        more = e(" ".join(person.email for person in people))
        yield f'<tr data-more="{more}"><th scope="row">{link(line.member)}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}'
        yield f'<td class="number">{points(line.total)}</td>{marks}</tr>\n'
    yield "</tbody></table></div>\n"


def _mark(column: Column, line: Line) -> str:
    mark = line.marks.get(column.id)
    if mark is None:
        return "<td></td>"
    shown = mark.outcome if mark.score is None else points(mark.score)
    return f'<td class="number {style(mark.outcome)}" title="{e(mark.outcome)}">{e(shown)}</td>'


def _absent(book: Book) -> str:
    if not book.absent:
        return ""
    rows = "".join(f"<li>{e(' '.join(filter(None, (person.name, person.sid, person.email))))}</li>" for person in book.absent)
    return f"<h2>Absent</h2>\n<ul>{rows}</ul>\n"


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
