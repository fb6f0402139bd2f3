"""The rubric file: every mistake is refused in a sentence that names the place, and the shipped one is in order."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import pytest

from grader.errors import ConfigurationError
from grader.grading.check import Check
from grader.grading.rubric import Rubric, load_rubric
from grader.homework import HOMEWORK

CHECKS = {
    "optim.adam": Check("optim.adam", "Adam", ("next_w", "m"), lambda _: None),
    "optim.sgd": Check("optim.sgd", "SGD", ("all",), lambda _: None),
}
WITH_QUIET = CHECKS | {"optim.sgd": Check("optim.sgd", "SGD", ("all", "odd"), lambda _: None, frozenset({"odd"}))}
ADAM, SGD = '[[item]]\nid = "optim.adam"\npoints = 60', '[[item]]\nid = "optim.sgd"\npoints = 40'


def rubric(tmp_path: Path, *blocks: str, checks: dict[str, Check] = CHECKS) -> Rubric:
    """Load a rubric file of these blocks against `checks`."""
    path = tmp_path / "mine.toml"
    path.write_text("\n\n".join(blocks), "utf-8")
    return load_rubric(path, checks)


def refusal(tmp_path: Path, *blocks: str) -> str:
    """What is said against such a rubric, without the file's name in front."""
    with pytest.raises(ConfigurationError) as caught:
        rubric(tmp_path, *blocks)
    message = str(caught.value)
    assert message.startswith(("mine.toml: ", f"{tmp_path / 'mine.toml'}: "))
    return message.partition(": ")[2]


def test_the_smallest_rubric_takes_the_defaults(tmp_path: Path) -> None:
    found = rubric(tmp_path, ADAM, SGD)
    adam, sgd = found.items
    assert [item.id for item in found.items] == ["optim.adam", "optim.sgd"]
    assert (adam.points, adam.bonus, sgd.points) == (Fraction(60), Fraction(0), Fraction(40))
    assert (adam.visibility, adam.planned, adam.tags, adam.needs, dict(adam.parts)) == ("visible", False, (), (), {})
    assert (found.total, found.reachable, found.graded) == (Fraction(100), Fraction(100), found.items)


@pytest.mark.parametrize(
    ("parts", "weights"),
    [
        ("", {"all": 1, "odd": 0}),
        ("parts = { all = 3 }", {"all": 3, "odd": 0}),
        ("parts = { all = 3, odd = 2 }", {"all": 3, "odd": 2}),
    ],
)
def test_a_quiet_part_counts_only_where_it_is_given_a_weight(tmp_path: Path, parts: str, weights: dict[str, int]) -> None:
    assert rubric(tmp_path, ADAM, f"{SGD}\n{parts}", checks=WITH_QUIET).items[1].parts == weights


def test_the_public_half_counts_what_it_leaves_out(tmp_path: Path) -> None:
    whole = rubric(tmp_path, ADAM + '\nvisibility = "after_published"', SGD)
    assert [item.id for item in whole.public.items] == ["optim.sgd"]
    assert whole.public.elsewhere == (1, Fraction(60))
    half = rubric(tmp_path, "[elsewhere]\nitems = 1\npoints = 60", SGD, checks={"optim.sgd": CHECKS["optim.sgd"]})
    assert half.elsewhere == whole.public.elsewhere == half.public.elsewhere
    assert "elsewhere" in refusal(tmp_path, "[elsewhere]\nitem = 1", ADAM, SGD)


def test_every_setting_is_read_as_written(tmp_path: Path) -> None:
    found = rubric(
        tmp_path,
        'title = "t"\ntotal = 42.50\n[limits]\nseconds = 2.5\nmemory_mb = 64\n[defaults]\nvisibility = "hidden"',
        '[[item]]\nid = "optim.sgd"\npoints = 42.25\nseconds = 3',
        '[[item]]\nid = "optim.adam"\npoints = 0.25\nbonus = 1.5\nvisibility = "after_published"\ntags = ["a", "b"]\n'
        'parts = { next_w = 2, m = 0.5 }\ntolerance = { rel_error = 1e-7 }\nneeds = ["optim.sgd"]',
    )
    sgd, adam = found.items
    assert (found.title, found.total, found.memory_mb) == ("t", Fraction(85, 2), 64)
    assert (sgd.visibility, sgd.seconds, sgd.points) == ("hidden", 3.0, Fraction(169, 4))
    assert (adam.visibility, adam.seconds, adam.points, adam.bonus) == ("after_published", 2.5, Fraction(1, 4), Fraction(3, 2))
    assert (adam.tags, adam.needs, adam.tolerance) == (("a", "b"), ("optim.sgd",), {"rel_error": 1e-7})
    assert adam.parts == {"next_w": 2, "m": Fraction(1, 2)}
    assert found.digest == hashlib.sha256((tmp_path / "mine.toml").read_bytes()).hexdigest()


