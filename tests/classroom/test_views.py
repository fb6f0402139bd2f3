"""What a class run shows: the table, the page, the comparison of two runs, one verdict in full; from verdicts written by hand."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from jinja2 import UndefinedError

from grader.classroom import gradebook as gradebooks
from grader.classroom import grades_table, page
from grader.classroom.adjustments import Applied
from grader.classroom.gradebook import Column, Gradebook, Member
from grader.classroom.markup import MAX_TEXT, environment
from grader.classroom.roster import Person
from grader.homework import HOMEWORK
from grader.report import gradescope
from tests.conftest import SAMPLES, run

ITEMS = ("optim.adam.golden", "optim.rmsprop.golden", "fc_net.init.he")
HEAD = ("submission", "name", "sid", "email", "submitted", "outcome")
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
        gradebooks.save(Gradebook("homework", tuple(c for c in columns if c.id.startswith(only)), members, absent, only), out)
        for key, marks in verdicts.items():
            gradebooks.place(out, key).parent.mkdir(parents=True)
            tests = [_test(item, outcome, score, text, staff) for item, (outcome, score) in marks.items()]
            total = sum(score or 0 for _, score in marks.values())
            gradescope.write({"score": total, "output": text, "tests": tests, "extra_data": {}}, gradebooks.place(out, key))
        return out

    return writer


def _test(item: str, outcome: str, score: float | None, text: str, staff: tuple[str, ...]) -> dict[str, Any]:
    slips = ["adam.ascends", "adam.no_correction"] if outcome == "wrong" else []
    extra = {"id": item, "outcome": outcome, "parts": {"next_w": outcome == "passed"}, "slips": slips, "staff": list(staff)}
    points = {} if score is None else {"score": score, "max_score": 10}
    return {"name": item, "output": text, "visibility": "visible", "extra_data": extra, **points}


GOOD: dict[str, Verdict] = {ITEMS[0]: ("passed", 10), ITEMS[1]: ("passed", None), ITEMS[2]: ("passed", 2.5)}
BAD: dict[str, Verdict] = {ITEMS[0]: ("wrong", 0), ITEMS[1]: ("raised", None), ITEMS[2]: ("partial", 1.25)}
NOTHING: dict[str, Verdict] = {item: ("missing", None if item == ITEMS[1] else 0) for item in ITEMS}


def rows(out: Path) -> list[list[str]]:
    """The table as a spreadsheet reads it."""
    book = gradebooks.load(out)
    text = "".join(grades_table.rows(book, (line for line, _ in gradebooks.lines(out, book))))
    return list(csv.reader(io.StringIO(text.removeprefix(grades_table.MARK))))


def test_the_table_has_the_maxima_in_its_head_then_a_row_a_student_then_who_is_absent(write: Writer) -> None:
    pair = (Person("Ada", "1", "a@x"), Person("Bob", "2", "b@x"))
    out = write("out", {"s1": GOOD, "s2": BAD, "s3": NOTHING}, {"s1": pair}, absent=(Person("Eve", "3", "e@x"),))
    assert rows(out) == [
        [*HEAD, "total (12.5)", f"{ITEMS[0]} (10)", ITEMS[1], f"{ITEMS[2]} (2.5)", "adjusted"],
        ["s1", "Ada", "1", "a@x", "", "passed", "12.5", "10", "passed", "2.5", ""],
        ["s1", "Bob", "2", "b@x", "", "passed", "12.5", "10", "passed", "2.5", ""],
        ["s2", "", "", "", "", "partial", "1.25", "0", "raised", "1.25", ""],
        ["s3", "", "", "", "", "missing", "0", "0", "missing", "0", ""],
        ["", "Eve", "3", "e@x", "", "absent", "0", "", "", "", ""],
    ]


@pytest.mark.parametrize(("outcome", "whole"), [("passed", "passed"), ("raised", "wrong"), ("missing", "missing")])
def test_where_no_item_carries_points_the_outcome_still_tells(write: Writer, outcome: str, whole: str) -> None:
    out = write("out", {"s1": {ITEMS[1]: (outcome, None)}}, only="optim.rmsprop")
    assert rows(out) == [[*HEAD, "total (0)", ITEMS[1], "adjusted"], ["s1", "", "", "", "", whole, "0", outcome, ""]]


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
        ("Ada;=1+1", "Ada;'=1+1"),
        ("King, -Ada|@x", "King,' -Ada|'@x"),
        ('Ada;"=1+1"', 'Ada;\'"=1+1"'),
        ("Anne-Marie", "Anne-Marie"),
        ("a = b; c", "a = b; c"),
        ("+5", "+5"),
        ("-1.25", "-1.25"),
        ("", ""),
    ],
)
def test_no_cell_is_more_than_text_to_a_spreadsheet(cell: str, harmless: str) -> None:
    (row,) = csv.reader(io.StringIO(grades_table.csv_line(["x", cell, "y"])))
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
        if tag not in ("meta", "link", "img", "input", "path", "br", "wbr", "col"):
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
    book = gradebooks.load(out)
    text = "".join(page.render(HOMEWORK, book, lambda: gradebooks.lines(out, book)))
    return text, Reader(text)


def sections(text: str) -> dict[str, Any]:
    """What the page's script makes each student's section of, by the submission's id."""
    found = re.findall(r'<script type="application/json" data-of="(.*?)">(.*?)</script>', text, re.DOTALL)
    return {name: json.loads(data) for name, data in found}


