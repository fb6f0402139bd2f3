"""What staff decide is applied wherever scores are made, with a trail, and never dropped in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.classroom import adjustments, final_grades, grades_table
from grader.classroom.adjustments import Adjustment, holding
from grader.classroom.gradebook import Line
from grader.errors import UsageError
from tests.classroom.runs import ADA, BO, ONE, TWO, written

PEOPLE = {"s1": (ADA,), "s2": (BO,)}


def adjusted(out: Path, text: str) -> tuple[dict[str, Line], list[str]]:
    """The lines of a run with these adjustments, and the warnings."""
    (out / adjustments.FILE).write_text(text, "utf-8")
    grades = final_grades.load(out)
    return {line.member.id: line for line, _ in grades.lines()}, grades.warnings


def decided(what: str, who: str = 'submission = "s1"') -> str:
    return f'[[adjustment]]\n{who}\n{what}\nreason = "because"\nby = "ta"\nat = 2026-01-05T10:00:00Z\n'


@pytest.mark.parametrize(
    ("what", "total", "outcome", "told"),
    [
        (f'item = "{TWO}"\npoints = 30', "40", "passed", f"{TWO} 15 -> 30: because (ta, 2026-01-05)"),
        (f'item = "{TWO}"\npoints = 0', "10", "partial", f"{TWO} 15 -> 0: because (ta, 2026-01-05)"),
        (f'item = "{TWO}"\nexcused = true', "40", "passed", f"{TWO} 15 -> excused: because (ta, 2026-01-05)"),
        (f'item = "{ONE}"\nexcused = true', "20", "partial", f"{ONE} 10 -> excused: because (ta, 2026-01-05)"),
        ('item = "total"\npoints = 39.5', "39.5", "partial", "total 25 -> 39.5: because (ta, 2026-01-05)"),
        ('item = "total"\nexcused = true', "25", "excused", "total 25 -> excused: because (ta, 2026-01-05)"),
    ],
)
def test_a_decision_changes_the_score_and_is_told_beside_it(tmp_path: Path, what: str, total: str, outcome: str, told: str) -> None:
    lines, warnings = adjusted(written(tmp_path, PEOPLE), decided(what))
    assert (f"{lines['s1'].total:f}", lines["s1"].outcome, [*map(str, lines["s1"].applied)]) == (total, outcome, [told])
    assert f"{lines['s2'].total:f}" == "25"
    assert not lines["s2"].applied
    assert not warnings


def test_the_later_of_two_decisions_holds_and_either_can_be_withdrawn() -> None:
    first, second = (Adjustment("s1", item=ONE, points=adjustments.number(text, "")) for text in ("3", "4"))
    total = Adjustment("s1", item="total", points=adjustments.number("9", ""))
    late = Adjustment("s1", days_late=0)
    assert holding([first, total, second, late]) == [second, total, late]
    assert holding([first, total, Adjustment("s1", item=ONE, withdrawn=True)]) == [total]
    assert holding([first, total, late, Adjustment("s1", withdrawn=True), second]) == [second]


def test_a_resubmission_is_found_by_its_student_and_facts_about_the_student_hold_for_it(tmp_path: Path) -> None:
    out = written(tmp_path, {"s7": (ADA,), "s1": (BO,)})
    text = decided(f'item = "{ONE}"\nexcused = true', 'submission = "s1"\nstudent = "3031"')
    lines, warnings = adjusted(out, text)
    assert [line.member.id for line in lines.values() if line.applied] == ["s7"]
    assert not warnings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (decided(f'item = "{ONE}"\npoints = 5\ndigest = "another"'), "s1 Ada Núñez: the submission has changed since"),
        (decided('item = "tasks.gone"\npoints = 5'), "this run has no item tasks.gone (5 points for tasks.gone: because)"),
        (decided(f'item = "{ONE}"\npoints = 5', 'student = "9999"'), "nobody in the class is 9999"),
        (decided('renamed = { "a b.txt" = "one.py" }'), "no such file, or it has not been graded since (a b.txt graded as one.py"),
    ],
)
def test_what_does_not_fit_changes_nothing_and_is_told(tmp_path: Path, text: str, said: str) -> None:
    lines, warnings = adjusted(written(tmp_path, PEOPLE), text)
    assert [f"{line.total:f}" for line in lines.values()] == ["25", "25"]
    (warning,) = warnings
    assert "not applied" in warning
    assert said in warning


def test_a_grader_that_has_changed_its_mind_is_told(tmp_path: Path) -> None:
    lines, (warning,) = adjusted(written(tmp_path, PEOPLE), decided(f'item = "{TWO}"\npoints = 20\nwas = 12'))
    assert f"{lines['s1'].total:f}" == "30"
    assert "the grader now gives 15, it gave 12 when this was decided" in warning


LATE = "[late]\ndue = 2024-10-01T23:00:00-07:00\npercent_per_day = 10\ngrace_minutes = 15\ncap_percent = 25\n"


@pytest.mark.parametrize(
    ("created", "more", "total"),
    [
        ("2024-10-02 06:00:00.5 Z", "", "25"),
        ("2024-10-02 06:15:00.123456789 Z", "", "25"),  # within the grace
        ("2024-10-02 06:16:00 UTC", "", "21"),
        ("2024-10-01 23:16:00 -0700", "", "21"),
        ("2024-10-03 06:00:00 Z", "", "21"),
        ("2024-10-03 06:00:01 Z", "", "17"),
        ("2024-10-09 00:00:00 Z", "", "15"),  # the cap
        ("2024-10-03 06:00:01 Z", 'of = "score"\n', "20"),
        ("2024-10-09 00:00:00 Z", decided("days_late = 0"), "25"),
        ("2024-10-02 00:00:00 Z", decided("days_late = 1"), "21"),
    ],
)
def test_lateness_costs_by_rule_or_as_decided(tmp_path: Path, created: str, more: str, total: str) -> None:
    lines, warnings = adjusted(written(tmp_path, {"s1": (ADA,)}, created={"s1": created}), LATE + more)
    assert f"{lines['s1'].total:f}" == total
    assert not warnings


def test_when_nobody_knows_when_it_was_handed_in_that_costs_nothing_and_is_told_once(tmp_path: Path) -> None:
    lines, warnings = adjusted(written(tmp_path, PEOPLE), LATE)
    assert [f"{line.total:f}" for line in lines.values()] == ["25", "25"]
    assert warnings == ["when some submissions were handed in is not known; these count as in time"]


AGAIN = {"s1": (ADA,), "s2": (ADA,)}
WHEN = {"s1": "2024-10-02 05:00:00 Z", "s2": "2024-10-09 00:00:00 Z"}


@pytest.mark.parametrize(
    ("attempt", "text", "counts", "told"),
    [
        ("latest", "", "s2 30", ""),
        ("latest", LATE, "s2 20", ""),  # it counts as late as it was
        ("best", LATE, "s1 25", ""),  # in time it is worth more
        ("best", LATE + decided("days_late = 0", 'student = "3031"'), "s2 30", ""),
        ("best", decided('item = "total"\npoints = 40'), "s1 40", ""),
        ("latest", decided('item = "total"\npoints = 40'), "s2 30", "but another submission of theirs counts by now"),
        ("latest", decided('item = "total"\npoints = 40', 'student = "3031"'), "s2 40", ""),
    ],
)
def test_the_attempt_that_counts_is_the_one_that_is_adjusted(
    tmp_path: Path, attempt: str, text: str, counts: str, told: str
) -> None:
    out = written(tmp_path, AGAIN, {"s1": (10, 15), "s2": (10, 20)}, WHEN, attempt)
    lines, warnings = adjusted(out, text)
    assert [f"{line.member.id} {line.total:f}" for line in lines.values() if line.counts] == [counts]
    assert told in "".join(warnings)
    assert bool(told) == bool(warnings)


def test_a_question_graded_by_hand_is_a_column(tmp_path: Path) -> None:
    text = '[[question]]\nid = "written"\npoints = 10\n' + decided('item = "written"\npoints = 7.5')
    lines, _ = adjusted(written(tmp_path, PEOPLE), text)
    grades = final_grades.load(tmp_path)
    head, one, two = "".join(grades_table.rows(grades.book, lines.values())).splitlines()
    assert head.endswith(f"total (50),{ONE} (10),{TWO} (30),tasks.shown,written (10),adjusted")
    assert one.endswith('partial,32.5,10,15,passed,7.5,"written 7.5 of 10: because (ta, 2026-01-05)"')
    assert two.endswith("partial,25,10,15,passed,not graded,")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[adjustment", "not valid TOML"),
        ("[adjustment]\n", "write [[adjustment]]"),
        ("[[adjustments]]\n", "unknown key 'adjustments'; did you mean 'adjustment'?"),
        (decided("item = 'a'\npionts = 3"), "adjustment 1 has the unknown key 'pionts'; did you mean 'points'?"),
        (decided("item = 'a'"), "needs one of points, excused"),
        (decided("item = 'a'\npoints = 1\nexcused = true"), "not points and excused"),
        (decided("points = 1"), "needs an item"),
        (decided("item = 'a'\npoints = -1"), "'-1', not a number from 0 on"),
        (decided("item = 'a'\npoints = 1.005"), "at most 2 decimals"),
        (decided("item = 'a'\npoints = nan"), "not a number"),
        (decided("days_late = 1", "").replace("reason", "#"), "needs a submission or a student"),
        (decided("days_late = 1").replace("reason", "#"), "needs a reason"),
        ("[late]\ndue = 2024-10-01\npercent_per_day = 1\n", "needs a date with time and offset"),
        ('[[question]]\nid = "total"\npoints = 1\n', "needs an id of its own"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / adjustments.FILE).write_text(text, "utf-8")
    with pytest.raises(UsageError) as caught:
        adjustments.load(tmp_path)
    assert said in str(caught.value)


def test_what_is_added_leaves_what_stands_there_and_comes_back_as_it_was(tmp_path: Path) -> None:
    mine = "# my own note\n[late]\ndue = 2024-10-01T23:00:00-07:00\npercent_per_day = 10"
    (tmp_path / adjustments.FILE).write_text(mine, "utf-8")
    new = Adjustment("s1", "3031", reason='said "yes"', by="ta", at=adjustments.now(), renamed={"a (1).py": "x.py"})
    found = adjustments.add(tmp_path, [new])
    assert (tmp_path / adjustments.FILE).read_text("utf-8").startswith(mine + "\n")
    assert found == adjustments.load(tmp_path)
    assert found.decisions == (new,)


def test_adjustments_of_another_run_are_taken_over_but_never_mixed(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(decided("days_late = 1"), "utf-8")
    (tmp_path / "out").mkdir()
    for _ in range(2):
        adjustments.bring(tmp_path / "mine.toml", tmp_path / "out")
    assert len(adjustments.load(tmp_path / "out").decisions) == 1
    (tmp_path / "other.toml").write_text(decided("days_late = 2"), "utf-8")
    with pytest.raises(UsageError, match="other adjustments"):
        adjustments.bring(tmp_path / "other.toml", tmp_path / "out")
