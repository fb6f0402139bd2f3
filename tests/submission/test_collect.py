"""Collecting: whatever way students pack the homework, the same files are found, and the notes say what was done."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from grader.errors import SubmissionError, UsageError
from grader.homework.files import LAYOUT
from grader.submission.collect import Limits, Submission, collect, token_digest
from tests.conftest import FC_NET, OPTIM, SAMPLES, SOLVER

Tree = Mapping[str, bytes]
Collect = Callable[[Tree], Submission]

COMPLETE: Tree = {
    OPTIM: b"optim = 1\n",
    FC_NET: b"fc_net = 1\n",
    SOLVER: b"solver = 1\n",
    "submission_logs/results.json": b"{}",
    "submission_logs/best_fc_model.npz": b"PK best",
    "q_optimizer_init.ipynb": b'{"cells": []}',
}
LOGS = {name: data for name, data in COMPLETE.items() if name.startswith("submission_logs/")}
LAYERS, INIT = "deeplearning/layers.py", "deeplearning/__init__.py"
STAFF = dict.fromkeys((OPTIM, LAYERS, INIT), b"the staff\n")
KNOWN = {LAYERS: frozenset({token_digest(b"of last term"), token_digest(b"of this term")}), INIT: frozenset({token_digest(b"")})}


def on_disk(tree: Tree, root: Path) -> Path:
    """`tree` as a folder."""
    root.mkdir(parents=True)
    for name, data in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def zipped(tree: Tree, path: Path) -> Path:
    """`tree` as a zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in tree.items():
            archive.writestr(name, data)
    return path


@pytest.fixture(params=["folder", "zip"])
def collected(request: pytest.FixtureRequest, tmp_path: Path) -> Collect:
    """Collect a tree, once from a folder and once from a zip."""
    if request.param == "folder":
        return lambda tree: collect(on_disk(tree, tmp_path / "handed-in"), LAYOUT, support=STAFF, known_support=KNOWN)
    return lambda tree: collect(zipped(tree, tmp_path / "handed-in.zip"), LAYOUT, support=STAFF, known_support=KNOWN)


def under(prefix: str, tree: Tree = COMPLETE) -> dict[str, bytes]:
    return {prefix + name: data for name, data in tree.items()}


def test_everything_graded_is_taken_and_nothing_is_remarked_on(collected: Collect) -> None:
    found = collected(COMPLETE)
    assert found.files == {name: COMPLETE[name] for name in (OPTIM, FC_NET, SOLVER)}
    assert found.logs == LOGS
    assert found.notebook == ("q_optimizer_init.ipynb", b'{"cells": []}')
    assert (found.notes, dict(found.refused)) == ((), {})


@pytest.mark.parametrize("prefix", ["hw2/", "a/b/c/d/e/f/", "hand in (1)/", "作业/", "deeplearning/"])
def test_wrapping_folders_change_neither_the_files_nor_the_digest(collected: Collect, tmp_path: Path, prefix: str) -> None:
    found = collected(under(prefix))
    plain = collect(on_disk(COMPLETE, tmp_path / "plain"), LAYOUT)
    assert (found.files, found.logs, found.notebook) == (plain.files, plain.logs, plain.notebook)
    assert found.digest == plain.digest
    assert found.notes == (f"The homework was found in the folder {prefix.rstrip('/')}.",)


def test_the_sample_zip_and_its_folder_have_one_digest() -> None:
    nested, reference = collect(SAMPLES / "nested.zip", LAYOUT), collect(SAMPLES / "reference", LAYOUT)
    assert nested.digest == reference.digest
    assert len(reference.logs) == 18


def test_the_digest_tells_contents_and_names_apart(tmp_path: Path) -> None:
    trees: list[Tree] = [
        COMPLETE,
        {**COMPLETE, OPTIM: b"optim = 2\n"},
        {**COMPLETE, OPTIM: COMPLETE[SOLVER], SOLVER: COMPLETE[OPTIM]},
        {name: data for name, data in COMPLETE.items() if name != SOLVER},
        {**COMPLETE, "submission_logs/more.json": b""},
        {**COMPLETE, "q_optimizer_init.ipynb": b"{}"},
    ]
    assert len({collect(on_disk(tree, tmp_path / str(at)), LAYOUT).digest for at, tree in enumerate(trees)}) == len(trees)


