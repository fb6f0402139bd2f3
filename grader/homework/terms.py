"""The terms in which the course handed this homework out, as far as they differ in what the checks look at.

All of them have their logs in `submission_logs/`, the same titles of sections, the same names, the same rates and, for the runs
that compare update rules, the same seeds. Sources: the course's public repositories, as each term's files were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..submission.collect import Submission
from .files import SOLVER


@dataclass(frozen=True, slots=True)
class Term:
    """One term's starter.

    Attributes:
        id: how a rubric names it.
        title: for people.
        notebook: what its notebook is called.
        best_seed: the seed of the best model's run.
        initialization_seed: the seed before each run that compares initializations; None where none is set there.
        finite_loss: whether its softmax loss is finite for any scores.
        published: whether curves are published that its seeded runs follow: a term that draws the examples of its training
            accuracy without replacement takes other batches from the second step on.
    """

    id: str
    title: str
    notebook: str
    best_seed: int = 2023
    initialization_seed: int | None = None
    finite_loss: bool = False
    published: bool = True


TERMS: Final[Mapping[str, Term]] = {
    term.id: term
    for term in (
        Term("2023", "the 2023 starter", "hw2_optimizer_init"),
        Term("sp25", "the spring 2025 starter", "hw2_optimizer_init"),
        Term("fa25", "the fall 2025 starter", "q_optimizer_init"),
        Term("fa26", "the fall 2026 starter", "hw2_optimizer_init", 2026, 7, finite_loss=True, published=False),
        Term("handout", "the grader's own handout", "q_optimizer_init"),
    )
}
_UP_TO_FA25: Final = ("2023", "sp25", "fa25")
# What only these terms' files hold. Bytes are searched, nothing is parsed; who renamed or rewrote a file is not told apart.
_SOLVER_CUES: Final[tuple[tuple[Callable[[bytes], bool], tuple[str, ...]], ...]] = (
    (lambda text: b"record_grad_norm" in text, ("fa26",)),
    (lambda text: b"kwargs.pop(" in text, _UP_TO_FA25),
    (lambda text: b"class Solver" in text, ("handout",)),
)
_NOTEBOOK_CUES: Final[tuple[tuple[Callable[[bytes], bool], tuple[str, ...]], ...]] = (
    (lambda text: b"RUN_OPTIONAL_RMSPROP" in text, ("fa26",)),
    (lambda text: b"log_to(" in text, ("handout",)),
    (lambda text: b"RMSProp (Optional)" in text, ("sp25", "fa25")),
    (lambda text: b"record_histories_as_npz" in text, ("2023",)),
)


@dataclass(frozen=True, slots=True)
class Starter:
    """What a submission was built on: the terms that it may be of; none where nothing tells.

    `told` says so in a sentence for staff.
    """

    terms: tuple[Term, ...]
    told: str

    @property
    def published(self) -> bool:
        """Whether its seeded runs follow published curves."""
        return bool(self.terms) and all(term.published for term in self.terms)

    @property
    def best_seeds(self) -> tuple[int, ...]:
        """The seeds that the best model's run may have; all terms' where nothing tells."""
        return tuple(dict.fromkeys(term.best_seed for term in self.terms or TERMS.values()))

    @property
    def initialization_seed(self) -> int | None:
        """The seed before each run that compares initializations, where all its terms have one."""
        seeds = {term.initialization_seed for term in self.terms}
        return seeds.pop() if len(seeds) == 1 else None

    @property
    def finite_loss(self) -> bool:
        """Whether its softmax loss is finite for any scores."""
        return bool(self.terms) and all(term.finite_loss for term in self.terms)


def starter_of(submission: Submission, wished: str = "") -> Starter:
    """What a submission was built on: the `wished` term where a course names one, else what its Solver and notebook tell."""
    if wished:
        return Starter((TERMS[wished],), f"taken as built on {TERMS[wished].title}, as the rubric says")
    told = [terms for terms in (_of_solver(submission), _of_notebook(submission)) if terms]
    if not told:
        return Starter((), "")
    common = [name for name in told[0] if all(name in terms for terms in told)]
    if not common:
        mixed = " beside ".join(map(_listed, told))
        return Starter(tuple(TERMS[name] for names in told for name in names), f"built on files of several starters ({mixed})")
    return Starter(tuple(TERMS[name] for name in common), f"built on {_listed(common)}")


def _of_solver(submission: Submission) -> Sequence[str]:
    text = submission.files.get(SOLVER, b"")
    return next((terms for holds, terms in _SOLVER_CUES if holds(text)), ())


def _of_notebook(submission: Submission) -> Sequence[str]:
    """By what it holds, and between terms whose notebooks hold the same by its name."""
    if submission.notebook is None:
        return ()
    name, text = submission.notebook
    terms = next((terms for holds, terms in _NOTEBOOK_CUES if holds(text)), ())
    return [term for term in terms if TERMS[term].notebook in name] or terms


def _listed(names: Iterable[str]) -> str:
    return " or ".join(TERMS[name].title for name in names)
