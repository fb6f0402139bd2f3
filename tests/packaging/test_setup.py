"""setup.sh: makes what grading needs, may run again, and fails the image's build when anything is off."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SAMPLES
from tests.packaging.gradescope_harness import Image

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages and changes owners")
pytestmark = pytest.mark.usefixtures("sandbox")


def files(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_second_run_changes_nothing(image: Image, environment: str) -> None:
    before = files(image.root / "source")
    stamp = (Path(environment) / ".installed-run").stat()
    again = subprocess.run([image.root / "source/setup.sh"], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "smoke run: 100 points of 100" in again.stdout
    assert files(image.root / "source") == before
    assert (Path(environment) / ".installed-run").stat() == stamp


def test_every_module_is_compiled_and_grading_compiles_nothing_even_if_dates_were_lost(image: Image) -> None:
    source = image.root / "source"
    modules = sorted((source / "grader").rglob("*.py"))
    for path in modules:
        (compiled,) = (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")
        assert compiled.read_bytes()[4] == 3  # held against the source's content (PEP 552)
        os.utime(path)
    before = files(source)
    assert image.grade(SAMPLES / "untouched").results["score"] == 8
    assert files(source) == before


@needs_root
def test_the_source_is_closed_to_the_user_that_student_code_runs_as(image: Image) -> None:
    assert stat.S_IMODE((image.root / "source").stat().st_mode) == 0o700


@needs_root
def test_the_jail_for_kernels_without_landlock_is_there_and_nobody_else_can_write_it(image: Image, environment: str) -> None:
    jail = Path(environment) / "jail"
    assert [path.name for path in jail.iterdir()] == ["dev"]
    assert stat.S_IMODE(jail.stat().st_mode) & 0o022 == 0


def broken_sample(source: Path) -> None:
    path = source / "fixtures/submissions/reference/deeplearning/optim.py"
    path.write_text(path.read_text("utf-8").replace("def adam(", "def adams("), "utf-8")


def missing_log(source: Path) -> None:
    (source / "fixtures/submissions/reference/submission_logs/w_stds_he.json").unlink()


def broken_rubric(source: Path) -> None:
    (source / "grader/homework/rubric.toml").write_text("total = 1")


def changed_fixture(source: Path) -> None:
    (source / "fixtures/golden.json").write_text("{}")


def broken_module(source: Path) -> None:
    (source / "grader/grading/student.py").write_text("def broken(")


def failing_grader(source: Path) -> None:
    with (source / "grader/grading/grade.py").open("a") as file:
        file.write("\ndef grade(*_, **__):\n    raise RuntimeError('a slip of staff')\n")


def failing_entry(source: Path) -> None:
    (source / "run_autograder").write_text("#!/bin/sh\nexit 7\n")


def writing_nothing(source: Path) -> None:
    (source / "run_autograder").write_text("#!/bin/sh\nexit 0\n")


def no_requirements(source: Path) -> None:
    (source / "gradescope/requirements-run.lock").unlink()


@pytest.mark.parametrize(
    ("breaking", "told"),
    [
        (broken_sample, "not right: optim.adam"),
        (missing_log, "not right: logs.w_stds"),
        (broken_rubric, "rubric.toml: has no [[item]] rows"),
        (changed_fixture, "optim.adam.golden"),
        (broken_module, "the grader could not be compiled"),
        (failing_grader, "a slip of staff"),
        (failing_entry, "run_autograder ended with exit code 7"),
        (writing_nothing, "no readable results.json was written"),
        (no_requirements, "no such set of requirements"),
    ],
)
def test_an_image_is_not_built_if_anything_is_off(
    breaking: Callable[[Path], None], told: str, image: Image, environment: str, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(image.root / "source", source)
    breaking(source)
    process = subprocess.run(
        [source / "setup.sh"], env={**os.environ, "GRADER_VENV": environment}, capture_output=True, text=True, check=False
    )
    assert process.returncode == 1
    assert told in process.stdout + process.stderr
    assert process.stderr.rstrip().splitlines()[-1].startswith("setup: ")
    assert "setup: done" not in process.stdout


APT = """#!/bin/sh
echo "$@" >> "{folder}/asked"
case "$*" in {failing}) exit 100 ;; esac
case "$*" in *install*) touch "{folder}/installed" ;; esac
"""
WHICH = '#!/bin/sh\n[ -e "{folder}/installed" ] || exit 1\nexec {which} "$@"\n'


@needs_root
@pytest.mark.parametrize(
    ("failing", "code", "told"),
    [
        ("never", 0, "setup: installing python3.11"),
        ("*update*", 1, "setup: the image's package lists could not be read"),
        ("*install*", 1, "setup: python3.11 could not be installed from the image's archive; choose the Ubuntu 22.04 image"),
    ],
)
def test_python_comes_from_the_images_own_archive_where_it_is_missing(
    failing: str, code: int, told: str, image: Image, environment: str, tmp_path: Path
) -> None:
    for name, text in (("apt-get", APT), ("which", WHICH)):  # `which` finds no Python before apt-get has installed one
        path = tmp_path / name
        path.write_text(text.format(folder=tmp_path, failing=failing, which=shutil.which("which")))
        path.chmod(0o755)
    process = subprocess.run(
        [image.root / "source/setup.sh"],
        env={**os.environ, "GRADER_VENV": environment, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == code, process.stderr
    assert told in process.stdout + process.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[0] == "-qq update"
    assert asked[1:] in ([], ["-qq install -y --no-install-recommends python3.11 python3.11-venv"])


@needs_root
def test_an_environment_that_student_code_could_not_read_is_refused(image: Image, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    process = subprocess.run(
        [image.root / "source/bootstrap", "run"],
        env={**os.environ, "GRADER_VENV": str(closed / "venv")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 3
    assert "cannot be read by every user" in process.stderr


@pytest.mark.long
def test_an_environment_made_from_nothing_grades(zipped: Path, scratch: Path) -> None:
    image = Image(scratch / "from-nothing")
    image.root.mkdir()
    process = image.build(zipped, GRADER_VENV=str(scratch / "venv"))
    if "is there a network connection?" in process.stderr:
        pytest.skip("the packages cannot be fetched here")
    assert process.returncode == 0, process.stderr
    graded = image.grade(SAMPLES / "reference")
    assert (graded.results["score"], graded.figures.survivors) == (100, [])
    print(f"\nreference: {graded.figures}")
