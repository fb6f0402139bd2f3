"""A class as it really hands in: every kind of mess there is, as a Gradescope export, with what must become of each.

python -m tests.classroom.messy_class EXPORT.zip      writes the whole class
"""

from __future__ import annotations

import io
import stat
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from grader.homework import HOMEWORK
from tests.conftest import FC_NET, OPTIM, SAMPLES, SOLVER

Tree = Mapping[str, bytes]
Edit = Callable[[dict[str, bytes]], Tree]
LOGS, NOTEBOOK = "submission_logs/", "q_optimizer_init.ipynb"
LINK: Final = b"\0link"  # what stands for a symbolic link
ABSENT: Final = "\0"  # what stands for a submission that the export lists and does not hold
BASES: Final = ("reference", "in_place")  # both are worth everything


@dataclass(frozen=True)
class Mess:
    """A kind of mess.

    Attributes:
        name: what is wrong, in a few words.
        edit: makes it, of a submission that is worth 100 points.
        score: the points it gets.
        renamed: what it would be worth if renamed; None where no rename is worth a point.
        said: a part of what the student reads about it.
    """

    name: str
    edit: Edit
    score: float
    renamed: float | None = None
    said: str = ""


@cache
def base(name: str) -> dict[str, bytes]:
    """The files of a sample submission, and the starter's support files as students hand them in, too."""
    folder = SAMPLES / name
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {**HOMEWORK.support, **{name: data for name, data in files.items() if "__pycache__" not in name}}


