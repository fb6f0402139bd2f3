"""The package as an installer leaves it, away from the repository."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import ROOT

BUILD = "import setuptools; setuptools.setup(script_args=['-q', 'build_py', '--build-lib', '{}'])"


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an installer builds from; building leaves files in it."""
    target = tmp_path_factory.mktemp("source")
    away = shutil.ignore_patterns("__pycache__", "*.egg-info", "submissions", "logs", "*.ipynb", "submission_logs", "*.npy")
    for name in ("grader", "fixtures", "student_src"):
        shutil.copytree(ROOT / name, target / name, ignore=away)
    shutil.copy(ROOT / "README.md", target)
    # The setuptools that comes with Python may be older than this field; what gets installed does not depend on it.
    (target / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text("utf-8").replace('license = "MIT"\n', ""), "utf-8")
    return target


@pytest.fixture(scope="session")
def built(source: Path) -> Path:
    """What lands in site-packages."""
    if find_spec("setuptools") is None:
        pytest.skip("setuptools is not installed here, so nothing can be built")
    target = source / "built"
    subprocess.run([sys.executable, "-c", BUILD.format(target)], cwd=source, capture_output=True, check=True, timeout=120)
    return target
