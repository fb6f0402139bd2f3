"""Write the figures that the transcripts of README.md and docs/ show anew, from the commands: `python -m tests.docs`."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.commands import student_guide
from tests.conftest import ROOT
from tests.docs.transcripts import RENEWS

if __name__ == "__main__":
    student_guide.main()
    play = [sys.executable, "-m", "pytest", "-n", "0", "-m", "not long", "tests/docs/test_transcripts.py"]
    sys.exit(subprocess.run(play, cwd=ROOT, env={**os.environ, RENEWS: "1"}, check=False).returncode)
