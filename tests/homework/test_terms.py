"""Whatever a term of the course handed out is right: a complete submission gets all points, and a blank is told as a blank."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.make_terms import SOLUTIONS, filled
from grader.grading.results import ItemResult, Outcome, Report
from grader.homework import HOMEWORK
from tests.conftest import SOLVER, Grader, item, run
from tests.homework import terms
from tests.homework.conftest import right, said
from tests.homework.terms import STYLES, TERMS

UNFILLED: Final = "may not be filled in yet"
RMSPROP_LOG: Final = "optimizer_experiment_rmsprop.npz"
# What students write in every term, by item; beside it, what only some terms left blank.
WRITTEN: Final = (
    "optim.sgd_momentum.golden",
    "optim.sgd_momentum.behaviour",
    "optim.rmsprop.golden",
    "optim.rmsprop.behaviour",
    "optim.adam.golden",
    "optim.adam.behaviour",
    "fc_net.init.he",
    "fc_net.init.zero",
    "solver.grad_norm",
)
ALSO_BLANK: Final[Mapping[str, tuple[str, ...]]] = {
    "2023": ("fc_net.init.random", "fc_net.loss"),  # no network can be built whose loss might be asked
    "sp25": ("fc_net.loss",),
}
GIVEN: Final = ("fc_net.init.random", "fc_net.loss", "solver.training")
IMPORTED: Final = ("fc_net.init.he", "fc_net.init.zero", "fc_net.init.random", "fc_net.loss", "solver.grad_norm", "solver.training")
UNTOUCHED_TOTAL: Final = {"2023": 5, "sp25": 8, "fa25": 8, "fa26": 8}  # points of items whose code was given
BLANKS: Final = [(term, name) for term in TERMS for name in (*WRITTEN, *ALSO_BLANK.get(term, ()))]


def is_documented(term: str, student: str, staff: str) -> bool:
    """What may be said of a fixture: it was run on the stand-in, so its curves are not those published for the term."""
    return not student and staff.startswith("consistency: trajectory: ") and term != "fa26"


def source(notebook: str) -> list[Any]:
    """The cells of a notebook without what running it left."""
    cells = json.loads(notebook)["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


@pytest.fixture(scope="module")
def untouched(graded: Grader, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Report]:
    """Each term's starter as handed out, without the logs that came with one of them."""
    folder = tmp_path_factory.mktemp("untouched")
    return {term: graded(terms.starter(folder / term, term, logs=False)) for term in TERMS}


@pytest.fixture(scope="module")
def plain(graded: Grader, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Report]:
    """Each term's complete submission."""
    folder = tmp_path_factory.mktemp("plain")
    return {term: graded(terms.solved(folder / term, term)) for term in TERMS}


@pytest.mark.parametrize("term", TERMS)
def test_a_solved_fixture_is_its_starter_with_the_blanks_filled(term: str) -> None:
    for name, text in filled(term, SOLUTIONS[term]).items():
        kept = (terms.FOLDER / term / "solved" / name).read_text("utf-8")
        same = source(kept) == source(text) if name.endswith(".ipynb") else kept == text
        assert same, f"{term}: remake {name} with fixtures/make_terms.py"


@pytest.mark.parametrize("term", TERMS)
def test_a_complete_submission_gets_everything(plain: Mapping[str, Report], term: str) -> None:
    report = plain[term]
    assert {one.id: one.outcome for one in report.items if one.outcome is not Outcome.PASSED} == {}
    assert report.score == 100


@pytest.mark.parametrize("term", TERMS)
def test_nothing_is_said_about_a_complete_submission(plain: Mapping[str, Report], term: str) -> None:
    told = [(one.id, found.student, found.staff) for one in plain[term].items for found in one.findings]
    assert [one for one in told if not is_documented(term, *one[1:])] == []


