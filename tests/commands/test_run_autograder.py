"""./run_autograder: what people type reaches the command they mean, with the packages it needs; Gradescope's entry."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.commands import program
from tests.conftest import ROOT, SAMPLES

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it is a shell script")
COMMANDS = sorted({typed.partition(" ")[0] for commands in program._AUDIENCES.values() for typed in commands})
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("GRADESCOPE_ROOT", "GRADER_COMMAND")}
AT_HOME = pytest.mark.skipif(Path("/autograder/submission").exists(), reason="this is Gradescope's container")
Place = Callable[..., "Script"]


@dataclass
class Script:
    """A copy of the script whose ./bootstrap installs nothing, but notes what it was asked for."""

    folder: Path
    source: Path

    def run(self, *arguments: str, typed: str = "./run_autograder", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [typed, *arguments],
            cwd=self.folder,
            env={**ENVIRONMENT, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def asked(self) -> list[str]:
        """The sets of requirements that were asked for."""
        path = self.source / "asked"
        return path.read_text().split() if path.exists() else []


def executable(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def script(folder: Path, source: Path, python: str | Path) -> Script:
    source.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "run_autograder", folder)
    executable(source / "bootstrap", f'echo "$1" >> "{source}/asked"\necho "{python}"')
    return Script(folder, source)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """The script with a Python that only tells how it was called: `place("source")` has the rest in that folder, as an image."""

    def placer(source: str = ".") -> Script:
        told = executable(tmp_path / "python", 'printf "%s\\n" "$PYTHONPATH" "$GRADER_COMMAND" "$@"')
        folder = tmp_path / "place"
        return script(folder, folder / source, told)

    return placer


@pytest.fixture
def real(tmp_path: Path) -> Script:
    """The script with this Python and this grader."""
    folder = tmp_path / "real"
    found = script(folder, folder, sys.executable)
    for name in ("grader", "fixtures", "student_src"):
        (folder / name).symlink_to(ROOT / name)
    return found


def called(process: subprocess.CompletedProcess[str]) -> list[str]:
    """The arguments that the grader got."""
    assert (process.returncode, process.stderr) == (0, "")
    _path, _command, dash, package, *arguments = process.stdout.splitlines()
    assert (dash, package) == ("-m", "grader")
    return arguments


@pytest.mark.parametrize("path", ["sub mission", "sub mission/x.zip", "./batch", "gra*"])
def test_a_path_is_graded(place: Place, path: str) -> None:
    here = place()
    target = here.folder / path
    target.parent.mkdir(exist_ok=True)
    target.touch()
    assert called(here.run(path, "--only", "a b")) == ["grade", path, "--only", "a b"]
    assert here.asked == ["run"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_typed_even_beside_a_file_of_that_name(place: Place, command: str) -> None:
    here = place()
    (here.folder / command).touch()
    assert called(here.run(command, "x y", "")) == [command, "x y", ""]
    assert called(here.run(f"./{command}")) == ["grade", f"./{command}"]


@pytest.mark.parametrize(
    ("typed", "needs"),
    [
        ("--help", "python"),
        ("--version", "python"),
        ("grade x -o y", "run"),
        ("./bootstrap", "run"),
        ("-o y x", "run"),
        ("check", "run"),
        ("build autograder -o x", "run"),
        ("doctor", "run"),
        ("gradescope", "run"),
        ("batch x -o y -j 2", "class"),
        ("explain x y z", "class"),
        ("compare x y", "class"),
        ("adjust x", "class"),
        ("grades x", "class"),
        ("data import x", "staff"),
        ("grade x --html y", "staff"),
        ("grade x --html=y", "staff"),
        ("./bootstrap --replay --data z", "staff"),
        ("batch x -o y --html", "staff"),
        ("batch x -o y --dask tcp://z", "staff"),
        ("batch x -o y --dask=tcp://z", "staff"),
    ],
)
def test_each_command_gets_what_it_needs_and_no_more(place: Place, typed: str, needs: str) -> None:
    here = place()
    assert called(here.run(*typed.split()))[-1] == typed.split()[-1]
    assert here.asked == [needs]


@pytest.mark.parametrize("word", ["docter", "no/such/folder", ""])
def test_a_word_that_is_neither_is_told_before_anything_is_set_up(place: Place, word: str) -> None:
    here = place()
    process = here.run(word)
    assert (process.returncode, process.stdout, here.asked) == (2, "", [])
    first, second = process.stderr.splitlines()
    assert first == f"grader: no such command or path: {word}"
    named = second.removeprefix("The commands are ").partition(";")[0]
    assert sorted(named.split(", ")) == COMMANDS


@AT_HOME
def test_without_arguments_it_says_what_to_type(place: Place) -> None:
    here = place()
    process = here.run()
    assert (process.returncode, process.stdout, here.asked) == (2, "", [])
    assert all(f"\n  ./run_autograder {words} " in process.stderr for words in ("PATH", "COMMAND ...", "--help"))
    assert len(process.stderr.splitlines()) == 4
    assert all(command in process.stderr for command in COMMANDS)


def test_in_the_container_it_is_gradescopes_entry(place: Place) -> None:
    image = place("source")  # the harness copies the script from source/ to the folder above
    process = image.run()
    assert called(process) == ["gradescope"]
    assert process.stdout.startswith(f"{image.source}\n")
    assert called(image.run("source", "-o", "x")) == ["grade", "source", "-o", "x"]
    assert image.asked == ["run", "run"]


def test_the_containers_folder_may_be_named(place: Place, tmp_path: Path) -> None:
    here = place()
    assert called(here.run(GRADESCOPE_ROOT=str(tmp_path))) == ["gradescope"]
    assert here.asked == ["run"]


@pytest.mark.parametrize(
    ("typed", "told"),
    [("./run_autograder", "./run_autograder"), ("../real/run_autograder", "../real/run_autograder"), ("sh", "./run_autograder")],
)
def test_messages_name_the_script_as_it_was_typed(real: Script, typed: str, told: str) -> None:
    arguments = ("run_autograder",) if typed == "sh" else ()
    process = real.run(*arguments, "grade", str(SAMPLES / "reference"), "--replay", typed=typed)
    assert process.returncode == 2
    assert process.stderr == f"grader: --replay needs CIFAR-10: --data FILE, which '{told} data import' makes\n"
    process = real.run(*arguments, "grade", ".", "--onyl", "x", typed=typed)
    assert process.stderr.endswith(f"Try '{told} grade --help'.\n")


def test_a_command_in_a_message_works_as_it_stands_where_a_folder_has_a_blank(real: Script) -> None:
    real.folder = real.folder.rename(real.folder.with_name("a b"))
    executable(real.folder / "bootstrap", f'echo "{sys.executable}"')
    process = real.run("grade", ".", "--hlp", typed="../a b/run_autograder")
    assert process.stderr.endswith("Try ''../a b/run_autograder' grade --help'.\n")


@pytest.mark.usefixtures("sandbox")
def test_it_grades(real: Script) -> None:
    (real.folder / "batch").symlink_to(SAMPLES / "reference")
    process = real.run("./batch", "--only", "optim.adam.golden")
    assert (process.returncode, process.stderr) == (0, "")
    assert "  passed        optim.adam.golden" in process.stdout
    process = real.run("check", str(SAMPLES / "untouched"), "--only", "optim.adam.golden")
    assert (process.returncode, process.stderr) == (1, "")


def test_its_help_fits_a_screen_and_names_every_command_by_who_types_it(real: Script) -> None:
    process = real.run("--help", COLUMNS="80", TERM="dumb")
    assert (process.returncode, process.stderr) == (0, "")
    lines = process.stdout.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert lines[0] == "usage: ./run_autograder PATH | COMMAND ..."
    assert [line for line in lines if line.endswith(":")] == ["options:", "students:", "one submission:", "a class:", "a course:"]
    shown = [line.split()[0] for line in lines if line.startswith("    ")]
    assert sorted(set(shown)) == COMMANDS
