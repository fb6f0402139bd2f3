"""Submissions as students of each term hand them in: that term's starter on the support files, and what they wrote on top."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.conftest import FC_NET, ROOT, SOLVER

TERMS: Final = ("2023", "sp25", "fa25", "fa26")
FOLDER: Final = ROOT / "fixtures" / "terms"
_SUPPORT: Final = ROOT / "student_src" / "deeplearning"
_MATH: Final = "import math\n\n"
_NUMPY: Final = "import numpy as np\n\n"
_STAR: Final = "from deeplearning.layer_utils import *\n"
_OPTIM: Final = "from deeplearning import optim\n"
_UNUSED: Final = (
    "from deeplearning.data_utils import load_models\n"
    "from deeplearning.gradient_check import grad_check_sparse\n"
    "from deeplearning.vis_utils import vis_grid\n"
)

# How real files begin, beside the way the starter does; by name, what stands in place of its imports.
STYLES: Final[Mapping[str, Mapping[str, str]]] = {
    "plain": {},
    "softmax_loss by name": {
        FC_NET: _MATH
        + _NUMPY
        + "from deeplearning.layer_utils import (\n    affine_backward,\n    affine_forward,\n    affine_relu_backward,\n"
        "    affine_relu_forward,\n    softmax_loss,\n)\n"
    },
    "svm_loss by name": {FC_NET: f"{_MATH}{_NUMPY}{_STAR}from deeplearning.layers import svm_loss\n"},
    "np from the star": {FC_NET: _MATH + _STAR},
    "unused helpers": {FC_NET: _MATH + _NUMPY + _STAR + _UNUSED, SOLVER: _NUMPY + _OPTIM + _UNUSED},
    "both stars": {FC_NET: f"{_MATH}{_NUMPY}from deeplearning.layers import *\n{_STAR}"},
}
_HEADS: Final = {FC_NET: _MATH + _NUMPY + _STAR, SOLVER: _NUMPY + _OPTIM}


def starter(folder: Path, term: str, *, logs: bool = True) -> Path:
    """What the term handed out, put into `folder`, which is the answer; without `logs` those that came with it are left out."""
    shutil.copytree(_SUPPORT, folder / "deeplearning", ignore=shutil.ignore_patterns("__pycache__"))
    away = shutil.ignore_patterns("__pycache__", *([] if logs else ["submission_logs"]))
    return Path(shutil.copytree(FOLDER / term / "starter", folder, ignore=away, dirs_exist_ok=True))


def solved(folder: Path, term: str) -> Path:
    """A complete, honest submission of the term, likewise."""
    starter(folder, term, logs=False)
    return Path(shutil.copytree(FOLDER / term / "solved", folder, dirs_exist_ok=True))


def styled(folder: Path, term: str, style: str) -> Path:
    """`solved` with the imports of one of the `STYLES`."""
    solved(folder, term)
    for file, head in STYLES[style].items():
        text = (folder / file).read_text("utf-8")
        assert text.count(_HEADS[file]) == 1, f"{term}: {file} does not begin as it was handed out"
        (folder / file).write_text(text.replace(_HEADS[file], head), "utf-8")
    return folder
