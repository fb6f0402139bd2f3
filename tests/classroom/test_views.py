"""What a class run shows: the table, the page, the comparison of two runs, one verdict in full; from verdicts written by hand."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from grader.report import book as books
from grader.report import gradescope, page, table
from grader.report.book import Book, Column, Member
from grader.roster import Person
from tests.conftest import run

ITEMS = ("optim.adam.golden", "optim.rmsprop.golden", "fc_net.init.he")
Verdict = tuple[str, float | None]
Writer = Callable[..., Path]
EVIL = "</div><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """A class run as if it had been graded: `write("out", {"a": {"optim.adam.golden": ("passed", 10)}})`."""

    def writer(
        name: str,
        verdicts: dict[str, dict[str, Verdict]],
        people: dict[str, tuple[Person, ...]] | None = None,
        *,
        absent: tuple[Person, ...] = (),
        only: str = "",
        text: str = "Not right.",
        staff: tuple[str, ...] = (),
    ) -> Path:
        out = tmp_path / name
        out.mkdir()
        columns = (
            Column(ITEMS[0], "Adam: one step", Decimal(10)),
            Column(ITEMS[1], "RMSProp", None),
            Column(ITEMS[2], "He", Decimal("2.5")),
        )
        members = tuple(Member(key, (people or {}).get(key, ()), "") for key in sorted(verdicts))
        books.save(Book("homework", tuple(c for c in columns if c.id.startswith(only)), members, absent, only), out)
        for key, marks in verdicts.items():
            books.place(out, key).parent.mkdir(parents=True)
            tests = [_test(item, outcome, score, text, staff) for item, (outcome, score) in marks.items()]
            total = sum(score or 0 for _, score in marks.values())
            gradescope.write({"score": total, "output": text, "tests": tests, "extra_data": {}}, books.place(out, key))
        return out

    return writer


def _test(item: str, outcome: str, score: float | None, text: str, staff: tuple[str, ...]) -> dict[str, Any]:
    slips = ["adam.no_correction"] if outcome == "wrong" else []
    extra = {"id": item, "outcome": outcome, "parts": {"next_w": outcome == "passed"}, "slips": slips, "staff": list(staff)}
    points = {} if score is None else {"score": score, "max_score": 10}
    return {"name": item, "output": text, "visibility": "visible", "extra_data": extra, **points}


GOOD: dict[str, Verdict] = {ITEMS[0]: ("passed", 10), ITEMS[1]: ("passed", None), ITEMS[2]: ("passed", 2.5)}
BAD: dict[str, Verdict] = {ITEMS[0]: ("wrong", 0), ITEMS[1]: ("raised", None), ITEMS[2]: ("partial", 1.25)}
NOTHING: dict[str, Verdict] = {item: ("missing", None if item == ITEMS[1] else 0) for item in ITEMS}


def rows(out: Path) -> list[list[str]]:
    """The table as a spreadsheet reads it, without its header."""
    book = books.load(out)
    text = "".join(table.rows(book, (line for line, _ in books.lines(out, book))))
    return list(csv.reader(io.StringIO(text)))[1:]


def test_the_table_has_the_maxima_then_a_row_a_student_then_who_is_absent(write: Writer) -> None:
    pair = (Person("Ada", "1", "a@x"), Person("Bob", "2", "b@x"))
    out = write("out", {"s1": GOOD, "s2": BAD, "s3": NOTHING}, {"s1": pair}, absent=(Person("Eve", "3", "e@x"),))
    assert rows(out) == [
        ["maximum", "", "", "", "", "", "12.5", "10", "", "2.5"],
        ["s1", "Ada", "1", "a@x", "", "passed", "12.5", "10", "passed", "2.5"],
        ["s1", "Bob", "2", "b@x", "", "passed", "12.5", "10", "passed", "2.5"],
        ["s2", "", "", "", "", "partial", "1.25", "0", "raised", "1.25"],
        ["s3", "", "", "", "", "missing", "0", "0", "missing", "0"],
        ["", "Eve", "3", "e@x", "", "absent", "0", "", "", ""],
    ]


@pytest.mark.parametrize(("outcome", "whole"), [("passed", "passed"), ("raised", "wrong"), ("missing", "missing")])
def test_where_no_item_carries_points_the_outcome_still_tells(write: Writer, outcome: str, whole: str) -> None:
    out = write("out", {"s1": {ITEMS[1]: (outcome, None)}}, only="optim.rmsprop")
    assert rows(out) == [["maximum", "", "", "", "", "", "0", ""], ["s1", "", "", "", "", whole, "0", outcome]]


@pytest.mark.parametrize(
    ("cell", "harmless"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2+3", "'-2+3"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("＝1", "'＝1"),
        ("\t=1", "' =1"),
        ("a\r\n=1\x00\x1b[31m", "a\ufffd=1\ufffd\ufffd"),
        ("Anne-Marie", "Anne-Marie"),
        ("+5", "+5"),
        ("-1.25", "-1.25"),
        ("", ""),
    ],
)
def test_no_cell_is_more_than_text_to_a_spreadsheet(cell: str, harmless: str) -> None:
    (row,) = csv.reader(io.StringIO(table.csv_line(["x", cell, "y"])))
    assert row == ["x", harmless, "y"]


class Reader(HTMLParser):
    """The elements of a page, and the visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img", "input", "rect", "path", "br", "wbr"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._open):
            self.text += data


