"""The handout's notebook in a real kernel, from top to bottom, with its panels; and that messages point to headings it has."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grader.homework.files import LAYOUT
from grader.homework.sections import SECTIONS
from tests.commands.conftest import REFERENCE, laid_over, plain
from tests.conftest import ROOT
from tests.homework.terms import TERMS

NOTEBOOK = "q_optimizer_init.ipynb"
SETTINGS = {"lr = None": "lr = 1e-3", "num_epochs = None": "num_epochs = 1", "batch_size = None": "batch_size = 50"} | {
    "lr_decay = None": "lr_decay = 0.9",
    "update_rule = None": 'update_rule = "adam"',
}
# What the panel below each section asks for, in the notebook's order, and what a complete homework has in it.
PANELS = {
    "fc_net.init.random fc_net.loss solver.training": "8 of 8",
    "optim.sgd_momentum": "8 of 8",
    "logs.sgd_momentum_compare": None,  # of 200 images the logs are too short
    "optim.rmsprop": "0 of 0",
    "optim.adam": "10 of 10",
    "logs.optimizer_experiment": None,
    "fc_net solver": "35 of 35",
    "logs.w_stds logs.initialization_experiment": None,
    "logs.best_model": None,
    "": None,
}

Cell = dict[str, Any]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where a kernel and matplotlib keep what they make on first use."""
    folder = tmp_path_factory.mktemp("settings")
    return {name: str(folder / name) for name in ("MPLCONFIGDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR")}


def executed(homework: Path, settings: dict[str, str], *options: str) -> list[Cell]:
    """The notebook's code cells after a run in a kernel, on 200 images of the stand-in."""
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", NOTEBOOK, "--output", "executed", *options]
    environment = plain(STANDIN_TRAIN="200", OPENBLAS_NUM_THREADS="1", **settings)
    done = subprocess.run(command, cwd=homework, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    cells = json.loads((homework / "executed.ipynb").read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def panels(cells: list[Cell]) -> dict[str, Cell]:
    """What each panel's cell displayed, by what it asks for: the one output, as a front end gets it."""
    found = {}
    for cell in cells:
        source = "".join(cell["source"])
        if source.startswith("check("):
            (output,) = cell["outputs"]
            assert output["output_type"] == "display_data"
            found[" ".join(re.findall(r'"([^"]+)"', source))] = {kind: "".join(text) for kind, text in output["data"].items()}
    assert list(found) == list(PANELS)
    return found


def test_a_complete_homework_runs_from_top_to_bottom(homework: Path, settings: dict[str, str]) -> None:
    laid_over(homework / "deeplearning", REFERENCE / "deeplearning")
    text = (homework / NOTEBOOK).read_text("utf-8")
    for blank, setting in SETTINGS.items():
        assert text.count(f'"{blank}\\n"') == 1
        text = text.replace(f'"{blank}\\n"', json.dumps(f"{setting}\n"))
    (homework / NOTEBOOK).write_text(text, "utf-8")
    cells = executed(homework, settings)
    for asked, panel in panels(cells).items():
        assert panel["text/html"].startswith("<div")
        if PANELS[asked]:
            assert f"Total: {PANELS[asked]} points" in panel["text/plain"]
    assert sorted(path.name for path in (homework / "submission_logs").iterdir()) == sorted(LAYOUT.expected_logs)
    pictures = [cell for cell in cells if any("image/png" in output.get("data", {}) for output in cell["outputs"])]
    assert len(pictures) == 6
    last = next(cell for cell in cells if "".join(cell["source"]).startswith("expected = ("))
    printed = "".join(last["outputs"][0]["text"])
    assert printed.count("ok     ") == len(LAYOUT.expected_logs)
    assert "The data was a synthetic stand-in: run all of this again on CIFAR-10 before you hand in." in printed


def test_an_untouched_homework_is_told_its_blanks_in_every_panel(homework: Path, settings: dict[str, str]) -> None:
    shown = {asked: panel["text/plain"] for asked, panel in panels(executed(homework, settings, "--allow-errors")).items()}
    assert "Total: 8 of 8 points" in shown["fc_net.init.random fc_net.loss solver.training"]
    for asked, count in {"optim.sgd_momentum": 1, "optim.rmsprop": 1, "optim.adam": 1, "fc_net solver": 3, "": 6}.items():
        assert shown[asked].replace("\n", " ").count("not be filled in yet") == count, shown[asked]
    assert "Traceback" not in "".join(shown.values())


# Messages name a place by its title: two terms have none of that name, and what stands there instead.
_OTHERWISE = {("2023", "rmsprop"): None, ("fa26", "test"): "Evaluate your selected model"}


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("term", [*TERMS, "handout"])
def test_a_section_that_messages_name_is_a_heading_of_the_notebook(term: str, section: str) -> None:
    folder = ROOT / ("student_src" if term == "handout" else f"fixtures/terms/{term}/starter")
    (notebook,) = folder.glob("*optimizer_init.ipynb")
    cells = json.loads(notebook.read_text("utf-8"))["cells"]
    lines = [line for cell in cells if cell["cell_type"] == "markdown" for line in "".join(cell["source"]).splitlines()]
    headings = [line.lstrip("#").strip() for line in lines if line.startswith("#")]
    (title,) = re.findall("'(.*)'", SECTIONS[section])
    named = _OTHERWISE.get((term, section), title)
    assert any(named in heading for heading in headings) if named else all(title not in heading for heading in headings)
