"""Names, folders and texts of a class that try to pass for lines of the grader, for markup or for formulas, in every view of it."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.classroom.classes import export
from tests.conftest import SAMPLES, run
from tests.report.forged import FORMULAS, LINES, MARK, MARKUP, assert_none_passes_for_ours, spoil, text
from tests.report.test_forged import Texts, strings

pytestmark = pytest.mark.usefixtures("sandbox")
ITEMS = "optim,logs.best_model,notebook"
SEPARATORS = (",", ";", "\t", "|")
OPENS = re.compile(r"[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]")  # what a spreadsheet may take for a formula
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
NAMES = {
    "submission_1": text("\n") + "".join(f';{one}\t{one}\n{one},"{one}' for one in FORMULAS),
    "submission_2": 'Anne-Marie O\'Neil = Ünal; "Ada" <b>',
    "submission_3": f"{FORMULAS[0]}{MARKUP}",
    "submission_4": f"Eve\x85{LINES[0]}\u2028{LINES[1]}\r{LINES[2]}\x1b[1A",
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of four that was graded, with a roster on which two more are absent."""
    folder = tmp_path_factory.mktemp("forged")
    spoiled = spoil(shutil.copytree(SAMPLES / "reference", folder / "spoiled"), "\n")
    metadata = ""
    for number, (key, name) in enumerate(NAMES.items()):
        metadata += f"{key}:\n  :submitters:\n  - :name: {json.dumps(name)}\n    :sid: {json.dumps(f'={number}')}\n"
        metadata += f"    :email: {json.dumps(f'@{number}{LINES[0]}')}\n  :created_at: 2024-10-01 22:30:20 Z\n"
    sources = [spoiled, SAMPLES / "untouched", SAMPLES / "nothing", SAMPLES / "untouched"]
    export(folder / "export", list(zip(NAMES, sources, strict=True)), metadata)
    with (folder / "roster.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["name", "sid", "email"], [NAMES["submission_1"], "77", "x@x"], [FORMULAS[3], "78", "y@x"]])
    process = run("batch", folder / "export", "-o", folder / "out", "--roster", folder / "roster.csv", "--only", ITEMS, "-j", "2")
    assert process.returncode == 1, process.stderr
    for said in (process.stdout, process.stderr):
        assert_none_passes_for_ours(said)
    assert MARK in process.stdout
    return folder


def cells(data: str) -> Iterator[str]:
    """Every part of a table that some spreadsheet makes a cell of, whatever separates for it and whether it heeds quotes."""
    for separator in SEPARATORS:
        for row in csv.reader(io.StringIO(data.removeprefix("\ufeff"), newline=""), delimiter=separator):
            yield from row
            for cell in row:
                yield from re.split(r"[,;|\t\r\n]", cell)
        for line in data.removeprefix("\ufeff").splitlines():
            yield from line.split(separator)


def assert_harmless(data: str) -> None:
    """No part of it can become a formula."""
    for cell in cells(data):
        assert NUMBER.fullmatch(cell.strip('" ')) or not OPENS.match(cell), ascii(cell)
    assert_none_passes_for_ours(data)


def test_the_table(here: Path) -> None:
    data = (here / "out/grades.csv").read_text("utf-8")
    assert_harmless(data)
    rows = list(csv.reader(io.StringIO(data.removeprefix("\ufeff"))))
    assert [row[0] for row in rows[1:]] == [*NAMES, "", ""]
    assert rows[2][1] == NAMES["submission_2"], "an honest name was spoiled"


def test_what_finds_a_formula_finds_one() -> None:
    for data in ("a,=1\n", "a,Ada;=1+1\n", 'a,"x\n=1"\n', "a,x\t@y\n", 'a,"x;""=1"\n'):
        with pytest.raises(AssertionError):
            assert_harmless(data)
    assert_harmless("a,-5,+3.5,Anne-Marie,Ada;'=1+1\n")


def test_the_page(here: Path) -> None:
    found = Texts(page := (here / "out/report.html").read_text("utf-8"))
    assert "img" not in found.tags
    assert page.count("<script") == len(NAMES) + 1
    assert any(MARK in one for one in found.texts)
    for one in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL):
        section = json.loads(one)
        assert all(len(said.splitlines()) <= 1 for person in section.pop("people") for said in person)  # names stand alone there
        for said in strings(section):
            assert_none_passes_for_ours(said)


def test_one_verdict_in_full(here: Path) -> None:
    for options in ((), ("--student",)):
        process = run("explain", here / "out", "submission_1", "optim", *options)
        assert MARK in process.stdout
        assert_none_passes_for_ours(process.stdout)
    page = here / "explained.html"
    assert run("explain", here / "out", "submission_1", "optim", "--html", page).returncode == 0
    assert not Texts(page.read_text("utf-8")).tags & {"img", "script"}


def test_what_is_decided_and_what_has_changed(here: Path) -> None:
    other = shutil.copytree(here / "out", here / "other")
    for who in ("submission_1", "submission_4"):
        process = run("adjust", other, who, "adam.gold", "--points", "3", "--reason", f"seen\n{LINES[0]};{FORMULAS[0]}")
        assert process.returncode == 0, process.stderr
        assert_none_passes_for_ours(process.stdout + process.stderr)
    process = run("compare", here / "out", other, "--csv", here / "changes.csv")
    assert MARK in process.stdout
    assert_none_passes_for_ours(process.stdout)
    assert_harmless((here / "changes.csv").read_text("utf-8"))
    assert_harmless((other / "grades.csv").read_text("utf-8"))
    assert_none_passes_for_ours(run("adjust", other).stdout)
    process = run("explain", here / "out", "zzz\n[staff] " + MARK, "optim")
    assert_none_passes_for_ours(process.stderr)


def test_what_is_handed_on_changes_no_other_byte(here: Path) -> None:
    canvas = here / "canvas.csv"
    quoted = [name.replace('"', '""') for name in NAMES.values()]
    rows = "".join(f'"{name}",1{number},={number},x,,\r\n' for number, name in enumerate(quoted))
    given = f"Student,ID,SIS User ID,SIS Login ID,Section,HW 2 (98765)\r\n    Points Possible,,,,,100.00\r\n{rows}"
    canvas.write_bytes(given.encode("utf-8", "surrogatepass"))
    process = run("grades", here / "out", "--into", canvas, "--column", "HW 2")
    assert process.returncode == 0, process.stderr
    assert_none_passes_for_ours(process.stdout, ours=(0,))  # below a heading names stand in a list, set in
    filled = (here / "canvas-filled.csv").read_bytes().decode("utf-8", "surrogatepass")
    assert filled != given
    assert re.sub(r"(?<=,x,,)\d[\d.]*(?=\r\n)", "", filled) == given
    process = run("grades", here / "out", "--sheet", here / "sheet.csv", "--points", "10")
    assert_harmless((here / "sheet.csv").read_text("utf-8"))
    assert_none_passes_for_ours(process.stdout)
