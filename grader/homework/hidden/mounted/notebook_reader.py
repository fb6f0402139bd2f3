"""What is compared of a student's notebook. Runs inside the sandbox; what comes back is plain data or a clause."""

import re

import notebook_source
from notebook_format import (
    MAX_ALL_TEXT,
    MAX_CELLS,
    Unreadable,
    cells_of,
    count_of,
    kind_of,
    outputs_of,
    pictures_of,
    printed_by,
    source_of,
    text_of,
)

MAX_RUNS = 200
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
_LIKELY = re.compile(r"acc|difference", re.IGNORECASE)  # in each line that one of them may match, and in few others


def read_notebook(data):
    """What is compared of a notebook.

    Returns:
        {"error": clause} or {"cells": how many, "code": [a dict for each code cell]} with its place among the cells ("at", from
        1), execution count, whether it has outputs and a picture, what its source says (`notebook_source.facts`) and, where that
        gives it a role, the training runs and accuracies it printed.
    """
    try:
        cells = cells_of(data)
    except Unreadable as error:
        return {"error": str(error)}
    code = [(at, cell) for at, cell in enumerate(cells[:MAX_CELLS], start=1) if kind_of(cell) == "code"]
    sources = _sources([cell for _, cell in code])
    answer = []
    for (at, cell), source_says in zip(code, notebook_source.facts(sources), strict=True):
        outputs = outputs_of(cell)
        found = {"at": at, "count": count_of(cell), "outputs": bool(outputs), "picture": any(pictures_of(one) for one in outputs)}
        if source_says["roles"]:
            lines = printed_by(outputs).splitlines()
            found["runs"] = _runs(lines)
            found["printed"] = _accuracies(lines)
        answer.append({**found, **source_says})
    return {"cells": len(cells), "code": answer}


def _sources(cells):
    left = MAX_ALL_TEXT
    sources = []
    for cell in cells:
        sources.append(text_of(source_of(cell))[:left])
        left -= len(sources[-1])
    return sources


def _accuracies(lines):
    """What is printed behind the words for an accuracy or a difference, by what it is."""
    likely = [line[:400] for line in lines[-2000:] if _LIKELY.search(line)]
    return {key: [match[1] for line in likely if (match := form.search(line))][-20:] for key, form in _RESULTS.items()}


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
