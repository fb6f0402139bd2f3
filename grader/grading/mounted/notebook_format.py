"""Opens a student's notebook: its cells as plain data. Runs inside the sandbox; nothing of it is executed.

Any version of the format that has cells is taken: a source may be a text or a list of lines, version 3 keeps cells in worksheets
and a cell's count under another name, and whatever is not of the expected type is passed over.
"""

import base64
import binascii
import json
import re

MAX_CELLS = 1_000
MAX_TEXT = 300_000  # characters of one cell's source or printed text
MAX_ALL_TEXT = 4_000_000
MAX_PICTURE = 4 * 2**20
MAX_PICTURES = 16 * 2**20
_MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Unreadable(Exception):
    """Not a notebook; the message is a clause."""


def read_page(data):
    """What is shown of a notebook.

    Returns:
        {"error": clause} or {"cells": [...], "left_out": how many}: each cell with "kind" (code, markdown, raw), "source", "count",
        "outputs" (("text" or "error", text), or ("png" or "jpeg", bytes)) and "attachments" (name -> (kind, bytes)).
    """
    try:
        cells = cells_of(data)
    except Unreadable as error:
        return {"error": str(error)}
    room = _Room()
    shown = []
    for cell in cells[:MAX_CELLS]:
        outputs = []
        for output in outputs_of(cell):
            pictures = pictures_of(output)
            held = [(kind, picture) for kind, text in pictures if (picture := room.picture(kind, text))][:1]
            if not held:
                text = room.text(_output_text(output))
                held = [("error" if output.get("output_type") in ("error", "pyerr") else "text", text)] if text.strip() else []
                if pictures:
                    held.append(("text", "[a picture that is broken or too large is left out]"))
            outputs += held
        shown.append(
            {
                "kind": kind_of(cell),
                "source": room.text(_heading(cell) + text_of(source_of(cell))),
                "count": count_of(cell),
                "outputs": outputs,
                "attachments": _attachments(cell, room),
            }
        )
    return {"cells": shown, "left_out": max(len(cells) - MAX_CELLS, 0)}


class _Room:
    """How much may still be sent."""

    def __init__(self):
        self.letters = MAX_ALL_TEXT
        self.bytes = MAX_PICTURES

    def text(self, text):
        text = text[: self.letters]
        self.letters -= len(text)
        return text

    def picture(self, kind, text):
        """The bytes of a picture that is what it claims to be; None for any other."""
        if len(text) > MAX_PICTURE * 4 // 3 + 100:
            return None
        try:
            picture = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            return None
        if not picture.startswith(_MAGIC[kind]) or len(picture) > self.bytes:
            return None
        self.bytes -= len(picture)
        return picture


def cells_of(data):
    if not data.strip():
        raise Unreadable("is empty")
    try:
        notebook = json.loads(data.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError, MemoryError):
        raise Unreadable("is not valid JSON") from None
    if not isinstance(notebook, dict):
        raise Unreadable("is no notebook")
    sheets = [notebook, *_dicts(notebook.get("worksheets"))]
    if not any(isinstance(sheet.get("cells"), list) for sheet in sheets):
        raise Unreadable("holds no cells")
    return [cell for sheet in sheets for cell in _dicts(sheet.get("cells"))]


def _dicts(value):
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def source_of(cell):
    return cell.get("source", cell.get("input"))


def kind_of(cell):
    kind = cell.get("cell_type")
    return {"code": "code", "markdown": "markdown", "heading": "markdown"}.get(kind, "raw") if isinstance(kind, str) else "raw"


def _heading(cell):
    level = cell.get("level", 1)
    return "#" * level + " " if cell.get("cell_type") == "heading" and type(level) is int and 1 <= level <= 6 else ""


def count_of(cell):
    count = cell.get("execution_count", cell.get("prompt_number"))
    return count if type(count) is int and 0 < count < 10**9 else None


def outputs_of(cell):
    return _dicts(cell.get("outputs"))[:MAX_CELLS]


def text_of(value):
    """A text or a list of texts, cut to what one cell may hold."""
    if isinstance(value, str):
        return value[:MAX_TEXT].replace("\r\n", "\n")
    if not isinstance(value, list):
        return ""
    parts, size = [], 0
    for part in value:
        if isinstance(part, str) and size < MAX_TEXT:
            parts.append(part)
            size += len(part)
    return "".join(parts)[:MAX_TEXT].replace("\r\n", "\n")


def _data(output):
    """Media type -> what stands there; version 3 has the short names beside the rest."""
    data = output.get("data")
    return data if isinstance(data, dict) else output


def pictures_of(output):
    found = []
    data = _data(output)
    for kind in _MAGIC:
        text = _text_of_picture(data.get(f"image/{kind}", data.get(kind)))
        if text:
            found.append((kind, text))
    return found


def _text_of_picture(value):
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _output_text(output):
    if output.get("output_type") in ("error", "pyerr"):
        lines = output.get("traceback")
        return text_of([f"{line}\n" for line in lines] if isinstance(lines, list) else lines)
    return text_of(output.get("text")) or text_of(_data(output).get("text/plain"))


def printed_by(outputs):
    """What the cell wrote to standard output, as it would stand on a terminal's lines."""
    parts = [
        text_of(output.get("text"))
        for output in outputs
        if output.get("output_type") == "stream" and output.get("name", output.get("stream", "stdout")) == "stdout"
    ]
    return _ESCAPES.sub("", "".join(parts)[:MAX_TEXT])


def _attachments(cell, room):
    found = {}
    attachments = cell.get("attachments")
    for name, held in list(attachments.items())[:100] if isinstance(attachments, dict) else ():
        for kind in _MAGIC:
            picture = room.picture(kind, _text_of_picture(held.get(f"image/{kind}"))) if isinstance(held, dict) else None
            if picture and len(name) <= 200:
                found[name] = (kind, picture)
    return found
