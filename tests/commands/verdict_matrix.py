"""The verdict table on every kind of machine that can be had here: `python -m tests.commands.verdict_matrix`.

Asked is a copy of the handout, as a student would, about the same submissions each time: samples, every term's starter and complete
submission, its styles, correct styles, slips, and `heads`: a complete submission whose files import what a student may have
installed. Each row is one way to run it: as root or as an ordinary user, with a public Python or one in a private home, with
packages beside NumPy or without, forking or starting anew. Printed are the reference's score and how many submissions are judged
otherwise than in the first row. `--all` takes every slip and style; `--python PATH` asks other Pythons too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.conftest import FC_NET, OPTIM, SAMPLES, SOLVER, run
from tests.homework import terms
from tests.homework.mutants import files, mutants
from tests.homework.styles import COUNT, style

NOBODY: Final = 65534
EVERY: Final = 12
PACKAGES: Final = (
    "cv2", "imageio", "IPython", "keras", "matplotlib", "numba", "numpy_financial", "pandas", "PIL", "pathlib2", "scipy", "seaborn",
    "sklearn", "tensorflow", "torch", "tqdm", "utils",
)  # fmt: skip
# What an installed package might do to whoever imports it, all of which must not happen.
_HARMFUL: Final = """\
import numpy, os
numpy.linalg.norm = numpy.sqrt = numpy.zeros = None
open(os.path.join(os.path.dirname(__file__), "{name}-was-imported"), "w").close()
raise PermissionError("{name} was imported")
"""
# Heads of files as people and editors leave them. Nothing of it is needed for an answer.
HEADS: Final = {
    OPTIM: '''
from turtle import forward
import tkinter
import antigravity, this
from tkinter import E
from numpy.distutils.misc_util import is_sequence
from winreg import HKEYType
import scipy.stats as stats
from scipy.special import softmax
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import *
import numba
from numba import jit
import tensorflow as tf, keras.backend as K
from typing import Optional, Union
try:
    import cupy as xp
except ImportError:
    import numpy as xp
try:
    import torch._dynamo
    HAS_DYNAMO = True
except (ImportError, AttributeError):
    HAS_DYNAMO = False
import importlib.util
assert HAS_DYNAMO is False and importlib.util.find_spec("sklearn") is None and xp.__name__ == "numpy"
torch.manual_seed(7)
tf.random.set_seed(7)
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
if torch.backends.mps.is_available():
    raise SystemExit
print(torch.__version__, device)
Tensor = Union[np.ndarray, torch.Tensor]
def as_array(x: torch.Tensor | None, y: "np.ndarray | torch.Tensor" = None, of: Optional[torch.Tensor] = None):
    return x.numpy() if isinstance(x, torch.Tensor) else x
@torch.no_grad()
def helper(x): return x
@jit(nopython=True)
def fast(x): return x + 1
@nn.compile
class Fast: pass
assert fast(1) == 2 and helper(3) == 3 and as_array(4) == 4 and isinstance(Fast(), Fast)
''',
    FC_NET: '''
import matplotlib.pyplot as plt, matplotlib
import seaborn as sns
import pandas as pd
import PIL.Image, cv2, imageio
from IPython.display import display, clear_output
from IPython import get_ipython
from torch import nn
import utils
import numpy_financial
matplotlib.use("Agg")
get_ipython().run_line_magic("load_ext", "autoreload")
get_ipython().run_line_magic("matplotlib", "inline")
plt.rcParams["figure.figsize"] = (10.0, 8.0)
plt.rcParams.update({"image.cmap": "gray"})
plt.style.use("ggplot")
sns.set()
pd.set_option("display.max_rows", 10)
class Net(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.layer = nn.Linear(width, width)
    @torch.no_grad() if False else staticmethod
    def forward(x): return x
Net()
with plt.style.context("dark"):
    LOADED = True
assert LOADED
''',
    SOLVER: '''
from tqdm import tqdm
import sklearn.model_selection
get_ipython().run_line_magic("autoreload", "2")
def plot(history):
    import matplotlib.pyplot as plt
    plt.plot(history)
    plt.show()
plot([1, 2])
''',
}  # fmt: skip

# One process for many submissions: a path a line in, a report a line out, as `check --json` prints it.
_DRIVER = """
import json, pathlib, sys
from grader.grading.homework import active
from grader.grading.self_check import SelfCheck
from grader.report.panel import as_data
from grader.sandbox.policy import Kind
with SelfCheck(active(), kind=Kind(sys.argv[1]) if sys.argv[1:] else None) as selfcheck:
    for line in sys.stdin:
        print(json.dumps(as_data(selfcheck.check(pathlib.Path(line.rstrip("\\n"))), note=selfcheck.note)), flush=True)
