"""What every part of the class page is written with: escaped text, points, links to a student's section."""

from __future__ import annotations

from decimal import Decimal
from html import escape

from ..text import clean
from . import text
from .book import Member

MAX_TEXT = 4_000


def e(value: str) -> str:
    """Text as HTML, cleaned and cut; fit for an attribute too."""
    return escape(clean(str(value), MAX_TEXT), quote=True)


def broken(id: str) -> str:
    """An item's id that may be broken at its dots, so that many fit a screen."""
    return e(id).replace(".", ".<wbr>")


def points(value: Decimal) -> str:
    """ "2.5", "10"."""
    return text.points(value.normalize() + 0)


def anchor(member: Member) -> str:
    """The id of a submission's section."""
    return "s-" + e(member.id)


def link(member: Member, *, named: bool = False) -> str:
    """A link to a submission's section, with who it is from where that is wanted and known."""
    names = f" {e(member.names)}" if named and member.names else ""
    return f'<a href="#{anchor(member)}">{e(member.id)}</a>{names}'


def style(outcome: str) -> str:
    """The class an outcome's word is coloured by."""
    return {"passed": "good", "partial": "fair", "grader error": "ours"}.get(outcome, "bad")


def block(kind: str, content: str) -> str:
    """A paragraph of somebody's text; "staff" is marked as such."""
    label = '<b class="label">staff</b> ' if kind else ""
    return f'<div class="text {kind}">{label}{e(content)}</div>\n' if content else ""