def links(read: Reader) -> list[dict[str, list[str]]]:
    """What each link within the page shows."""
    return [parse_qs(str(attrs["href"])[1:]) for tag, attrs in read.tags if tag == "a" and attrs.get("href") != "#"]


def test_the_page_counts_the_class(write: Writer) -> None:
    people = {"s1": (Person("Ada", "1", "a@x"),)}
    out = write("out", {"s1": GOOD, "s2": BAD, "s3": BAD, "s4": NOTHING}, people, absent=(Person("Eve", "3"),))
    text, read = shown(out)
    assert "4 of 4 submissions graded; mean 3.8, median 1.25 of 12.5 points; 1 absent." in read.text
    names = [HOMEWORK.slip_names()[slip] for slip in ("adam.ascends", "adam.no_correction")]
    assert all(f"{name}\n2" in read.text for name in (*names, " and ".join(names)))
    assert "optim.adam.golden\n1 25 %" in read.text
    (histogram,) = [attrs["aria-label"] for tag, attrs in read.tags if attrs.get("class") == "histogram"]
    assert histogram == "Submissions by points. missing: 1; 1.25 to below 2.5 points: 2; 12.5 points: 1"
    assert list(sections(text)) == ["s1", "s2", "s3", "s4"]
    rows = [attrs for tag, attrs in read.tags if tag == "tr" and "data-id" in attrs]
    assert [row["data-slips"] for row in rows] == ["", "adam.ascends adam.no_correction", "adam.ascends adam.no_correction", ""]
    assert {link["student"][0] for link in links(read) if "student" in link} == {"s1", "s2", "s3", "s4"}
    for wanted in ({"slip": ["adam.ascends adam.no_correction"]}, {"item": [ITEMS[0]]}, {"outcome": ["partial"]}):
        assert wanted in links(read)


def test_nothing_missing_and_more_than_nine_tenths_stand_apart_in_the_histogram(write: Writer) -> None:
    marks = {"a": 12.5, "b": 12.4, "c": 11.3, "d": 0.01, "e": 0}
    out = write(
        "out", {key: {**BAD, ITEMS[0]: ("partial", score), ITEMS[2]: ("wrong", 0)} for key, score in marks.items()} | {"f": NOTHING}
    )
    _, read = shown(out)
    (histogram,) = [attrs["aria-label"] for tag, attrs in read.tags if attrs.get("class") == "histogram"]
    assert str(histogram).removeprefix("Submissions by points. ").split("; ") == [
        *("missing: 1", "0 points: 1", "above 0 to below 1.25 points: 1"),
        *("11.25 to below 11.875 points: 1", "11.875 to below 12.5 points: 1", "12.5 points: 1"),
    ]


