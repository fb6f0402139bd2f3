"""The zip that students get: the homework as handed out, and the public half of this grader in it.

Left out is what they must not have: `hidden/`, staff's own commands, the rubric's rows that are not visible at once, the slips that
only those can tell, the published curves. What the public half needs of what lies beside the package goes into `grader/given/`. The
same files give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from . import fixtures, places
from . import rubric as rubrics
from .archive import described, packed, read, sources
from .errors import ConfigurationError
from .exam import registered

TOP: Final = "q_optimizer_init"  # the folder everything lies in
# What is handed out of the package; whatever is not named here is not.
_MODULES: Final = (
    "__init__.py", "__main__.py", "archive.py", "cli.py", "doors.py", "errors.py", "exam.py", "expect.py", "finding.py",
    "fixtures.py", "grading.py", "intake.py", "memory.py", "notebook.py", "places.py",
    "result.py", "rubric.py", "sampling.py", "scoring.py",
    "selection.py", "selfcheck.py", "stopping.py", "student.py", "submission.py", "text.py", "upload.py", "wording.py",
    "checks/__init__.py", "checks/fc_net.py", "checks/init_slips.py", "checks/log_reader.py", "checks/misconceptions.py",
    "checks/mounted/readers.py", "checks/mounted/stub_model.py", "checks/network.py",
    "checks/optim.py", "checks/solver.py", "checks/submission_logs.py",
    "report/__init__.py", "report/progress_line.py", "report/student.py", "report/terminal.py", "report/text.py",
)  # fmt: skip
_PACKAGES: Final = ("sandbox",)
_SLIPS: Final = "checks/misconceptions.toml"
_FACTS: Final = (fixtures.GOLDEN, fixtures.SLIPS, fixtures.NORMS, fixtures.SPREADS)
_SCRIPTS: Final = ("deeplearning/datasets/get_datasets.sh",)
_NOT_DATA: Final = (".py", ".md", ".txt", ".sh", ".ipynb")  # of `student_src/`: no logs, no data set somebody fetched


@dataclass(frozen=True, slots=True)
class Handout:
    """What was built: the zip's bytes, its entries' names, and how many items students can run themselves."""

    data: bytes
    names: tuple[str, ...]
    items: int
    elsewhere: int

    def __str__(self) -> str:
        """Three lines for people."""
        size = described(self.data, len(self.names))
        return f"{size}\n{self.items} public items; {self.elsewhere} more are graded on Gradescope only"


def handout(rubric_path: Path | None = None) -> Handout:
    """Pack the homework with the public half of this grader and of the rubric at `rubric_path`.

    Raises:
        ConfigurationError: the rubric is inconsistent, a fixture is not the one on record, or a file is missing.
    """
    chosen = rubric_path or rubrics.DEFAULT
    checks = registered()
    policy = rubrics.load(chosen, checks).public
    if not policy.graded:
        raise ConfigurationError(f"{chosen}: no item is visible, so there is nothing that students could run")
    homework = places.HANDED_OUT
    files = {path.relative_to(homework).as_posix(): read(path) for path in sources(homework) if path.suffix in _NOT_DATA}
    package = Path(__file__).resolve().parent
    for path in (*(package / name for name in _MODULES), *(path for name in _PACKAGES for path in sources(package / name))):
        files[f"grader/{path.relative_to(package).as_posix()}"] = read(path)
    quiet = {name: check.quiet for name, check in checks.items()}
    files["grader/rubric.toml"] = _public_rubric(read(chosen), policy, quiet).encode()
    files[f"grader/{_SLIPS}"] = _public_slips(read(package / _SLIPS)).encode()
    for path in _FACTS:
        files[f"grader/given/fixtures/{path.name}"] = fixtures.verified(path)
    sums = "".join(f"{hashlib.sha256(read(path)).hexdigest()}  {path.name}\n" for path in _FACTS)
    files["grader/given/fixtures/SHA256SUMS"] = sums.encode()
    for path in sorted((homework / "deeplearning").rglob("*.py")):
        files[f"grader/given/{path.relative_to(homework).as_posix()}"] = read(path)
    named = {f"{TOP}/{name}": data.replace(b"\r\n", b"\n") for name, data in files.items()}
    data = packed(named, [f"{TOP}/{name}" for name in _SCRIPTS])
    return Handout(data, tuple(sorted(named)), len(policy.graded), policy.elsewhere[0])


def _public_rubric(whole: bytes, policy: rubrics.Rubric, quiet: Mapping[str, frozenset[str]]) -> str:
    """The rubric with the visible rows only, and what the others come to."""
    table = tomllib.loads(whole.decode("utf-8"), parse_float=Decimal)
    shown = {item.id for item in policy.graded}
    total = sum((item.points for item in policy.graded), policy.elsewhere[1])  # what is only planned is left out
    lines = ["# The public half of the course's rubric; what is graded on Gradescope only is counted under [elsewhere]."]
    lines += [f"title = {_value(policy.title)}", f"total = {_decimal(total)}"]
    tables: dict[str, Any] = {key: table[key] for key in ("limits", "defaults") if key in table}
    tables["elsewhere"] = {"items": policy.elsewhere[0], "points": _decimal(policy.elsewhere[1])}
    for name, content in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {_value(value)}" for key, value in content.items())]
    for row in table["item"]:
        if row["id"] in shown:
            kept = dict(row)
            if "parts" in row:
                kept["parts"] = {part: weight for part, weight in row["parts"].items() if part not in quiet[row["id"]]}
            if "needs" in row:
                kept["needs"] = [name for name in row["needs"] if name in shown]
            lines += ["", "[[item]]", *(f"{key} = {_value(value)}" for key, value in kept.items())]
    return "\n".join(lines) + "\n"


def _public_slips(whole: bytes) -> str:
    """The slips that the public checks can tell, with a student's words alone."""
    lines = ["# Slips that students really make: what the answers look like then, and what to reread."]
    recorded = fixtures.golden_slips()
    for topic, slips in tomllib.loads(whole.decode("utf-8")).items():
        for slip, texts in slips.items():
            name = f"{topic}.{slip}"
            if name in recorded.get(topic, (name,)):
                lines += ["", f"[{name}]", *(f"{key} = {_value(texts[key])}" for key in ("looks_like", "reread"))]
    return "\n".join(lines) + "\n"


def _decimal(points: Fraction) -> Decimal:
    """Points have two decimals at most."""
    return Decimal(int(points * 100)).scaleb(-2).normalize() + 0


def _value(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, str):
        # TOML's escapes are JSON's; only DEL it does not want as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
