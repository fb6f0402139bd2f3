"""What the class page tells staff to look at first, and what a student's section holds beside the verdict."""

from __future__ import annotations

import re
from pathlib import Path

from grader.report import book as books
from grader.report import page
from grader.report.attention import Equal
from grader.report.book import Member
from grader.report.section import Beside
from grader.roster import Person
from tests.batch.test_views import BAD, EVIL, GOOD, ITEMS, NOTHING, Reader, Verdict, Writer, write

__all__ = ["write"]
FAILED: dict[str, Verdict] = {**GOOD, ITEMS[0]: ("grader error", 0)}
RECORD = {"best_fc_model.npz": {"train_losses": ([1, 2], [2.0, 1.0]), "val_accs": ([0, 1], [0.1, 0.5])}}


def first(text: str) -> list[tuple[str, str]]:
    """The list of what to look at: ids and all that is said of each."""
    start = text.index("To look at first")
    part = text[start : text.index("</section>", start)]
    return [
        (re.findall(r"#s-([^\"]+)", entry)[0], Reader(f"<ul>{entry}</ul>").text)
        for entry in re.findall(r'<li><a href="#s-.*?</ul></li>', part, re.DOTALL)
    ]


def rendered(out: Path, **more: object) -> str:
    book = books.load(out)
    return "".join(page.render(book, lambda: books.lines(out, book), {}, **more))  # type: ignore[arg-type]


def test_the_most_telling_comes_first(write: Writer) -> None:
    out = write("out", {"s1": NOTHING, "s2": BAD, "s3": FAILED, "s4": GOOD, "s5": BAD})
    weak = write("weak", {"s5": BAD}, staff=("consistency: batch_size_agrees: B differs",))
    strong = write(
        "strong", {"s2": BAD}, staff=("consistency: trajectory: iteration 12", "an ordinary note", "consistency: byte_equal: a, b")
    )
    for source, name in ((weak, "s5"), (strong, "s2")):
        books.place(out, name).write_bytes(books.place(source, name).read_bytes())
    equal = {"s4": [Equal("w_stds_he.json", (Member("s1", (Person("Bo"),), ""),))]}
    found = first(rendered(out, equal=equal))
    assert [name for name, _ in found] == ["s3", "s4", "s2", "s5", "s1"]
    said = dict(found)
    assert "grader error in optim.adam.golden" in said["s3"]
    assert "w_stds_he.json is byte for byte that of s1 Bo" in said["s4"]
    assert said["s2"].index("byte_equal: a, b") < said["s2"].index("trajectory: iteration 12")
    assert "an ordinary note" not in said["s2"]
    assert "batch_size_agrees: B differs" in said["s5"]
    assert "missing" in said["s1"]


def test_where_nothing_stands_out_there_is_no_such_list(write: Writer) -> None:
    assert "To look at first" not in rendered(write("out", {"s1": GOOD, "s2": BAD}, staff=("an ordinary note",)))


def test_a_long_list_is_folded_and_still_complete(write: Writer) -> None:
    names = [f"s{number:03}" for number in range(120)]
    text = rendered(write("out", dict.fromkeys(names, NOTHING)))
    assert [name for name, _ in first(text)] == names
    assert "<summary>70 more</summary>" in text


def test_many_equal_files_are_told_in_one_line(write: Writer) -> None:
    others = tuple(Member(f"t{number}", (), "") for number in range(9))
    text = rendered(write("out", {"s1": GOOD}), equal={"s1": [Equal("a.json", others[:5], 4)]})
    assert dict(first(text))["s1"].endswith("a.json is byte for byte that of t0, t1, t2, t3, t4 and 4 more")


def test_the_curves_wait_in_the_students_section_as_text_that_is_no_script(write: Writer) -> None:
    text = rendered(write("out", {"s1": GOOD, "s2": GOOD}), beside=lambda member: Beside(RECORD if member.id == "s2" else {}))
    assert text.count('<script type="text/html">') == 1
    assert text.index('id="s-s2"') < text.index('<script type="text/html">')
    held = text.partition('<script type="text/html">')[2].partition("</script>")[0]
    assert held.startswith('<svg class="curves"')
    assert held.rstrip().endswith("</svg>")
    assert "Best model: loss, by iteration, loss from 2 to 1." in held


def test_names_of_logs_cannot_end_the_text_they_wait_in(write: Writer) -> None:
    evil = {f"best_fc_model{EVIL}</script><script>alert(3)</script>.npz": RECORD["best_fc_model.npz"]}
    text = rendered(write("out", {"s1": GOOD}), beside=lambda _: Beside(evil))
    assert text.count("</script>") == 2
    assert "alert(3)</script>" not in text


def test_the_rendered_notebook_is_linked_where_there_is_one(write: Writer) -> None:
    place = "submissions/s1/notebook.html"
    text = rendered(write("out", {"s1": GOOD, "s2": GOOD}), beside=lambda member: Beside({}, place if member.id == "s1" else ""))
    assert text.count(f'<a href="{place}">Notebook</a>') == 1
