"""A class run as if it had been graded, of any size and the same each time: verdicts of all kinds, written without grading."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np

from grader.classroom import gradebook as gradebooks
from grader.classroom import learning_curves
from grader.classroom.gradebook import Column, Gradebook, Member
from grader.classroom.learning_curves import Record
from grader.classroom.roster import Person
from grader.grading import scoring
from grader.grading.rubric import Item, load_rubric
from grader.homework import HOMEWORK
from grader.report import gradescope
from grader.report.charts import thinned
from tests.conftest import SAMPLES

_GIVEN: Final = (
    *("Ada", "Bo", "Cléo", "Dev", "Eli", "Fay", "Zoë", "Jürgen"),
    *("Nguyễn", "Søren", "José", "Łukasz", "Mei", "Omar", "Priya"),
)
_FAMILY: Final = (
    *("King", "Chen", "Díaz", "Rao", "Stone", "Wu"),
    *("O'Neil", "Müller", "Văn An", "Ødegård", "García Márquez", "Kowalski"),
)
_TEXT: Final = """{item} was called as in the notebook's check; for a cell:
    import numpy as np

    w = np.linspace(-0.4, 0.6, 20).reshape(4, 5)
    dw = np.linspace(-0.6, 0.4, 20).reshape(4, 5)
    print(step(w, dw))
The first array is not right: relative error 0.21, allowed is less than 1e-06 (20 of 20 entries are off, the most at [1, 3]).
    found[0]     -0.40006    -0.34744    -0.29482     -0.2422    -0.18958
    published    -0.40001    -0.34739    -0.29477    -0.24215    -0.18953
    found[1]     -0.14402   -0.091693    -0.03937    0.012947*   0.065258
    published    -0.13803   -0.085446   -0.032865    0.019714*   0.072293
    * furthest apart
