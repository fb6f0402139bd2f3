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
_GRADER: Final = ROOT / "grader"
_BOUNDARY: Final = ("sandbox/*.py", "sandbox/inside/*.py", "grading/student.py", "submission/*.py")
_CONFIG: Final = """
[run]
branch = true
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
        config.write_text(_CONFIG.format(grader=_GRADER))
        recorder.create(memory, _GRADER)
        environment = {
            **os.environ,
            "PYTHONPATH": str(_HERE / "hook"),
            "COVERAGE_MEMORY": str(memory),
            "COVERAGE_FOLDER": str(_GRADER),
            "COVERAGE_TOOLS": str(_HERE),
        }
        subprocess.run([sys.executable, "-m", "pytest", *options], cwd=ROOT, env=environment, check=False)
        found = CoverageData(basename=str(folder / "data"))
        found.add_arcs(recorder.steps(memory, _GRADER))
        found.write()
        measured = coverage.Coverage(data_file=str(folder / "data"), config_file=str(config))
        measured.load()
        measured.report(skip_covered=True, show_missing=True)
        missed = {path: lines for path in _boundary() if (lines := measured.analysis2(str(path))[3])}
    for path, lines in missed.items():
        print(f"{path.relative_to(ROOT)}: no test reaches line {_ranges(lines)}")
    return 1 if missed else 0


def _ranges(lines: list[int]) -> str:
    """Line numbers, those that follow each other as one range."""
    starts = [line for line in lines if line - 1 not in lines]
    ends = [line for line in lines if line + 1 not in lines]
    return ", ".join(str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True))


def _boundary() -> list[Path]:
    return [path for pattern in _BOUNDARY for path in sorted(_GRADER.glob(pattern)) if path.name != "probe.py"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
