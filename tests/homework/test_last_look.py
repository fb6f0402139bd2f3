"""What is said to a student who is about to hand in, beside the verdicts: only what is sure, and nothing where nothing is odd."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from grader.grading.grade import collected
from grader.grading.self_check import SelfCheck
from grader.homework import HOMEWORK, stand_in
from grader.homework.files import LAYOUT
from tests.conftest import FC_NET, OPTIM, ROOT, SAMPLES, SOLVER, Maker
from tests.homework import notebooks
from tests.homework.mutants import answered
from tests.homework.terms import TERMS

Edit = tuple[str, str | None, str | bytes | None]
Warned = Callable[[Path], tuple[str, ...]]
LOGS, NOTEBOOK = "submission_logs", notebooks.NAME
REFERENCE = SAMPLES / "reference"


@pytest.fixture(scope="module")
def warned() -> Iterator[Warned]:
    """The warnings about what lies at a path."""
    with SelfCheck(HOMEWORK) as check:
        yield lambda path: check.last_look(collected(HOMEWORK, path)).warnings


def moved(log: bytes, by: float) -> bytes:
    """A log with other first losses."""
    with np.load(io.BytesIO(log)) as held:
        arrays = dict(held)
    arrays["train_losses"][0] += by
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def on_cifar10() -> list[Edit]:
    """Edits after which the reference looks as if it had been run on CIFAR-10."""
    text = (REFERENCE / NOTEBOOK).read_text("utf-8")
    edits: list[Edit] = [
        (NOTEBOOK, None, text.replace("synthetic stand-in", "CIFAR-10").replace("A SYNTHETIC STAND-IN", "CIFAR-10"))
    ]
    telling = [path for path in sorted((REFERENCE / LOGS).glob("*.npz")) if path.name.startswith(tuple(stand_in.FIRST_LOSSES))]
    return [*edits, *((f"{LOGS}/{path.name}", None, moved(path.read_bytes(), 0.06)) for path in telling)]


def log(name: str) -> bytes:
    return (REFERENCE / LOGS / name).read_bytes()


def notebook(change: Callable[[notebooks.Notebook], None]) -> Edit:
    """The executed notebook, as on CIFAR-10, with a change."""
    content = json.loads(str(on_cifar10()[0][2]))
    change(content)
    return NOTEBOOK, None, json.dumps(content)


def cleared(*words: str) -> Callable[[notebooks.Notebook], None]:
    """Take the run away from the cells with these words."""

    def change(content: notebooks.Notebook) -> None:
        for word in words:
            notebooks.cell(content, word).update(execution_count=None, outputs=[])

    return change


def failed(content: notebooks.Notebook) -> None:
    notebooks.cell(content, notebooks.RESULTS)["outputs"] = [{"output_type": "error", "ename": "NameError", "traceback": []}]


def all_cleared(content: notebooks.Notebook) -> None:
    for one in content["cells"]:
        if one["cell_type"] == "code":
            one.update(execution_count=None, outputs=[])


def test_a_complete_homework_is_handed_in_without_a_word(make: Maker, warned: Warned) -> None:
    assert warned(make(*on_cifar10())) == ()


# Each with the one warning it gets.
ODD: dict[str, tuple[list[Edit], str]] = {
    "a browser's copy instead": (
        [(f"{LOGS}/results.json", None, None), (f"{LOGS}/results (1).json", None, log("results.json"))],
        f"{LOGS}/results (1).json is not looked at under this name. If it is results.json, rename it.",
    ),
    "a browser's copy beside it": (
        [(f"{LOGS}/results (1).json", None, log("results.json"))],
        f"{LOGS}/ holds results.json and results (1).json; results.json is graded.",
    ),
    "an ending twice": (
        [(f"{LOGS}/best_fc_model.npz", None, None), (f"{LOGS}/best_fc_model.npz.npz", None, log("best_fc_model.npz"))],
        f"{LOGS}/best_fc_model.npz.npz is not looked at under this name. If it is best_fc_model.npz, rename it.",
    ),
    "a copy of the system's, zipped": (
        [(f"{LOGS}/w_stds_he.json", None, None), (f"{LOGS}/Copy of w_stds_he.json.zip", None, b"PK")],
        f"{LOGS}/Copy of w_stds_he.json.zip is a zip inside what was handed in and was not opened. Hand in what is in it.",
    ),
    "a log elsewhere": (
        [(f"{LOGS}/w_stds_he.json", None, None), ("logs/w_stds_he.json", None, log("w_stds_he.json"))],
        f"w_stds_he.json: found in logs/, looked for in {LOGS}/ alone. Move it there.",
    ),
    "blanks": (
        [
            (OPTIM, None, answered((REFERENCE / OPTIM).read_text("utf-8"), "adam", "pass")),
            (FC_NET, None, answered((REFERENCE / FC_NET).read_text("utf-8"), "zero", "pass")),
            (SOLVER, None, answered((REFERENCE / SOLVER).read_text("utf-8"), "grad_norm", "pass")),
        ],
        f"Nothing is written yet in adam in {OPTIM}, the initialization 'zero' in {FC_NET} and _step in {SOLVER}.",
    ),
    "a notebook never run": (
        [notebook(all_cleared)],
        f"The notebook {NOTEBOOK} shows no cell that was run. Run it from top to bottom and save it.",
    ),
    "a notebook saved before its last cells were run": (
        [notebook(cleared(notebooks.SCHEMES, notebooks.RESULTS))],
        f"The notebook {NOTEBOOK} shows no run of its cells 22 and 27, where logs are written. If it was run since, save it; "
        "if not, run it from top to bottom.",
    ),
    "a cell that failed": (
        [notebook(failed)],
        f"The notebook {NOTEBOOK} shows an error below its cell 27, where logs are written.",
    ),
    "no notebook": ([(NOTEBOOK, None, "{")], f"The notebook {NOTEBOOK} is not valid JSON. Save it again."),
    "printed by the stand-in alone": (
        [(NOTEBOOK, None, (REFERENCE / NOTEBOOK).read_bytes())],
        "The notebook's output says that its images were the synthetic stand-in, not CIFAR-10. Make the logs that you hand in on "
        "CIFAR-10.",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_said_once(make: Maker, warned: Warned, name: str) -> None:
    edits, said = ODD[name]
    (found,) = warned(make(*on_cifar10(), *edits))
    assert re.sub(r"cells? \d+( and \d+)?", "cell", found) == re.sub(r"cells? \d+( and \d+)?", "cell", said)


# Honest, and not odd at all.
HARMLESS: dict[str, list[Edit]] = {
    "RMSProp left out": [
        (
            OPTIM,
            None,
            answered((REFERENCE / OPTIM).read_text("utf-8"), "rmsprop", "pass").replace("    pass\n", "    next_w = None\n"),
        ),
        (f"{LOGS}/optimizer_experiment_rmsprop.npz", None, None),
    ],
    "a cell tried and left": [notebook(lambda content: content["cells"].append(notebooks.code("import this")))],
    "the last cell saved before it ran": [notebook(cleared("expected = ("))],
    "older logs kept elsewhere": [("old/results.json", None, b"{}"), ("experiment_logs/best_fc_model.npz", None, b"")],
    "plots beside the logs": [(f"{LOGS}/results.png", None, b"\x89PNG"), (f"{LOGS}/notes (1).txt", None, b"x")],
    "a run without a word": [notebook(lambda content: notebooks.cell(content, notebooks.RESULTS).update(outputs=[]))],
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_not_odd_is_not_mentioned(make: Maker, warned: Warned, name: str) -> None:
    assert warned(make(*on_cifar10(), *HARMLESS[name])) == ()


def test_all_logs_in_a_folder_of_another_name_are_one_warning(make: Maker, warned: Warned) -> None:
    logs = [(f"experiment_logs/{path.name}", None, path.read_bytes()) for path in sorted((REFERENCE / LOGS).iterdir())]
    away = [(f"{LOGS}/{path.name}", None, None) for path in sorted((REFERENCE / LOGS).iterdir())]
    (found,) = warned(make(*on_cifar10()[:1], *logs, *away))
    more = len(LAYOUT.expected_logs) - 3
    assert f"and {more} more: found in experiment_logs/, looked for in {LOGS}/ alone. Move them there." in found


# The stand-in ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "folder", [REFERENCE, *(ROOT / "fixtures/terms" / term / "solved" for term in TERMS)], ids=lambda path: path.parent.name
)
def test_logs_made_on_the_stand_in_are_known_whatever_starter_made_them(warned: Warned, folder: Path) -> None:
    assert any("more: made on the stand-in images, not on CIFAR-10" in text for text in warned(folder))


_FIRST_LOSS = """
import sys
import numpy as np
from deeplearning.classifiers.fc_net import FullyConnectedNet
from deeplearning.data_utils import get_CIFAR10_data
data = get_CIFAR10_data()
for seed, images in ((0, 4000), (100, 6000), (200, 6000), (300, 6000)):
    np.random.seed(seed)
    model = FullyConnectedNet([100] * 5, weight_scale=5e-2)
    batch = np.random.choice(images, 100)
    print("first", model.loss(data["X_train"][batch], data["y_train"][batch])[0])
