"""The same submissions on different machines: `python -m tests.commands.numpy_versions`, which is `./run_tests --machines`.

A machine here is an interpreter with a NumPy: the oldest that is promised and the newest there is, on every Python from 3.11 on
that is found. Each gets an environment of its own in `.venv-machines`, made once from `gradescope/requirements-*.lock`. All
verdicts, down to what a student reads, must be those that are expected, and those of the first machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.conftest import FC_NET, OPTIM, ROOT, SAMPLES
from tests.homework import rules, styles, terms
from tests.homework.mutants import BLANKS, files, mutants
from tests.homework.test_misconceptions import items_of, should_fail
from tests.homework.test_terms import IMPORTED, UNTOUCHED_TOTAL

ENVIRONMENTS: Final = Path(f"{sys.prefix}-machines")  # beside the tests' own, which ./bootstrap put where it can be read
NUMPYS: Final[Mapping[str, tuple[str, ...]]] = {  # Python -> sets of requirements; the first of all is what is graded with
    "3.11": ("run", "oldest"),
    "3.12": ("newest", "oldest"),
    "3.13": ("newest",),  # the oldest was made for none later than 3.12
    "3.14": ("newest",),
}
MISSING: Final = "there is no such Python"
NOT_MADE: Final = "the environment could not be made"  # where its packages are not to be had; some machine has to be
_MUTANTS, _STYLES, _READINGS, _SHARE = 6, 4, 3, 3  # every so many of them is graded

Verdict = Mapping[str, Any]  # see `verdict_driver.verdict`


@dataclass(frozen=True)
class Row:
    """One submission, the items it is graded for (none: all), and what has to come out: ids that do not pass, and the total."""

    name: str
    path: Path
    items: tuple[str, ...]
    failing: frozenset[str] | None
    total: float | None = None


@dataclass(frozen=True)
class Machine:
    """Where submissions are graded: an interpreter, at a level, with processes made in a way (empty: the usual one)."""

    python: Path
    level: str = "staff"
    kind: str = ""


@dataclass(frozen=True)
class Answers:
    """What a machine is, in its own words, and its verdict on each row by name; `failed` says why there are none."""

    name: str
    verdicts: Mapping[str, Verdict]
    failed: str = ""


# What is graded ---------------------------------------------------------------------------------------------------------------


def table(folder: Path) -> list[Row]:
    """Samples, every term's starter and solution, the ways to import, and some slips and readings, made in `folder`."""
    grades = tomllib.loads((SAMPLES / "grades.toml").read_text("utf-8"))
    rows = [
        Row(f"sample {name}", SAMPLES / name, (), frozenset(grade.get("items", ())), grade["total"])
        for name, grade in grades.items()
    ]
    for term in terms.TERMS:
        untouched = terms.starter(folder / f"starter-{term}", term, logs=False)
        rows.append(Row(f"{term} as handed out", untouched, (), None, UNTOUCHED_TOTAL[term]))
        rows.append(Row(f"{term} solved", terms.solved(folder / f"solved-{term}", term), (), frozenset(), 100))
        for number, style in enumerate(style for style in terms.STYLES if style != "plain"):
            path = terms.styled(folder / f"style-{term}-{number}", term, style)
            rows.append(Row(f"{term}, {style}", path, IMPORTED, frozenset()))
    for slip in [*mutants()][::_MUTANTS]:
        blank, answer = mutants()[slip]
        path = _written(folder / slip, files(**{blank: answer}))
        rows.append(Row(slip, path, items_of(BLANKS[blank][0]), frozenset(should_fail(slip))))
    for number in range(0, styles.COUNT, _STYLES):
        path = _written(folder / f"style-{number}", files(**styles.style(number)))
        rows.append(Row(f"correct style {number}", path, (*items_of(OPTIM), *items_of(FC_NET), "solver.grad_norm"), frozenset()))
    readings = [(rule, name, lines) for rule, named in rules.ACCEPTED.items() for name, lines in named.items()]
    for rule, name, lines in readings[::_READINGS]:
        file, old, new = rules.edit(rule, *lines)
        source = (SAMPLES / "reference" / file).read_text("utf-8").replace(old, new)
        path = _written(folder / f"{rule}-{name}", {file: source.encode()})
        rows.append(Row(f"{rule}, {name}", path, (f"optim.{rule}.golden",), frozenset()))
    return rows


