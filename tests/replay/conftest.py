"""Small synthetic data in the official form, imported once by the real command, and a sandbox that shares it."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.homework import HOMEWORK
from grader.sandbox.errors import SandboxUnavailable
from grader.sandbox.policy import Kind, Level
from grader.sandbox.supervisor import Sandbox
from tests.conftest import SAMPLES, run
from tests.homework.logsets import ARRAYS, STORED, stored
from tests.replay import batches

IMAGES = 6000  # what the stored logs of fixtures/logs were trained on
BEST = {"lr": 1e-3, "num_epochs": 3, "batch_size": 200, "lr_decay": 0.9, "update_rule": "adam", "val_acc": 0.5, "test_acc": 0.5}

Submit = Callable[..., Path]


@pytest.fixture(scope="session")
def official(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with the six files, and the manifest with their sums."""
    folder = tmp_path_factory.mktemp("batches") / "cifar-10-batches-py"
    return folder, batches.write(folder, IMAGES)


@pytest.fixture(scope="session")
def data(official: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data file that `data import` makes of them."""
    target = tmp_path_factory.mktemp("data") / "images.npy"
    folder, manifest = official
    process = run("data", "import", folder.parent, "-o", target, "--manifest", manifest)
    assert process.returncode == 0, process.stderr
    return target


@pytest.fixture(scope="session")
def mapped(data: Path) -> Iterator[Sandbox]:
    """A warm sandbox that shares the data."""
    try:
        made = Sandbox(Level.STAFF, kind=Kind.FORK, secrets=HOMEWORK.secrets(), share={"cifar10": data})
    except SandboxUnavailable as error:
        pytest.skip(f"no full sandbox here: {error}")
    with made:
        yield made


def recorded_by(machine: str) -> dict[str, Any]:
    """The logs that the reference leaves on that data on another machine, the best model's included."""
    arrays = dict(np.load(STORED / f"{machine}.npz"))
    logs = stored(arrays, 0)
    logs["best_fc_model.npz"] = {key: arrays[f"0/best_fc_model/{short}"] for short, key in ARRAYS.items()}
    logs["results.json"] = BEST
    return logs


def as_bytes(held: Any) -> bytes:
    """A log as the notebook writes it."""
    if not isinstance(held, Mapping) or "lr" in held:
        return json.dumps(held).encode()
    file = io.BytesIO()
    np.savez(file, **held)
    return file.getvalue()


@pytest.fixture
def submit(tmp_path: Path) -> Submit:
    """A submission: the reference's code, the logs given (name -> content, None to leave it out), code edits (file, old, new)."""

    def maker(logs: Mapping[str, Any], *edits: tuple[str, str, str]) -> Path:
        target = tmp_path / f"submission-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(SAMPLES / "reference" / "deeplearning", target / "deeplearning")
        (target / "submission_logs").mkdir()
        for name, held in logs.items():
            if held is not None:
                (target / "submission_logs" / name).write_bytes(as_bytes(held))
        for file, old, new in edits:
            text = (target / file).read_text("utf-8")
            assert text.count(old) == 1
            (target / file).write_text(text.replace(old, new), "utf-8")
        return target

    return maker
