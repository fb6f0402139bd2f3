"""The files of a submission, by name, and where this homework's own lie."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ..grading.fixtures import placed
from ..grading.homework import ROOT
from ..submission.layout import Layout

OPTIM: Final = "deeplearning/optim.py"
FC_NET: Final = "deeplearning/classifiers/fc_net.py"
SOLVER: Final = "deeplearning/solver.py"
RULES: Final = ("sgd", "sgd_momentum", "adam", "rmsprop")
SCHEMES: Final = ("he", "random", "zero")
COMPARED: Final = tuple(f"{rule}_{seed}" for rule in ("sgd", "sgd_momentum") for seed in (100, 200, 300))
LAYOUT: Final = Layout(
    files=(OPTIM, FC_NET, SOLVER),
    logs="submission_logs",
    expected_logs=(  # in the order in which the notebook writes them
        *(f"optimizer_experiment_{rule}.npz" for rule in RULES),
        *(f"sgd_momentum_compare_{run}.npz" for run in COMPARED),
        *(f"w_stds_{scheme}.json" for scheme in SCHEMES),
        *(f"initialization_experiment_{scheme}.npz" for scheme in SCHEMES),
        "best_fc_model.npz",
        "results.json",
    ),
    notebook="optimizer_init",
    notebook_name="q_optimizer_init.ipynb",
)

FOLDER: Final = Path(__file__).resolve().parent
FIXTURES_FOLDER: Final = ROOT / "fixtures"
FIXTURES: Final = placed(FOLDER, FIXTURES_FOLDER)
