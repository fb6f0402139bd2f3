"""`data import`: prepare the data on which experiments are run again."""

from __future__ import annotations

import argparse
from pathlib import Path

from ...errors import UsageError
from ...grading import memory
from ...grading.homework import active
from ...report.output import say
from ..common import EXIT_PASSED

HELP = {"data import": "prepare the data for replays"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    kinds = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    bring = kinds.add_parser("import", help="check the published files and write one file for replays", allow_abbrev=False)
    bring.add_argument("folder", type=Path, metavar="DIR", help="the folder with the published files")
    bring.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file to write")
    bring.add_argument("--manifest", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    bring.set_defaults(run=_import)


def _import(options: argparse.Namespace) -> int:
    memory.require()
    experiments = active().experiments()
    if experiments is None:
        raise UsageError(f"the homework {active().title} has no experiments that need data")
    target, facts = experiments.import_data(options.folder, options.output, options.manifest)
    say(f"{target}: {facts}")
    return EXIT_PASSED