@pytest.mark.parametrize(
    "folder",
    ["__MACOSX", "__pycache__", ".ipynb_checkpoints", ".git", "venv", "datasets", "deeplearning/datasets", "x/.IPYNB_CHECKPOINTS"],
)
def test_caches_and_data_beside_the_homework_are_ignored(collected: Collect, folder: str) -> None:
    found = collected({**COMPLETE, **under(f"{folder}/", dict.fromkeys(COMPLETE, b"not this one"))})
    assert found.files[OPTIM] == COMPLETE[OPTIM]
    assert found.notebook == ("q_optimizer_init.ipynb", b'{"cells": []}')
    assert found.notes == ()


def test_ignored_folders_count_neither_as_entries_nor_as_depth(collected: Collect) -> None:
    many = {f"datasets/{n}": b"" for n in range(5_100)}
    assert collected({**COMPLETE, **many, "venv/" + "d/" * 40 + "x.py": b""}).files[OPTIM] == COMPLETE[OPTIM]


def test_of_several_copies_the_fullest_is_graded_and_the_others_are_named(collected: Collect) -> None:
    found = collected({OPTIM: b"old", **under("final/"), **under("a/very/old/", {SOLVER: b"old", FC_NET: b"old"})})
    assert found.files == {name: COMPLETE[name] for name in (OPTIM, FC_NET, SOLVER)}
    assert len(found.logs) == 2
    (note,) = found.notes
    assert "graded is the one in final" in note
    assert "a/very/old" in note
    assert "the top folder" in note


def test_of_two_full_copies_the_one_nearest_to_the_top_is_graded(collected: Collect) -> None:
    found = collected({**under("deep/er/", dict.fromkeys(COMPLETE, b"old")), **COMPLETE})
    assert found.files[OPTIM] == COMPLETE[OPTIM]
    assert "graded is the one in the top folder, not deep/er" in found.notes[0]


def test_bare_files_are_taken_by_name(collected: Collect) -> None:
    found = collected({Path(name).name: data for name, data in COMPLETE.items()})
    assert found.files == {name: COMPLETE[name] for name in (OPTIM, FC_NET, SOLVER)}
    assert set(found.logs) == {"submission_logs/results.json", "submission_logs/best_fc_model.npz"}
    assert any("taken by name" in note and OPTIM in note for note in found.notes)


def test_two_bare_files_of_one_name_are_both_named_and_neither_is_used(collected: Collect) -> None:
    found = collected({"first/optim.py": b"1", "second/optim.py": b"2", "solver.py": b"3"})
    assert list(found.files) == [SOLVER]
    assert found.refused[OPTIM] == f"{OPTIM} was not used: first/optim.py and second/optim.py could both be meant; keep one."


def test_a_package_without_init_files_is_complete(collected: Collect) -> None:
    assert collected(COMPLETE).notes == ()  # COMPLETE has none of them


def test_a_differently_written_folder_name_is_the_homework_too(collected: Collect) -> None:
    found = collected({name.replace("deeplearning", "DeepLearning"): data for name, data in COMPLETE.items()})
    assert found.files[OPTIM] == COMPLETE[OPTIM]


@pytest.mark.parametrize(
    ("names", "chosen", "told"),
    [
        (["my solution.ipynb"], "my solution.ipynb", True),
        (["q_optimizer_init (1).ipynb", "q_optimizer_init (2).ipynb"], "q_optimizer_init (1).ipynb", True),
        (["a.ipynb", "q_optimizer_init-v2.ipynb"], "q_optimizer_init-v2.ipynb", False),
        (["sub/q_optimizer_init.ipynb", "q_optimizer_init (1).ipynb"], "q_optimizer_init (1).ipynb", False),
    ],
)
def test_a_renamed_notebook_is_found_and_named_where_in_doubt(
    collected: Collect, names: list[str], chosen: str, told: bool
) -> None:
    tree = {name: data for name, data in COMPLETE.items() if not name.endswith(".ipynb")}
    found = collected({**tree, **{name: name.encode() for name in names}})
    assert found.notebook == (chosen, chosen.encode())
    assert found.notes == ((f"The notebook that was looked at is {chosen}.",) if told else ())


def test_logs_beside_the_chosen_copy_win_over_an_empty_one_elsewhere(collected: Collect) -> None:
    strays = {
        "deeplearning/submission_logs/best_fc_model.npz": b"",
        "best_fc_model.npz": b"",
        "x/submission_logs/results.json": b"",
    }
    found = collected({**COMPLETE, **strays})
    assert found.logs == LOGS
    assert found.notes == ()


