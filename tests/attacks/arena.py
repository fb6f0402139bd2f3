"""Where attacks are carried out and judged: what lies around for them to take, and what must be true afterwards."""

from __future__ import annotations

import json
import math
import os
import platform
import re
import secrets
import shutil
import tomllib
import unicodedata
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from grader.grading.homework import ROOT
from grader.grading.rubric import Rubric
from grader.homework import HOMEWORK, published
from tests.attacks.handed_in import BUNDLES, Box, Bundle

REFERENCE = HOMEWORK.sample
GOLDEN = HOMEWORK.fixtures.folder / published.GOLDEN
UNSEEN = HOMEWORK.fixtures.folder / published.UNSEEN_NORMS
CORPUS = Path(__file__).with_name("corpus")
CODE = {"optim": "deeplearning/optim.py", "fc_net": "deeplearning/classifiers/fc_net.py", "solver": "deeplearning/solver.py"}
CHAPTERS = ("forging", "secrets", "results", "exhaustion", "sizes", "escape", "feedback")
_WATCHED = ("/", "/tmp", "/dev/shm", "/dev/mqueue", "/var/tmp", ROOT, ROOT / "grader", ROOT / "fixtures", ROOT / "tests")
_KEYS = {
    "name",
    "file",
    "source",
    "repeat",
    "whole",
    "hits",
    "said",
    "unsaid",
    "seconds",
    "control",
    "machine",
    "small",
    "full",
    "broken",
    "blank",
}


@dataclass(frozen=True, slots=True, eq=False)
class Attack:
    """One hostile submission.

    Attributes:
        hits: pattern of item ids -> outcomes it may have there; an item that asks the same function in another way may end
            anyhow, and everything else must get full points.
        said, unsaid: text that must, or must not, stand in an output of the items it hits.
        seconds: wall limit of those items.
        control: whether a test shows that the attempt works where nothing stops it.
        small: whether the whole verdict must stay small.
        full: whether every item is to be asked, also those that ask the same function many times.
        broken: how the grader fails to stand it, until that is mended.
    """

    name: str
    make: Callable[[Box], Path]
    hits: Mapping[str, tuple[str, ...]]
    said: str = ""
    unsaid: str = ""
    seconds: float | None = None
    control: bool = False
    small: bool = False
    full: bool = False
    broken: str = ""

    def outcomes(self, item: str) -> tuple[str, ...]:
        """What this item may come to; nothing for one that is not hit."""
        words = next((words for pattern, words in self.hits.items() if fnmatchcase(item, pattern)), ())
        return (*words, "skipped") if words and item.endswith(".behaviour") else words

    def touches(self, item: str) -> bool:
        """Whether the item asks what is spoiled, in whatever way."""
        stem = item.removesuffix(".behaviour")
        return bool(self.outcomes(item) or self.outcomes(f"{stem}.golden"))

    def parameter(self) -> Any:
        """This attack for `pytest.mark.parametrize`."""
        marks = [pytest.mark.xfail(strict=True, reason=self.broken)] if self.broken else []
        return pytest.param(self, id=self.name, marks=marks)


@cache
def attacks(chapter: str) -> tuple[Attack, ...]:
    """The attacks of a chapter that this machine's architecture can carry out."""
    if chapter == "bundle":
        return tuple(_of_bundle(entry) for entry in BUNDLES)
    rows = tomllib.loads((CORPUS / f"{chapter}.toml").read_text("utf-8"))["attack"]
    return tuple(_of_row(row) for row in rows if row.get("machine", platform.machine()) == platform.machine())


def corpus() -> list[Attack]:
    """Every attack there is."""
    return [attack for chapter in (*CHAPTERS, "bundle") for attack in attacks(chapter)]


