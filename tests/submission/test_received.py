"""What was received: what looks like a missing file is told, never taken by itself, and as if renamed it is graded."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.homework.files import LAYOUT
from grader.submission import siblings
from grader.submission.collect import Submission, collect
from grader.submission.siblings import homeworks
from tests.conftest import FC_NET, OPTIM, SOLVER
from tests.submission.test_collect import Collect, collected, on_disk

__all__ = ["collected"]  # a fixture

LOGS = {f"submission_logs/{name}": name.encode() for name in LAYOUT.expected_logs}
WHOLE = {OPTIM: b"optim", FC_NET: b"fc_net", SOLVER: b"solver", **LOGS, "q_optimizer_init.ipynb": b"{}"}


def without(*names: str) -> dict[str, bytes]:
    return {name: data for name, data in WHOLE.items() if not name.startswith(names)}


def as_zip(tree: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in tree.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def likely(found: Submission) -> Submission:
    assert found.likely is not None
    return found.likely


def test_a_whole_submission_leaves_nothing_to_say(collected: Collect) -> None:
    found = collected({**WHOLE, "notes (1).txt": b"", "old/optim_old.py": b"", "figures/results.png": b"", "report.pdf": b""})
    received = found.received
    assert (received.lines, received.likely, received.missing, received.choice, found.likely) == ((), (), (), "", None)
    assert received.taken == {name if "ipynb" not in name else "notebook": name for name in WHOLE}


@pytest.mark.parametrize(
    "name",
    [
        "deeplearning/optim (1).py", "deeplearning/optim.py.txt", "deeplearning/optim.txt", "deeplearning/optim copy.py",
        "deeplearning/Copy of optim.py", "deeplearning/optim_final.py", "deeplearning/my-optim-v2.py", "deeplearning/optims.py",
        "deeplearning/optim.py.py", "deeplearning/optim.py (1)", "optim (2).py", "deeplearning/optim", "deeplearning/optim.py.bak",
    ],
)  # fmt: skip
def test_a_file_under_another_name_is_told_and_not_taken(collected: Collect, name: str) -> None:
    found = collected({**without(OPTIM), name: b"mine"})
    assert OPTIM not in found.files
    assert found.received.missing == (OPTIM,)
    assert found.received.lines == (f"{name} is not looked at under this name. If it is optim.py, rename it.",)
    assert found.received.likely == ((name, OPTIM),)
    again = likely(found)
    assert again.files[OPTIM] == b"mine"
    assert again.renames == ((name, OPTIM),)
    assert again.notes[0] == f"Taken as if it had been renamed: {name} as {OPTIM}."


@pytest.mark.parametrize("name", ["deeplearning/optim.ipynb", "optimization.pdf", "deeplearning/layers.py", "optim.pyx", "o.py"])
def test_what_is_something_else_stands_in_for_nothing(collected: Collect, name: str) -> None:
    assert collected({**without(OPTIM), name: b"x"}).received.likely == ()


@pytest.mark.parametrize("name", ["Optim.py", "optim.PY", "OPTIM.py"])
@pytest.mark.parametrize("folder", ["deeplearning/", ""])
def test_upper_and_lower_case_do_not_matter_and_are_told(collected: Collect, folder: str, name: str) -> None:
    rest = WHOLE if folder else {Path(key).name: data for key, data in WHOLE.items() if key.endswith(".py")}
    found = collected({**{key: data for key, data in rest.items() if not key.endswith("optim.py")}, folder + name: b"mine"})
    assert found.files[OPTIM] == b"mine"
    assert f"{folder}{name} was taken for {OPTIM}." in found.notes


def test_a_file_in_another_folder_is_told(collected: Collect) -> None:
    found = collected({**without(FC_NET), "deeplearning/fc_net.py": b"mine"})
    assert found.received.lines == (
        "fc_net.py: found in deeplearning/, looked for in deeplearning/classifiers/ alone. Move it there.",
    )
    assert likely(found).files[FC_NET] == b"mine"


def test_two_that_could_be_meant_are_named_and_neither_is_likely(collected: Collect) -> None:
    found = collected({**without(OPTIM), "deeplearning/optim (1).py": b"1", "deeplearning/optim (2).py": b"2"})
    assert found.received.likely == ()
    assert found.received.lines == (
        f"deeplearning/optim (1).py, deeplearning/optim (2).py: each could be {OPTIM}. Keep one, under this name.",
    )


def test_a_copy_beside_a_file_that_is_as_it_was_handed_out_is_likely_the_work(collected: Collect) -> None:
    tree = {**WHOLE, OPTIM: b"the staff", "deeplearning/optim (1).py": b"mine"}
    assert likely(collected(tree)).files[OPTIM] == b"mine"


def test_a_copy_beside_somebodys_work_is_only_mentioned(collected: Collect) -> None:
    found = collected({**WHOLE, "deeplearning/optim (1).py": b"mine"})
    assert found.received.lines == ("deeplearning/ holds optim.py and optim (1).py; optim.py is graded.",)
    assert found.likely is None


@pytest.mark.parametrize("folder", ["logs", "experiment_logs", "submission_logs (1)", "Submission_Logs", "deeplearning", "a/b"])
def test_logs_in_a_folder_of_another_name_are_one_line(collected: Collect, folder: str) -> None:
    found = collected(without("submission_logs") | {f"{folder}/{name}": name.encode() for name in LAYOUT.expected_logs})
    assert found.logs == {}
    (line,) = found.received.lines
    assert f"15 more: found in {folder}/, looked for in submission_logs/ alone. Move them there." in line
    assert likely(found).logs == LOGS
    assert likely(found).renames == ((f"{folder}/", "submission_logs/"),)


def test_a_log_under_another_name_is_told_and_not_taken(collected: Collect) -> None:
    old, new = "submission_logs/results (1).json", "submission_logs/results.json"
    found = collected({**without(new), old: b"mine"})
    assert found.received.missing == (new,)
    assert likely(found).logs[new] == b"mine"


def test_two_logs_that_could_be_meant_are_named_and_neither_is_likely(collected: Collect) -> None:
    name = "submission_logs/results.json"
    copies = {f"submission_logs/results ({number}).json": b"mine" for number in (1, 2)}
    found = collected({**without(name), **copies})
    assert found.received.lines == (f"{', '.join(copies)}: each could be results.json. Keep one, under this name.",)
    assert found.likely is None


@pytest.mark.parametrize("wrapped", [1, 2])
@pytest.mark.parametrize("prefix", ["", "code/"])
def test_a_zip_in_the_zip_is_not_opened_and_graded_as_if_it_were(collected: Collect, wrapped: int, prefix: str) -> None:
    data, tree = b"", {prefix + name: data for name, data in WHOLE.items()}
    for _ in range(wrapped):
        data = as_zip(tree)
        tree = {"hw2.zip": data}
    found = collected(tree)
    assert (found.files, found.logs) == ({}, {})
    assert found.received.lines == ("hw2.zip is a zip inside what was handed in and was not opened. Hand in what is in it.",)
    assert likely(found).files == {name: WHOLE[name] for name in LAYOUT.files}
    assert likely(found).logs == LOGS


def test_zipped_logs_are_graded_as_if_they_were_unpacked(collected: Collect) -> None:
    tree = without("submission_logs") | {"submission_logs.zip": as_zip({Path(name).name: data for name, data in LOGS.items()})}
    found = collected(tree)
    assert found.logs == {}
    assert likely(found).logs == LOGS


def test_what_a_zip_holds_under_another_name_is_found_too(collected: Collect) -> None:
    tree = {name.replace("optim.py", "optim (1).py"): data for name, data in WHOLE.items()}
    again = likely(collected({"hw2.zip": as_zip(tree)}))
    assert again.files[OPTIM] == b"optim"
    assert again.renames == (("hw2.zip", "hw2/"), ("hw2/deeplearning/optim (1).py", OPTIM))


@pytest.mark.parametrize(
    "data", [b"no zip", as_zip({"../x": b""}), as_zip({"notes.txt": b""})], ids=["broken", "climbing", "something else"]
)
def test_a_zip_that_helps_nobody_is_not_likely(collected: Collect, data: bytes) -> None:
    assert collected({"hw2.zip": data}).likely is None


@pytest.mark.parametrize("name", ["hw2.rar", "hw2.7z", "hw2.tar.gz", "hw2.tar"])
def test_an_archive_of_another_kind_is_named(collected: Collect, name: str) -> None:
    found = collected({name: b"Rar!"})
    assert found.received.lines == (f"{name} is an archive of a kind that is not opened; hand in a zip or the files themselves.",)


def test_an_archive_beside_a_whole_submission_is_not_mentioned(collected: Collect) -> None:
    assert collected({**WHOLE, "data.rar": b"Rar!", "data.zip": b"PK"}).received.lines == ()


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"report.pdf": b""}, "What was received (report.pdf) holds nothing that is graded."),
        ({"my work.ipynb": b"{"}, "The notebook my work.ipynb was received without the code. What is written in its cells is"),
        ({**LOGS, "q_optimizer_init.ipynb": b"{"}, "The notebook q_optimizer_init.ipynb was received without the code."),
    ],
)  # fmt: skip
def test_where_there_is_no_code_what_there_is_is_named(collected: Collect, tree: dict[str, bytes], said: str) -> None:
    (line,) = collected(tree).received.lines
    assert line.startswith(said)


def test_of_two_peoples_homeworks_neither_lends_the_other_a_file(collected: Collect) -> None:
    bobs = {f"bob/{name}": b"bob" for name in (OPTIM, FC_NET, SOLVER)}
    found = collected({**{f"alice/{name}": data for name, data in WHOLE.items() if name != SOLVER}, **bobs, "bob/x": b""})
    assert found.received.choice == found.notes[0]
    assert "graded is the one in bob, not alice" in found.received.choice


def test_a_file_of_another_homework_is_not_likely_meant(collected: Collect) -> None:
    found = collected({f"alice/{name}": data for name, data in without(SOLVER).items()} | {f"bob/{SOLVER}": b"bob"})
    assert found.files.keys() == {OPTIM, FC_NET}
    assert found.likely is None


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (("optm.py", "optim.py"), "the submission holds no 'optm.py'; did you mean 'optim.py'?"),
        (("solver.py", "optin.py"), "nothing is graded under the name 'optin.py'; did you mean 'optim.py'?"),
        (("submission_logs/", "deeplearning/"), "a folder can be renamed to submission_logs/ alone, not to 'deeplearning/'"),
    ],
)
def test_a_rename_that_does_not_fit_is_refused(tmp_path: Path, pair: tuple[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        collect(on_disk(WHOLE, tmp_path / "x"), LAYOUT, renames=[pair])
    assert str(caught.value) == said


def test_whoever_renames_may_shorten_the_names(tmp_path: Path) -> None:
    folder = on_disk({**WHOLE, "hw/old/rules.py": b"mine"}, tmp_path / "x")
    assert collect(folder, LAYOUT, renames=[("rules.py", "optim.py")]).files[OPTIM] == b"mine"


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([f"{who}/hw2/{name}" for who in ("bob", "alice") for name in (OPTIM, SOLVER)], ["alice", "bob"]),
        ([f"{who}/optim.py" for who in ("bob", "alice")], ["alice", "bob"]),
        (["bob.zip", "alice.zip", "readme.txt"], ["alice.zip", "bob.zip"]),
        ([OPTIM, SOLVER, f"old/{OPTIM}"], []),
        (["optim.py", "old/optim.py"], []),
        ([f"code/{OPTIM}", "rest/solver.py"], []),
        (["readme.txt"], []),
    ],
)
def test_a_folder_one_level_too_high_is_told_by_its_folders(tmp_path: Path, names: list[str], found: list[str]) -> None:
    assert homeworks(on_disk(dict.fromkeys(names, b""), tmp_path / "x"), LAYOUT) == found


def test_a_folder_with_more_names_than_a_class_has_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = on_disk(dict.fromkeys([f"{who}/{OPTIM}" for who in ("bob", "alice")], b""), tmp_path / "x")
    monkeypatch.setattr(siblings, "_MOST", 1)
    assert homeworks(folder, LAYOUT) == []
