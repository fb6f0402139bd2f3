"""HTML written anew from what is allowed: whatever comes in, nothing that goes out can run, load or lead astray by itself."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import Final

_VOID: Final = frozenset({"br", "hr", "img"})
_ALLOWED: Final = frozenset(
    {
        *_VOID, "a", "abbr", "b", "blockquote", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6",
        "i", "kbd", "li", "ol", "p", "pre", "s", "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
    }
)  # fmt: skip
_CLASSES: Final = re.compile(r"[\w\- ]{1,200}")
_LINK: Final = re.compile(r"https?://[^\s\x00-\x1f]{1,2000}")
_PICTURE: Final = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=]+")
MAX_DEPTH: Final = 200


def inert(fragment: str) -> str:
    """`fragment` with the allowed elements alone; text of others stays as text, comments and the like go.

    Elements are closed in order, links lead to http(s) addresses only and pictures are data of this page.
    """
    writer = _Writer()
    writer.feed(fragment)
    writer.close()
    return writer.finished()


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Write an allowed element's start."""
        if tag not in _ALLOWED or len(self._open) >= MAX_DEPTH:
            return
        given = {name: value for name, value in attrs if value is not None}
        kept = {}
        if _CLASSES.fullmatch(given.get("class", "")):
            kept["class"] = given["class"]
        if tag == "a" and _LINK.fullmatch(given.get("href", "")):
            kept |= {"href": given["href"], "rel": "noopener noreferrer nofollow"}
        if tag == "img":
            if not _PICTURE.fullmatch(given.get("src", "")):
                return
            kept |= {"src": given["src"], "alt": given.get("alt", "")}
        written = "".join(f' {name}="{html.escape(value)}"' for name, value in kept.items())
        self._out.append(f"<{tag}{written}>")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """As a start; a slash means nothing in HTML."""
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Close the element and what is still open in it."""
        if tag in self._open:
            while self._open:
                last = self._open.pop()
                self._out.append(f"</{last}>")
                if last == tag:
                    break

    def handle_data(self, data: str) -> None:
        """Write text."""
        self._out.append(html.escape(data, quote=False))

    def finished(self) -> str:
        """All that was written, every element closed."""
        return "".join(self._out) + "".join(f"</{tag}>" for tag in reversed(self._open))
