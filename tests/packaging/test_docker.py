"""The same in a real container: an image built from the zip by apt and pip, graded without network on half a core and 768 MB.

Settings of the environment: GRADER_DOCKER_IMAGE, the image to start from (ubuntu:22.04); GRADER_DOCKER_OPTIONS, more options of
`docker run` for the set-up, e.g. mounts and variables for a mirror of packages.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FC_NET, OPTIM, SAMPLES, SOLVER, Maker
from tests.packaging.gradescope_harness import metadata, read_results
from tests.report.conformance import conforming

pytestmark = pytest.mark.long
START = os.environ.get("GRADER_DOCKER_IMAGE", "ubuntu:22.04")
NAME = f"grader-test-{os.getpid()}"
# What the harness in the container does around run_autograder, and who is left alive, seen by its process 1.
ENTRY = r"""
cd /autograder
./run_autograder > results/stdout 2>&1
echo "code $?"
for folder in /proc/[0-9]*; do
    [ "${folder#/proc/}" = $$ ] || ! [ -s "$folder/cmdline" ] || echo "alive $(tr '\0' ' ' < "$folder/cmdline")"
done
for file in /sys/fs/cgroup/memory.peak /sys/fs/cgroup/memory/memory.max_usage_in_bytes; do
    [ ! -r "$file" ] || echo "memory $(cat "$file")"
done
for file in /sys/fs/cgroup/cpuacct/cpuacct.usage; do [ ! -r "$file" ] || echo "cpu $(cat "$file")"; done
[ ! -r /sys/fs/cgroup/cpu.stat ] || echo "cpu $(sed -n 's/usage_usec //p' /sys/fs/cgroup/cpu.stat)000"
"""


def docker(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """One command of Docker's client."""
    process = subprocess.run(["docker", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert not check or process.returncode == 0, process.stdout + process.stderr
    return process


@pytest.fixture(scope="module")
def built(zipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image, set up in a container as the zip's setup.sh does it; removed afterwards."""
    if shutil.which("docker") is None or docker("version", check=False).returncode != 0:
        pytest.skip("no Docker engine answers here")
    if docker("image", "inspect", START, check=False).returncode != 0 and docker("pull", START, check=False).returncode != 0:
        pytest.skip(f"there is no image {START} here and none can be pulled; name another in GRADER_DOCKER_IMAGE")
    source = tmp_path_factory.mktemp("image") / "autograder" / "source"
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(source)
    shutil.copy(source / "run_autograder", source.parent)
    (source.parent / "run_autograder").chmod(0o755)
    before = docker("run", "--rm", "--network=none", START, "sh", "-c", "ls -l /usr/bin/python3 2>&1; true").stdout
    started = time.monotonic()
    try:
        docker("create", "--name", NAME, "--network=host", *shlex.split(os.environ.get("GRADER_DOCKER_OPTIONS", "")),
               START, "bash", "/autograder/source/setup.sh")  # fmt: skip
        docker("cp", source.parent, f"{NAME}:/autograder")
        done = docker("start", "--attach", NAME, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        docker("commit", "--change", 'CMD ["sh"]', NAME, NAME)
        print(f"\nset-up: {time.monotonic() - started:.1f} s; {done.stdout.strip().splitlines()[-2]}")
        if "No such file" not in before:  # a python3 that was there is the one that is there
            assert docker("run", "--rm", "--network=none", NAME, "sh", "-c", "ls -l /usr/bin/python3 2>&1; true").stdout == before
        yield NAME
    finally:
        docker("rm", "--force", NAME, check=False)
        docker("rmi", "--force", NAME, check=False)


def graded(image: str, submission: Path, folder: Path) -> dict[str, Any]:
    """Grade in a fresh container; the results, held against every rule, and nobody alive."""
    box = f"{image}-run"
    started = time.monotonic()
    try:
        docker("create", "--name", box, "--network=none", "--memory=768m", "--memory-swap=768m", "--cpus=0.5",
               "-e", "TIMEOUT_SECONDS=600", image, "sh", "-c", ENTRY)  # fmt: skip
        handed_in = folder / "submission"
        shutil.copytree(submission, handed_in)
        (folder / "results").mkdir()
        (folder / "submission_metadata.json").write_text(json.dumps(metadata()))
        for name in ("submission", "results", "submission_metadata.json"):
            docker("cp", folder / name, f"{box}:/autograder/")
        done = docker("start", "--attach", box)
        wall = time.monotonic() - started
        docker("cp", f"{box}:/autograder/results", folder / "out")
        said = [line.split(" ", 1) for line in done.stdout.splitlines()]
        figures = {key: value for key, value in said if key in ("memory", "cpu")}
        assert ["code", "0"] in said
        assert "alive" not in [key for key, _ in said], done.stdout
        assert docker("inspect", "--format", "{{.State.OOMKilled}}", box).stdout.strip() == "false"
        read_results(folder / "out" / "results.json")
        result = conforming(folder / "out" / "results.json")
        print(
            f"\n{submission.name}: {result['score']} points in {wall:.1f} s; CPU {int(figures.get('cpu', 0)) / 1e9:.1f} s; "
            f"{int(figures.get('memory', 0)) / 2**20:.0f} MB at most, page cache included; "
            f"layers {', '.join(result['extra_data']['isolation']['layers'])}"
        )
        return result
    finally:
        docker("rm", "--force", box, check=False)


@pytest.mark.parametrize(("sample", "score"), [("reference", 100), ("untouched", 8)])
def test_a_real_container_grades_as_the_stand_in_does(sample: str, score: int, built: str, tmp_path: Path) -> None:
    assert graded(built, SAMPLES / sample, tmp_path)["score"] == score


def test_endless_code_in_every_item_ends_in_time_in_a_real_container(built: str, make: Maker, tmp_path: Path) -> None:
    endless = "while True:\n    pass\n"
    (tmp_path / "box").mkdir()
    result = graded(built, make((OPTIM, None, endless), (FC_NET, None, endless), (SOLVER, None, endless)), tmp_path / "box")
    logs = {test["extra_data"]["outcome"] for test in result["tests"] if test["extra_data"]["id"].startswith("logs.")}
    assert logs == {"passed"}
