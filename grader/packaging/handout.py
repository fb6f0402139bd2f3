"""The zip that students get: the homework as handed out, and the public half of this grader in it.

Left out is what they must not have: whole folders (`LEFT_OUT`), the rubric's rows that are not visible at once, and parts of
tables, as the homework says. What the public half needs of what lies beside the package goes into `given/`, in the homework's
folder. The same files give the same bytes.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from ..errors import ConfigurationError
from ..grading import toml
from ..grading.fixtures import RECORD
from ..grading.homework import Homework
from ..grading.rubric import Rubric
from ..grading.shipped_logs import rubric_with
from .archive import described, packed, read, shipped, sources
from .autograder import HOMEWORK, PACKAGE, package

_GIVEN: Final = f"{HOMEWORK}/given"
# What students do not get, by folder, below the package.
LEFT_OUT: Final = ("homework/hidden", "classroom", "replay", "commands/staff")
_NOT_DATA: Final = (".py", ".md", ".txt", ".sh", ".ipynb")  # of the starter: no logs, no data set somebody fetched


@dataclass(frozen=True, slots=True)
class Handout:
    """What was built: the zip's bytes, its entries' names, and the public half of the rubric."""

    data: bytes
    names: tuple[str, ...]
    rubric: Rubric

    def __str__(self) -> str:
        """Three lines for people, and one more where logs were handed out."""
        graded, elsewhere = len(self.rubric.graded), self.rubric.elsewhere[0]
        items = "1 public item" if graded == 1 else f"{graded} public items"
        more = "1 more is" if elsewhere == 1 else f"{elsewhere} more are"
        only = f"{items}; {more} graded on Gradescope only"
        return "\n".join([described(self.data, len(self.names)), only, *shipped(self.rubric)])


def handout(homework: Homework, rubric: Path | None = None, known: Path | None = None) -> Handout:
    """Pack a homework with the public half of this grader and of `rubric`, or the built-in one; `known` as in
    `shipped_logs.rubric_with`.

    Raises:
        UsageError: `known` cannot be used.
        ConfigurationError: the rubric is inconsistent, a fixture is not the one on record, or a file is missing.
    """
    text, whole = rubric_with(homework, rubric, known)
    policy = whole.public
    if not policy.graded:
        raise ConfigurationError(f"{rubric or homework.rubric}: no item is visible, so there is nothing that students could run")
    starter = homework.starter_folder
    files = {path.relative_to(starter).as_posix(): read(path) for path in sources(starter) if path.suffix in _NOT_DATA}
    away = tuple(f"{PACKAGE}/{folder}/" for folder in LEFT_OUT)
    files |= {name: data for name, data in package(homework) if not name.startswith(away)}
    quiet = {name: check.quiet for name, check in homework.checks.items()}
    files[f"{HOMEWORK}/{homework.rubric.name}"] = _public_rubric(text, policy, quiet).encode()
    files |= {f"{HOMEWORK}/{name}": data for name, data in homework.handout_files().items()}
    files |= {f"{_GIVEN}/{name}": read(path) for name, path in homework.handed_out().items()}
    files = {name: data.replace(b"\r\n", b"\n") for name, data in files.items()}
    facts = {name: homework.fixtures.verified(name) for name in homework.public_fixtures}  # as recorded
    files |= {f"{_GIVEN}/fixtures/{name}": data for name, data in facts.items()}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in facts.items())
    files[f"{_GIVEN}/fixtures/{RECORD}"] = sums.encode()
    named = {f"{homework.name}/{name}": data for name, data in files.items()}
    data = packed(named, [f"{homework.name}/{name}" for name in homework.scripts])
    return Handout(data, tuple(sorted(named)), policy)


def _public_rubric(whole: bytes, policy: Rubric, quiet: Mapping[str, frozenset[str]]) -> str:
    """The rubric with the visible rows only, and what the others come to."""
    table = tomllib.loads(whole.decode("utf-8"), parse_float=Decimal)
    shown = {item.id for item in policy.graded}
    total = sum((item.points for item in policy.graded), policy.elsewhere[1])  # what is only planned is left out
    lines = ["# The public half of the course's rubric; what is graded on Gradescope only is counted under [elsewhere]."]
    lines += [f"title = {toml.value(policy.title)}", f"total = {_decimal(total)}"]
    lines += [f"shipped_logs = {toml.value(sorted(policy.shipped_logs))}"] if policy.shipped_logs else []
    tables: dict[str, Any] = {key: table[key] for key in ("limits", "defaults") if key in table}
    tables["elsewhere"] = {"items": policy.elsewhere[0], "points": _decimal(policy.elsewhere[1])}
    for name, content in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {toml.value(value)}" for key, value in content.items())]
    for row in table["item"]:
        if row["id"] in shown:
            kept = dict(row)
            if "parts" in row:
                kept["parts"] = {part: weight for part, weight in row["parts"].items() if part not in quiet[row["id"]]}
            if "needs" in row:
                kept["needs"] = [name for name in row["needs"] if name in shown]
            lines += ["", "[[item]]", *(f"{key} = {toml.value(value)}" for key, value in kept.items())]
    return "\n".join(lines) + "\n"


def _decimal(points: Fraction) -> Decimal:
    """Points have two decimals at most."""
    return Decimal(int(points * 100)).scaleb(-2).normalize() + 0