@pytest.mark.parametrize("term", TERMS)
def test_the_optional_log_costs_nothing(graded: Grader, plain: Mapping[str, Report], term: str, tmp_path: Path) -> None:
    folder = terms.solved(tmp_path / term, term)
    (folder / "submission_logs" / RMSPROP_LOG).unlink(missing_ok=True)
    without = graded(folder)
    assert without.score == plain[term].score
    assert {one.id: one.outcome for one in without.items} == {one.id: one.outcome for one in plain[term].items}


def verdict(one: ItemResult) -> tuple[Any, ...]:
    """All that a student sees of an item."""
    return one.outcome, one.score, dict(one.parts), said(one)


@pytest.mark.parametrize("style", [style for style in STYLES if style != "plain"])
@pytest.mark.parametrize("term", TERMS)
def test_how_the_files_import_changes_no_verdict(
    graded: Grader, plain: Mapping[str, Report], term: str, style: str, tmp_path: Path
) -> None:
    found = {one.id: verdict(one) for one in graded(terms.styled(tmp_path / term, term, style), *IMPORTED).items}
    assert found == {name: verdict(item(plain[term], name)) for name in IMPORTED}


@pytest.mark.parametrize("term", TERMS)
def test_an_untouched_starter_gets_the_points_for_what_was_given(untouched: Mapping[str, Report], term: str) -> None:
    given = [item(untouched[term], name) for name in GIVEN if name not in ALSO_BLANK.get(term, ())]
    assert {one.id: said(one) for one in given if one.outcome is not Outcome.PASSED} == {}
    assert untouched[term].score == UNTOUCHED_TOTAL[term] == sum(one.score for one in given)


@pytest.mark.parametrize(("term", "name"), BLANKS)
def test_a_blank_gets_nothing_and_is_told_as_one(untouched: Mapping[str, Report], term: str, name: str) -> None:
    found = item(untouched[term], name)
    assert found.outcome is not Outcome.PASSED
    assert found.score == 0
    assert not right(found)
    told = [finding.student for finding in found.findings if finding.student]
    if not (name.endswith(".behaviour") and found.outcome is Outcome.SKIPPED):
        assert [UNFILLED in text for text in told] == [True]


@pytest.mark.parametrize("term", TERMS)
def test_a_blank_is_no_error_and_no_edit_of_given_code(untouched: Mapping[str, Report], term: str) -> None:
    everything = "\n".join(said(one) for one in untouched[term].items)
    assert not [word for word in ("NameError", "NotImplementedError", "FIXME", ", line ", "the original") if word in everything]


def test_logs_that_came_with_the_starter_are_seen_beside_its_blanks(graded: Grader, tmp_path: Path) -> None:
    report = graded(terms.starter(tmp_path / "sp25", "sp25"))
    told = {one.id for one in report.items for found in one.findings if "consistency: code_against_logs" in found.staff}
    assert told == {one.id for one in report.items if one.id.startswith("logs.")}


def test_a_class_that_ran_the_same_notebook_on_the_same_machine_is_not_listed(tmp_path: Path) -> None:
    for number, style in enumerate(STYLES):
        terms.styled(tmp_path / "class" / f"student-{number}", "sp25", style)
    items = "logs.w_stds,logs.initialization_experiment"
    process = run("batch", tmp_path / "class", "-o", tmp_path / "out", "--only", items)
    assert process.returncode == 0, process.stderr
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert len(STYLES) >= 6
    assert "student-5" in page
    assert "<p>Nothing. No grader error" in page
    assert "byte for byte" not in page
    for table in (tmp_path / "out").glob("*.csv"):
        assert table.name == "grades.csv" or table.read_text("utf-8").count("\n") <= 1, table.name


@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("state", ["starter", "solved"])
def test_staff_read_what_a_submission_was_built_on(graded: Grader, tmp_path: Path, term: str, state: str) -> None:
    report = graded(getattr(terms, state)(tmp_path / term, term), "fc_net.init.zero")
    assert report.staff_notes == (f"Built on {TITLES[term]}.",)


TITLES: Final = {
    "2023": "the 2023 starter",
    "sp25": "the spring 2025 starter",
    "fa25": "the fall 2025 starter",
    "fa26": "the fall 2026 starter",
}


