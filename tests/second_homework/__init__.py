"""A homework as small as one can be, for tests of the core: a function, a log, and a check that students do not get."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grader.grading.homework import Homework
from grader.submission.layout import Layout

FILTERS: Final = "signals/filters.py"
_HERE: Final = Path(__file__).resolve().parent
HOMEWORK: Final = Homework(
    package=__name__,
    name="moving_average",
    title="Moving averages",
    layout=Layout(files=(FILTERS,), logs="logs"),
    folder=_HERE,
    starter_folder=_HERE / "starter",
    fixtures_folder=_HERE / "fixtures",
    sample=_HERE / "sample",
    modules=("public",),
    hidden_modules=("behaviour",),
    example=("filters.example", "logs"),
    public_fixtures=("example.json",),
)
