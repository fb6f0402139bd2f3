"""Text from a submission: nothing in it reaches a terminal or a page as more than text."""

from __future__ import annotations

import ast
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.submission.text import BAR, clean, name, quoted
from tests.conftest import ROOT

GONE = "\ufffd"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain text\twith a tab\nand a line", "plain text\twith a tab\nand a line"),
        ("Ünïcödé 作业 ελ 👩‍🔬 ≤ …", "Ünïcödé 作业 ελ 👩‍🔬 ≤ …"),
        ("\x1b[31mred\x1b[0m", f"{GONE}red{GONE}"),
        ("\x1b[?1049h\x1b[2J\x1b[1;1H", GONE * 3),
        ("\x1b]0;title\x07after", f"{GONE}after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", f"{GONE}link{GONE}"),
        ("\x1b]52;c;unfinished", GONE),
        ("\x9b31mred", f"{GONE}red"),
        ("\x1bcreset", f"{GONE}creset"),
        ("\x1b", GONE),
        ("\x1b[", f"{GONE}["),
        ("a\0b\x07c\x08d\x7fe\x85f", f"a{GONE}b{GONE}c{GONE}d{GONE}e{GONE}f"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("user\u202egnp.exe", f"user{GONE}gnp.exe"),
        ("\u2066\u2067\u2069\u200e\u200f\u061c\u200b\ufeff", GONE * 8),
        ("line\u2028separator\u2029paragraph", f"line{GONE}separator{GONE}paragraph"),
        ("lone \ud83d surrogate", f"lone {GONE} surrogate"),
        ("\x0b\x0c", GONE * 2),
    ],
)
def test_what_could_act_is_replaced_and_the_rest_stays(text: str, wanted: str) -> None:
    assert clean(text, 1000) == wanted


def test_a_text_is_cut_in_the_middle_to_its_limit() -> None:
    text = "".join(chr(ord("a") + n % 26) for n in range(100))
    assert clean(text, 100) == text
    cut = clean(text, 23)
    assert cut == text[:10] + " … " + text[-10:]
    assert len(cut) == 23


def test_cutting_comes_after_cleaning_so_that_no_escape_is_put_together() -> None:
    assert "\x1b" not in clean("\x1b[3" + "x" * 100 + "1m", 20)


@settings(database=None, derandomize=True, deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from(["\x1b", "[", "]", "31m", "\x07", "\\", "\x9b", "\r", "\n", "\0", "\u202e", "\udcff", "é", "x" * 50])),
    st.integers(0, 60),
)
def test_whatever_comes_in_what_goes_out_is_short_harmless_and_stays_so(pieces: list[str], limit: int) -> None:
    found = clean("".join(pieces), limit)
    assert len(found) <= limit
    assert clean(found, limit) == found
    assert not [c for c in found if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c not in "\n\t"]
    found.encode("utf-8")


def test_a_huge_text_is_cut_before_it_is_searched() -> None:
    assert clean("\x1b[" + "1;" * 5_000_000 + "m", 50).startswith(GONE)


def test_a_name_stays_on_one_line_and_is_short() -> None:
    assert name("dir/two\nlines\r\nand\ttab\x1b[2J.py") == f"dir/two{GONE}lines{GONE}and tab{GONE}.py"
    assert len(name("x" * 500)) == 120


def test_a_text_of_several_lines_is_set_in_behind_a_bar() -> None:
    assert quoted("one\n[staff] two\r\n\nthree\n", 100) == f"one\n{BAR}[staff] two\n{BAR}\n{BAR}three"
    assert quoted("\n[staff] first", 100) == "[staff] first"
    assert quoted("as it is", 100) == "as it is"


@pytest.mark.parametrize(
    "end", ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\x1b[E", "\x9bE"]
)
def test_no_line_end_of_any_kind_lets_a_line_begin(end: str) -> None:
    text = end.join(["first", "[staff] middle", "[staff] last", ""])
    assert len(name(text).splitlines()) == 1
    assert not [line for line in quoted(text, 100).splitlines() if line.startswith("[staff]")]
    assert all(line.startswith(BAR) for line in quoted(text, 100).splitlines()[1:])


VIEWS = ("report", "classroom/markup.py", "classroom/explanation.py", "commands/pytest_plugin.py", "replay/report.py")


def test_only_views_keep_the_line_ends_of_a_text() -> None:
    """Whoever puts a text of a submission into a sentence has to take `name` or `quoted`."""
    package = ROOT / "grader"
    keeping = []
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.endswith("text"):
                keeping += [path.relative_to(package).as_posix() for one in node.names if one.name == "clean"]
    assert keeping
    assert [one for one in keeping if not one.startswith(VIEWS)] == []
