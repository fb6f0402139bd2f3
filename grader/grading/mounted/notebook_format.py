"""Opens a student's notebook. Runs inside the sandbox: what comes back is plain data or a plain clause saying what is wrong.

Any version of the format that has cells is taken: a source may be a text or a list of lines, version 3 keeps cells in worksheets
and a cell's count under another name, and whatever is not of the expected type is passed over.
"""

import base64
import binascii
import json
import re

import notebook_source

MAX_CELLS = 1_000
MAX_TEXT = 300_000  # characters of one cell's source or printed text
MAX_ALL_TEXT = 4_000_000
MAX_PICTURE = 4 * 2**20
MAX_PICTURES = 16 * 2**20
MAX_RUNS = 200
_MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NUMBER = r"(?:np\.float\d\d\()?([-+]?(?:[\d.]{1,40}(?:e[-+]?\d{1,4})?|inf|nan))"
_PROGRESS = r"\s{0,9}(\d{1,9})\s{0,9}/\s{0,9}(\d{1,9})\)\s{0,9}"
_LOSS = re.compile(r"\(Iteration" + _PROGRESS + r"loss:\s{0,9}" + _NUMBER)
_EPOCH = re.compile(r"\(Epoch" + _PROGRESS + r"train[ _]acc:\s{0,9}" + _NUMBER + r";\s{0,9}val[ _]acc:\s{0,9}" + _NUMBER)
_RESULTS = {
    "val_acc": re.compile(r"validation (?:set )?accuracy\s{0,9}:\s{0,9}" + _NUMBER, re.IGNORECASE),
    "test_acc": re.compile(r"test (?:set )?accuracy\s{0,9}:\s{0,9}" + _NUMBER, re.IGNORECASE),
    "sgd": re.compile(r"average train(?:ing)? acc(?:uracy)?(?: for)?\s{0,3},?\s{0,3}sgd\s{0,20}:\s{0,20}" + _NUMBER, re.IGNORECASE),
    "sgd_momentum": re.compile(
        r"average train(?:ing)? acc(?:uracy)?(?: for)?\s{0,3},?\s{0,3}sgd[ _]momentum\s{0,20}:\s{0,20}" + _NUMBER, re.IGNORECASE
    ),
    "difference": re.compile(r"difference\s{0,9}:\s{0,9}" + _NUMBER, re.IGNORECASE),
}


class Unreadable(Exception):
    """Not a notebook; the message is a clause."""


def read_notebook(data):
    """What is compared of a notebook.

    Returns:
        {"error": clause} or {"cells": how many, "code": [a dict for each code cell]} with its place among the cells ("at", from
        1), execution count, whether it has outputs and a picture, what its source says (`notebook_source.facts`) and, where that
        gives it a role, the training runs and accuracies it printed.
    """
    try:
        cells = _cells(data)
    except Unreadable as error:
        return {"error": str(error)}
    code = [(at, cell) for at, cell in enumerate(cells[:MAX_CELLS], start=1) if _kind(cell) == "code"]
    sources = _sources([cell for _, cell in code])
    answer = []
    for (at, cell), source_says in zip(code, notebook_source.facts(sources), strict=True):
        outputs = _outputs(cell)
        found = {"at": at, "count": _count(cell), "outputs": bool(outputs), "picture": any(_pictures(one) for one in outputs)}
        if source_says["roles"]:
            lines = _printed(outputs).splitlines()
            found["runs"] = _runs(lines)
            found["printed"] = _accuracies(lines)
        answer.append({**found, **source_says})
    return {"cells": len(cells), "code": answer}


def read_page(data):
    """What is shown of a notebook.

    Returns:
        {"error": clause} or {"cells": [...], "left_out": how many}: each cell with "kind" (code, markdown, raw), "source", "count",
        "outputs" (("text" or "error", text), or ("png" or "jpeg", bytes)) and "attachments" (name -> (kind, bytes)).
    """
    try:
        cells = _cells(data)
    except Unreadable as error:
        return {"error": str(error)}
    room = _Room()
    shown = []
    for cell in cells[:MAX_CELLS]:
        outputs = []
        for output in _outputs(cell):
            pictures = _pictures(output)
            held = [(kind, picture) for kind, text in pictures if (picture := room.picture(kind, text))][:1]
            if not held:
                text = room.text(_output_text(output))
                held = [("error" if output.get("output_type") in ("error", "pyerr") else "text", text)] if text.strip() else []
                if pictures:
                    held.append(("text", "[a picture that is broken or too large is left out]"))
            outputs += held
        shown.append(
            {
                "kind": _kind(cell),
                "source": room.text(_heading(cell) + _text(_source(cell))),
                "count": _count(cell),
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


def _cells(data):
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


def _sources(cells):
    left = MAX_ALL_TEXT
    sources = []
    for cell in cells:
        sources.append(_text(_source(cell))[:left])
        left -= len(sources[-1])
    return sources


def _source(cell):
    return cell.get("source", cell.get("input"))


def _kind(cell):
    kind = cell.get("cell_type")
    return {"code": "code", "markdown": "markdown", "heading": "markdown"}.get(kind, "raw") if isinstance(kind, str) else "raw"


def _heading(cell):
    level = cell.get("level", 1)
    return "#" * level + " " if cell.get("cell_type") == "heading" and type(level) is int and 1 <= level <= 6 else ""


def _count(cell):
    count = cell.get("execution_count", cell.get("prompt_number"))
    return count if type(count) is int and 0 < count < 10**9 else None


def _outputs(cell):
    return _dicts(cell.get("outputs"))[:MAX_CELLS]


def _text(value):
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


def _pictures(output):
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
        return _text([f"{line}\n" for line in lines] if isinstance(lines, list) else lines)
    return _text(output.get("text")) or _text(_data(output).get("text/plain"))


def _printed(outputs):
    """What the cell wrote to standard output, as it would stand on a terminal's lines."""
    parts = [
        _text(output.get("text"))
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


def _accuracies(lines):
    """What is printed behind the words for an accuracy or a difference, by what it is."""
    return {key: [match[1] for line in lines[-2000:] if (match := form.search(line[:400]))][-20:] for key, form in _RESULTS.items()}


def _runs(lines):
    """The training runs that were printed, in order.

    Each is {"iterations", "epochs" (0 where no line tells), "complete": whether the last epoch's line is there, "losses":
    "iteration value;…", "accs": "epoch train val;…"}; a beginning that was cut off is simply not there.
    """
    runs = []
    last = total = 0

    def begin():
        runs.append({"iterations": 0, "epochs": 0, "complete": False, "losses": [], "accs": []})

    for line in lines:
        if match := _LOSS.search(line[:400]):
            at, of = int(match[1]), int(match[2])
            if not runs or runs[-1]["iterations"] not in (0, of) or at <= last:
                begin()
                total = -1
            runs[-1]["iterations"] = of
            last = at
            runs[-1]["losses"].append(f"{at} {match[3]}")
        elif match := _EPOCH.search(line[:400]):
            at, of = int(match[1]), int(match[2])
            if not runs or runs[-1]["epochs"] not in (0, of) or at <= total:
                begin()
                last = 0
            runs[-1]["epochs"] = of
            total = at
            runs[-1]["accs"].append(f"{at} {match[3]} {match[4]}")
            runs[-1]["complete"] = at == of
    return [{**run, "losses": ";".join(run["losses"]), "accs": ";".join(run["accs"])} for run in runs[:MAX_RUNS]]