def _of_row(row: dict[str, Any]) -> Attack:
    assert set(row) <= _KEYS, f"unknown key in {row['name']}"
    file = CODE[row.get("file", "optim")]
    source = row.get("source", "")
    if "repeat" in row:
        start, opening, times, middle, closing, back = row["repeat"]
        source = start + opening * times + middle + closing * back + "\n"

    def make(box: Box) -> Path:
        text = source
        if not row.get("whole"):
            honest = (REFERENCE / file).read_text("utf-8")
            text = honest + (CORPUS / "prelude.py.txt").read_text("utf-8") + source
        for place, value in box.places.items():
            text = text.replace(f"@{place}@", value)
        box.file(file).write_text(text, "utf-8")
        if "blank" in row:
            box.file(CODE[row["blank"]]).write_bytes(HOMEWORK.support[CODE[row["blank"]]])
        return box.folder

    hits = {pattern: (words,) if isinstance(words, str) else tuple(words) for pattern, words in row["hits"].items()}
    options = {key: row[key] for key in ("said", "unsaid", "seconds", "control", "small", "full", "broken") if key in row}
    return Attack(row["name"], make, hits, **options)


def _of_bundle(entry: Bundle) -> Attack:
    return Attack(entry.name, entry.make, {k: (v,) for k, v in entry.hits.items()}, entry.said, broken=entry.broken)


class Arena:
    """A folder anyone may read, so that only the sandbox stands before what lies in it, and canaries that must not turn up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.chmod(0o755)
        self.canaries = {name: f"canary-{name}-{secrets.token_hex(8)}" for name in ("token", "metadata", "neighbour", "results")}
        self.mark = f"mark{secrets.token_hex(6)}"
        self._metadata, self.results = folder / "submission_metadata.json", folder / "results" / "results.json"
        self._neighbour = folder / "neighbour"
        self.results.parent.mkdir()
        shutil.copytree(REFERENCE, self._neighbour)
        with (self._neighbour / CODE["optim"]).open("a") as file:
            file.write(f"\nSECRET = {self.canaries['neighbour']!r}\n")
        self._metadata.write_text(json.dumps({"token": self.canaries["metadata"]}))
        self.results.write_text(json.dumps({"score": 1, "output": self.canaries["results"]}))
        self._before = self.results.read_bytes()
        self._made = 0

    @property
    def neighbour(self) -> Path:
        """The other submission, an honest one."""
        return self._neighbour

    def box(self, attack: Attack) -> Box:
        """A fresh copy of the honest submission for this attack."""
        self._made += 1
        folder = self.folder / f"{self._made}-{attack.name}" / "submission"
        shutil.copytree(REFERENCE, folder)
        places = {
            "golden": GOLDEN,
            "grader": ROOT,
            "metadata": self._metadata,
            "neighbour": self._neighbour,
            "results": self.results,
            "mark": self.mark,
        }
        return Box(folder, {name: str(place) for name, place in places.items()})

    def untouched(self) -> None:
        """Assert that nothing was written, made or left running anywhere an attack tries to."""
        for place in (*_WATCHED, self.results.parent):
            if os.access(place, os.R_OK):
                assert not [name for name in os.listdir(place) if self.mark in name], f"a file was made in {place}"
        assert [path.name for path in self.results.parent.iterdir()] == [self.results.name]
        assert self.results.read_bytes() == self._before, "the results were changed"
        unix = Path("/proc/net/unix")
        assert not unix.exists() or self.mark not in unix.read_text("utf-8", "replace"), "a socket was left"


def processes(of_users: Container[int | None] = (), of_parent: int | None = None) -> list[int]:
    """Ids of the living processes of users or of a parent; those that another fork server keeps are its own."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            status = (entry / "status").read_text("utf-8", "replace")
        except OSError:  # it ended meanwhile
            continue
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        if fields["State"].split()[0] in "ZX":
            continue
        parent = int(fields["PPid"])
        if parent == of_parent or (any(int(uid) in of_users for uid in fields["Uid"].split()) and not _another_server(parent)):
            found.append(int(entry.name))
    return found


