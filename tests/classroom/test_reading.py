"""What an export says about a class: the metadata's YAML, rosters, and submissions cut out of an export's zip."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from grader.classroom import export, export_metadata, roster
from grader.classroom.export_metadata import Handed
from grader.classroom.roster import Person
from grader.errors import UsageError
from grader.homework import HOMEWORK
from grader.submission.collect import collect
from tests.classroom.classes import zipped
from tests.conftest import SAMPLES

WRITTEN = r"""---
submission_101:
  :submitters:
  - :name: Ada Lovelace
    :sid: '0031'
    :email: ada@example.edu
  - :name: "Zo\xEB \u30a2 \"Z\""
    :sid: 3032
    :email:
  :created_at: &1 2024-10-01 23:30:20.123456000 Z
  :score: 12.5
  :status: processed
  :results:
    tests:
    - name: adam
      output: |
        submission_999:
          :submitters:
          - :name: Forged
    :created_at: never
  :history:
  - :id: 100
    :created_at: *1
    :zone: !ruby/object:ActiveSupport::TimeZone
      name: UTC
"submission_102":
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2024-10-02 00:00:00 Z
  :submitters:
    - :name: 'O''Neil, # not a comment'
      :sid: ~
      :unknown:
        :deep: [1, 2]
      :email: oneil@example.edu # a comment
    - :sid: 'S: 1'
      :name: Anne-Marie of the very long name that
        runs on over the next line
submission_103:
  :submitters: []
