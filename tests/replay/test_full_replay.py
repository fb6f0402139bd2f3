"""The reference's whole notebook replayed in full size, and what the sandbox adds to the bare training loop."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, SAMPLES, run
from tests.replay import batches

IMAGES = 49_000


@pytest.mark.long
def test_the_references_own_logs_agree_with_a_full_replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, data = tmp_path / "cifar-10-batches-py", tmp_path / "images.npy"
    manifest = batches.write(folder, IMAGES)
    process = run("data", "import", folder, "-o", data, "--manifest", manifest, timeout=600)
    assert process.returncode == 0, process.stderr
    process = run("grade", SAMPLES / "reference", "--only", "replay", "--replay", "--data", data, timeout=3600)
    assert process.returncode == 0, process.stderr
    lines = re.findall(r"^ +\d+/14  (\w+) +([\d.]+) s  (.+)$", process.stdout, re.MULTILINE)
    bare = subprocess.run(
        [sys.executable, "-m", "tests.replay.bare", str(data)],
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=3600,
    )
    loops = json.loads(bare.stdout)
    with capsys.disabled():
        print(f"\n{'run':38}{'replay':>9}{'bare loop':>11}{'ratio':>8}")
        for name, taken, _ in lines:
            print(f"{name:38}{float(taken):>7.1f} s{loops[name]:>9.1f} s{float(taken) / loops[name]:>8.2f}")
        total = sum(float(taken) for _, taken, _ in lines), sum(loops.values())
        print(f"{'all':38}{total[0]:>7.1f} s{total[1]:>9.1f} s{total[0] / total[1]:>8.2f}")
    assert len(lines) == 14
    assert {name: verdict for name, _, verdict in lines if not verdict.startswith("agrees")} == {}
