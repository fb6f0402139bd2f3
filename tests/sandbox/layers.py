"""Run the probe in every environment that can be played here and write the table into SECURITY.md: `python -m tests.layers`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

from grader.homework import HOMEWORK
from grader.sandbox.errors import SandboxUnavailable
from grader.sandbox.policy import Kind, Layer, Level, missing_layers
from grader.sandbox.supervisor import Sandbox
from tests.conftest import ROOT

_NOBODY = 65534
_OFF: dict[str, list[Layer]] = {
    "all layers": [],
    "no Landlock": [Layer.LANDLOCK],
    "no Landlock, no jail": [Layer.LANDLOCK, Layer.JAIL],
    "no seccomp": [Layer.SECCOMP],
    "no seccomp, no Landlock, no jail": [Layer.SECCOMP, Layer.LANDLOCK, Layer.JAIL],
    "nothing but limits": [Layer.SECCOMP, Layer.LANDLOCK, Layer.JAIL, Layer.UID],
}


def probed() -> list[dict[str, Any]]:
    """For each set of layers left out: the layers that are on, what works, and whether staff could grade."""
    found = []
    for name, disabled in _OFF.items():
        try:
            with Sandbox(Level.STUDENT, kind=Kind.FORK, secrets=HOMEWORK.secrets(), disabled=disabled) as sandbox:
                test = sandbox.self_test
        except SandboxUnavailable as error:
            found.append({"name": name, "layers": [], "works": [str(error)], "graded": False})
            continue
        graded = not missing_layers(test.layers) and not test.open_doors
        works = [attempt for attempt, worked in test.attempts.items() if worked and attempt.startswith("can_")]
        found.append({"name": name, "layers": list(test.layers), "works": works, "graded": graded})
    return found


def main() -> None:
    """Probe as this user and, when root, as an ordinary one; rewrite the table."""
    if "--json" in sys.argv:
        print(json.dumps(probed()))
        return
    rows = [("root" if os.geteuid() == 0 else "ordinary user", row) for row in probed()]
    if os.geteuid() == 0:
        command = [sys.executable, "-B", "-m", "tests.layers", "--json"]
        output = subprocess.run(command, cwd=ROOT, user=_NOBODY, group=_NOBODY, extra_groups=[], capture_output=True, check=True)
        rows += [("ordinary user", row) for row in json.loads(output.stdout)]
    lines = ["| user | environment | layers on | student code could still | staff may grade |", "| --- | --- | --- | --- | --- |"]
    for user, row in rows:
        works = ", ".join(name.removeprefix("can_").replace("_", " ") for name in row["works"]) or "nothing that was tried"
        layers = ", ".join(name for name in row["layers"] if name not in ("process", "environment"))
        lines.append(f"| {user} | {row['name']} | {layers} | {works} | {'yes' if row['graded'] else 'refused'} |")
    path = ROOT / "SECURITY.md"
    table = "<!-- layers -->\n" + "\n".join(lines) + "\n<!-- /layers -->"
    path.write_text(re.sub(r"<!-- layers -->.*<!-- /layers -->", lambda _: table, path.read_text("utf-8"), flags=re.S), "utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
