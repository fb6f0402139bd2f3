"""Classes to grade: folders and exports made from the sample submissions, the catalogue of slips and hostile code."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.conftest import OPTIM, ROOT, SAMPLES
from tests.homework.mutants import files, mutants

VIEWS = ("grades.csv", "report.html", "class.json")
HOSTILE = {
    "ends_its_process": "import os\nos._exit(0)\n",
    "kills_its_parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n",
    "uses_all_memory": "held = []\nwhile True:\n    held.append(bytearray(2**24))\n",
    "floods_its_output": "while True:\n    print('x' * 100_000)\n",
    "says_markup": "raise ValueError('</div><script>alert(1)</script><img src=x onerror=alert(2)>')\n",
}


def sample(folder: Path, name: str) -> Path:
    """A sample submission, handed in as it is; the answer is its place."""
    source = SAMPLES / name
    if source.is_file():
        return Path(shutil.copy(source, folder))
    return shutil.copytree(source, folder / name)


def slip(folder: Path, name: str, label: str = "") -> Path:
    """The reference with one slip."""
    target = shutil.copytree(SAMPLES / "reference", folder / (label or name.replace(".", "_")))
    for file, data in files(**dict([mutants()[name]])).items():
        (target / file).write_bytes(data)
    return target


def hostile(folder: Path, name: str) -> Path:
    """The reference whose optim.py does something that it must not."""
    target = shutil.copytree(SAMPLES / "reference", folder / name)
    (target / OPTIM).write_text(HOSTILE[name])
    return target


def mixed(folder: Path) -> Path:
    """Twelve submissions: good and bad ones, broken ones, a zip, an archive that is refused, hostile ones."""
    folder.mkdir()
    for name in ("reference", "in_place", "untouched", "does_not_parse", "nothing", "nested.zip"):
        sample(folder, name)
    for name in ("adam.no_correction", "adam.betas_swapped"):
        slip(folder, name)
    for name in ("ends_its_process", "uses_all_memory", "says_markup"):
        hostile(folder, name)
    with zipfile.ZipFile(folder / "climbs_out.zip", "w") as archive:
        archive.writestr("../optim.py", "print()")
    return folder


def many(folder: Path, count: int) -> Path:
    """`count` submissions of mixed quality: every slip in turn, every fourth the reference, some hostile or empty."""
    folder.mkdir()
    slips = list(mutants())
    whole = ["reference", "in_place", "untouched", "cs231n_momentum", "file_missing", "raises_at_import", "nothing"]
    for number in range(count):
        label = f"student-{number:04}"
        if number % 4 == 1:
            shutil.copytree(SAMPLES / whole[number // 4 % len(whole)], folder / label)
        elif number % 25 == 2:
            hostile(folder, list(HOSTILE)[number // 25 % len(HOSTILE)]).rename(folder / label)
        else:
            slip(folder, slips[number % len(slips)], label)
    return folder


def export(folder: Path, submissions: Iterable[tuple[str, Path]], metadata: str) -> Path:
    """A class export as Gradescope's download unpacks: submission_<number> folders and who they are from."""
    folder.mkdir()
    for name, source in submissions:
        shutil.copytree(source, folder / name)
    (folder / "submission_metadata.yml").write_text(metadata, "utf-8")
    return folder


def zipped(folder: Path, target: Path, *, inside: str = "") -> Path:
    """A folder as a zip, its files below the folder's name (or below `inside`)."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, f"{inside or folder.name}/{path.relative_to(folder)}")
    return target


def outcome(out: Path) -> dict[str, Any]:
    """Everything a run left behind but times: the verdicts by id, the table and the page byte for byte."""
    verdicts = {}
    for path in sorted((out / "submissions").iterdir()):
        left = {child.name for child in path.iterdir()} - {"curves.json", "notebook.html"}
        assert left == {"results.json"}, "something else was left beside a verdict"
        result = json.loads((path / "results.json").read_bytes())
        result.pop("execution_time", None)
        for test in result["tests"]:
            test["extra_data"].pop("seconds", None)
        curves = path / "curves.json"
        verdicts[path.name] = result, curves.read_text() if curves.exists() else ""
    assert not (out / ".unpacked").exists()
    return {"verdicts": verdicts, **{name: (out / name).read_bytes() for name in VIEWS}}


def verdict(out: Path, name: str) -> dict[str, Any]:
    """One verdict as written."""
    return dict(json.loads((out / "submissions" / name / "results.json").read_bytes()))


def children(parent: int) -> list[int]:
    """The living children of a process; none of one that has just ended."""
    try:
        return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    except OSError:
        return []


def started(*arguments: str | Path) -> subprocess.Popen[str]:
    """The real command at work in a session of its own; its output is to be read line by line."""
    return subprocess.Popen(
        [sys.executable, "-m", "grader", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