def _another_server(pid: int) -> bool:
    """Whether this is a fork server: its children have their own keeper."""
    try:
        return b"inside import forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def judge(attack: Attack, result: Mapping[str, Any], arena: Arena, rubric: Rubric, terminal: str) -> None:
    """Assert that an attack came to what it must, told in a results.json that keeps to the rules, and took nothing."""
    valid(result, rubric)
    plain(terminal)
    secret(result, terminal, arena)
    shown = ""
    for test in result["tests"]:
        name, outcome = test["extra_data"]["id"], test["extra_data"]["outcome"]
        score, maximum = test.get("score", 0), test.get("max_score", 0)
        words = attack.outcomes(name)
        if words:
            shown += test["output"] + "\n"
            assert outcome in words, f"{name} is {outcome}: {test['output']}"
            if outcome not in ("passed", "partial"):
                assert score == 0
            elif outcome == "partial":
                assert maximum == 0 or 0 < score < maximum
        elif name == "notebook.consistency":  # shown to nobody, worth nothing: what the notebook printed may not fit an edited log
            assert (outcome in ("passed", "partial"), maximum) == (True, 0), f"{name} is {outcome}"
        elif not attack.touches(name):
            assert (outcome, score) == ("passed", maximum), f"{name} is {outcome}: {test['output']}"
    shown += result["output"]
    assert attack.said in shown, shown
    everything = "\n".join([result["output"], *(test["output"] for test in result["tests"])])
    assert not attack.unsaid or attack.unsaid not in everything
    assert "GOT" not in everything, everything
    if attack.small:
        assert len(json.dumps(result)) < 50_000
        assert len(terminal) < 50_000


def valid(result: Mapping[str, Any], rubric: Rubric) -> None:
    """Assert that a results.json keeps to the rules and holds every item with its points."""
    text = json.dumps(result, allow_nan=False, ensure_ascii=False)
    assert len(text.encode("utf-8")) < 1_000_000
    wanted = {item.id: float(item.points) for item in rubric.graded}
    assert sorted(test["extra_data"]["id"] for test in result["tests"]) == sorted(wanted)
    for test in result["tests"]:
        name = test["extra_data"]["id"]
        assert test["extra_data"]["outcome"] != "grader error", f"{name}: {test['extra_data']['staff']}"
        assert test["status"] in ("passed", "failed")
        assert test["output_format"] == "text"
        assert len(test["output"]) <= 10_000
        if wanted[name]:
            assert test["max_score"] == wanted[name]
            assert math.isfinite(test["score"])
            assert 0 <= test["score"] <= test["max_score"]
        else:
            assert "score" not in test
        if test["status"] == "passed":
            assert test["extra_data"]["outcome"] == "passed"
    assert math.isclose(result["score"], sum(test.get("score", 0) for test in result["tests"]), abs_tol=1e-9)
    assert result["output_format"] == "text"
    assert result["stdout_visibility"] == "hidden"
    assert len(result["output"]) <= 10_000
    for shown in (result["output"], *(test[key] for test in result["tests"] for key in ("output", "name"))):
        plain(shown)


def plain(text: str) -> None:
    """Assert that a text holds no control, direction or line separator characters but line ends and tabs."""
    odd = {c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(c) in _DIRECTIONS}
    assert not odd - {"\n", "\t"}, f"{sorted(map(ascii, odd))} in {text[:200]!a}"


_DIRECTIONS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def secret(result: Mapping[str, Any], terminal: str, arena: Arena) -> None:
    """Assert that no canary is anywhere in the verdict, and no expected value where a student can read."""
    everything = json.dumps(result, ensure_ascii=False) + terminal
    for name, canary in arena.canaries.items():
        assert canary not in everything, f"the canary in {name} was taken"
    for shown in (result["output"], *(test["output"] for test in result["tests"])):
        assert not (leaked := set(re.findall(r"\d\.\d{6}", shown)) & expected_digits()), f"expected values: {leaked}"


@cache
def expected_digits() -> frozenset[str]:
    """The first digits of every answer that students are not given, as they would stand in a text."""
    values: Iterator[float] = _leaves(json.loads(UNSEEN.read_bytes())["readings"])
    return frozenset(match.group() for value in values if (match := re.match(r"\d\.\d{6}", f"{abs(value):.9f}")))


def _leaves(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    elif isinstance(value, float):
        yield value