def test_a_section_holds_all_that_is_on_record_and_may_stay_unsaid(write: Writer) -> None:
    out = write(
        "out", {"s1": BAD, "s2": GOOD}, {"s1": (Person("Ada", "1", "a@x"),)}, text="What they read.", staff=("expected 0.1",)
    )
    plain, place = sections(shown(out)[0]), gradebooks.place(out, "s1")
    assert (plain["s1"]["people"], plain["s2"].get("people")) == ([["Ada", "1", "a@x"]], None)
    assert not plain["s1"].keys() & {"received", "attempts", "adjustments", "curves", "notebook"}
    (first, *_) = plain["s1"]["findings"]
    assert (first["item"], first["outcome"], first["score"], first["maximum"]) == (ITEMS[0], "wrong", "0", "10")
    assert (first["text"], first["staff"]) == ("What they read.", ["expected 0.1"])
    more = json.loads(place.read_bytes())
    more["extra_data"] |= {"received": {"lines": ["a.py: not used"], "missing": ["b.py"], "choice": "Two copies."}}
    more["tests"][0]["extra_data"]["code"] = "def f():\n    pass"
    place.write_text(json.dumps(more))
    book = gradebooks.load(out)
    applied = (Applied("total", "1 -> 8", "shown in office hours"),)
    lines = [(replace(line, applied=applied), one) for line, one in gradebooks.lines(out, book)]
    text = "".join(page.render(HOMEWORK, book, lambda: iter(lines)))
    found = sections(text)["s1"]
    assert found["received"] == ["Two copies.", "a.py: not used", "Missing: b.py"]
    assert found["adjustments"] == ["total 1 -> 8: shown in office hours"]
    assert found["findings"][0]["code"] == "def f():\n    pass"


def test_the_page_fetches_nothing_and_runs_its_own_script_only(write: Writer) -> None:
    text, read = shown(write("out", {"s1": BAD}))
    assert not [
        tag for tag, attrs in read.tags if attrs.keys() & {"src", "srcset", "data", "action", "ping", "style"} or tag == "link"
    ]
    assert all(str(attrs["href"]).startswith("#") for _, attrs in read.tags if "href" in attrs)
    assert "url(" not in text
    assert "@import" not in text
    policy = []
    for tag in ("style", "script"):
        (own,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        policy.append(f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()}'")
    assert f"default-src 'none'; {'; '.join(policy)}; base-uri 'none'" in text


def test_nothing_a_student_wrote_becomes_markup(write: Writer) -> None:
    people = {"s1": (Person(EVIL, EVIL, EVIL),)}
    honest = {"s1": (Person("x", "x", "x"),)}
    _, plain = shown(write("plain", {"s1": BAD}, honest, absent=honest["s1"], text="x", staff=("x",)))
    text, read = shown(write("evil", {"s1": BAD}, people, absent=people["s1"], text=EVIL, staff=(EVIL,)))
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in plain.tags]
    assert [sorted(attrs) for _, attrs in read.tags] == [sorted(attrs) for _, attrs in plain.tags]
    assert read.text.count("<script>alert(1)</script>") >= 4
    assert text.count("<script>") == text.count("<style>") == 1
    assert str(sections(text)["s1"]).count("<script>alert(1)</script>") >= 8, "as text it is all there"


def test_the_page_is_the_same_whenever_it_is_made(write: Writer) -> None:
    out = write("out", {"s1": GOOD, "s2": BAD}, {"s1": (Person("Ada", "1", "a@x"),)}, staff=("x",))
    assert shown(out)[0] == shown(out)[0]


def test_the_page_is_given_in_pieces_before_the_class_is_read_to_its_end(write: Writer) -> None:
    out = write("out", {f"s{number:03}": BAD for number in range(200)})
    book = gradebooks.load(out)
    read = 0

    def verdicts() -> Iterator[tuple[gradebooks.Line, dict[str, Any]]]:
        nonlocal read
        for one in gradebooks.lines(out, book):
            read += 1
            yield one

    longest, at_the_first = 0, 0
    for piece in page.render(HOMEWORK, book, verdicts):
        longest = max(longest, len(piece))
        if 'data-of="s000"' in piece and not at_the_first:
            at_the_first = read
    assert read == 400
    assert 200 < at_the_first < 300
    assert longest < 20_000


def test_what_a_template_prints_is_cleaned_cut_and_escaped_unless_it_says_otherwise() -> None:
    made = environment()
    hostile = "<b>\x1b[31m\u202e" + "x" * 2 * MAX_TEXT
    for source in ("{{ it }}", "{{ it | clean(9999) }}", "{% set it2 %}{{ it }}{% endset %}{{ it2 }}", "{{ [it] | join }}"):
        text = made.from_string(source).render(it=hostile)
        assert text.startswith("&lt;b&gt;\ufffd\ufffdxxx")
        assert len(text) == MAX_TEXT + len("&lt;b&gt;") - len("<b>")
    assert made.from_string('<a title="{{ it }}">').render(it="\" onclick='x'") == '<a title="&#34; onclick=&#39;x&#39;">'
    held = {"</script>": ["<!--", "a\u202eb&amp;", 1.5, None]}
    text = made.from_string("{{ it | data }}").render(it=held)
    assert not set(text) & set("<>&")
    assert json.loads(text) == {"</script>": ["<!--", "a\ufffdb&amp;", 1.5, None]}
    with pytest.raises(UndefinedError):
        made.from_string("{{ absent }}").render()


