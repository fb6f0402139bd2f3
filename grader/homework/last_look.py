"""What nobody means to hand in: misplaced logs, blanks, a notebook that shows no run, logs of the stand-in's images.

Each sentence says what was seen, never what somebody did. What is missing or wrong by the checks is told by them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ..grading.homework import Opener
from ..grading.results import Outcome, Report
from ..submission.collect import Submission
from ..submission.text import name as shown
from . import blanks
from .stand_in import made_on_stand_in

STATE: Final = ("notebook_state.py", "saved_state")
_ITEMS: Final = {  # a blank -> the item that asks for it; what is optional is not missed
    "sgd_momentum": "optim.sgd_momentum.golden",
    "adam": "optim.adam.golden",
    "he": "fc_net.init.he",
    "zero": "fc_net.init.zero",
    "random": "fc_net.init.random",
    "loss": "fc_net.loss",
    "grad_norm": "solver.grad_norm",
}
_MOST: Final = 3  # names in a sentence


def warnings(submission: Submission, report: Report, opened: Opener) -> list[str]:
    """See `Homework.warnings`."""
    state = _state(submission, opened)
    return [
        *submission.received.lines,
        *_unfilled(submission, report, opened),
        *_notebook(submission, state),
        *_stand_in(report, state),
    ]


def _unfilled(submission: Submission, report: Report, opened: Opener) -> Iterator[str]:
    """Blanks in which nothing was written, as far as their items are not right without."""
    passed = {item.id for item in report.items if item.outcome is Outcome.PASSED}
    places = []
    for source in submission.files.values():
        found = blanks.places(opened(blanks.READER, blanks.FUNCTION, source))
        places += [place for place in found if _ITEMS.get(place, "") not in {"", *passed}]
    if places:
        yield f"Nothing is written yet in {_joined([blanks.where(place) for place in places])}."


def _state(submission: Submission, opened: Opener) -> dict[str, Any]:
    answer = opened(*STATE, submission.notebook[1]) if submission.notebook is not None else None
    return answer if isinstance(answer, dict) else {}


def _notebook(submission: Submission, state: dict[str, Any]) -> Iterator[str]:
    """A notebook that cannot be opened, or that shows no run where logs are written."""
    if submission.notebook is None:
        return
    name = submission.notebook[0]
    match state:
        case {"error": str(clause)}:
            yield f"The notebook {name} {shown(clause)}. Save it again."
        case {"ran": False}:
            yield f"The notebook {name} shows no cell that was run. Run it from top to bottom and save it."
        case {"silent": list(silent), "failed": list(failed)}:
            if silent:
                yield (
                    f"The notebook {name} shows no run of {_cells(silent)}, where logs are written. If it was run since, save it; "
                    "if not, run it from top to bottom."
                )
            if failed:
                yield f"The notebook {name} shows an error below {_cells(failed)}, where logs are written."


def _stand_in(report: Report, state: dict[str, Any]) -> Iterator[str]:
    """Runs on the stand-in, by the logs' own numbers or else by what the notebook printed."""
    histories = {name: history for item in report.items for name, history in item.curves.items()}
    names = made_on_stand_in(histories)
    again = "Make the logs that you hand in on CIFAR-10."
    if names:
        yield f"{_listed(names)}: made on the stand-in images, not on CIFAR-10, by their first losses. {again}"
    elif state.get("stand_in") is True:
        yield f"The notebook's output says that its images were the synthetic stand-in, not CIFAR-10. {again}"


def _cells(places: list[int]) -> str:
    numbers = [str(place) for place in places]
    return f"its cell {numbers[0]}" if len(numbers) == 1 else f"its cells {_joined(numbers)}"


def _listed(names: list[str]) -> str:
    """A few names, and how many more there are."""
    more = len(names) - _MOST
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:_MOST])} and {more} more"


def _joined(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
