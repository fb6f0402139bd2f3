"""Every module of the handout can be imported by itself from the unpacked copy, with NumPy and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.commands.conftest import plain

# Imports each module in a process of its own, forked from one that has NumPy; any other package beyond the standard library is
# refused as if it were not installed.
_ALONE = """
import json, os, sys, numpy, traceback

class Only:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in ("numpy", "grader"):
            raise ModuleNotFoundError(f"{name} is not installed", name=name)

sys.meta_path.insert(0, Only())
for name in json.loads(sys.argv[1]):
    pid = os.fork()
    if pid == 0:
        try:
            module = __import__(name, fromlist=["x"])
            where = os.path.realpath(module.__file__)
            assert where.startswith(os.path.realpath(os.getcwd()) + os.sep), where
        except BaseException:
            print(f"{name}:", traceback.format_exc(), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
print("done")
"""


def modules(handout: Path) -> list[str]:
    """Every module of the package in the unpacked copy by its dotted name."""
    files = sorted((handout / "grader").rglob("*.py"))
    names = [".".join(path.relative_to(handout).with_suffix("").parts).removesuffix(".__init__") for path in files]
    return [name for name in names if not name.startswith("grader.homework.given.") and "mounted" not in name.split(".")]


def imported(handout: Path, names: list[str]) -> str:
    """What the runner says of importing each of them."""
    command = [sys.executable, "-c", _ALONE, json.dumps(names)]
    return subprocess.run(command, cwd=handout, env=plain(), capture_output=True, text=True, check=True).stdout


def test_every_module_can_be_imported_by_itself_with_nothing_but_numpy(handout: Path) -> None:
    names = [name for name in modules(handout) if name != "grader.commands.pytest_plugin"]  # which pytest alone loads
    assert len(names) > 50
    assert imported(handout, names) == "done\n"


def test_a_module_that_needs_more_is_noticed(handout: Path) -> None:
    said = imported(handout, ["grader.commands.program", "rich", "grader.commands.staff"])
    assert "rich is not installed" in said
    assert "No module named 'grader.commands.staff'" in said
    assert "grader.commands.program:" not in said