def test_templates_take_as_markup_what_the_grader_drew_or_sanitized_only() -> None:
    package = Path(page.__file__).parent.parent
    found = [
        one for file in sorted(package.rglob("templates/*.html")) for one in re.findall(r"{{[^}]*safe *}}", file.read_text("utf-8"))
    ]
    assert sorted(set(found)) == [
        "{{ curves_style | safe }}", "{{ first | safe }}", "{{ run.drawings | safe }}", "{{ second | safe }}",
    ]  # fmt: skip
    assert not [file for file in package.rglob("templates/*.html") if "autoescape" in file.read_text("utf-8")]


@pytest.mark.parametrize("name", ["jinja2", "yaml"])
def test_what_is_not_installed_is_told_before_anything_is_graded(write: Writer, tmp_path: Path, name: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules[{name!r}] = None\n", "utf-8")  # as if it were not there
    process = run("batch", SAMPLES, "-o", tmp_path / "out", PYTHONPATH=str(tmp_path))
    assert (process.returncode, process.stdout) == (2, "")
    assert f"a class is graded with {name}, which is not installed here" in process.stderr
    assert len(process.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_the_page_can_be_read_with_keyboard_and_screen_reader(write: Writer) -> None:
    _, read = shown(write("out", {"s1": GOOD, "s2": BAD}))
    assert ("html", {"lang": "en"}) in read.tags
    for tag, attrs in read.tags:
        if tag == "svg":
            assert attrs.get("aria-hidden") == "true" or (attrs.get("role") == "img" and attrs.get("aria-label"))
        if tag == "th":
            assert attrs.get("scope") in ("row", "col", "colgroup")
        assert "onclick" not in attrs
    assert [attrs["type"] for tag, attrs in read.tags if tag == "button" and "type" in attrs] == ["button"] * 9
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
        ["By item:"],
        ["total", "2 changed", "1 up, 0 down", "+10 points", "from 0 to +10"],
        ["optim.adam.golden", "1 changed", "1 up, 0 down", "+10 points"],
        ["optim.rmsprop.golden", "1 changed", "0 up, 0 down", "0 points"],
        [""],
        ["By student:"],
        ["s3", "1.25 -> 1.25", "0", "partial", "nothing on record"],
        ["optim.rmsprop.golden", "- -> -", "0", "raised -> wrong", "nothing on record"],
        ["s5", "1.25", "only in the new run"],
        ["s7 =Bob", "1.25 -> 11.25", "+10", "partial", "nothing on record"],
        ["optim.adam.golden", "0 -> 10", "+10", "wrong -> passed", "nothing on record"],
        ["s4", "12.5", "only in the old run"],
        [""],
        ["4 submissions changed: 2 up, 1 down, +10 points among those in both runs."],
    ]
    with (tmp_path / "changes.csv").open(newline="", encoding="utf-8-sig") as file:
        found = list(csv.reader(file))
    assert found[0] == ["submission", "name", "sid", "item", "old", "new", "difference", "old outcome", "new outcome", "why"]
    assert ["s7", "'=Bob", "2", "optim.adam.golden", "0", "10", "+10", "wrong", "passed", "nothing on record"] in found
    assert ["s4", "", "", "total", "12.5", "", "-12.5", "passed", "", ""] in found


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
        ("ada", "optim", "could be s1 Ada s1, s2 Ada s2"),
        ("s1", "optm", "did you mean 'optim'?"),
        ("s1", "adam gild", "no item starts with 'adam gild'"),
    ],
)
def test_what_cannot_be_explained_is_told(write: Writer, who: str, item: str, said: str) -> None:
    out = write("out", {"s1": BAD, "s2": GOOD}, {key: (Person(f"Ada {key}"),) for key in ("s1", "s2")})
    process = run("explain", out, who, item)
    assert (process.returncode, process.stdout) == (2, "")
    assert said in process.stderr
