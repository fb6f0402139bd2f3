"""What the class page tells staff to do first: every kind of task from a verdict that has it, and none from one that has not."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Mapping
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from grader.classroom import gradebook as gradebooks
from grader.classroom import page, triage
from grader.classroom.student_section import Beside
from grader.homework import HOMEWORK
from tests.classroom.test_views import BAD, EVIL, GOOD, ITEMS, NOTHING, Reader, Verdict, Writer, sections, write

__all__ = ["write"]
RECORD = {"best_fc_model.npz": {"train_losses": ([1, 2], [2.0, 1.0]), "val_accs": ([0, 1], [0.1, 0.5])}}
ADAM, HE = ITEMS[0], ITEMS[2]
Change = Callable[[dict[str, Any], dict[str, Any]], None]


def rendered(out: Path, **more: object) -> str:
    book = gradebooks.load(out)
    return "".join(page.render(HOMEWORK, book, lambda: gradebooks.lines(out, book), **more))  # type: ignore[arg-type]


def todo(text: str) -> list[tuple[str, str, str, str]]:
    """The list at the head of the page: of each task its kind, the submission, where its link leads, and what is said."""
    start = text.index("To do first")
    part = text[start : text.index("</section>", start)]
    found = []
    for queue in re.findall(r'<details class="queue".*?</details>', part, re.DOTALL):
        (title,) = re.findall(r"<summary><b>(.*?)</b>", queue)
        for entry in re.findall(r"<li>.*?</li>", queue, re.DOTALL):
            link = parse_qs(re.findall(r'href="#(.*?)"', entry)[0].replace("&amp;", "&"))
            found.append((unescape(title), link["student"][0], link.get("at", [""])[0], Reader(f"<ul>{entry}</ul>").text))
    return found


def changed(out: Path, name: str, change: Change) -> None:
    """Change a verdict on disk: `change` gets all of it and what is kept of ADAM."""
    place = gradebooks.place(out, name)
    found = json.loads(place.read_bytes())
    change(found, next(test for test in found["tests"] if test["extra_data"]["id"] == ADAM)["extra_data"])
    place.write_text(json.dumps(found))


def renamed(score: float) -> Change:
    """As if a rename had brought a total of `score`, all that is more of it in ADAM."""

    def change(found: dict[str, Any], _: dict[str, Any]) -> None:
        own = next(test for test in found["tests"] if test["extra_data"]["id"] == ADAM)
        items = {ADAM: own["score"] + score - found["score"]}
        found["extra_data"]["as_if_renamed"] = {"mapping": [["a (1).py", "a.py"]], "score": score, "items": items}

    return change


def noted(line: str, **more: object) -> Change:
    return lambda _, adam: adam.update(staff=[line], **more)


def missed(by: float) -> Change:
    return lambda _, adam: adam.update(missed_by=by)


def with_adam(outcome: str, score: float = 0) -> dict[str, Verdict]:
    return {**GOOD, ADAM: (outcome, score)}


@pytest.mark.parametrize(
    ("verdict", "change", "kind", "said"),
    [
        (with_adam("grader error"), None, triage.GRADER_ERROR, "10 points"),
        (GOOD, lambda found, _: found["extra_data"].update(grader_error="it broke"), triage.GRADER_ERROR, "it broke"),
        (NOTHING, renamed(11), triage.NAMES, "11 points a (1).py as a.py"),
        (with_adam("timed out"), None, triage.BROKEN_OFF, f"10 points {ADAM} timed out"),
        (with_adam("crashed", 4), None, triage.BROKEN_OFF, f"6 points {ADAM} crashed"),
        (GOOD, noted(f"consistency: beside: a.npz, but {ADAM} is blank", blank=True), triage.BLANKS, "10 points beside: a.npz"),
        (GOOD, noted(f"part: consistency: beside: a.npz, but {HE} raises"), triage.CONTRADICTION, "10 points beside: a.npz"),
        (with_adam("wrong"), missed(1.02), triage.BORDERLINE, f"10 points {ADAM} missed its limit by 2.0%"),
        (GOOD, noted("consistency: trajectory: iteration 12"), triage.LOGS, "10 points trajectory: iteration 12"),
        ({ADAM: ("wrong", 0), HE: ("raised", 0)}, None, triage.NO_POINTS, "nothing that was handed in is right"),
        (NOTHING, lambda found, _: found.update(output="0 of 9 points.\nNot a zip."), triage.MISSING, "Not a zip."),
    ],
)  # fmt: skip
def test_each_kind_of_task_is_told_with_its_points(
    write: Writer, verdict: Mapping[str, Verdict], change: Change | None, kind: triage.Kind, said: str
) -> None:
    out = write("out", {"s1": GOOD, "s2": verdict})
    if change:
        changed(out, "s2", change)
    ((title, who, _, text),) = todo(rendered(out))
    assert (title, who) == (kind.title, "s2")
    assert said in " ".join(text.split())


@pytest.mark.parametrize(
    ("verdict", "change"),
    [
        (BAD, None),
        (BAD, renamed(1.25)),
        (BAD, noted("an ordinary note")),
        (with_adam("wrong"), missed(1.2)),
        (with_adam("passed", 10), missed(1.02)),
        ({**GOOD, ITEMS[1]: ("crashed", None)}, None),
        (with_adam("skipped"), None),
    ],
)
def test_what_no_points_hang_on_or_nothing_can_be_done_about_is_left_out(
    write: Writer, verdict: Mapping[str, Verdict], change: Change | None
) -> None:
    out = write("out", {"s1": verdict})
    if change:
        changed(out, "s1", change)
    text = rendered(out)
    assert todo(text) == []
    assert "Nothing. No grader error" in text


def test_the_most_urgent_kind_comes_first_then_the_most_points_then_the_most_telling(write: Writer) -> None:
    out = write(
        "out", {"s1": NOTHING, "s2": GOOD, "s3": with_adam("grader error"), "s4": GOOD, "s5": GOOD, "s6": with_adam("wrong")}
    )
    changed(out, "s2", noted("consistency: batch_size_agrees: B differs"))
    changed(out, "s4", lambda _, adam: adam.update(staff=["consistency: trajectory: at 12", "consistency: byte_equal: a, b"]))
    changed(out, "s5", lambda found, _: found["tests"][2]["extra_data"].update(staff=["consistency: byte_equal: c, d"]))
    changed(out, "s6", missed(1.05))
    found = todo(rendered(out))
    assert [who for _, who, _, _ in found] == ["s3", "s6", "s4", "s2", "s5", "s1"]
    assert [at for _, _, at, _ in found] == [ADAM, ADAM, ADAM, ADAM, HE, ""], "links lead to the place"
    said = {who: " ".join(text.split()) for _, who, _, text in found}
    assert said["s4"].endswith("10 points byte_equal: a, b and 1 more"), "an item's points count once"


def test_a_long_list_is_folded_and_still_complete(write: Writer) -> None:
    names = [f"s{number:03}" for number in range(120)]
    text = rendered(write("out", dict.fromkeys(names, NOTHING)))
    assert [who for _, who, _, _ in todo(text)] == names
    assert '<details class="queue">' in text
    assert '<details class="queue" open>' in rendered(write("few", {"s1": NOTHING}))


def test_rows_of_the_table_say_what_there_is_to_do(write: Writer) -> None:
    out = write("out", {"s1": GOOD, "s2": with_adam("crashed")})
    changed(out, "s2", noted("consistency: trajectory: at 12"))
    rows = {attrs["data-id"]: attrs for tag, attrs in Reader(rendered(out)).tags if "data-notes" in attrs}
    assert {name: str(row["data-notes"]).split() for name, row in rows.items()} == {
        "s1": [],
        "s2": ["broken-off", "odd-logs", "trajectory"],
    }


def drawings(text: str, name: str) -> str:
    """The learning curves as the page's script unpacks them."""
    return zlib.decompress(base64.b64decode("".join(sections(text)[name]["curves"]))).decode()


def test_the_curves_wait_in_the_students_section(write: Writer) -> None:
    text = rendered(write("out", {"s1": GOOD, "s2": GOOD}), beside=lambda member: Beside(RECORD if member.id == "s2" else {}))
    assert "curves" not in sections(text)["s1"]
    held = drawings(text, "s2")
    assert held.startswith('<svg class="curves"')
    assert held.rstrip().endswith("</svg>")
    assert "Best model: loss, by iteration, loss from 2 to 1." in held


def test_names_of_logs_are_text_in_a_drawing(write: Writer) -> None:
    evil = {f"best_fc_model{EVIL}</script><script>alert(3)</script>.npz": RECORD["best_fc_model.npz"]}
    text = rendered(write("out", {"s1": GOOD}), beside=lambda _: Beside(evil))
    assert "alert(1)" in drawings(text, "s1")
    assert "<script" not in drawings(text, "s1")


def test_the_rendered_notebook_is_linked_where_there_is_one(write: Writer) -> None:
    place = "submissions/s1/notebook.html"
    text = rendered(write("out", {"s1": GOOD, "s2": GOOD}), beside=lambda member: Beside({}, place if member.id == "s1" else ""))
    assert [section.get("notebook") for section in sections(text).values()] == [place, None]
