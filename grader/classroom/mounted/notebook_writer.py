"""Makes HTML of a notebook with nbconvert, without executing anything. Runs inside a sandbox that has nbconvert loaded.

The cells are those of `notebook_reader.read_page`; of them a clean notebook is built. Nothing else of the student's file gets here.
"""

import base64
import html
import re

import bleach
from jinja2 import DictLoader, pass_context
from nbconvert.exporters.html import HTMLExporter
from nbformat import from_dict

_TAGS = {
    *bleach.ALLOWED_TAGS, "p", "div", "span", "br", "hr", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "img", "del", "s", "sub",
    "sup", "table", "thead", "tbody", "tr", "th", "td", "dl", "dt", "dd", "kbd",
}  # fmt: skip
_ATTACHED = re.compile(r"attachment:([^\s)\"'>]*)")
_ATTRIBUTES = {"a": ["href", "title"], "img": ["src", "alt"], "*": ["class"]}


class _Exporter(HTMLExporter):
    """The exporter without a look at the disk, where a jail has nothing: templates are given, and no schema is asked for."""

    def get_template_names(self):
        return []

    def get_prefix_root_dirs(self):
        return []

    def _validate_preprocessor(self, nbc, preprocessor):
        pass

    @pass_context
    def markdown2html(self, context, source):
        """A text that cannot be rendered is shown as it is written; the others are not lost with it."""
        try:
            return super().markdown2html(context, source)
        except Exception:
            return f"<pre>{html.escape(source)}</pre>"


def write(cells, start, templates):
    """HTML of the cells, a fragment for a page's body; `templates` maps names of nbconvert's templates to texts, `start` is one."""
    exporter = _Exporter(sanitize_html=True, exclude_anchor_links=True, template_file=start, extra_loaders=[DictLoader(templates)])
    exporter.register_filter("clean_html", _clean)  # nbconvert's own knows no headings and no paragraphs
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 4,
        "metadata": {"language_info": {"name": "python", "pygments_lexer": "python3"}},
        "cells": [_cell(cell) for cell in cells],
    }
    return exporter.from_notebook_node(from_dict(notebook))[0]


def _clean(text):
    return bleach.clean(str(text), tags=_TAGS, attributes=_ATTRIBUTES, protocols={"http", "https", "mailto", "data"})


def _cell(cell):
    made = {"cell_type": cell["kind"], "source": cell["source"], "metadata": {}}
    if cell["kind"] == "code":
        made |= {"execution_count": cell["count"], "outputs": [_output(kind, held) for kind, held in cell["outputs"]]}
    if cell["kind"] == "markdown" and (cell["attachments"] or "attachment:" in cell["source"]):
        made["source"] = _ATTACHED.sub(lambda found: found[found[1] not in cell["attachments"]], cell["source"])
        made["attachments"] = {name: {f"image/{kind}": _text(picture)} for name, (kind, picture) in cell["attachments"].items()}
    return made


def _output(kind, held):
    if kind in ("text", "error"):
        return {"output_type": "stream", "name": "stdout" if kind == "text" else "stderr", "text": held}
    return {"output_type": "display_data", "data": {f"image/{kind}": _text(held)}, "metadata": {}}


def _text(picture):
    return base64.b64encode(picture).decode("ascii")
