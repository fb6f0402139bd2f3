"""HTML cut down to what is allowed: whatever comes in, nothing that goes out can run, load or lead astray by itself."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from ..errors import UsageError

_VOID: Final = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
_TAGS: Final = {
    "a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr",
    "i", "img", "kbd", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr",
    "ul",
}  # fmt: skip
_ATTRIBUTES: Final = {"*": {"class"}, "a": {"href"}, "img": {"src", "alt"}}
_VALUES: Final = {
    ("a", "href"): re.compile(r"https?://[^\s\x00-\x1f]{1,2000}"),
    ("img", "src"): re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=]+"),
}
_CLASSES: Final = re.compile(r"[\w\- ]{1,200}")
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
# HTML has these opened again in every element that follows the one they were left open in.
_REOPENED: Final = frozenset({"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"})
MAX_DEPTH: Final = 200
MAX_REOPENED: Final = 1_000_000


def sanitize(fragment: str) -> str:
    """`fragment` with the allowed elements alone; text of others stays as text, comments and the like go.

    Links lead to http(s) addresses only and pictures are data of this page.

    Raises:
        UsageError: its elements are nested as no text needs it; parsed by HTML's rules they would take minutes or all memory.
    """
    import nh3

    _check_nesting(fragment)
    return nh3.clean(
        fragment,
        tags=_TAGS,
        clean_content_tags=set(),
        attributes=_ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes={"http", "https", "data"},  # of which `_kept` leaves pictures alone
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


def _kept(tag: str, attribute: str, value: str) -> str | None:
    allowed = _CLASSES if attribute == "class" else _VALUES.get((tag, attribute))
    return value if allowed is None or allowed.fullmatch(value) else None


def _check_nesting(fragment: str) -> None:
    """Refuse, by the tags as they stand there, what would cost too much to parse."""
    opened: Counter[str] = Counter()
    depth = formats = reopened = 0
    for end, name in _TAG.findall(fragment):
        tag = name.lower()
        if tag in _VOID or (end and not opened[tag]):
            continue
        step = -1 if end else 1
        opened[tag] += step
        depth += step
        formats += step * (tag in _REOPENED)
        reopened += formats
        if depth > MAX_DEPTH:
            raise UsageError(f"its elements are nested more than {MAX_DEPTH} deep")
        if reopened > MAX_REOPENED:
            raise UsageError("its bold, italic and other such elements are nested in too many others")