def shown(out: Path) -> tuple[str, Reader]:
    """The page and what a browser makes of it."""
    book = books.load(out)
    text = "".join(page.render(book, lambda: books.lines(out, book), {"adam.no_correction": "no correction"}))
    return text, Reader(text)


def test_the_page_counts_the_class(write: Writer) -> None:
    people = {"s1": (Person("Ada", "1", "a@x"),)}
    out = write("out", {"s1": GOOD, "s2": BAD, "s3": BAD, "s4": NOTHING}, people, absent=(Person("Eve", "3"),))
    _, read = shown(out)
    assert "4 of 4 submissions graded; mean 3.8, median 1.25 of 12.5 points; 1 absent." in read.text
    assert "no correction (adam.no_correction)2" in read.text
    assert "optim.adam.golden125 %" in read.text
    (histogram,) = [attrs["aria-label"] for tag, attrs in read.tags if attrs.get("class") == "histogram"]
    assert histogram == "Submissions by points. 0 to below 1.25: 1; 1.25 to below 2.5: 2; 11.25 to 12.5: 1"
    assert "s4missing" in read.text
    ids = [attrs["id"] for tag, attrs in read.tags if tag == "article"]
    assert ids == ["s-s1", "s-s2", "s-s3", "s-s4"]
    links = {attrs["href"] for tag, attrs in read.tags if tag == "a"}
    assert {f"#{name}" for name in ids} <= links


def test_the_page_fetches_nothing_and_runs_its_own_script_only(write: Writer) -> None:
    text, read = shown(write("out", {"s1": BAD}))
    assert not [tag for tag, attrs in read.tags if attrs.keys() & {"src", "srcset", "data", "action", "ping"} or tag == "link"]
    assert all(str(attrs["href"]).startswith("#") for _, attrs in read.tags if "href" in attrs)
    assert "url(" not in text
    assert "@import" not in text
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    import base64
    import hashlib

    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in text


def test_nothing_a_student_wrote_becomes_markup(write: Writer) -> None:
    people = {"s1": (Person(EVIL, EVIL, EVIL),)}
    honest = {"s1": (Person("x", "x", "x"),)}
    _, plain = shown(write("plain", {"s1": BAD}, honest, absent=honest["s1"], text="x", staff=("x",)))
    text, read = shown(write("evil", {"s1": BAD}, people, absent=people["s1"], text=EVIL, staff=(EVIL,)))
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in plain.tags]
    assert [sorted(attrs) for _, attrs in read.tags] == [sorted(attrs) for _, attrs in plain.tags]
    assert read.text.count("<script>alert(1)</script>") >= 6
    assert text.count("<script>") == 1


def test_the_page_can_be_read_with_keyboard_and_screen_reader(write: Writer) -> None:
    _, read = shown(write("out", {"s1": GOOD, "s2": BAD}))
    assert ("html", {"lang": "en"}) in read.tags
    for tag, attrs in read.tags:
        if tag == "svg":
            assert attrs.get("aria-hidden") == "true" or (attrs.get("role") == "img" and attrs.get("aria-label"))
        if tag == "th":
            assert attrs.get("scope") in ("row", "col")
        assert "onclick" not in attrs
    assert [attrs["type"] for tag, attrs in read.tags if tag == "button"] == ["button"] * 8
    assert [tag for tag, attrs in read.tags if attrs.get("role") == "status"] == ["span"]


def test_nothing_changed_between_equal_runs(write: Writer) -> None:
    process = run("compare", write("old", {"s1": GOOD, "s2": BAD}), write("new", {"s1": GOOD, "s2": BAD}))
    assert process.returncode == 0
    assert process.stdout.startswith("Nothing changed")