"""


def test_the_keys_that_are_used_are_read_and_the_rest_skipped() -> None:
    assert export_metadata.parse(WRITTEN.encode()) == {
        "submission_101": Handed(
            (Person("Ada Lovelace", "0031", "ada@example.edu"), Person('Zoë ア "Z"', "3032", "")),
            "2024-10-01 23:30:20.123456000 Z",
        ),
        "submission_102": Handed(
            (
                Person("O'Neil, # not a comment", "", "oneil@example.edu"),
                Person("Anne-Marie of the very long name that runs on over the next line", "S: 1", ""),
            ),
            "",
        ),
        "submission_103": Handed((), ""),
    }


def test_line_ends_and_a_byte_order_mark_do_not_matter() -> None:
    assert export_metadata.parse(b"\xef\xbb\xbf" + WRITTEN.replace("\n", "\r\n").encode()) == export_metadata.parse(
        WRITTEN.encode()
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n- b\n", "line 1"),
        ("submission_1:\n  :submitters:\n  - :name: 'open\n", "line 3"),
        ("submission_1:\n  :submitters:\n  - Ada\n", "line 3"),
        ("submission_1:\n  :submitters:\n    :name: Ada\n", "line 3"),
        ("submission_1:\nsubmission_1:\n", "twice"),
        ("submission_1:\n  nonsense\n", "line 2"),
        ("submission_1:\n  :submitters: Ada\n", "line 2"),
        ("submission_1:\n  ? [a]\n  : b\n", "line 2"),
        ("submission_1:\n  :results: [1, 2\nsubmission_2:\n", "line 3"),
        ("submission_1:\n\t:created_at: x\n", "line 2"),
        ("submission_1:\n  :created_at: a: b\n", "line 2"),
        ("submission_1:\n  :created_at: \x07\n", "line 2"),
        ("submission_1:\n  :results: " + "[" * 100_000, "line 2|nest"),
        ("submission_1:\n  :results:\n    " + "- " * 600 + "x\n", "line 3 is nested too deeply"),
    ],
)
def test_what_is_not_such_a_file_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        export_metadata.parse(text.encode())


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        export_metadata.parse(b"submission_1:\n\xff")


@pytest.mark.parametrize("data", ["submission_1:\n".encode("utf-16"), b"\xfe\xff\0a"])
def test_text_in_another_encoding_is_refused(data: bytes) -> None:
    with pytest.raises(UsageError, match="UTF-8"):
        export_metadata.parse(data)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("# nothing\n---\n", {}),
        ("---\nsubmission_1:\n---\nsubmission_2: ~\n...\n", {"submission_1": ((), ""), "submission_2": ((), "")}),
        ('{"submission_1": {":created_at": "x"}, other: {submission_2: {}}}', {"submission_1": ((), "x")}),
        ("submission_1:\n  :submitters: ~\n  :created_at: null\n", {"submission_1": ((), "")}),
        ("submission_1:\n  :created_at: 'null'\n", {"submission_1": ((), "null")}),
        ("submission_1:\n  :created_at: 0031\n", {"submission_1": ((), "0031")}),
        ("submission_1:\n  :created_at: 2024-10-01\n", {"submission_1": ((), "2024-10-01")}),
        ("submission_1:\n  :created_at: yes\n", {"submission_1": ((), "yes")}),
        ("submission_1:\n  :created_at: !ruby/object:DateTime 2024-10-01\n", {"submission_1": ((), "2024-10-01")}),
        ("submission_1:\n  :created_at: !!python/object/apply:os.system ['true']\n", {"submission_1": ((), "")}),
        ("submission_1:\n  :created_at: |\n    a\n    b\n", {"submission_1": ((), "a\nb\n")}),
        ("submission_1:\n  :created_at: >-\n    a\n    b\n", {"submission_1": ((), "a b")}),
        ('submission_1:\n  :created_at:\t"a\\\n    b\n\n    c"\n', {"submission_1": ((), "ab\nc")}),
        (
            "submission_1: &a\n  :created_at: &b x\n  :zone: *b\nsubmission_2: *a\n",
            {"submission_1": ((), "x"), "submission_2": ((), "")},
        ),
    ],
)
def test_a_value_is_the_text_that_is_written_there(text: str, expected: dict[str, tuple[tuple[Person, ...], str]]) -> None:
    assert export_metadata.parse(text.encode()) == {key: Handed(*found) for key, found in expected.items()}


def test_an_alias_costs_nothing_however_often_it_is_followed() -> None:
    lines = ["submission_1:", "  :results:", "    a0: &a0 [x, x]"]
    lines += [f"    a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert export_metadata.parse("\n".join([*lines, "  :created_at: now"]).encode()) == {"submission_1": Handed((), "now")}


def test_without_the_parser_in_c_the_file_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with_it = export_metadata.parse(WRITTEN.encode())
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert export_metadata.parse(WRITTEN.encode()) == with_it
    with pytest.raises(UsageError, match="line 3"):
        export_metadata.parse(b"submission_1:\n  :submitters:\n  - :name: 'open\n")


def test_memory_does_not_grow_with_the_results_that_are_skipped() -> None:
    deep = "".join(f"{' ' * (4 + 2 * depth)}- level:\n" for depth in range(20))
    data = "".join(f"submission_{n}:\n  :results:\n{deep * 20}  :created_at: {n}\n" for n in range(100)).encode()
    tracemalloc.start()
    try:
        assert len(export_metadata.parse(data)) == 100
        assert tracemalloc.get_traced_memory()[1] < len(data) / 4
    finally:
        tracemalloc.stop()


@given(st.text(alphabet="submision_1: -:name'\"\\\n&*![]{}#~|>\t", max_size=200))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        found = export_metadata.parse(text.encode())
    except UsageError:
        return
    assert all(isinstance(handed, Handed) for handed in found.values())


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cn", "Cs", "Zl", "Zp"]), min_size=1, max_size=20)
    )
)
def test_every_name_quoted_as_yaml_does_comes_back(names: list[str]) -> None:
    lines = ["submission_1:", "  :submitters:"]
    for number, name in enumerate(names):
        quoted = "'" + name.replace("'", "''") + "'" if number % 2 else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        lines.append(f"  - :name: {quoted}")
    found = export_metadata.parse("\n".join(lines).encode())["submission_1"]
    assert [person.name for person in found.submitters] == [name.strip() for name in names]


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("Name,SID,Email\nAda,1,a@x\n", [Person("Ada", "1", "a@x")]),
        ("\ufeffFirst Name,Last Name,Student ID\nAda,King,1\n\n", [Person("Ada King", "1", "")]),
        ("email;sid\n", []),
        ("EMAIL , Role\na@x,Student\nt@x,Instructor\n,Student\n", [Person("", "", "a@x")]),
        ('Name,SID\n"King, Ada",007,surplus\n', [Person("King, Ada", "007", "")]),
    ],
)
def test_rosters_as_courses_export_them(tmp_path: Path, text: str, people: list[Person]) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(text, "utf-8")
    assert list(roster.read(path)) == people


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Person("Ada", "1"), Person("A. King", "1"), True),
        (Person("Ada", "1"), Person("Ada", "2"), False),
        (Person("Ada", "1", "A@x"), Person("Ada", "", "a@X"), True),
        (Person("Ada", "", "a@x"), Person("Ada", "2", "b@x"), False),
        (Person("Ada"), Person("Ada", "2", "b@x"), True),
        (Person(), Person("Ada"), False),
    ],
)
def test_who_is_the_same_student(one: Person, other: Person, same: bool) -> None:
    assert one.is_same(other) is same
    assert (roster.Index([other]).match(one) is not None) is same


@pytest.mark.parametrize("inside", ["", "assignment_7_export"])
def test_a_submission_cut_out_of_an_exports_zip_is_what_was_put_in(tmp_path: Path, inside: str) -> None:
    archive = zipped(SAMPLES / "reference", tmp_path / "export.zip", inside=f"{inside}/submission_1".lstrip("/"))
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr(f"{inside}/submission_metadata.yml".lstrip("/"), "submission_1:\nsubmission_2:\n")
        more.writestr(f"{inside}/submission_3/../../evil.py".lstrip("/"), "x")
        more.writestr("__MACOSX/._submission_metadata.yml", "x")
    entries = {entry.id: entry for entry in export.read([archive], tmp_path / "out", HOMEWORK.layout)}
    assert list(entries) == ["submission_1", "submission_2", "submission_3"]
    assert entries["submission_2"].path is None
    path = entries["submission_1"].path
    assert path is not None
    assert collect(path, HOMEWORK.layout).digest == collect(SAMPLES / "reference", HOMEWORK.layout).digest
    with zipfile.ZipFile(path) as cut:
        assert cut.testzip() is None
    assert [path.name for path in tmp_path.rglob("evil.py")] == []