"""


def test_the_first_losses_are_those_of_the_handouts_stand_in(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _FIRST_LOSS], cwd=ROOT / "student_src", capture_output=True, text=True, check=True)
    found = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("first")]
    assert np.abs(np.array(found) - list(stand_in.FIRST_LOSSES.values())).max() < 0.0051


def test_a_run_on_the_real_images_never_looks_like_one_on_the_stand_in() -> None:
    published = json.loads((ROOT / "fixtures/trajectories.json").read_text("utf-8"))
    for start, loss in stand_in.FIRST_LOSSES.items():
        runs = [run for name, several in published.items() if name.startswith(start) for run in several]
        assert runs
        assert min(abs(run["loss"]["1"] - loss) for run in runs) > 0.05


def test_one_seed_alone_proves_nothing(make: Maker, warned: Warned) -> None:
    kept = [(f"{LOGS}/{path.name}", None, path.read_bytes()) for path in (REFERENCE / LOGS).glob("optimizer_experiment_*")]
    assert warned(make(*on_cifar10(), *kept)) == ()


# A zip ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("term", TERMS)
def test_a_zip_as_the_official_notebook_makes_it_is_looked_at_the_same_way(warned: Warned, tmp_path: Path, term: str) -> None:
    """Whatever lies in the folder rides along: other notebooks, support files, in fall 2026 a helper."""
    folders = [ROOT / "fixtures/terms" / term / part for part in ("starter", "solved")]
    files = {
        path.relative_to(folder).as_posix(): path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()
    }
    others = {"q_rl.ipynb": b'{"cells": []}', "q_linearized_features.ipynb": b'{"cells": []}', "requirements.txt": b"numpy\n"}
    with zipfile.ZipFile(tmp_path / "cs182hw2_submission.zip", "w") as archive:
        for name, path in files.items():
            archive.write(path, name)
        for name, data in others.items():
            archive.writestr(name, data)
    (found,) = warned(tmp_path / "cs182hw2_submission.zip")
    assert "made on the stand-in images" in found
    with SelfCheck(HOMEWORK) as check:
        report = check.check(tmp_path / "cs182hw2_submission.zip")
        assert report.warnings == (found,)
        assert report.score == report.maximum == 83
        assert check.check(folders[1]).warnings == ()  # a folder is still being worked in
