"""One column of a learning platform's export is filled; every other byte stays, and who could not be matched is listed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from grader.classroom import csv_cells
from grader.classroom.gradebook import Line, Member
from grader.classroom.lms_gradebook import Filled, fill
from grader.classroom.roster import Person
from grader.errors import UsageError
from tests.classroom.runs import ADA, BO, line

EVE = Person("Eve", "", "eve@x.edu")
LINES = [
    line(Member("submission_1", (ADA, EVE), ""), "87.5"),
    line(Member("submission_2", (BO,), ""), "40"),
    line(Member("submission_3", (Person("Una Known", "77", "una@x.edu"),), ""), "3"),
]
CANVAS = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Homework 2 (1234),Other (99),Current Score\r\n"
    ",,,,,Manual Posting,,\r\n"
    "    Points Possible,,,,,100.00,10.00,(read only)\r\n"
    '"Núñez, Ada",11,3031,ada,"LEC ""1""",,1.00,\r\n'
    '"Chen, Bo",12,UID:003032,b.chen,LEC 1,"12",2.00,90\r\n'
    '"E, Eve",13,,EVE@x.edu,LEC 1,87.50,,\r\n'
    "Nobody,14,9999,nobody,LEC 1,5.00,,\r\n"
    '"Student, Test",15,,a8f,LEC 1,,,\r\n'
)
GRADESCOPE = (
    "First Name,Last Name,SID,Email,Sections,Total Score,Max Points,Status,Submission ID,Lateness (H:M:S),1: Q (5.0 pts)\n"
    "Ada,Núñez,3031,ada@x.edu,,1.0,100.0,Graded,1,00:00:00,1.0\n"
    "Bo,Chen,,,,,100.0,Graded,2,00:00:00,1.0\n"
    "Nobody,N,9999,n@x.edu,,,100.0,Missing,,,\n"
)


def filled(text: str, lines: list[Line] | None = None, column: str = "", title: str = "") -> Filled:
    return fill(text.encode(), LINES if lines is None else lines, Decimal(100), column=column, title=title)


def test_canvas_gets_its_grades_and_keeps_every_other_byte() -> None:
    done = filled(CANVAS, column="homework 2")
    expected = CANVAS.replace('"LEC ""1""",,', '"LEC ""1""",87.5,').replace('"12"', '"40"').replace("LEC 1,87.50,", "LEC 1,87.5,")
    assert done.data.decode() == expected
    assert (done.column, done.count, done.changed, done.notes) == ("Homework 2 (1234)", 3, 1, [])
    assert done.left == ["Nobody: no grade"]
    assert done.unmatched == ["submission_3 Una Known, 3"]


def test_gradescopes_table_is_filled_in_its_total_and_by_submission_where_nothing_else_is_known() -> None:
    done = filled(GRADESCOPE)
    assert done.data.decode() == GRADESCOPE.replace(",,1.0,100", ",,87.5,100").replace("Chen,,,,,100", "Chen,,,,40,100")
    assert done.left == ["Nobody N: no grade"]
    assert done.unmatched == ["submission_1 Eve, 87.5", "submission_3 Una Known, 3"]


def test_semicolons_and_decimal_commas_are_kept() -> None:
    text = CANVAS.replace(",", ";").replace(".00", ",00").replace("87.50", "87,50")
    done = filled(text, column="homework 2")
    assert 'LEC ""1""";87,5;1,00;' in done.data.decode()


def test_a_file_that_is_not_utf8_keeps_its_letters() -> None:
    data = CANVAS.removeprefix("\ufeff").encode("cp1252")
    done = fill(data, LINES, Decimal(100), column="Homework 2 (1234)")
    assert "Núñez".encode("cp1252") in done.data


@pytest.mark.parametrize(
    ("change", "line_", "said"),
    [
        (("", ""), line(LINES[1].member, "0", "grader error"), "Chen, Bo: grader error in submission_2, no grade yet"),
        (('"12"', "N/A"), LINES[1], "Chen, Bo: not assigned to this student (N/A)"),
        (('LEC 1,"12",2.00,90', "LEC 1"), LINES[1], "Chen, Bo: the row ends before this column"),
    ],
)
def test_a_cell_that_cannot_be_filled_stays_and_is_told(change: tuple[str, str], line_: Line, said: str) -> None:
    text = CANVAS.replace(*change)
    done = filled(text, [line_], "homework 2")
    assert said in done.left
    assert done.data.decode() == text


def test_who_has_several_submissions_is_not_decided_here() -> None:
    done = filled(CANVAS, [LINES[1], line(Member("submission_9", (BO,), ""), "50")], "homework 2")
    assert "Chen, Bo: several submissions (submission_2, submission_9)" in done.left


def test_excused_is_written_as_canvas_writes_it() -> None:
    assert '"EX",2.00' in filled(CANVAS, [line(LINES[1].member, "0", "excused")], "homework 2").data.decode()
    assert "Bo Chen: excused" in filled(GRADESCOPE, [line(LINES[1].member, "0", "excused")]).left


def test_another_maximum_is_told() -> None:
    done = filled(CANVAS, column="other")
    assert done.notes == ["Other (99) is worth 10.00 points there, and the grades are of 100."]


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        (CANVAS, "", "which column? give --column with one of: Homework 2 (1234), Other (99)"),
        (CANVAS, "Homwork 2", "no column 'Homwork 2'"),
        (CANVAS, "current score", "no column 'current score'"),
        ("a,b\n1,2\n", "b", "no column SIS User ID, SIS Login ID, SID or Email"),
        ("", "b", "is empty"),
    ],
)
def test_what_cannot_be_filled_is_told(text: str, column: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        filled(text, column=column)
    assert said in str(caught.value)


def test_the_column_may_be_found_by_the_homeworks_name() -> None:
    assert filled(CANVAS, title="Homework 2").column == "Homework 2 (1234)"


@pytest.mark.parametrize(
    "text", ["a,b\r\n1,\r\n", 'a,"b\nc"\n"1""x",2', "a;b\n\n;\n", "\ufeffa\tb\n1\t", 'a,b\n"open,2', 'a,b\n"x"y,2\n']
)
def test_cells_are_where_they_are_said_to_be(text: str) -> None:
    table = csv_cells.parsed(text.encode())
    assert table.replaced({}) == text.encode()
    for number, row in enumerate(table.rows):
        for column, cell in enumerate(row):
            new = csv_cells.parsed(table.replaced({(number, column): 'x"y'}))
            found = [[cell.text for cell in one] for one in table.rows]
            found[number][column] = 'x"y'
            if text.encode()[cell.start : cell.start + 5] != b'"open':
                assert [[cell.text for cell in one] for one in new.rows] == found