def test_what_changed_is_told_by_student_and_item(write: Writer, tmp_path: Path) -> None:
    ada, bob = Person("Ada", "1", "a@x"), Person("=Bob", "2", "b@x")
    old = write("old", {"s1": GOOD, "s2": BAD, "s3": BAD, "s4": GOOD}, {"s1": (ada,), "s2": (bob,)})
    better: dict[str, Verdict] = {**BAD, ITEMS[0]: ("passed", 10)}
    new = write(
        "new", {"s1": GOOD, "s7": better, "s3": {**BAD, ITEMS[1]: ("wrong", None)}, "s5": BAD}, {"s1": (ada,), "s7": (bob,)}
    )
    process = run("compare", old, new, "--csv", tmp_path / "changes.csv")
    assert (process.returncode, process.stderr) == (1, "")
    assert [re.split(r"  +", line.strip()) for line in process.stdout.splitlines()] == [
        ["s3", "1.25 -> 1.25", "0", "partial"],
        ["optim.rmsprop.golden", "- -> -", "0", "raised -> wrong"],
        ["s5", "1.25", "only in the new run"],
        ["s7 =Bob", "1.25 -> 11.25", "+10", "partial"],
        ["optim.adam.golden", "0 -> 10", "+10", "wrong -> passed"],
        ["s4", "12.5", "only in the old run"],
        [""],
        ["4 submissions changed: 2 up, 1 down, +10 points among those in both runs."],
    ]
    with (tmp_path / "changes.csv").open(newline="") as file:
        found = list(csv.reader(file))
    assert found[0] == ["submission", "name", "sid", "item", "old", "new", "difference", "old outcome", "new outcome"]
    assert ["s7", "'=Bob", "2", "optim.adam.golden", "0", "10", "+10", "wrong", "passed"] in found
    assert ["s4", "", "", "total", "12.5", "", "-12.5", "passed", ""] in found


def test_a_partial_run_is_compared_in_its_items_only(write: Writer) -> None:
    old = write("old", {"s1": GOOD, "s2": BAD})
    same = write("same", {"s1": {ITEMS[0]: ("passed", 10)}, "s2": {ITEMS[0]: ("wrong", 0)}}, only="optim.adam")
    assert run("compare", old, same).returncode == 0
    fixed = write("fixed", {"s1": {ITEMS[0]: ("passed", 10)}, "s2": {ITEMS[0]: ("partial", 4)}}, only="optim.adam")
    process = run("compare", old, fixed)
    assert process.returncode == 1
    assert "s2                   0 -> 4  +4" in process.stdout


@pytest.mark.parametrize("content", [None, b"{", b"[]", b'{"title": 1}'])
def test_a_folder_without_a_run_is_told_apart(write: Writer, tmp_path: Path, content: bytes | None) -> None:
    old = write("old", {"s1": GOOD})
    (tmp_path / "new").mkdir()
    if content is not None:
        (tmp_path / "new" / "class.json").write_bytes(content)
    process = run("compare", old, tmp_path / "new")
    assert (process.returncode, process.stdout) == (2, "")
    assert ("holds no class run" if content is None else "is damaged") in process.stderr


def test_one_verdict_is_explained_in_full_and_found_by_who_it_is(write: Writer) -> None:
    people = {"s1": (Person("Ada King", "3031", "ada@x"),), "s2": (Person("Ada Other", "3032", "other@x"),)}
    out = write("out", {"s1": BAD, "s2": GOOD}, people, text="What they read.", staff=("expected 0.1",))
    by_id = run("explain", out, "s1", "optim.adam.golden")
    assert (by_id.returncode, by_id.stderr) == (0, "")
    for said in ("optim.adam.golden: ", "s1 Ada King", "wrong, 0/10", "part next_w", "What they read.", "expected 0.1"):
        assert said in by_id.stdout
    assert "rmsprop" not in by_id.stdout
    for who in ("3031", "ADA@x", "Ada King", "king"):
        assert run("explain", out, who, "optim.adam").stdout == by_id.stdout
    assert "rmsprop" in run("explain", out, "s1", "optim").stdout


@pytest.mark.parametrize(
    ("who", "item", "said"),
    [
        ("s9", "optim", "no submission or student 's9'"),
        ("ada", "optim", "could be s1, s2"),
        ("s1", "optm", "did you mean 'optim'?"),
    ],
)
def test_what_cannot_be_explained_is_told(write: Writer, who: str, item: str, said: str) -> None:
    out = write("out", {"s1": BAD, "s2": GOOD}, {key: (Person(f"Ada {key}"),) for key in ("s1", "s2")})
    process = run("explain", out, who, item)
    assert (process.returncode, process.stdout) == (2, "")
    assert said in process.stderr
