"""optim.*.golden: every accepted reading gets full marks, and each real slip loses exactly the parts it spoils."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.grading import expect
from grader.grading.results import Outcome
from grader.homework import published
from tests.homework.conftest import Ask, assert_full_marks, assert_no_marks, right, said
from tests.homework.rules import ACCEPTED, FILE, MISTAKES, OLDER, REFERENCE, edit

RULES = tuple(REFERENCE)
PARTS = {"sgd_momentum": {"next_w", "velocity"}, "rmsprop": {"next_w", "cache"}, "adam": {"next_w", "m", "v", "t"}}
REFERENCE_FILE = Path(__file__).parents[2] / "fixtures" / "submissions" / "reference" / FILE


@pytest.mark.parametrize(("rule", "reading"), [(rule, reading) for rule in RULES for reading in ACCEPTED[rule]])
def test_an_accepted_reading_gets_full_marks(ask: Ask, rule: str, reading: str) -> None:
    assert_full_marks(ask(f"optim.{rule}.golden", edit(rule, *ACCEPTED[rule][reading])))


@pytest.mark.parametrize("rule", RULES)
def test_older_argument_names_get_full_marks(ask: Ask, rule: str) -> None:
    assert_full_marks(ask(f"optim.{rule}.golden", (FILE, None, OLDER)))


@pytest.mark.parametrize(("rule", "slip"), [(rule, slip) for rule in RULES for slip in MISTAKES[rule]])
def test_a_slip_loses_exactly_the_parts_it_spoils(ask: Ask, rule: str, slip: str) -> None:
    body, still_right = MISTAKES[rule][slip]
    found = ask(f"optim.{rule}.golden", edit(rule, *body))
    assert right(found) == still_right, said(found)
    assert found.outcome is (Outcome.PARTIAL if still_right else Outcome.WRONG)
    for part in PARTS[rule] - still_right:
        assert part in said(found, part)


def test_points_follow_the_weights_of_the_parts(ask: Ask) -> None:
    scores = [
        ask(f"optim.{rule}.golden", edit(rule, *MISTAKES[rule][slip][0])).score
        for rule, slip in (("adam", "t never stored"), ("adam", "t used before it is counted"), ("sgd_momentum", "Nesterov"))
    ]
    assert scores == [8, 6, 4]


def test_a_slip_in_one_rule_costs_no_other_rule(ask: Ask) -> None:
    broken = edit("sgd_momentum", "raise NotImplementedError()")
    assert ask("optim.sgd_momentum.golden", broken).outcome is Outcome.RAISED
    for rule in ("rmsprop", "adam"):
        assert_full_marks(ask(f"optim.{rule}.golden", broken))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("body", ["raise NotImplementedError()", "return w, undefined_name", "1 / 0"])
def test_what_raises_gets_nothing_and_names_the_line(ask: Ask, rule: str, body: str) -> None:
    found = ask(f"optim.{rule}.golden", edit(rule, body))
    assert_no_marks(found, Outcome.RAISED)
    assert body in said(found)
    assert FILE in said(found)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "returned",
    ["None", "w", "(w,)", "(w, config, None)", "[]", "config", "{'next_w': w, 'config': config}", "'ab'", "iter((w, config))", "7"],
)
def test_anything_but_two_values_is_described(ask: Ask, rule: str, returned: str) -> None:
    found = ask(f"optim.{rule}.golden", edit(rule, f"return {returned}"))
    assert_no_marks(found)
    assert "two values" in said(found)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("None", "None"),
        ("next_w.ravel()", "(20,)"),
        ("next_w.T", "(5, 4)"),
        ("next_w[np.newaxis]", "(1, 4, 5)"),
        ("next_w[:3]", "(3, 5)"),
        ("np.empty((0, 5))", "(0, 5)"),
        ("next_w.astype(int)", "int64"),
        ("next_w.astype(complex)", "complex128"),
        ("next_w.astype(object)", "object"),
        ("next_w.astype(str)", "str"),
        ("next_w > 0", "bool"),
        ("next_w.astype(np.float16)", "relative error"),
        ("next_w.tolist()", "list"),
        ("np.where(w == w.min(), np.nan, next_w)", "nan"),
        ("np.where(w == w.max(), -np.inf, next_w)", "inf"),
        ("np.full_like(next_w, np.nan)", "nan"),
        ("1e300 * np.ones_like(next_w)", "relative error"),
        ("0.5", "number"),
        ("lambda: next_w", "function"),
        ("config", "dict"),
    ],
)
def test_a_value_that_is_no_such_array_loses_its_part_only(ask: Ask, value: str, word: str) -> None:
    found = ask("optim.sgd_momentum.golden", edit("sgd_momentum", "v = mu * v + dw", "next_w = w - lr * v", f"next_w = {value}"))
    assert right(found) == {"velocity"}
    assert "next_w" in said(found)
    assert word in said(found)


@pytest.mark.parametrize(
    "value", ["5", "7", "6.000001", "np.nan", "'6'", "None", "True", "[6]", "np.array([6])", "6 + 0j", "10**30", "Six(6)"]
)
def test_a_t_that_is_not_six_is_refused(ask: Ask, value: str) -> None:
    lying = (
        FILE,
        "import numpy as np\n",
        "import numpy as np\n\nclass Six(int):\n    __eq__ = lambda self, other: True\n    __hash__ = None\n\n",
    )
    found = ask("optim.adam.golden", lying, (FILE, REFERENCE["adam"], f"{REFERENCE['adam']}    config['t'] = {value}\n"))
    assert right(found) == {"next_w", "m", "v"}
    assert "config['t']" in said(found, "t")


LIAR = """\
import numpy as np