def zipped(tree: Tree) -> bytes:
    """A tree as the bytes of a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in tree.items():
            archive.writestr(name, data)
    return buffer.getvalue()


# Edits ----------------------------------------------------------------------------------------------------------------------


def under(prefix: str) -> Edit:
    return lambda tree: {prefix + name: data for name, data in tree.items()}


def named(old: str, new: str) -> Edit:
    """Every name that begins so begins otherwise."""
    return lambda tree: {new + name.removeprefix(old) if name.startswith(old) else name: data for name, data in tree.items()}


def put(name: str, data: bytes) -> Edit:
    return lambda tree: {**tree, name: data}


def without(*beginnings: str) -> Edit:
    return lambda tree: {name: data for name, data in tree.items() if not name.startswith(beginnings)}


def only(*files: tuple[str, bytes]) -> Edit:
    return lambda _: dict(files)


def bare(tree: dict[str, bytes]) -> Tree:
    """What is graded, without any folder."""
    graded = (OPTIM, FC_NET, SOLVER, LOGS, NOTEBOOK)
    return {Path(name).name: data for name, data in tree.items() if name.startswith(graded)}


def then(*edits: Edit) -> Edit:
    def both(tree: dict[str, bytes]) -> Tree:
        for edit in edits:
            tree = dict(edit(tree))
        return tree

    return both


def blank(name: str) -> Edit:
    return lambda tree: {**tree, name: HOMEWORK.support[name]}


def copied(old: str, new: str) -> Edit:
    return lambda tree: {**tree, new: tree[old]}


def changed(name: str, how: Callable[[bytes], bytes]) -> Edit:
    return lambda tree: {**tree, name: how(tree[name])}


def in_zip(name: str, *parts: str) -> Edit:
    """What begins so, or everything, is in a zip, its names cut behind that beginning."""

    def edit(tree: dict[str, bytes]) -> Tree:
        if not parts:
            return {name: zipped(tree)}
        held = {key.removeprefix(parts[0]): data for key, data in tree.items() if key.startswith(parts[0])}
        return {**{key: data for key, data in tree.items() if not key.startswith(parts[0])}, name: zipped(held)}

    return edit


def two_people(tree: dict[str, bytes]) -> Tree:
    return {**under("alice/")(dict(tree)), **under("bob/")(dict(without(LOGS)(tree)))}


_MOVE = "looked for in submission_logs/ alone. Move them there."
_RENAME = "is not looked at under this name. If it is optim.py, rename it."
_ZIP = "is a zip inside what was handed in and was not opened. Hand in what is in it."
_KIND = "is an archive of a kind that is not opened; hand in a zip or the files themselves."
_ONE_LOG = "is not looked at under this name. If it is"

KINDS: Final = (
    # Nothing that costs anything.
    Mess("as it should be", lambda tree: tree, 100),
    Mess("in a folder", under("hw2/"), 100, said="found in the folder hw2"),
    Mess("three folders deep", under("cs182/hw02/code/"), 100, said="found in the folder cs182/hw02/code"),
    Mess("a download of the repository", under("cs182hw2-main/"), 100),
    Mess("zipped by Windows", lambda tree: {name.replace("/", "\\"): data for name, data in tree.items()}, 100),
    Mess("zipped by a Mac", then(put("__MACOSX/deeplearning/._optim.py", b"\0\5"), put(".DS_Store", b"\0")), 100),
    Mess("data set, caches and environment beside it", then(
        put("deeplearning/datasets/cifar-10-batches-py/data_batch_1", b"x"), put("deeplearning/__pycache__/optim.pyc", b"x"),
        put("venv/lib/optim.py", b"x"), put(f".ipynb_checkpoints/{NOTEBOOK}", b"{}"),
    ), 100),
    Mess("the files alone, in no folder", bare, 100, said="were taken by name, without the folder deeplearning/"),
    Mess("the package called otherwise", named("deeplearning/", "deeplearning (1)/"), 100, said="taken by name"),
    Mess("the package in capitals", named("deeplearning/", "DeepLearning/"), 100),
    Mess("a file in capitals", named(OPTIM, "deeplearning/Optim.py"), 100, said=f"Optim.py was taken for {OPTIM}"),
    Mess("an ending in capitals", named(OPTIM, "deeplearning/optim.PY"), 100, said=f"optim.PY was taken for {OPTIM}"),
    Mess("without __init__.py", without("deeplearning/__init__", "deeplearning/classifiers/__init__"), 100),
    Mess("support files edited", put("deeplearning/layers.py", b"x = 1"), 100, said="course's own copy of deeplearning/layers.py"),
    Mess("line ends of Windows", changed(OPTIM, lambda data: data.replace(b"\n", b"\r\n")), 100),
    Mess("a byte order mark", changed(OPTIM, lambda data: b"\xef\xbb\xbf" + data), 100),
    Mess("the notebook renamed", named(NOTEBOOK, "final FINAL.ipynb"), 100, said="looked at is final FINAL.ipynb"),
    Mess("the grader handed in, too", put("grader/homework/optim.py", b"x"), 100),
    Mess("logs in the right folder, elsewhere", named(LOGS, f"results/{LOGS}"), 100, said="found in results/submission_logs"),
    Mess("a copy beside the file", copied(OPTIM, "deeplearning/optim (1).py"), 100, said="optim (1).py; optim.py is graded"),
    Mess("an old copy of everything", lambda tree: {**tree, **under("old/")({OPTIM: b"old"})}, 100, said="Several copies"),
    Mess("two people's homeworks", two_people, 100, said="graded is the one in alice, not bob"),
    Mess("a report beside it", put("report.pdf", b"%PDF"), 100),
    # One file under another name.
    Mess("downloaded twice", named(OPTIM, "deeplearning/optim (1).py"), 65, 100, _RENAME),
    Mess("saved as text", named(OPTIM, "deeplearning/optim.py.txt"), 65, 100, _RENAME),
    Mess("copied by the system", named(OPTIM, "deeplearning/optim copy.py"), 65, 100, _RENAME),
    Mess("a version in the name", named(OPTIM, "deeplearning/optim_final_v2.py"), 65, 100, _RENAME),
    Mess("misspelt", named(OPTIM, "deeplearning/optims.py"), 65, 100, _RENAME),
    Mess("in the wrong folder", named(FC_NET, "deeplearning/fc_net.py"), 80, 100, "looked for in deeplearning/classifiers/ alone"),
    Mess("beside the folder", named(SOLVER, "solver.py"), 85, 100, "looked for in deeplearning/ alone"),
    Mess("blank in place, work beside it", then(copied(OPTIM, "deeplearning/optim (1).py"), blank(OPTIM)), 65, 100, _RENAME),
    Mess("two that could be meant", then(
        copied(OPTIM, "deeplearning/optim (1).py"), named(OPTIM, "deeplearning/optim (2).py")
    ), 65, None, f"each could be {OPTIM}"),
    # Logs.
    Mess("logs/", named(LOGS, "logs/"), 70, 100, _MOVE),
    Mess("experiment_logs/", named(LOGS, "experiment_logs/"), 70, 100, _MOVE),
    Mess("submission_logs (1)/", named(LOGS, "submission_logs (1)/"), 70, 100, _MOVE),
    Mess("Submission_Logs/", named(LOGS, "Submission_Logs/"), 70, 100, _MOVE),
    Mess("logs inside the package, in a folder", then(under("hw/"), named(f"hw/{LOGS}", "hw/deeplearning/")), 70, 100, _MOVE),
    Mess("one log downloaded twice", named(f"{LOGS}results.json", f"{LOGS}results (1).json"), 94, 100, f"{_ONE_LOG} results.json"),
    Mess("one log with two endings", named(f"{LOGS}w_stds_he.json", f"{LOGS}w_stds_he.json.json"), 98, 100, _ONE_LOG),
    Mess("logs zipped", in_zip("submission_logs.zip", LOGS), 70, 100, _ZIP),
    Mess("empty logs", lambda tree: {name: b"" if name.endswith(".npz") else data for name, data in tree.items()}, 76),
    Mess("no logs", without(LOGS), 70),
    # Archives and other kinds of files.
    Mess("a zip in the zip", in_zip("hw2.zip"), 0, 100, _ZIP),
    Mess("a zip in the zip in the zip", then(in_zip("hw2.zip"), in_zip("hw2 (1).zip")), 0, 100, _ZIP),
    Mess("a zip in the zip, a file downloaded twice in it", then(
        named(OPTIM, "deeplearning/optim (1).py"), in_zip("hw2.zip")
    ), 0, 100, _ZIP),
    Mess("a zip in the zip that is broken", only(("hw2.zip", b"PK\3\4")), 0, None, _ZIP),
    Mess("rar", only(("hw2.rar", b"Rar!")), 0, None, _KIND),
    Mess("7z", only(("hw2.7z", b"7z")), 0, None, _KIND),
    Mess("tar.gz", only(("hw2.tar.gz", b"\x1f\x8b")), 0, None, _KIND),
    Mess("a PDF", only(("hw2.pdf", b"%PDF")), 0, None, "What was received (hw2.pdf) holds nothing that is graded."),
    Mess("the notebook alone", lambda tree: {NOTEBOOK: tree[NOTEBOOK]}, 0, None, "was received without the code"),
    Mess("notebook and logs, no code", without("deeplearning/"), 30, None, "was received without the code"),
    Mess("another week's homework", only(("hw1/knn.py", b"x"), ("hw1/report.docx", b"x")), 0, None, "holds nothing that is graded"),
    Mess("nothing", only(("README.md", b"soon")), 0, None, "Nothing to grade was found"),
    Mess("listed, not there", only((ABSENT, b"")), 0, None, "does not hold its files"),
    # Files that are none, and code that does not run.
    Mess("a link", put(OPTIM, LINK), 65, None, "is a symbolic link, not a file"),
    Mess("a name that climbs out", only((f"../{OPTIM}", b"x")), 0, None, "a name that leads out of the folder"),
    Mess("does not parse", put(OPTIM, b"def adam(:\n"), 65),
    Mess("raises when imported", put(SOLVER, b"raise RuntimeError('no data here')\n"), 85),
    Mess("an empty file", put(FC_NET, b""), 80),
)  # fmt: skip


# The export -----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Handed:
    """A submission of the class: by whom, when (the later the larger), what."""

    sids: tuple[int, ...]
    when: int
    mess: Mess
    base: str


def class_of(kinds: Sequence[Mess] = KINDS, bases: Sequence[str] = BASES) -> list[Handed]:
    """A student for each kind and base; then one who resubmitted, and a pair of whom one went on alone."""
    found = [Handed((number,), 0, mess, base) for number, (mess, base) in enumerate((m, b) for b in bases for m in kinds)]
    whole, nothing = KINDS[0], next(mess for mess in KINDS if mess.name == "nothing")
    again, pair = len(found), (len(found) + 1, len(found) + 2)
    return [
        *found,
        Handed((again,), 1, nothing, bases[0]),
        Handed((again,), 2, whole, bases[0]),
        Handed(pair, 1, whole, bases[0]),
        Handed(pair[1:], 2, nothing, bases[0]),
    ]


def submission_id(number: int) -> str:
    """The folder of the class's submission of this number."""
    return f"submission_{1000 + number}"


