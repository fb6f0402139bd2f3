"""Starters of made-up courses: ours with changes, in the folders a course keeps it in."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.conftest import FC_NET, OPTIM, ROOT, SOLVER

LAYERS, LAYER_UTILS, DATA_UTILS = (f"deeplearning/{name}.py" for name in ("layers", "layer_utils", "data_utils"))
NOTEBOOK = "q_optimizer_init.ipynb"
CODE = Path("hw02/code")  # where the course keeps it, below the folder that is named


def course(folder: Path, *edits: tuple[str, str, str], inside: Path = CODE) -> Path:
    """Our starter in `folder`, `inside` it, with (file, old, new) replaced wherever `old` stands; the answer is `folder`."""
    code = folder / inside
    shutil.copytree(ROOT / "student_src/deeplearning", code / "deeplearning", ignore=shutil.ignore_patterns("__pycache__", "*.npy"))
    shutil.copy(ROOT / "student_src" / NOTEBOOK, code / NOTEBOOK)
    for file, old, new in edits:
        text = (code / file).read_text("utf-8")
        assert old in text, f"{old!r} does not stand in {file}"
        (code / file).write_text(text.replace(old, new), "utf-8")
    return folder


def cut(file: str, start: str, end: str = "") -> tuple[str, str, str]:
    """An edit for `course`: our support file without what stands from `start` to `end`."""
    text = (ROOT / "student_src" / file).read_text("utf-8")
    old = text[text.index(start) : text.index(end) if end else len(text)]
    return file, old, ""


IMAGEIO = (DATA_UTILS, "import numpy as np\n", "import numpy as np\nfrom imageio import imread as read_image\n")
NO_NORMS = (cut(LAYERS, "def batchnorm_forward", "def svm_loss"), cut(LAYER_UTILS, "def affine_bn_relu_forward"))
FINITE = (LAYERS, "np.log(probs[np.arange(n), y])", "np.log(probs[np.arange(n), y] + np.finfo(probs.dtype).tiny)")
EXTRA = (LAYERS, "def svm_loss", "def leaky_relu(x):\n    return np.maximum(0.1 * x, x)\n\n\ndef svm_loss")
RAISING = (  # all blanks raise, one more than ours
    (OPTIM, "    pass\n", "    raise NotImplementedError()\n"),
    (SOLVER, "        pass\n", "        self.log_grad_norm_history.append(FIXME)\n"),
    (FC_NET, "                pass\n", '                self.params[f"W{i}"] = FIXME\n'),
    (FC_NET, "np.random.normal(0.0, weight_scale, (fan_in, fan_out))", "FIXME"),
)
TERM = (IMAGEIO, *NO_NORMS, FINITE, EXTRA, *RAISING)  # all of it at once, as a term's was
NO_SOFTMAX = cut(LAYERS, "def softmax_loss")
WRONG_AFFINE = (LAYERS, ".dot(w) + b", ".dot(w) - b")
