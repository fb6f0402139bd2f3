"""A submission's notebook as one HTML page, for the question that is graded by hand and for the plots.

Nothing in it is executed. The file is opened in the sandbox, which hands out cells, texts and pictures as plain data; nbconvert
makes HTML of these in a second sandbox, which sees nothing else; and what comes back is cut down to an allow-list, under a policy
that forbids scripts, frames, forms and the network.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ..errors import UsageError
from ..grading.atomic import replacing
from ..grading.homework import Homework
from ..report import extras
from ..sandbox.errors import SandboxUnavailable, SessionEnded
from ..sandbox.forms import Plain
from ..sandbox.policy import Kind, Level, Limits
from ..sandbox.supervisor import Sandbox
from ..submission.collect import Submission
from ..submission.text import name as shown
from .html_sanitizer import sanitize
from .markup import environment

_LIMITS: Final = Limits(wall=60.0, cpu=60, memory=1024 * 2**20)
_ANSWER: Final = Plain(parts=100_000, texts=64 * 2**20, entries=0)  # cells, texts and pictures; a page
_READER: Final = "notebook_format.py"  # the core's
_WRITER: Final = Path(__file__).with_name("mounted") / "notebook_writer.py"
# What nbconvert loads only while it renders comes last; in a jail it could not any more.
_PRELOAD: Final = (
    "nbformat", "nbconvert.exporters.html", "jinja2.ext", "encodings.unicode_escape", "xml.dom", "pygments.lexers.python",
    "pygments.styles.default", "pygments.unistring", "mistune.plugins.def_list", "mistune.plugins.task_lists",
    "mistune.plugins.url", "bleach._vendor.html5lib.treebuilders.etree", "bleach._vendor.html5lib.treewalkers.etree",
    "bleach._vendor.html5lib._ihatexml",
)  # fmt: skip
# Where the page says whose it is; nothing of a student's stands before these, and no comment of theirs is kept.
_HEAD: Final = re.compile(rb"<!--head-->.*?<!--/head-->", re.DOTALL)
_TITLE: Final = re.compile(rb"<title>.*?</title>", re.DOTALL)
_HEAD_BYTES: Final = 32_768
_START: Final = "basic/index.html.j2"
_NEEDED: Final = ("nbconvert", "nbformat", "bleach", "jinja2", "nh3")


def require() -> None:
    """Raise `UsageError` where something is not installed that makes pages of notebooks."""
    extras.require("notebooks become pages", "staff", *_NEEDED)


def renderer(homework: Homework, level: Level, kind: Kind | None = None) -> Sandbox:
    """A sandbox that has nbconvert loaded; one can serve any number of pages.

    Raises:
        UsageError: something is not installed.
        SandboxUnavailable: the sandbox does not start.
    """
    require()
    packages = {name.partition(".")[0] for name in _PRELOAD} | {"traitlets", "bs4", "soupsieve", "webencodings", "tinycss2"}
    specs = [importlib.util.find_spec(name) for name in sorted(packages - {"encodings", "xml"})]
    folders = [Path(place) for spec in specs if spec is not None for place in spec.submodule_search_locations or ()]
    return Sandbox(level, kind=kind, secrets=homework.secrets(), preload=_PRELOAD, readable=folders)


def render(homework: Homework, submission: Submission, sandbox: Sandbox, pages: Sandbox | None = None) -> str:
    """The page: one self-contained document.

    Args:
        sandbox: where the file is opened.
        pages: a `renderer`; None makes one for this page.

    Raises:
        UsageError: there is no notebook, it is none, it cannot be rendered, or something is not installed.
    """
    require()
    if submission.notebook is None:
        raise UsageError(submission.refused.get("notebook", f"{submission.label} holds no notebook"))
    name, data = submission.notebook
    found = _asked(sandbox, homework.mounted[_READER], "read_page", name, data)
    if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
        why = found.get("error") if isinstance(found, dict) else ""
        raise UsageError(f"{name} cannot be shown: it {shown(str(why or 'could not be read'), 100)}")
    at = _by_hand(found["cells"], homework.by_hand)
    if pages is None:
        with renderer(homework, sandbox.level, sandbox.kind) as own:
            first, second = (_body(own, name, cells) for cells in (found["cells"][:at], found["cells"][at:]))
    else:
        first, second = (_body(pages, name, cells) for cells in (found["cells"][:at], found["cells"][at:]))
    subtitle = f"{name}, as handed in, without having been run again."
    if found.get("left_out"):
        subtitle += f" {len(found['cells'])} cells are shown, {shown(str(found['left_out']), 20)} are not."
    title = f"{submission.label}: notebook"
    page = environment().get_template("notebook.html")
    return page.render(title=title, subtitle=subtitle, first=first, second=second, links=())


def link_up(pages: Sequence[tuple[Path, str]]) -> None:
    """Have the pages of a class say whose they are and lead to the next; each is given with whose it is, in the class's order.

    Only a page whose head is another by now is written.

    Raises:
        OSError: a page cannot be read or written.
    """
    for number, (path, who) in enumerate(pages):
        around = (("Previous", number - 1), ("Next", number + 1))
        known = [(word, pages[at]) for word, at in around if 0 <= at < len(pages)]
        links = [(f"{word}: {one[1]}", f"../{quote(one[0].parent.name)}/{one[0].name}") for word, one in known]
        head = environment().get_template("notebook_head.html").render(title=who, links=links)
        with path.open("rb") as file:
            start = file.read(_HEAD_BYTES)
        new = _put(_HEAD, start, f"<!--head-->{head}<!--/head-->")
        new = _put(_TITLE, new, f"<title>{escape(who)}: notebook</title>")
        if new != start:
            with replacing(path) as file:
                file.write(new + path.read_bytes()[len(start) :])


def _put(place: re.Pattern[bytes], page: bytes, text: str) -> bytes:
    found = place.search(page)
    return page[: found.start()] + text.encode() + page[found.end() :] if found else page


def _by_hand(cells: Sequence[Any], words: Sequence[str]) -> int:
    """Which cell asks what is graded by hand: the first text that holds all the words; behind the last where none does."""
    for number, cell in enumerate(cells):
        text = str(cell.get("source", "")).lower() if isinstance(cell, dict) and cell.get("kind") == "markdown" else ""
        if words and all(word in text for word in words):
            return number
    return len(cells)


def _body(pages: Sandbox, name: str, cells: Sequence[Any]) -> str:
    """Cells as HTML that can do nothing; empty for none."""
    if not cells:
        return ""
    body = _asked(pages, _WRITER, "write", name, cells, _START, _templates())
    if not isinstance(body, str):
        raise UsageError(f"{name} could not be rendered: no page came back")
    try:
        return sanitize(body)
    except UsageError as error:
        raise UsageError(f"{name} cannot be shown: {error}") from None


def _asked(sandbox: Sandbox, source: Path, function: str, name: str, *arguments: Any) -> Any:
    try:
        with sandbox.session(_LIMITS) as session:
            session.load({source.name: source.read_bytes()})
            (answer,) = session.fetch(session.module(source.stem).attr(function)(*arguments).like(_ANSWER))
            return answer
    except SessionEnded as error:
        raise UsageError(f"{name} could not be rendered: {error.reason} {shown(error.message, 200)}".strip()) from None
    except SandboxUnavailable as error:
        raise UsageError(f"{name} could not be rendered: {error}") from error


@cache
def _templates() -> dict[str, str]:
    """nbconvert's plain HTML templates, by the names they know each other under."""
    found = {}
    try:
        listed = files("nbconvert") or []
    except PackageNotFoundError:
        raise UsageError("nbconvert is not installed here as a package; install it again") from None
    for file in listed:
        place = "/".join(file.parts[-2:])
        if "templates" in file.parts and file.parts[-2] in ("basic", "classic", "base") and file.suffix == ".j2":
            found[place] = Path(str(file.locate())).read_text("utf-8")
            if file.parts[-2] == "base":  # known without its folder too
                found[file.name] = found[place]
    if _START not in found:
        raise UsageError("nbconvert is installed here without its templates; install it again")
    return found
