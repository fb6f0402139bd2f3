"""A submission's notebook as one HTML page, for the question that is graded by hand and for the plots.

Nothing in it is executed. The file is opened in the sandbox, which hands out cells, texts and pictures as plain data; nbconvert
makes HTML of these in a second sandbox, which sees nothing else; and what comes back is written anew from an allow-list, under a
policy that forbids scripts, frames, forms and the network.
"""

from __future__ import annotations

import html
import importlib.util
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from string import Template
from typing import Any, Final

from .errors import SandboxUnavailable, UsageError
from .grading import secret_paths
from .inert import inert
from .sandbox.ending import SessionEnded
from .sandbox.policy import Kind, Level, Limits
from .sandbox.supervisor import Sandbox
from .student import staff_source
from .submission import Submission
from .text import clean

_PAGE: Final = Path(__file__).with_name("report") / "notebook.html"
_LIMITS: Final = Limits(wall=60.0, cpu=60, memory=1024 * 2**20)
_READER: Final = ("notebook_reader.py", "notebook_source.py", "notebook_values.py")
_WRITER: Final = ("notebook_writer.py",)
# What nbconvert loads only while it renders comes last; in a jail it could not any more.
_PRELOAD: Final = (
    "nbformat", "nbconvert.exporters.html", "jinja2.ext", "encodings.unicode_escape", "xml.dom", "pygments.lexers.python",
    "pygments.styles.default", "pygments.unistring", "mistune.plugins.def_list", "mistune.plugins.task_lists",
    "mistune.plugins.url", "bleach._vendor.html5lib.treebuilders.etree", "bleach._vendor.html5lib.treewalkers.etree",
    "bleach._vendor.html5lib._ihatexml",
)  # fmt: skip
_START: Final = "basic/index.html.j2"
_ABSENT: Final = "notebooks become pages with nbconvert, which is not installed here; ./bootstrap staff sets it up"


def require() -> None:
    """Raise `UsageError` where nbconvert is not installed."""
    if any(importlib.util.find_spec(name) is None for name in ("nbconvert", "nbformat", "bleach", "jinja2")):
        raise UsageError(_ABSENT)


def renderer(level: Level, kind: Kind | None = None) -> Sandbox:
    """A sandbox that has nbconvert loaded; one can serve any number of pages.

    Raises:
        UsageError: nbconvert is not installed.
        SandboxUnavailable: the sandbox does not start.
    """
    require()
    packages = {name.partition(".")[0] for name in _PRELOAD} | {"traitlets", "bs4", "soupsieve", "webencodings", "tinycss2"}
    specs = [importlib.util.find_spec(name) for name in sorted(packages - {"encodings", "xml"})]
    folders = [Path(place) for spec in specs if spec is not None for place in spec.submodule_search_locations or ()]
    return Sandbox(level, kind=kind, secrets=secret_paths(), preload=_PRELOAD, readable=folders)


def render(submission: Submission, sandbox: Sandbox, pages: Sandbox | None = None) -> str:
    """The page: one self-contained document.

    Args:
        sandbox: where the file is opened.
        pages: a `renderer`; None makes one for this page.

    Raises:
        UsageError: there is no notebook, it is none, it cannot be rendered, or nbconvert is not installed.
    """
    require()
    if submission.notebook is None:
        raise UsageError(submission.refused.get("notebook", f"{submission.label} holds no notebook"))
    name, data = submission.notebook
    found = _asked(sandbox, _READER, "read_page", name, data)
    if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
        why = found.get("error") if isinstance(found, dict) else ""
        raise UsageError(f"{name} cannot be shown: it {clean(str(why or 'could not be read'), 100)}")
    if pages is None:
        with renderer(sandbox.level, sandbox.kind) as own:
            body = _asked(own, _WRITER, "write", name, found["cells"], _START, _templates())
    else:
        body = _asked(pages, _WRITER, "write", name, found["cells"], _START, _templates())
    if not isinstance(body, str):
        raise UsageError(f"{name} could not be rendered: no page came back")
    subtitle = f"{name}, as handed in, without having been run again."
    if found.get("left_out"):
        subtitle += f" {len(found['cells'])} cells are shown, {clean(str(found['left_out']), 20)} are not."
    texts = {"title": html.escape(f"{submission.label}: notebook"), "subtitle": html.escape(subtitle), "body": inert(body)}
    return Template(_PAGE.read_text("utf-8")).substitute(texts)


def _asked(sandbox: Sandbox, sources: tuple[str, ...], function: str, name: str, *arguments: Any) -> Any:
    try:
        with sandbox.session(_LIMITS) as session:
            session.load({source: staff_source(source) for source in sources})
            (answer,) = session.fetch(session.module(sources[0].removesuffix(".py")).attr(function)(*arguments))
            return answer
    except SessionEnded as error:
        raise UsageError(f"{name} could not be rendered: {error.reason} {clean(error.message, 200)}".strip()) from None
    except SandboxUnavailable as error:
        raise UsageError(f"{name} could not be rendered: {error}") from error


@cache
def _templates() -> dict[str, str]:
    """nbconvert's plain HTML templates, by the names they know each other under."""
    found = {}
    try:
        listed = files("nbconvert") or []
    except PackageNotFoundError:
        raise UsageError(_ABSENT) from None
    for file in listed:
        place = "/".join(file.parts[-2:])
        if "templates" in file.parts and file.parts[-2] in ("basic", "classic", "base") and file.suffix == ".j2":
            found[place] = Path(str(file.locate())).read_text("utf-8")
            if file.parts[-2] == "base":  # known without its folder too
                found[file.name] = found[place]
    if _START not in found:
        raise UsageError("nbconvert is installed here without its templates; ./bootstrap staff sets it up")
    return found
