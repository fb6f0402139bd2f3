"""Which of a student's submissions counts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from grader.classroom.attempts import Attempt, counting
from grader.classroom.roster import Person

ADA, BO = Person("Ada", "1", "ada@x"), Person("Bo", "2", "bo@x")
DAYS = [f"2024-10-0{day} 10:00:00.000000000 Z" for day in range(1, 6)]


def handed(number: int, day: int, *people: Person, total: int = 0) -> Attempt:
    return Attempt(f"s{number}", people, DAYS[day], Decimal(total))


CLASS = [
    handed(1, 2, ADA, total=70),
    handed(2, 1, ADA, total=90),
    handed(3, 3, ADA, total=90),
    handed(4, 4, ADA, total=10),
    handed(5, 0, BO, total=50),
]


@pytest.mark.parametrize(("policy", "counts"), [("latest", "s4"), ("first", "s2"), ("best", "s3"), ("all", "s1 s2 s3 s4")])
def test_one_submission_counts_for_each_student(policy: str, counts: str) -> None:
    found = counting(CLASS, policy)
    assert found == {**dict.fromkeys(counts.split(), (ADA,)), "s5": (BO,)}


def test_a_groups_submission_counts_for_those_who_have_no_later_one() -> None:
    group, alone = handed(1, 0, ADA, BO), handed(2, 1, BO)
    assert counting([group, alone], "latest") == {"s1": (ADA,), "s2": (BO,)}
    assert counting([group, alone], "first") == {"s1": (ADA, BO)}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ADA, Person("A. King", "1", ""), True),
        (ADA, Person("Ada", "", "ADA@X"), True),
        (ADA, Person("Ada", "3", "ada@x"), False),
        (Person("Wei Chen"), Person("Wei Chen"), False),
        (Person(), Person(), False),
    ],
)
def test_students_are_told_apart_by_what_a_course_knows_of_them(one: Person, other: Person, same: bool) -> None:
    assert len(counting([handed(1, 0, one), handed(2, 1, other)], "latest")) == (1 if same else 2)


def test_submissions_of_nobody_known_all_count() -> None:
    assert counting([handed(1, 0), handed(2, 0)], "latest") == {"s1": (), "s2": ()}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2024-10-01 23:30:20.123456000 Z", "2024-10-01 23:30:20.123457000 Z"),
        ("2024-10-01 23:30:20 -0700", "2024-10-02 06:30:21 Z"),
        ("2024-10-01T23:30:20+02:00", "2024-10-01T22:30:20Z"),
        ("", "2024-10-01 23:30:20 Z"),
        ("yesterday", "2024-10-01 23:30:20 Z"),
    ],
)
def test_times_are_compared_as_times(earlier: str, later: str) -> None:
    attempts = [Attempt("later", (ADA,), later), Attempt("earlier", (ADA,), earlier)]
    assert list(counting(attempts, "latest")) == ["later"]
