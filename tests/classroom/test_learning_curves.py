"""The record of a submission's runs, and the figures a page makes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from grader.classroom import learning_curves
from grader.grading.curves import PublishedCurve
from grader.grading.homework import Homework
from grader.grading.results import ItemResult, Outcome
from grader.homework import HOMEWORK


def history(losses: Any, epochs: int = 6) -> dict[str, Any]:
    return {"train_losses": np.asarray(losses), "train_accs": np.linspace(0.1, 0.5, epochs), "val_accs": np.full(epochs, 0.25)}


def item(curves: Mapping[str, Mapping[str, Any]]) -> ItemResult:
    made = ItemResult("logs.x", "X", Outcome.PASSED, Decimal(0), Decimal(0), True, "visible", (), {}, (), 0.0)
    return replace(made, curves=curves)


class Published(Homework):
    """The homework with other published curves: those in `known`, by log."""

    def published_curve(self, log: str, entries: Mapping[str, int]) -> PublishedCurve | None:
        return self.known.get(log) or self.known.get(f"{log} (B={(entries['train_accs'] - 1) * 20})")

    known: Mapping[str, PublishedCurve] = {}


def publishing(known: Mapping[str, PublishedCurve]) -> Homework:
    made = Published(**{one.name: getattr(HOMEWORK, one.name) for one in fields(Homework)})
    object.__setattr__(made, "known", known)
    return made


def reference(losses: Any) -> PublishedCurve:
    losses = np.asarray(losses, dtype=float)
    accuracies = {"train_accs": np.zeros(6), "val_accs": np.zeros(6)}
    return PublishedCurve(np.arange(1, losses.size + 1), losses, losses - 0.5, losses + 0.5, accuracies)


def written(folder: Path, *curves: Mapping[str, Mapping[str, Any]]) -> Path:
    path = folder / learning_curves.FILE
    path.write_text(json.dumps(learning_curves.packed([item(one) for one in curves], HOMEWORK.curve_series), allow_nan=False))
    return path


def labels(record: learning_curves.Record, published: Mapping[str, PublishedCurve] | None = None) -> list[str]:
    """What each figure says to those who hear it."""
    drawn = list(learning_curves.figures(record, publishing(published or {})))
    return [ElementTree.fromstring(svg).get("aria-label", "") for svg in drawn]


def test_what_is_recorded_comes_back_thinned_and_in_order(tmp_path: Path) -> None:
    losses = np.exp(-np.arange(5000) / 800)
    record = learning_curves.load(written(tmp_path, {"best_fc_model.npz": history(losses)}))
    x, y = record["best_fc_model.npz"]["train_losses"]
    assert len(x) == len(y) <= learning_curves.POINTS
    assert (x[0], x[-1]) == (1, 5000), "iterations count from 1"
    assert np.allclose(y, losses[np.array(x).astype(int) - 1], rtol=1e-3)
    assert record["best_fc_model.npz"]["val_accs"][0] == [0, 1, 2, 3, 4, 5], "accuracies begin with the check after iteration 1"


def test_a_run_that_diverged_is_on_record(tmp_path: Path) -> None:
    record = learning_curves.load(written(tmp_path, {"initialization_experiment_he.npz": history([np.inf, 2.0, np.nan, 1e308])}))
    x, y = record["initialization_experiment_he.npz"]["train_losses"]
    assert list(x) == [1, 2, 3, 4]
    assert [str(value) for value in y] == ["nan", "2.0", "nan", "1e+308"]
    assert any("from 2 to 1e+308" in label for label in labels(record))


def test_runs_of_one_experiment_are_in_one_figure(tmp_path: Path) -> None:
    rules = {f"optimizer_experiment_{rule}.npz": history([2.0, 1.0]) for rule in ("sgd", "sgd_momentum", "adam")}
    momentum = {f"sgd_momentum_compare_sgd_momentum_{seed}.npz": history([2.0, 1.0]) for seed in (100, 200)}
    plain = {f"sgd_momentum_compare_sgd_{seed}.npz": history([2.0, 1.0]) for seed in (100,)}
    best = {"best_fc_model.npz": history([2.0, 1.0])}
    found = labels(learning_curves.load(written(tmp_path, rules, {**momentum, **plain}, best)))
    by_title: dict[str, list[str]] = {}
    for label in found:
        title, _, rest = label.partition(": ")
        by_title.setdefault(title, []).append(rest)
    assert list(by_title) == ["Optimizers", "SGD with momentum, three seeds", "Plain SGD, three seeds", "Best model"]
    assert by_title["Optimizers"][0] == "loss, by iteration, adam from 2 to 1; sgd from 2 to 1; sgd_momentum from 2 to 1."
    assert [text.partition(",")[0] for text in by_title["Optimizers"]] == ["loss", "training accuracy", "validation accuracy"]
    assert by_title["Best model"][1] == "accuracy, by epoch, training from 0.1 to 0.5; validation from 0.25 to 0.25."
    assert by_title["Plain SGD, three seeds"][0].count("from") == 1


def test_what_is_published_is_drawn_with_its_band(tmp_path: Path) -> None:
    record = learning_curves.load(
        written(tmp_path, {f"optimizer_experiment_{rule}.npz": history([2.0, 1.0]) for rule in ("sgd", "adam")})
    )
    known = {"optimizer_experiment_adam": reference([2.1, 1.1])}
    losses, train, _ = labels(record, known)
    assert losses == (
        "Optimizers: loss, by iteration with the published band, adam from 2 to 1; sgd from 2 to 1; "
        "adam (published) from 2.1 to 1.1."
    )
    assert "adam (published) from 0 to 0" in train
    first = next(iter(learning_curves.figures(record, publishing(known))))
    assert len(re.findall('class="band c0"', first)) == 1
    assert "band" not in next(iter(learning_curves.figures(record, publishing({}))))


@pytest.mark.parametrize(("epochs", "shown"), [(21, True), (31, False)])
def test_plain_sgd_is_compared_at_its_own_batch_size(tmp_path: Path, epochs: int, shown: bool) -> None:
    record = learning_curves.load(written(tmp_path, {"sgd_momentum_compare_sgd_100.npz": history([2.0, 1.0], epochs)}))
    known = {"sgd_momentum_compare_sgd_100 (B=400)": reference([2.1, 1.1])}
    assert ("published" in labels(record, known)[0]) is shown


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"a.npz": 1}', b'{"a.npz": {"train_losses": [1]}}', b"\xff"])
def test_a_record_that_cannot_be_read_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / learning_curves.FILE).write_bytes(content)
    assert learning_curves.load(tmp_path / learning_curves.FILE) == {}
    assert list(learning_curves.figures({}, HOMEWORK)) == []