def test_logs_in_another_folder_are_used_and_the_folder_is_named(collected: Collect) -> None:
    found = collected({name if "logs" not in name else f"results/{name}": data for name, data in COMPLETE.items()})
    assert found.logs == LOGS
    assert found.notes == ("The logs were found in results/submission_logs.",)


def test_of_several_folders_of_logs_elsewhere_the_one_nearest_to_the_top_is_used_and_named(collected: Collect) -> None:
    code = {name: data for name, data in COMPLETE.items() if name not in LOGS}
    found = collected({**code, **under("second/try/", LOGS), **under("first/", LOGS)})
    assert found.logs == LOGS
    assert found.notes == ("Several folders submission_logs were found; used is first/submission_logs.",)


def test_more_logs_than_are_looked_at_are_counted_in_a_note(tmp_path: Path) -> None:
    folder = on_disk({f"submission_logs/{n}.json": b"" for n in range(7)}, tmp_path / "x")
    found = collect(folder, LAYOUT, limits=Limits(max_logs=3))
    assert list(found.logs) == [f"submission_logs/{n}.json" for n in range(3)]
    assert found.notes == ("submission_logs holds 7 files; only the first 3 by name were looked at.",)


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        ({LAYERS: b"mine\n"}, f"Graded with the course's own copy of {LAYERS}; yours is not used."),
        ({LAYERS: b"mine\n", INIT: b""}, f"Graded with the course's own copy of {LAYERS}; yours is not used."),
        ({LAYERS: b"mine\n", INIT: b"x = 1"}, f"Graded with the course's own copies of {LAYERS} and {INIT}; yours are not used."),
        ({LAYERS: b"the staff\r\n\n"}, ""),
        ({LAYERS: b"of  last \r\n\tterm  \r\n"}, ""),
        ({INIT: b"of last term"}, f"Graded with the course's own copy of {INIT}; yours is not used."),
        ({INIT: b""}, ""),
    ],
    ids=["foreign", "foreign, and empty", "two", "other blanks", "of last term", "another file's", "empty"],
)
def test_staffs_files_are_never_taken_from_a_submission(collected: Collect, theirs: Tree, told: str) -> None:
    found = collected({**COMPLETE, **theirs})
    assert set(found.files) == {OPTIM, FC_NET, SOLVER}
    assert found.files[OPTIM] == COMPLETE[OPTIM]
    assert found.notes == ((told,) if told else ())


def test_a_submission_without_homework_says_what_was_looked_for(collected: Collect) -> None:
    found = collected({"README.txt": b"later"})
    assert (found.files, found.logs, found.notebook) == ({}, {}, None)
    assert "deeplearning/optim.py" in found.notes[0]


def test_zip_folders_written_by_windows_tools_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "windows.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for folder in ("hw\\", "hw\\deeplearning\\", "hw\\submission_logs\\"):
            archive.writestr(folder, b"")
        for name, data in COMPLETE.items():
            archive.writestr("hw\\" + name.replace("/", "\\"), data)
    found = collect(path, LAYOUT)
    assert found.digest == collect(on_disk(COMPLETE, tmp_path / "plain"), LAYOUT).digest
    assert found.notes == ("The homework was found in the folder hw.",)


def test_too_much_in_all_is_refused_at_a_named_file(tmp_path: Path) -> None:
    for path in (on_disk(COMPLETE, tmp_path / "x"), zipped(COMPLETE, tmp_path / "x.zip")):
        with pytest.raises(SubmissionError, match=r"^The submission was refused at deeplearning/solver\.py: .* together\.$"):
            collect(path, LAYOUT, limits=Limits(max_total_bytes=25))


@pytest.mark.parametrize(
    ("name", "what"), [("missing", "does not exist"), ("notes.txt", "neither"), ("notes.txt/x", "cannot be read")]
)
def test_a_path_that_is_no_submission_is_a_mistake_in_usage(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / "notes.txt").write_text("no zip")
    with pytest.raises(UsageError, match=what) as caught:
        collect(tmp_path / name, LAYOUT)
    assert str(tmp_path / name) in str(caught.value)


def test_nothing_is_written_where_the_submission_lies(tmp_path: Path) -> None:
    folder = tmp_path / "course"
    shutil.copytree(SAMPLES / "reference", folder / "work")
    shutil.copyfile(SAMPLES / "nested.zip", folder / "nested.zip")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    collect(folder / "work", LAYOUT)
    collect(folder / "nested.zip", LAYOUT)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
