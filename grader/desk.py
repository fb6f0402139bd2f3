"""A TA's doors: `batch`, `compare`, `explain`, `data import`, and `grade --replay`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import memory
from .errors import UsageError

if TYPE_CHECKING:
    from .replay import Replay


def add(commands: Any) -> tuple[argparse.ArgumentParser, ...]:
    """Add the commands to a parser's subcommands; returned are those that take the options common to grading."""
    batch = commands.add_parser("batch", help="grade a whole class", allow_abbrev=False)
    batch.add_argument(
        "paths", type=Path, nargs="+", metavar="EXPORT", help="a Gradescope export, a folder of submissions, or submissions"
    )
    batch.add_argument("-o", "--output", type=Path, metavar="OUT", required=True, help="the folder for the results")
    batch.add_argument("-j", "--jobs", type=_workers, metavar="N", help="workers; default: one a core")
    batch.add_argument("--dask", metavar="ADDRESS", default="", help="grade on the Dask cluster whose scheduler is there")
    batch.add_argument("--roster", type=Path, metavar="FILE", help="the course's roster in CSV, to list who is absent")
    batch.add_argument("--rubric", type=Path, metavar="FILE", help="a rubric other than the built-in one")
    batch.add_argument(
        "--seconds", type=_seconds, metavar="S", default=540.0, help="time limit of one submission; default: 540, as on Gradescope"
    )
    batch.add_argument("--known", type=Path, metavar="DIR", help="logs that were handed out, which nobody can have from others")
    batch.add_argument("--html", action="store_true", help="also make a page of each notebook, without running it")
    batch.set_defaults(run=_batch)

    compare = commands.add_parser("compare", help="show what changed between two class runs", allow_abbrev=False)
    compare.add_argument("old", type=Path, metavar="OLD", help="the folder of a class run")
    compare.add_argument("new", type=Path, metavar="NEW", help="the folder of another one")
    compare.add_argument("--csv", type=Path, metavar="FILE", help="also write the changes there")
    compare.set_defaults(run=_compare)

    explain = commands.add_parser("explain", help="show everything on record about one verdict", allow_abbrev=False)
    explain.add_argument("out", type=Path, metavar="OUT", help="the folder of a class run")
    explain.add_argument("id", metavar="ID", help="a submission's id, or a student's SID, e-mail or name")
    explain.add_argument("item", metavar="ITEM", help="an item, or a group of items, e.g. optim.adam")
    explain.add_argument("--rubric", type=Path, metavar="FILE", help="the rubric it was graded with, if not the built-in one")
    explain.set_defaults(run=_explain)

    data = commands.add_parser("data", help="prepare CIFAR-10 for replays", allow_abbrev=False)
    kinds = data.add_subparsers(title="commands", required=True, metavar="COMMAND")
    bring = kinds.add_parser("import", help="check the six batch files and write one file with the images", allow_abbrev=False)
    bring.add_argument("folder", type=Path, metavar="DIR", help="the folder with data_batch_1 … 5 and test_batch, or the one above")
    bring.add_argument("-o", "--output", type=Path, metavar="FILE", help="the file to write, 1.25 GB; default: cifar10.npy")
    bring.add_argument("--manifest", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    bring.set_defaults(run=_import)
    return (batch,)


def add_replay(parser: argparse.ArgumentParser) -> None:
    """Add the options for replays to `grade`."""
    parser.add_argument("--replay", action="store_true", help="also run the experiments again and compare the curves (Linux)")
    parser.add_argument("--data", type=Path, metavar="FILE", help="the images for --replay, made by 'data import'")
    parser.add_argument(
        "--replay-seconds", type=_seconds, metavar="S", default=1800.0, help="time limit of one replayed run; default: 1800"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write a page with recorded and replayed curves there")


def replay_asked(options: argparse.Namespace) -> Replay | None:
    """The replay that the options ask for, if they do.

    Raises:
        UsageError: they ask for one that cannot be.
    """
    if not options.replay:
        if options.data is not None or options.plot is not None:
            raise UsageError(f"{'--data' if options.data is not None else '--plot'} goes with --replay")
        return None
    memory.require()
    from .replay import asked

    found = asked(options.data, options.only, options.replay_seconds, options.plot, options.sandbox)
    if options.output is not None and not found.grades:
        raise UsageError(f"--only {options.only} grades nothing, so there is no verdict for {options.output}")
    return found


def replay(wish: Replay, path: Path) -> tuple[str, ...]:
    """Do it; returned are sentences for staff."""
    from .replay import at_desk

    return at_desk(wish, path)


def _import(options: argparse.Namespace) -> int:
    memory.require()
    from .dataset import DEFAULT_OUTPUT, import_batches
    from .report.progress import say

    target = options.output or DEFAULT_OUTPUT
    facts = import_batches(options.folder, target, options.manifest)
    say(f"{target}: {facts}")
    return 0


def _batch(options: argparse.Namespace) -> int:
    memory.require()
    from . import rubric as rubrics
    from .classroom import GRADES, PAGE, Wish, exit_code, grade_class
    from .report.progress import say

    wish = Wish(
        options.paths,
        options.output,
        options.jobs,
        options.rubric or rubrics.DEFAULT,
        options.only,
        options.roster,
        options.sandbox,
        options.seconds,
        options.known,
        options.html,
        options.dask,
    )
    if options.html:
        from . import notebook_page

        notebook_page.require()
    if options.sandbox == "spawn":
        print("Reduced isolation: student code runs with your rights. Use this only for code you trust.", file=sys.stderr)
    counts = grade_class(wish)
    say(f"{options.output / GRADES}\n{options.output / PAGE}")
    return exit_code(counts)


def _compare(options: argparse.Namespace) -> int:
    from .compare import as_csv, as_text, changes
    from .report.progress import say

    found = list(changes(options.old, options.new))
    if options.csv is not None:
        try:
            options.csv.write_text("".join(as_csv(found)), "utf-8")
        except OSError as error:
            raise UsageError(f"{options.csv} cannot be written ({error.strerror}); name another file") from error
    say(as_text(found, options.old, options.new))
    return 1 if found else 0


def _explain(options: argparse.Namespace) -> int:
    from . import rubric as rubrics
    from .exam import registered
    from .report import book as books
    from .report import verdict
    from .report.progress import say
    from .selection import selected

    book = books.load(options.out)
    member = _member(book, options.id)
    found = books.result(options.out, member.id)
    if found is None:
        raise UsageError(f"{member.id} has no readable verdict in {options.out}; run 'batch' into that folder again")
    tests = {test["extra_data"]["id"]: test for test in found["tests"]}
    ids = selected(tests, options.item)
    rubric = rubrics.load(options.rubric or rubrics.DEFAULT, registered())
    rows = {item.id: item for item in rubric.items} if rubric.digest == found["extra_data"].get("rubric_digest") else {}
    line = books.line(found, member)
    say("\n\n".join(verdict.render(line, found, rows.get(name), tests[name]) for name in ids))
    return 0


def _member(book: Any, wanted: str) -> Any:
    """The submission of that id, or of the one student who is meant."""
    from .rubric import did_you_mean

    for member in book.members:
        if member.id == wanted:
            return member
    folded = wanted.casefold()
    exact = [m for m in book.members if any(folded in (p.sid.casefold(), p.email.casefold(), p.name.casefold()) for p in m.people)]
    found = exact or [member for member in book.members if any(folded in person.name.casefold() for person in member.people)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"'{wanted}' could be {', '.join(member.id for member in found[:5])}; give one of these ids")
    raise UsageError(f"no submission or student '{wanted}'{did_you_mean(wanted, [member.id for member in book.members])}")


def _workers(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 256:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of workers from 1 to 256")
    return int(text)


def _seconds(text: str) -> float:
    if not text.isdigit() or not 1 <= int(text) <= 86_400:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds from 1 to 86400")
    return float(text)