It looks as if a step were not counted yet when it was used. Reread the section that says what is counted."""
# How a student of each kind fares at an item: outcomes with their weights.
_KINDS: Final[Mapping[str, Mapping[str, float]]] = {
    "strong": {"passed": 1},
    "usual": {"passed": 14, "partial": 1, "wrong": 1},
    "weak": {"passed": 4, "partial": 2, "wrong": 3, "raised": 1},
    "unlucky": {"passed": 6, "timed out": 1, "crashed": 1, "out of memory": 0.3, "raised": 1},
    "unfinished": {"passed": 1, "wrong": 4},
    "wrong": {"wrong": 1},
    "missing": {"missing": 1},
    "ours": {"passed": 8, "grader error": 1},
}
_SHARES: Final = {"strong": 30, "usual": 38, "weak": 14, "unlucky": 5, "unfinished": 5, "wrong": 1.5, "missing": 4, "ours": 1}


def write(out: Path, count: int, *, quiet: bool = False) -> Gradebook:
    """A run of `count` submissions in `out`, with a roster of whom some are absent; `quiet`: all of them are right."""
    rubric = load_rubric(HOMEWORK.rubric, HOMEWORK.checks)
    titles = {name: check.title for name, check in HOMEWORK.checks.items()}
    columns = tuple(
        Column(item.id, titles[item.id], scoring.rounded(item.points) if item.points or item.bonus else None)
        for item in rubric.graded
    )
    chance = random.Random(count)
    record = _recorded()
    members = []
    for number in range(count):
        first = _GIVEN[number % len(_GIVEN)]
        name = f"{first} {_FAMILY[(number * 7 + number // 15) % len(_FAMILY)]}{f' {number}' if number >= 180 else ''}"
        person = Person(name, str(3_030_000_000 + number), f"student{number}@example.edu")
        members.append(Member(f"submission_{10_000 + number}", (person,), "2024-10-01 23:30:20 Z"))
        kind = "strong" if quiet else chance.choices(list(_SHARES), list(_SHARES.values()))[0]
        target = gradebooks.place(out, members[-1].id)
        target.parent.mkdir(parents=True)
        gradescope.write(_verdict(rubric.graded, titles, kind, chance), target)
        if kind not in ("missing", "unfinished"):
            noisy = {file: {key: (x, _near(y, chance)) for key, (x, y) in one.items()} for file, one in record.items()}
            (target.parent / learning_curves.FILE).write_text(json.dumps(noisy, separators=(",", ":")))
    absent = tuple(Person(f"Absent {number}", str(3_040_000_000 + number)) for number in range(count // 40))
    book = Gradebook(HOMEWORK.title, columns, tuple(members), absent, "")
    gradebooks.save(book, out)
    return book


def _verdict(rows: tuple[Item, ...], titles: Mapping[str, str], kind: str, chance: random.Random) -> dict[str, Any]:
    slips = sorted(HOMEWORK.slip_names())
    tests, total = [], Decimal(0)
    for row in rows:
        (outcome,) = chance.choices(list(_KINDS[kind]), list(_KINDS[kind].values()))
        worth = scoring.rounded(row.points)
        score = {"passed": worth, "partial": scoring.rounded(row.points * 3 / 5)}.get(outcome, Decimal(0))
        of_item = [slip for slip in slips if slip.partition(".")[0] in row.id]
        can_slip = of_item and outcome in ("wrong", "partial")
        made = sorted(set(chance.choices(of_item[:6], k=chance.choice((1, 1, 2))))) if can_slip else []
        blank = kind == "unfinished" and outcome == "wrong"
        extra: dict[str, Any] = {"id": row.id, "outcome": outcome, "parts": {}, "slips": made, "staff": []}
        text = "All right." if outcome == "passed" else _TEXT.format(item=row.id)
        if outcome == "wrong" and not blank:
            extra["staff"] = [f"first: found 0.0129, expected 0.0197; {slip}" for slip in made or ("no slip",)]
            extra["missed_by"] = chance.choice((1.02, 3.5, 1e6))
            extra["code"] = "def step(w, dw):\n    # as it is handed in\n    return w - 0.1 * dw\n"
        if blank:
            text, extra["blank"] = "The blank may not be filled in yet.", True
        if outcome == "passed" and row.id.startswith("logs.") and chance.random() < 0.02:
            extra["staff"] = ["consistency: trajectory: a.npz: other data, other code, or other seed: loss 21 is 1.2, known is 1.3"]
        if kind == "unfinished" and row.id.startswith("logs.") and outcome == "passed":
            extra["staff"] = [f"consistency: code_against_logs: a.npz is there, but {rows[0].id} is not written"]
        points = {"score": float(score), "max_score": float(worth)} if row.points or row.bonus else {}
        total += score if points else 0
        tests.append({"name": titles[row.id], "output": text, "visibility": row.visibility, "extra_data": extra, **points})
    general: dict[str, Any] = {"staff_notes": ["Built on the handout of fa25."]}
    if kind == "missing" and chance.random() < 0.5:
        general["as_if_renamed"] = {"mapping": {"hw/optim (1).py": "optim.py"}, "score": 85}
        general["received"] = ["hw/optim (1).py: not used", "hw/report.pdf: not used"]
    told = "Nothing to grade was found in what was handed in." if kind == "missing" else ""
    return {"score": float(total), "output": f"{total} of 100 points.\n{told}".strip(), "tests": tests, "extra_data": general}


def _recorded() -> Record:
    """The runs that the reference recorded, thinned as a class run does it."""
    found: dict[str, dict[str, tuple[list[float], list[float]]]] = {}
    for path in sorted((SAMPLES / "reference" / "submission_logs").glob("*.npz")):
        with np.load(path) as arrays:
            for series in HOMEWORK.curve_series:
                values = np.nan_to_num(np.asarray(arrays[series.key], np.float64), posinf=50.0)
                x, y = thinned(range(series.start, series.start + len(values)), values, learning_curves.POINTS)
                found.setdefault(path.name, {})[series.key] = ([int(place) for place in x], [float(f"{value:.4g}") for value in y])
    return found


def _near(values: Any, chance: random.Random) -> list[float]:
    factor = chance.uniform(0.9, 1.1)
    return [float(f"{value * factor:.4g}") for value in values]
