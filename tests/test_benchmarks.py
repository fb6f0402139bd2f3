"""The record of the benchmarks: what is held against it, and that a run which is slower says so."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import record
from benchmarks.measure import Spread
from tests.conftest import ROOT


def figure(*ratios: float, held: bool = True) -> record.Figure:
    """A figure with these paired ratios."""
    return record.compared("a.thing", "a thing: another", Spread(ratios), Spread((1.0,) * len(ratios)), "≤ 3", held=held)


RECORDED = {"a.thing": figure(2.9, 3.0, 3.1, 3.2)}


def test_a_ratio_as_on_record_or_somewhat_beyond_is_no_slower() -> None:
    assert record.slower([figure(2.9, 3.0, 3.1, 3.2), figure(3.5, 3.6, 3.7, 3.8), figure(1, 1, 1, 1)], RECORDED) == []


def test_a_ratio_whose_quartiles_are_far_beyond_those_on_record_is_slower() -> None:
    (said,) = record.slower([figure(4.4, 4.5, 4.6, 4.7)], RECORDED)
    assert said == "a.thing: 4.55 (4.42 to 4.67), on record 3.05 (2.92 to 3.17)"


def test_a_single_slow_run_is_noise() -> None:
    assert record.slower([figure(3.0, 3.0, 3.1, 30.0)], RECORDED) == []


def test_wall_clock_and_what_is_not_on_record_are_not_held() -> None:
    slow = figure(9, 9, 9, 9)
    assert record.slower([dataclasses.replace(slow, held=False), dataclasses.replace(slow, key="new.thing")], RECORDED) == []


def test_a_new_record_keeps_what_it_replaces_as_before_and_all_else(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    other = dataclasses.replace(figure(1, 1, 1), key="other.thing")
    record.write([figure(4, 4, 4), other], file)
    record.write([figure(2, 2, 2)], file)
    machine, known = record.read(file)
    assert list(known) == ["a.thing", "other.thing"]
    assert known["other.thing"] == other
    assert (known["a.thing"].ratio, known["a.thing"].before) == ((2, 2, 2), "4000 : 1000 ms, 4.00 (4.00 to 4.00)")
    assert "Python 3." in machine


def test_the_table_is_written_between_its_markers_alone(tmp_path: Path) -> None:
    file, page = tmp_path / "record.json", tmp_path / "page.md"
    record.write([figure(2, 2, 2)], file)
    page.write_text(f"# A\n{record.BEGIN}\nold\n{record.END}\nZ\n", "utf-8")
    record.put_into(page, file)
    head, _, rest = page.read_text("utf-8").partition(record.BEGIN)
    written, _, tail = rest.partition(record.END)
    assert (head, tail) == ("# A\n", "\nZ\n")
    assert "| a thing: another |  | 2000 : 1000 ms, 2.00 (2.00 to 2.00) | ≤ 3 |" in written
    page.write_text("# A\n", "utf-8")
    with pytest.raises(SystemExit, match="no place for the table"):
        record.put_into(page, file)


def test_the_page_shows_what_is_on_record(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_bytes((ROOT / "docs/performance.md").read_bytes())
    record.put_into(page, record.RECORD)
    assert page.read_bytes() == (ROOT / "docs/performance.md").read_bytes()


def checked(file: Path) -> subprocess.CompletedProcess[str]:
    """`python -m benchmarks --check` of the cold starts against a record."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--check", "cold", "--file", file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_run_is_not_slower_than_on_record() -> None:
    done = checked(record.RECORD)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_run_is_slower_than_an_impossible_record(tmp_path: Path) -> None:
    data = json.loads(record.RECORD.read_text("utf-8"))
    for row in data["figures"]:
        row["ratio"] = [value / 10 for value in row["ratio"]]
    impossible = tmp_path / "record.json"
    impossible.write_text(json.dumps(data), "utf-8")
    done = checked(impossible)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "slower than on record:\n  cold.grade.cpu: " in done.stdout
