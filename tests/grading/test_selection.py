"""`--only`: an item by any part of its id that names it alone; what names several, or nothing, is said."""

from __future__ import annotations

import pytest

from grader.errors import UsageError
from grader.grading.selection import selected

IDS = ("rules.sgd.golden", "rules.adam.golden", "rules.adam.behaviour", "net.init.he", "net.init.zero", "logs.sgd_compare")


@pytest.mark.parametrize(
    ("only", "found"),
    [
        (None, IDS),
        ("rules", IDS[:3]),
        ("rules.adam", IDS[1:3]),
        ("adam", IDS[1:3]),
        ("adam.golden", IDS[1:2]),
        ("behaviour", IDS[2:3]),
        ("init", IDS[3:5]),
        ("he", IDS[3:4]),
        ("sgd", IDS[:1]),
        ("compare", IDS[5:]),
        ("zero, adam", IDS[1:3] + IDS[4:5]),
    ],
)
def test_a_part_that_names_one_group_is_enough(only: str | None, found: tuple[str, ...]) -> None:
    assert selected(IDS, only) == found


@pytest.mark.parametrize(
    ("only", "said"),
    [
        ("golden", "'golden' may mean rules.sgd.golden or rules.adam.golden; give more of the one you mean"),
        ("adma", "no item starts with 'adma'; did you mean 'adam'?"),
        ("rules.adm", "no item starts with 'rules.adm'; did you mean 'rules.adam'?"),
        ("", "no item starts with ''"),
        ("adam,", "no item starts with ''"),
        ("quux", "no item starts with 'quux'"),
    ],
)
def test_what_names_several_or_none_is_refused(only: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        selected(IDS, only)
    assert str(caught.value).startswith(said)