@pytest.mark.parametrize(
    ("term", "change", "told"),
    [
        ("sp25", {"hw2_optimizer_init.ipynb": "hw2_optimizer_init (1).ipynb"}, "the spring 2025 starter"),
        ("fa26", {"hw2_optimizer_init.ipynb": None}, "the fall 2026 starter"),
        ("sp25", {"hw2_optimizer_init.ipynb": None}, "the 2023 starter or the spring 2025 starter or the fall 2025 starter"),
        ("sp25", {"hw2_optimizer_init.ipynb": "mine.ipynb"}, "the spring 2025 starter or the fall 2025 starter"),
        ("fa25", {SOLVER: None}, "the fall 2025 starter"),
        ("fa25", {SOLVER: None, "q_optimizer_init.ipynb": None}, ""),
    ],
)
def test_what_is_missing_or_renamed_is_not_needed_to_know_the_term(
    graded: Grader, tmp_path: Path, term: str, change: Mapping[str, str | None], told: str
) -> None:
    folder = terms.solved(tmp_path / "homework", term)
    for name, other in change.items():
        if other is None:
            (folder / name).unlink()
        else:
            (folder / name).rename(folder / other)
    assert [note for note in graded(folder, "fc_net.init.zero").staff_notes if note.startswith("Built")] == (
        [f"Built on {told}."] if told else []
    )


def test_files_of_two_terms_and_one_of_ones_own_lose_nothing(graded: Grader, tmp_path: Path) -> None:
    folder = terms.solved(tmp_path / "homework", "fa25")
    (folder / SOLVER).write_bytes((terms.FOLDER / "fa26" / "solved" / SOLVER).read_bytes())
    layers = folder / "deeplearning" / "layers.py"
    layers.write_text(layers.read_text("utf-8") + "\n\ndef mine():\n    pass\n", "utf-8")
    report = graded(folder)
    assert report.score == 100
    assert report.notes == ("Graded with the course's own copy of deeplearning/layers.py; yours is not used.",)
    assert report.staff_notes == ("Built on files of several starters (the fall 2026 starter beside the fall 2025 starter).",)
    assert [found.staff for one in report.items for found in one.findings] == []  # whose curves these are nobody can say


@pytest.mark.parametrize(
    ("term", "seed", "told"), [("fa26", 2026, ""), ("fa25", 2023, ""), ("fa25", 2026, "2023"), ("fa26", 7, "2026")]
)
def test_the_best_models_seed_is_that_of_the_term(graded: Grader, tmp_path: Path, term: str, seed: int, told: str) -> None:
    folder = terms.solved(tmp_path / "homework", term)
    (path,) = folder.glob("*.ipynb")
    text = path.read_text("utf-8")
    own = {"fa25": 2023, "fa26": 2026}[term]
    assert text.count(f"np.random.seed({own})") == 1
    path.write_text(text.replace(f"np.random.seed({own})", f"np.random.seed({seed})"), "utf-8")
    said = [found.staff for found in item(graded(folder, "notebook.consistency"), "notebook.consistency").findings]
    assert [f"np.random.seed({told}) is np.random.seed({seed})" in text for text in said] == ([True] if told else [])


def test_a_rubric_may_name_the_term(graded: Grader, tmp_path: Path) -> None:
    folder, rubric = terms.solved(tmp_path / "homework", "fa26"), tmp_path / "rubric.toml"
    text = HOMEWORK.rubric.read_text("utf-8")
    rubric.write_text(f'term = "fa25"\n{text}', "utf-8")
    process = run("grade", folder, "--rubric", rubric, "--only", "notebook")
    assert "Taken as built on the fall 2025 starter, as the rubric says." in process.stdout
    assert "np.random.seed(2023) is np.random.seed(2026)" in " ".join(process.stdout.split())
    rubric.write_text(f'term = "fa24"\n{text}', "utf-8")
    process = run("grade", folder, "--rubric", rubric)
    assert process.returncode == 3
    assert process.stderr == "grader: rubric.toml: term = 'fa24' is unknown; there are 2023, sp25, fa25, fa26, handout\n"