def write(path: Path, handed: Sequence[Handed]) -> Path:
    """The class as Gradescope exports it: a zip with the metadata and a folder for each submission."""
    metadata = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, one in enumerate(handed):
            folder = submission_id(number)
            people = "".join(
                f"  - :name: Student {sid:03}\n    :sid: '{30_000 + sid}'\n    :email: s{sid}@example.edu\n" for sid in one.sids
            )
            metadata.append(f"{folder}:\n  :submitters:\n{people}  :created_at: 2024-10-01 1{one.when}:00:00.000000000 Z\n")
            for name, data in one.mess.edit(dict(base(one.base))).items():
                if name == ABSENT:
                    continue
                member = zipfile.ZipInfo(f"assignment_1_export/{folder}/{name}", (2024, 10, 1, 0, 0, 0))
                member.compress_type = zipfile.ZIP_DEFLATED
                member.external_attr = (stat.S_IFLNK | 0o777 if data == LINK else stat.S_IFREG | 0o644) << 16
                archive.writestr(member, b"layers.py" if data == LINK else data)
        archive.writestr("assignment_1_export/submission_metadata.yml", "".join(metadata))
    return path


if __name__ == "__main__":
    print(f"{write(Path(sys.argv[1]), class_of())}: {len(class_of())} submissions of {len(KINDS)} kinds")