"""

Verdicts = list[tuple[str, str, float, float, list[str]]]


@dataclass(frozen=True)
class Machine:
    """One way to run the self-check.

    Attributes:
        python: the interpreter, which has NumPy unless `site` names a folder that has.
        site: a folder of packages that is named in PYTHONPATH.
        uid: the user to be, if this process may choose.
        sandbox: "fork", "spawn", or "" for what suits the system.
    """

    python: Path = field(default_factory=lambda: Path(sys.executable))
    site: Path | None = None
    uid: int | None = None
    sandbox: str = ""

    def start(self, handout: Path) -> subprocess.Popen[str]:
        """The process that answers there: a path a line, a report a line."""
        environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        identity: dict[str, Any] = {"user": self.uid, "group": self.uid, "extra_groups": []} if self.uid is not None else {}
        return subprocess.Popen(
            [self.python, "-B", "-c", _DRIVER, *([self.sandbox] if self.sandbox else [])],
            cwd=handout,
            env={**environment, **({"PYTHONPATH": str(self.site)} if self.site else {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **identity,
        )

    def verdicts(self, handout: Path, table: Mapping[str, Path]) -> dict[str, Verdicts]:
        """What the self-check in `handout` says there of each submission of the table."""
        process = self.start(handout)
        out, _ = process.communicate("".join(f"{path}\n" for path in table.values()))
        assert process.returncode == 0, f"{self} ended with {process.returncode}"
        return {name: verdicts(json.loads(line)) for name, line in zip(table, out.splitlines(), strict=True)}


def verdicts(data: Mapping[str, Any]) -> Verdicts:
    """What has to be the same of each item of a report."""
    return [(row["id"], row["outcome"], row["score"], row["maximum"], row["messages"]) for row in data["items"]]


def score(found: Verdicts) -> float:
    """The points of one submission."""
    return sum(points for _, _, points, *_ in found)


def table(folder: Path, every: int = EVERY) -> dict[str, Path]:
    """Submissions by name, made in `folder`; of the slips and styles one in `every`."""
    found = {f"sample {path.stem}": path for path in sorted(SAMPLES.iterdir()) if path.suffix not in (".md", ".toml")}
    for term in terms.TERMS:
        found[f"{term} starter"] = terms.starter(folder / term / "starter", term)
        for name in terms.STYLES:
            found[f"{term} {name}"] = terms.styled(folder / term / name, term, name)
    for number in range(0, COUNT, every):
        found[f"style {number}"] = _answered(folder / f"style-{number}", style(number))
    for slip, (blank, answer) in list(mutants().items())[::every]:
        found[f"slip {slip}"] = _answered(folder / slip, {blank: answer})
    found["heads"] = with_heads(folder / "heads")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return found


def with_heads(folder: Path) -> Path:
    """The reference with the imports of `HEADS` in its files."""
    shutil.copytree(SAMPLES / "reference", folder)
    for file, head in HEADS.items():
        text = (folder / file).read_text("utf-8")
        (folder / file).write_text(text.replace("import numpy as np\n", f"import numpy as np\n{head}", 1), "utf-8")
    return folder


def _answered(folder: Path, answers: Mapping[str, str]) -> Path:
    shutil.copytree(SAMPLES / "reference", folder)
    for file, data in files(**answers).items():
        (folder / file).write_bytes(data)
    return folder


def installed(folder: Path, packages: Iterable[str] = PACKAGES) -> Path:
    """A folder of installed packages: this Python's NumPy, and others that do harm when they are imported."""
    folder.mkdir(parents=True)
    numpy = Path(np.__file__).parent
    for place in (numpy, numpy.with_name("numpy.libs")):
        if place.exists():
            (folder / place.name).symlink_to(place)
    for name in packages:
        (folder / f"{name}.py").write_text(_HARMFUL.format(name=name), "utf-8")
    return folder


