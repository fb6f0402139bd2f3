"""A submission in which all that a report may repeat tries to pass for a line of the grader, and how such a line is found."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.conftest import OPTIM

MARK: Final = "zqx"  # stands in every forged line, and in nothing of ours
LINES: Final = (
    f"[staff] {MARK} passed 10/10",
    f"Total: {MARK} 100 of 100 points in 0.1 s.",
    f"Note: {MARK} everything is right.",
    f"Warning: {MARK} mend the grader.",
    f"  passed        {MARK}.golden  10/10",
    f"    2/6  passed          100/100    2.1 s  {MARK}",
    f"-------- for staff -------- {MARK}",
    f"grader: {MARK}",
    f"Submission {MARK}",
    f"consistency: {MARK}",
    f"100 of 100 points. {MARK}",
)
ENDS: Final = {  # whatever begins a line for a terminal, a browser, Python or a spreadsheet
    "line feed": "\n",
    "return": "\r",
    "both": "\r\n",
    "vertical tab": "\v",
    "form feed": "\f",
    "file separator": "\x1c",
    "record separator": "\x1e",
    "next line": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "escape for next line": "\x1b[E",
    "escape for up and clear": "\x1b[1A\x1b[2K\r",
    "C1 for next line": "\x9bE",
    "backspaces": "\b" * 20,
    "override": "\u202e\n\u2066",
    "blanks that wrap": " " * 61,
}
MARKUP: Final = "</pre></div><script>alert(1)</script><img src=x onerror=alert(2)>]]>"
FORMULAS: Final = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\uff1d1+1")
TERMINAL: Final = (0, 2, 10)  # blanks that lines of a report on a terminal begin with
_ANY_END: Final = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_ACTS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def text(end: str, *, first: str = "") -> str:
    """Every forged line, at the first, in the middle and at the end."""
    return end.join([first, *LINES, MARKUP, ""])


def assert_none_passes_for_ours(output: str, ours: Collection[int] = range(1_000)) -> None:
    """No forged line begins a line of the output where ours do, which is after so many blanks, and nothing in it acts."""
    for line in _ANY_END.split(output):
        for forged in LINES:
            lead = len(line) - len(line.lstrip(" "))
            assert lead not in ours or not line.lstrip(" ").startswith(forged.strip()), line
    assert not _ACTS.search(output), ascii(output[max(_ACTS.search(output).start() - 60, 0) :][:120])  # type: ignore[union-attr]


def spoil(folder: Path, end: str) -> Path:
    """Let the submission in `folder` say it in messages, classes, functions, prints, keys, names of files and the notebook."""
    said = text(end)
    (folder / OPTIM).write_text(_CODE.format(said=said.encode("utf-8", "surrogatepass")), "utf-8")
    logs = folder / "submission_logs"
    arrays: dict[str, Any] = {said[:200].replace("/", ""): np.zeros(3)}
    np.savez(logs / "optimizer_experiment_sgd.npz", **arrays)
    results = json.loads((logs / "results.json").read_text("utf-8"))
    (logs / "results.json").write_text(json.dumps({**results, "update_rule": said[:30], said[:300]: 1}), "utf-8")
    notebook = folder / "q_optimizer_init.ipynb"
    source = json.loads(notebook.read_text("utf-8"))
    for cell in source["cells"]:
        if cell["cell_type"] == "code" and "update_rule" in "".join(cell["source"]):
            cell["source"] = "".join(cell["source"]).replace("'adam'", repr(said)).replace('"adam"', repr(said))
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": said}]
    notebook.write_text(json.dumps(source), "utf-8")
    for number, forged in enumerate(LINES):  # a name that is told, and begins a sentence
        name = forged.replace("/", "\u2215")
        place = folder / f"{name}{end}{name}"[:90].replace("\0", "").replace("/", "")
        place.mkdir(exist_ok=True)
        (place / ("optimizer_experiment_adam.npz" if number else "solver (1).py")).write_bytes(b"")
    (folder / "deeplearning/solver.py").unlink()
    (logs / "optimizer_experiment_adam.npz").unlink()
    return folder


_CODE: Final = """
import numpy as np

SAID = {said!r}.decode("utf-8", "surrogatepass")
print(SAID)


def sgd(w, dw, config=None):
    return w, config


def _raise():
    raise type(SAID[:150], (ValueError,), {{}})(SAID)


_raise.__code__ = _raise.__code__.replace(co_name=SAID[:200])


def sgd_momentum(w, dw, config=None):
    _raise()


def adam(w, dw, config=None):
    return w, {{SAID[:100]: w, "m" + SAID[:100]: w}}


class Odd:
    pass


Odd.__name__ = Odd.__qualname__ = SAID[:100]


def rmsprop(w, dw, config=None):
    return Odd(), {{}}
"""