def test_digests_of_shipped_logs_are_read_in_either_case_and_are_students_to_know(tmp_path: Path) -> None:
    found = rubric(tmp_path, f"shipped_logs = ['{'Ab' * 32}', '{'0' * 64}']", ADAM, SGD)
    assert found.shipped_logs == found.public.shipped_logs == {"ab" * 32, "0" * 64}


def test_decimal_points_add_up_exactly(tmp_path: Path) -> None:
    found = rubric(tmp_path, "total = 0.3", ADAM.replace("60", "0.1"), SGD.replace("40", "0.2"))  # 0.1 + 0.2 != 0.3 in floats
    assert found.total == Fraction(3, 10)


def test_a_planned_row_needs_no_check_and_is_left_out_of_what_can_be_reached(tmp_path: Path) -> None:
    planned = '[[item]]\nid = "optim.later"\npoints = 10\nplanned = true'
    found = rubric(tmp_path, ADAM.replace("60", "50"), SGD, planned)
    assert [item.id for item in found.graded] == ["optim.adam", "optim.sgd"]
    assert (found.total, found.reachable) == (Fraction(100), Fraction(90))


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (("totl = 100", ADAM, SGD), "unknown key 'totl' at the top; did you mean 'total'?"),
        (("nothing_like_it = 1", ADAM, SGD), "unknown key 'nothing_like_it' at the top"),
        (("[limits]\nsecond = 1", ADAM, SGD), "unknown key 'second' in [limits]; did you mean 'seconds'?"),
        (("[defaults]\nvisibilty = 'hidden'", ADAM, SGD), "unknown key 'visibilty' in [defaults]; did you mean 'visibility'?"),
        ((ADAM + "\nweight = 1", SGD), "unknown key 'weight' in item 'optim.adam'"),
        ((ADAM + "\nneed = []", SGD), "unknown key 'need' in item 'optim.adam'; did you mean 'needs'?"),
        ((ADAM, SGD, SGD.replace("sgd", "sdg")), "item 'optim.sdg' has no check; did you mean 'optim.sgd'?"),
        ((ADAM, SGD, SGD), "item 'optim.sgd' stands twice"),
        ((ADAM.replace("60", "100"),), "check 'optim.sgd' has no row; add one (points = 0 shows it without points)"),
        ((ADAM,), "check 'optim.sgd' has no row; add one (points = 0 shows it without points)"),
        (("total = 1",), "has no [[item]] rows"),
        (("item = 3",), "has no [[item]] rows"),
        (("item = [3]",), "an [[item]] has no id"),
        (("[[item]]\npoints = 100",), "an [[item]] has no id"),
        (("[[item]]\nid = 3",), "an [[item]] has no id"),
        (("limits = 3", ADAM, SGD), "'limits' must be a table"),
        ((ADAM + "\nparts = ['m']", SGD), "'parts' must be a table"),
        ((ADAM + "\ntags = 'x'", SGD), "'tags' in item 'optim.adam' must be a list of texts"),
        ((ADAM + "\nneeds = [1]", SGD), "'needs' in item 'optim.adam' must be a list of texts"),
        ((ADAM + "\nplanned = 1", SGD), "planned in item 'optim.adam' must be true or false"),
        ((ADAM + "\nvisibility = 'hiden'", SGD), "visibility 'hiden' in item 'optim.adam' is unknown; did you mean 'hidden'?"),
        (("defaults = {visibility = 3}", ADAM, SGD), "visibility '3' in item 'optim.adam' is unknown"),
        ((ADAM + "\nneeds = ['optim.sgd']", SGD), "item 'optim.adam' needs 'optim.sgd', which must stand above it"),
        ((ADAM + "\nneeds = ['optim.adam']", SGD), "item 'optim.adam' needs 'optim.adam', which must stand above it"),
        ((ADAM, SGD + "\nneeds = ['optim.adm']"), "item 'optim.sgd' needs unknown item 'optim.adm'; did you mean 'optim.adam'?"),
        ((ADAM, SGD.replace("40", "39.99")), "the points of all rows add up to 99.99, but total = 100"),
        (("total = 99", ADAM, SGD), "the points of all rows add up to 100, but total = 99"),
        ((ADAM + "\nparts = {next_w = 1, mm = 1}", SGD), "part 'mm' in item 'optim.adam' is unknown; did you mean 'm'?"),
        ((ADAM + "\nparts = {next_w = 1}", SGD), "the weights of parts in item 'optim.adam' are incomplete: m is missing"),
        (
            (ADAM + "\nparts = {next_w = 0, m = 0}", SGD),
            "the weights of parts in item 'optim.adam' are incomplete: a weight above 0",
        ),
        ((ADAM + "\nparts = {next_w = 1, m = -1}", SGD), "weight of part 'm' in item 'optim.adam' must be a number of at least 0"),
        ((ADAM.replace("60", "33.333"), SGD), "points in item 'optim.adam' must have at most two decimals, not 33.333"),
        ((ADAM + "\nbonus = 0.001", SGD), "bonus in item 'optim.adam' must have at most two decimals, not 0.001"),
        ((ADAM + "\nseconds = 0", SGD), "seconds in item 'optim.adam' must be above 0"),
        (("[limits]\nseconds = 0", ADAM, SGD), "limits.seconds must be above 0"),
        (("[limits]\nmemory_mb = 0", ADAM, SGD), "limits.memory_mb must be above 0"),
        (("shipped_logs = 'x'", ADAM, SGD), "'shipped_logs' at the top must be a list of texts"),
        (
            (f"shipped_logs = ['{'0' * 64}', '{'0' * 63}g']", ADAM, SGD),
            f"entry 2 of 'shipped_logs' at the top must be a SHA-256, 64 hex digits, not '{'0' * 63}g'",
        ),
        (("shipped_logs = ['']", ADAM, SGD), "entry 1 of 'shipped_logs' at the top must be a SHA-256, 64 hex digits, not ''"),
        (("total = 'all'", ADAM, SGD), "total must be a number of at least 0 and below 1,000,000,000, not 'all'"),
    ],
)
def test_a_mistake_is_refused_and_its_place_named(tmp_path: Path, blocks: tuple[str, ...], message: str) -> None:
    assert refusal(tmp_path, *blocks).startswith(message)


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "-inf", "true", "'8'", "[8]", "1e400", "1e-999999999", "1979-05-27"])
@pytest.mark.parametrize(
    "row", ["points = {}", "bonus = {}", "seconds = {}", "tolerance = {{ x = {} }}", "parts = {{ next_w = {}, m = 1 }}"]
)
def test_what_is_no_number_is_refused_everywhere(tmp_path: Path, row: str, value: str) -> None:
    block = '[[item]]\nid = "optim.adam"\n' + row.format(value)
    assert "in item 'optim.adam' must be a number" in refusal(tmp_path, block, SGD)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"total = ", "is not valid TOML"),
        (b"title = '\xff'", "is not valid TOML"),
        (b"total = 1\ntotal = 2", "is not valid TOML"),
        (None, "cannot be read (No such file or directory); name another rubric file"),
    ],
)
def test_an_unreadable_file_is_refused_with_its_path(tmp_path: Path, data: bytes | None, message: str) -> None:
    path = tmp_path / "mine.toml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ConfigurationError) as caught:
        load_rubric(path, CHECKS)
    assert str(caught.value).startswith(f"{path}: {message}")


def test_the_shipped_rubric_is_in_order(rubric: Rubric) -> None:
    assert rubric.total == sum(item.points for item in rubric.items) == 100
    assert {item.id for item in rubric.graded} == set(HOMEWORK.checks)
    assert rubric.digest == hashlib.sha256(HOMEWORK.rubric.read_bytes()).hexdigest()


def test_the_shipped_ids_are_the_ones_others_rely_on(rubric: Rubric) -> None:
    assert {item.id for item in rubric.items} >= {
        *(f"optim.{rule}.{kind}" for rule in ("sgd_momentum", "rmsprop", "adam") for kind in ("golden", "behaviour")),
        *(f"fc_net.{what}" for what in ("init.random", "init.he", "init.zero", "loss")),
        *("solver.grad_norm", "solver.training", "notebook.consistency"),
        *(f"logs.{name}" for name in ("optimizer_experiment", "sgd_momentum_compare", "w_stds")),
        *("logs.initialization_experiment", "logs.best_model"),
    }


def test_what_the_handout_calls_optional_costs_nothing(rubric: Rubric) -> None:
    assert all(item.points == 0 for item in rubric.items if item.id.startswith("optim.rmsprop."))
