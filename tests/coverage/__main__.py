"""Branch coverage of `grader/` by the tests, the sandbox's own processes included: `python -m tests.coverage [PYTEST OPTIONS]`.

Tracing makes everything slower, so a test that counts on a limit of time may fail in such a run; what counts here is what was
reached.
The trust boundary (`_BOUNDARY`) has to be covered to the last line: the exit code is 1 where a line of it is not, with its number.
A line that no test can reach says so itself, with the reason behind `# pragma: no cover`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import coverage
from coverage.sqldata import CoverageData

from tests.conftest import ROOT
from tests.coverage import recorder

_HERE: Final = Path(__file__).resolve().parent
_INSIDE: Final = ROOT / "grader/sandbox/inside"
_BOUNDARY: Final = ("grader/sandbox/*.py", "grader/sandbox/inside/*.py", "grader/grading/student.py", "grader/submission/*.py")
_CONFIG: Final = """
[run]
branch = true
parallel = true
sigterm = true
patch = _exit
data_file = {data}
source = {grader}
omit = */mounted/*

[report]
exclude_also =
    if TYPE_CHECKING:
    raise NotImplementedError
"""


def main(options: list[str]) -> int:
    """Run the tests, print the table, and say which lines of the trust boundary no test reached."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        config, memory = folder / "coveragerc", folder / "memory"
        config.write_text(_CONFIG.format(data=folder / "data", grader=ROOT / "grader"))
        recorder.create(memory, _INSIDE)
        environment = {
            **os.environ,
            "PYTHONPATH": str(_HERE / "hook"),
            "COVERAGE_PROCESS_START": str(config),
            "COVERAGE_MEMORY": str(memory),
            "COVERAGE_FOLDER": str(_INSIDE),
            "COVERAGE_TOOLS": str(_HERE),
        }
        subprocess.run([sys.executable, "-m", "pytest", *options], cwd=ROOT, env=environment, check=False)
        extra = CoverageData(basename=str(folder / "data.inside"))
        extra.add_arcs(recorder.steps(memory, _INSIDE))
        extra.write()
        measured = coverage.Coverage(config_file=str(config))
        measured.combine([str(folder)])
        measured.report(skip_covered=True, show_missing=True)
        missed = {path: lines for path in _boundary() if (lines := measured.analysis2(str(path))[3])}
    for path, lines in missed.items():
        print(f"{path.relative_to(ROOT)}: no test reaches line {', '.join(map(str, lines))}")
    return 1 if missed else 0


def _boundary() -> list[Path]:
    return [path for pattern in _BOUNDARY for path in sorted(ROOT.glob(pattern)) if path.name != "probe.py"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