class Liar(np.ndarray):
    shape = property(lambda self: (4, 5))
    dtype = property(lambda self: np.dtype(float))
    __eq__ = __lt__ = __ge__ = lambda self, other: True
    __sub__ = __rsub__ = lambda self, other: np.zeros((4, 5))
    __array_ufunc__ = lambda self, *a, **k: np.zeros((4, 5))
    __array__ = astype = copy = lambda self, *a, **k: np.zeros((4, 5))
"""


@pytest.mark.parametrize(
    "array", ["np.ones((4, 5))", "np.ones((2, 3))", "np.zeros(0)", "np.full((4, 5), np.nan)", "np.ones((4, 5), dtype=int)"]
)
def test_an_array_subclass_that_lies_about_itself_is_judged_by_its_data(ask: Ask, array: str) -> None:
    lying = (FILE, "import numpy as np\n", LIAR)
    found = ask("optim.sgd_momentum.golden", lying, edit("sgd_momentum", "v = mu * v + dw", f"next_w = {array}.view(Liar)"))
    assert right(found) == {"velocity"}


@pytest.mark.parametrize("wrapped", ["np.asmatrix(next_w)", "next_w.view(Sub)", "np.asfortranarray(next_w)", "next_w[::-1][::-1]"])
def test_a_subclass_or_another_layout_with_the_right_data_is_right(ask: Ask, wrapped: str) -> None:
    own = (FILE, "import numpy as np\n", "import numpy as np\n\n\nclass Sub(np.ndarray):\n    pass\n")
    assert_full_marks(
        ask(
            "optim.sgd_momentum.golden",
            own,
            edit("sgd_momentum", *ACCEPTED["sgd_momentum"]["one expression"], f"next_w = {wrapped}"),
        )
    )


@pytest.mark.parametrize(
    ("rule", "key", "written"), [("rmsprop", "cache", "cahce"), ("adam", "m", "M"), ("adam", "v", "v_"), ("adam", "t", "T")]
)
def test_a_misspelt_key_loses_its_part_and_is_pointed_out(ask: Ask, rule: str, key: str, written: str) -> None:
    rename = f"    config = {{{key!r} == k and {written!r} or k: x for k, x in config.items()}}\n"
    found = ask(f"optim.{rule}.golden", (FILE, REFERENCE[rule], REFERENCE[rule] + rename))
    assert right(found) == PARTS[rule] - {key}
    assert f"'{key}'" in said(found, key)
    assert f"'{written}'" in said(found, key)


@pytest.mark.parametrize("config", ["{}", "None", "[]", "w", "'config'", "{1: 2}"])
def test_a_config_without_the_state_keeps_next_w(ask: Ask, config: str) -> None:
    found = ask("optim.adam.golden", (FILE, REFERENCE["adam"], f"{REFERENCE['adam']}    config = {config}\n"))
    assert right(found) == {"next_w"}
    assert found.score == 4


def _distances(rule: str, body: list[str] | None) -> dict[str, float]:
    """rel_error of each answer of the reference, or of the reference with another body, to the published arrays."""
    source = REFERENCE_FILE.read_text("utf-8")
    if body is not None:
        _, old, new = edit(rule, *body)
        source = source.replace(old, new)
    names: dict[str, Any] = {}
    exec(compile(source, FILE, "exec"), names)
    case = published.golden()[rule]
    config = {key: value.copy() if isinstance(value, np.ndarray) else value for key, value in case.config.items()}
    next_w, config = names[rule](case.w.copy(), case.dw.copy(), config)
    found = {"next_w": expect.rel_error(next_w, case.next_w)}
    return found | {key: expect.rel_error(config[key], wanted) for key, wanted in case.state.items() if key != "t"}


@pytest.mark.parametrize(
    ("rule", "reading", "part", "digits"),
    [
        ("sgd_momentum", None, "next_w", "6.4e-09"),
        ("sgd_momentum", None, "velocity", "1.9e-08"),
        ("rmsprop", None, "next_w", "9.503e-08"),
        ("rmsprop", "epsilon outside", "next_w", "9.525e-08"),
        ("adam", None, "next_w", "1.1396e-07"),
        ("adam", "epsilon inside the root", "next_w", "1.1399e-07"),
        ("adam", "sqrt(1 - b2^t) form", "next_w", "1.1356e-07"),
        ("adam", "epsilon in the corrections too", "next_w", "1.42e-07"),
    ],
)
def test_correct_code_is_as_far_from_the_printed_digits_as_measured(rule: str, reading: str | None, part: str, digits: str) -> None:
    distance = _distances(rule, ACCEPTED[rule][reading] if reading else None)[part]
    print(f"{rule} {part} ({reading or 'reference'}): {distance:.5g}")
    places = len(digits.partition("e")[0].replace(".", "")) - 1
    assert f"{distance:.{places}e}" == digits


def test_the_nearest_slip_of_rmsprop_is_beyond_the_limit() -> None:
    distance = _distances("rmsprop", MISTAKES["rmsprop"]["precedence"][0])["next_w"]
    print(f"rmsprop next_w (precedence): {distance:.5g}")
    assert f"{distance:.2e}" == "1.66e-07"