def _written(folder: Path, edits: Mapping[str, bytes]) -> Path:
    """The reference with other files."""
    shutil.copytree(SAMPLES / "reference", folder)
    for name, data in edits.items():
        (folder / name).write_bytes(data)
    return folder


# Where it is graded -----------------------------------------------------------------------------------------------------------


def verdicts(machine: Machine, rows: Sequence[Row]) -> Answers:
    """Grade all rows on a machine."""
    command: list[str | Path] = [
        machine.python,
        "-W",
        "error",
        "-m",
        "tests.commands.verdict_driver",
        machine.level,
        *filter(None, [machine.kind]),
    ]
    asked = "".join(json.dumps([str(row.path), row.items]) + "\n" for row in rows)
    process = subprocess.run(command, cwd=ROOT, input=asked, capture_output=True, text=True, check=False)
    if process.returncode != 0:
        return Answers(str(machine.python), {}, process.stderr.strip().rpartition("\n")[2])
    name, *answers = map(json.loads, process.stdout.splitlines())
    return Answers(name, {row.name: answer for row, answer in zip(rows, answers, strict=True)})


def unexpected(rows: Sequence[Row], answers: Answers) -> list[str]:
    """The rows whose verdict is not the one they have to get, with what came out."""
    told = []
    for row in (row for row in rows if row.name in answers.verdicts):
        found = answers.verdicts[row.name]
        failing = {name for name, item in found["items"].items() if item["outcome"] != "passed"}
        if row.failing is not None and failing != row.failing:
            told.append(f"{row.name}: not passed are {sorted(failing)}, expected were {sorted(row.failing)}")
        if row.total is not None and float(found["total"]) != row.total:
            told.append(f"{row.name}: {found['total']} points, expected were {row.total}")
    return told


def different(one: Answers, other: Answers) -> list[str]:
    """The rows on which two machines say different things, with what each says."""
    told = []
    for row, theirs in other.verdicts.items():
        ours = one.verdicts[row]
        if ours != theirs:
            told.append(f"{row}: {_first_difference(ours, theirs)}")
    return told


