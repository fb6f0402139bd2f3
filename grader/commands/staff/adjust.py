"""`adjust`: what staff decide beside the grader."""

from __future__ import annotations

import argparse
import getpass
from pathlib import Path
from typing import Final

from ...errors import UsageError
from ...grading.homework import active
from ...report.output import say
from ..common import EXIT_PASSED

_RENAME: Final = "grade what was handed in as FROM as TO; may be repeated; 'likely' for what looks like the missing files"
HELP = {"adjust": "decide what the grader cannot, on record"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add this command's options."""
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder of a class run; alone, its adjustments are listed")
    parser.add_argument("who", metavar="WHO", nargs="?", help="a submission's id, or a student's SID, e-mail or name")
    parser.add_argument("item", metavar="ITEM", nargs="?", default="", help="an item, a question graded by hand, or 'total'")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--points", metavar="X", help="give these points for ITEM")
    what.add_argument("--excuse", action="store_true", help="do not count ITEM; 'total' for the whole homework")
    what.add_argument("--rename", action="append", metavar="FROM=TO", help=_RENAME)
    what.add_argument("--late", type=int, metavar="DAYS", help="count as so many days late, 0 for in time")
    what.add_argument("--undo", action="store_true", help="withdraw what was decided about ITEM, or without one about WHO")
    what.add_argument("--sheet", type=Path, metavar="FILE", help="take over a grading sheet that 'grades --sheet' made")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why, as students may read it; required")
    parser.add_argument("--by", metavar="NAME", default="", help="who decided; default: your login name")


def run(options: argparse.Namespace) -> int:
    """Record it, and write the grades anew."""
    from ...classroom import adjusting

    kinds = ("points", "excuse", "rename", "late", "undo")
    asked = any(getattr(options, kind) not in (None, False) for kind in kinds if kind != "late") or options.late is not None
    if options.sheet is not None:
        if options.who is not None:
            raise UsageError("--sheet names the students itself; give OUT and --sheet alone")
        told = adjusting.from_sheet(active(), options.out, options.sheet, _by(options))
    elif options.who is None:
        told = adjusting.again(active(), options.out)
    elif not asked:
        raise UsageError("say what to decide: --points, --excuse, --rename, --late or --undo")
    else:
        wish = adjusting.Decision(
            options.who,
            options.item,
            options.reason,
            _by(options),
            options.points,
            options.excuse,
            options.rename or (),
            options.late,
            options.undo,
        )
        told = adjusting.decide(active(), options.out, wish)
    say("\n".join(told))
    return EXIT_PASSED


def _by(options: argparse.Namespace) -> str:
    if options.by:
        return str(options.by)
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name
        return ""
