"""The stand-in itself: it rejects what Gradescope rejects, keeps its limits, and sees what is left alive."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.conftest import ROOT
from tests.packaging.gradescope_harness import FAILED, MEGABYTE, Image, earlier, metadata

SCHEMA = json.loads((ROOT / "fixtures/schemas/submission_metadata.schema.json").read_text("utf-8"))
GOOD = '{"score": 1}'


@pytest.fixture
def scripted(tmp_path: Path) -> Image:
    """An image whose run_autograder is a shell script given by `script`."""
    (tmp_path / "autograder").mkdir()
    (tmp_path / "handed in").mkdir()
    return Image(tmp_path / "autograder")


def script(image: Image, text: str) -> Path:
    """Let run_autograder be this; returns the submission to be graded."""
    path = image.root / "run_autograder"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return image.root.parent / "handed in"


def test_a_good_result_is_read_and_its_outputs_cut_as_they_would_be(scripted: Image) -> None:
    result = {"tests": [{"score": 1, "output": "a\0b" + "x" * 200_000}]}
    (scripted.root / "prepared.json").write_text(json.dumps(result))
    graded = scripted.grade(script(scripted, "cp prepared.json results/results.json"))
    assert graded.rejected == ""
    (test,) = graded.results["tests"]
    assert test["output"].startswith("a\ufffdbxxx")
    assert 100_000 <= len(test["output"]) < 100_010


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no results.json"),
        ("echo '[1]' > results/results.json", "not an object"),
        ("echo '{\"score\": NaN}' > results/results.json", "NaN is no JSON number"),
        ("echo '{\"score\": -Infinity}' > results/results.json", "-Infinity is no JSON number"),
        ("echo '{\"score\": 1' > results/results.json", "malformed JSON"),
        ("echo '{\"tests\": {}}' > results/results.json", "neither a score nor a list of tests"),
        ("echo '{}' > results/results.json", "neither a score nor a list of tests"),
    ],
)
def test_what_gradescope_rejects_is_rejected(text: str, why: str, scripted: Image) -> None:
    graded = scripted.grade(script(scripted, text))
    assert why in graded.rejected
    assert graded.results == {"score": 0, "output": FAILED}


def test_past_the_time_limit_the_results_are_overwritten_by_zero(scripted: Image) -> None:
    graded = scripted.grade(script(scripted, f"echo '{GOOD}' > results/results.json; exec sleep 1000"), timeout=0.3)
    assert (graded.figures.stopped, graded.figures.code) == ("time", -9)
    assert graded.results["score"] == 0
    assert graded.rejected


def test_a_process_that_is_still_alive_is_seen_and_ended(scripted: Image) -> None:
    begun = "until grep -q 987 /proc/$one/cmdline && grep -q 986 /proc/$other/cmdline; do :; done"  # forked is not yet replaced
    left = f"setsid sleep 987 & one=$!; sleep 986 & other=$!; {begun}; exit 0"
    graded = scripted.grade(script(scripted, f"echo '{GOOD}' > results/results.json; {left}"))
    assert sorted(name.split()[-1] for name in graded.figures.survivors) == ["986", "987"]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert b"sleep\x00987" not in path.read_bytes()
        except OSError:  # it has just ended
            continue


def test_memory_beyond_the_limit_is_not_to_be_had(scripted: Image) -> None:
    hungry = "exec python3 -c 'held = [b\"x\" * 2**20 for _ in range(400)]'"
    submission = script(scripted, hungry)
    within = scripted.grade(submission, memory=700 * MEGABYTE)
    beyond = scripted.grade(submission, memory=100 * MEGABYTE)
    assert (within.figures.code, within.figures.killed) == (0, 0)
    assert beyond.figures.code == -9
    assert beyond.figures.killed >= 1


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root has capabilities to give up")
def test_capabilities_are_those_docker_leaves(scripted: Image) -> None:
    graded = scripted.grade(script(scripted, "grep CapEff /proc/self/status; mount -t tmpfs none results || echo refused"))
    assert "CapEff:\t00000000a80425fb" in graded.log  # Docker's default set
    assert graded.log.rstrip().endswith("refused")


def test_results_and_submission_are_wiped_and_refilled(scripted: Image) -> None:
    for name in ("results/results.json", "submission/old.py"):
        (scripted.root / name).parent.mkdir()
        (scripted.root / name).write_text(GOOD)
    submission = script(scripted, "ls results submission; test -w submission_metadata.json && echo described")
    (submission / "optim.py").write_text("")
    graded = scripted.grade(submission)
    assert graded.rejected.startswith("no results.json")
    assert graded.log.split() == ["results:", "stdout", "submission:", "optim.py", "described"]


def test_the_metadata_it_writes_are_as_documented() -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    before = [earlier(None, autograder_error=True), earlier({"score": 62, "tests": []})]
    for described in (metadata(), metadata(previous_submissions=before), metadata(submission_method="GitHub")):
        validator.validate(described)
    assignment = metadata()["assignment"]
    for wrong in (
        metadata(id="7"),
        metadata(created_at="yesterday"),
        metadata(created_at="2024-10-01T16:30:20"),
        metadata(users=[]),
        metadata(surprise=1),
        metadata(assignment={**assignment, "total_points": 20.0}),
    ):
        assert not validator.is_valid(wrong)