def _first_difference(ours: Any, theirs: Any) -> str:
    """Where two verdicts part, down to the words, and what stands there."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        return next(f"{key}: {_first_difference(ours[key], theirs[key])}" for key in ours if ours[key] != theirs[key])
    return f"\n    {ours}\n    {theirs}"


# Environments -----------------------------------------------------------------------------------------------------------------


def environment(base: Path, requirements: str) -> Path:
    """The interpreter of an environment made with `base` of what `requirements-<requirements>.lock` pins; made once.

    Raises:
        CalledProcessError: it could not be made.
    """
    lock = ROOT / "gradescope" / f"requirements-{requirements}.lock"
    version = base.name.removeprefix("python")
    home = ENVIRONMENTS / f"{version}-{requirements}"
    python, stamp = home / "bin" / "python", home / ".installed"
    wanted = f"{base} {hashlib.sha256(lock.read_bytes()).hexdigest()}"
    if not (stamp.exists() and stamp.read_text("utf-8") == wanted):
        subprocess.run([base, "-m", "venv", "--clear", "--without-pip", home], check=True)
        packages = home / "lib" / f"python{version}" / "site-packages"
        pip: list[str | Path] = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--target", packages, "--python-version", version, "--ignore-requires-python", "--only-binary", ":all:"]
        pip += ["--no-compile", "--no-deps", "--require-hashes", "-r", lock]
        subprocess.run(pip, check=True, stderr=subprocess.PIPE, text=True)
        stamp.write_text(wanted, "utf-8")
    return python


def find_python(version: str) -> Path | None:
    """A Python of that version, on the PATH or among those of pyenv or uv; None if there is none.

    The sandbox's user has to be able to read it. Where only those in a folder of root's own are, one is copied.
    """
    paths = [Path(folder) / f"python{version}" for folder in os.get_exec_path()]
    for kept in (Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions", Path.home() / ".local/share/uv/python"):
        paths += sorted(kept.glob(f"*{version}.*/bin/python{version}"))
    private = []
    for path in paths:
        try:
            told = subprocess.run([path, "-c", _WHERE], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):  # not there, or a stand-in for one that is not installed
            continue
        prefix, executable = map(Path, json.loads(told))
        if os.geteuid() != 0 or all(folder.stat().st_mode & 1 for folder in executable.parents):
            return executable
        private.append((prefix, executable))
    return _copied(version, *private[0]) if private else None


def _copied(version: str, prefix: Path, executable: Path) -> Path:
    target = ENVIRONMENTS / f"python-{version}"
    if not target.exists():
        unfinished = ENVIRONMENTS / f"unfinished-{version}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unused = shutil.ignore_patterns("test", "config-*", "site-packages", "__pycache__", "share")
        shutil.copytree(prefix, unfinished, symlinks=True, ignore=unused).rename(target)
    return target / executable.relative_to(prefix)


_WHERE: Final = "import json, os, sys; print(json.dumps([os.path.realpath(sys.prefix), os.path.realpath(sys.executable)]))"


# The command ------------------------------------------------------------------------------------------------------------------


def numpys(rows: Sequence[Row]) -> Iterator[Answers]:
    """The verdicts with each NumPy on each Python it is made for, in the order of `NUMPYS`; at the end what is not here.

    All rows are graded on the first Python, on the others those that are graded whole and a share of the rest.
    """
    fewer = [row for at, row in enumerate(rows) if row.total is not None or at % _SHARE == 0]

    def graded(base: Path, requirements: str) -> Answers:
        try:
            python = environment(base, requirements)
        except subprocess.CalledProcessError as error:
            told = str(error.stderr).strip().rpartition("\n")[2]
            return Answers(f"{base.name}, {requirements}", {}, f"{NOT_MADE}: {told}")
        return verdicts(Machine(python), rows if base == pairs[0][0] else fewer)

    pythons = {version: find_python(version) for version in NUMPYS}
    pairs = [(base, requirements) for version, base in pythons.items() if base for requirements in NUMPYS[version]]
    with ThreadPoolExecutor(int(os.environ.get("TEST_WORKERS", "2"))) as pool:
        yield from pool.map(graded, *zip(*pairs, strict=True))
    yield from (Answers(f"Python {version}", {}, MISSING) for version, base in pythons.items() if base is None)


def main() -> int:
    """The command: a line a machine, what is not as it should be, and how many of them passed."""
    passed = failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        rows = table(folder)
        first: Answers | None = None
        for answers in numpys(rows):
            if answers.failed == MISSING:
                print(f"{answers.name}: not on this machine", flush=True)
                continue
            if answers.failed.startswith(NOT_MADE):
                print(f"{answers.name}: {answers.failed}", flush=True)
                continue
            first = first or answers
            wrong = [answers.failed] if answers.failed else [*unexpected(rows, answers), *different(first, answers)]
            reference = "" if answers.failed else f"reference {answers.verdicts['sample reference']['total']} of 100, "
            print(
                f"{answers.name}: {reference}{len(answers.verdicts)} submissions, {len(wrong)} wrong",
                *wrong,
                sep="\n  ",
                flush=True,
            )
            passed, failed = passed + (not wrong), failed + bool(wrong)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
