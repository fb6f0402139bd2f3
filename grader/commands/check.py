"""`check`: the public items, asked at home, once or whenever a file is saved."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..grading import memory
from ..grading.homework import active
from ..report.output import say
from .common import EXIT_FAILED, add_grading_options, colour, complain, exit_code, kind, start_early

if TYPE_CHECKING:
    from ..grading.results import Report
    from ..grading.self_check import SelfCheck

HELP = {"check": "check yourself before you submit"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument(
        "path", type=Path, metavar="PATH", nargs="?", default=Path(), help="a folder or a zip; default: this folder"
    )
    parser.add_argument("--watch", action="store_true", help="check again whenever a file is saved, until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="print the report as JSON, one line each")
    add_grading_options(parser)


def run(options: argparse.Namespace) -> int:
    """Check and print; the exit code of the (last) report."""
    memory.require()
    start_early(options)
    from ..grading.apart import cpus
    from ..grading.self_check import SelfCheck
    from ..report.progress import ProgressLine

    with SelfCheck(active(), options.only, kind(options), options.rubric, options.known, beside=cpus() > 1) as selfcheck:
        if options.watch:
            return _watch(selfcheck, options)
        with ProgressLine() as progress:
            report = selfcheck.check(options.path, progress)
        _tell(report, selfcheck.note, as_json=options.json)
        return exit_code(report)


def _watch(selfcheck: SelfCheck, options: argparse.Namespace) -> int:
    """Check again and again until Ctrl-C; the exit code is that of the last report."""
    code = EXIT_FAILED
    try:
        for found in selfcheck.watch(options.path):
            if isinstance(found, UsageError):
                complain(str(found))
                continue
            code = exit_code(found)
            if not _tell(found, selfcheck.note, as_json=options.json):
                break
            print("Waiting for you to save a file; Ctrl-C ends.", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        pass
    return code


def _tell(report: Report, note: str, *, as_json: bool) -> bool:
    """Print a report, and say whether anybody reads it."""
    from ..report import terminal

    if as_json:
        import json

        from ..report import panel

        return say(json.dumps(panel.as_data(report, note=note)))
    text = terminal.render(report, staff=False, colour=colour())
    return say(f"{text}\n{note}" if note else text)