def imported(site: Path) -> list[str]:
    """Which of the packages in an `installed` folder somebody has imported."""
    return sorted(path.name.removesuffix("-was-imported") for path in site.glob("*-was-imported"))


def private_python(home: Path, uid: int | None = None) -> Path:
    """A copy of this Python and its NumPy in a folder that only one user may enter, made at `home`; its interpreter."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = home / "lib" / version
    left_out = shutil.ignore_patterns("test", "tests", "idlelib", "*-packages", "__pycache__", "config-*")
    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=left_out, symlinks=False)
    (home / "bin").mkdir()
    python = Path(shutil.copy(Path(sys.executable).resolve(), home / "bin" / version))
    for shared in Path(sys.base_prefix, "lib").glob("libpython*.so*"):
        shutil.copy(shared, home / "lib" / shared.name)
    asked = [str(python), "-c", "import site; print(site.getsitepackages()[0])"]
    site = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    numpy = Path(np.__file__).parent
    for place in (numpy, numpy.with_name("numpy.libs")):
        if place.exists():
            shutil.copytree(place, site / place.name, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    if uid is not None:
        for path in (home, *home.rglob("*")):
            os.chown(path, uid, uid)
    home.chmod(0o700)
    return python


def handout(folder: Path) -> Path:
    """The handout of this repository, built and unpacked in `folder`, to be run by anybody."""
    process = run("build", "handout", "-o", folder / "handout.zip")
    assert process.returncode == 0, process.stderr
    with zipfile.ZipFile(folder / "handout.zip") as archive:
        archive.extractall(folder)
        return folder / archive.namelist()[0].partition("/")[0]


def machines(folder: Path, pythons: Sequence[Path]) -> dict[str, Machine]:
    """Every way there is here, by name; the first is the one that the others are compared with."""
    folder.mkdir()
    site = installed(folder / "site")
    users = {"root": None, "user": NOBODY} if os.geteuid() == 0 else {"user": None}
    found = {}
    for user, uid in users.items():
        private = private_python(folder / f"{user} härd to enter" / "python", uid)
        for which, python in (("public", Path(sys.executable)), ("private", private), *((str(path), path) for path in pythons)):
            fitting = [("", None)] if python in pythons else [("", None), ("packages", site)]  # the NumPy in there is this Python's
            for packages, where in fitting:
                for sandbox in ("fork", "spawn"):
                    name = f"{user:5} {which:8} {packages or '-':9} {sandbox:6}"
                    found[name] = Machine(python, where, uid, sandbox)
    return found


def differing(found: Mapping[str, Verdicts], wanted: Mapping[str, Verdicts]) -> list[str]:
    """The names of the submissions that are judged otherwise."""
    return [name for name, answer in wanted.items() if found[name] != answer]


def main(say: Callable[[str], None] = print) -> int:
    """Print the matrix; 0 if nothing differs and the reference has all points everywhere."""
    parser = argparse.ArgumentParser(prog="python -m tests.commands.verdict_matrix", description=__doc__.partition("\n")[0])
    parser.add_argument("--all", action="store_true", help=f"every slip and style, not one in {EVERY}")
    parser.add_argument("--python", type=Path, action="append", default=[], help="another Python with NumPy; may be given again")
    options = parser.parse_args()
    right = True
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        copy, submissions = handout(folder), table(folder / "table", 1 if options.all else EVERY)
        first: dict[str, Verdicts] = {}
        for name, machine in machines(folder / "machines", options.python).items():
            found = machine.verdicts(copy, submissions)
            first = first or found
            others = differing(found, first)
            points = score(found["sample reference"]), score(found["heads"])
            right = right and not others and points == (83, 83)
            say(f"{name} reference {points[0]:g}, with imports {points[1]:g}; {len(others)} of {len(found)} differ {others or ''}")
        taken = imported(folder / "machines" / "site")
        say(f"Installed packages that were imported: {', '.join(taken) or 'none'}")
    return 0 if right and not taken else 1


if __name__ == "__main__":
    sys.exit(main())
