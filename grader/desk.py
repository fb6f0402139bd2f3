"""A TA's doors: `batch`, `compare`, `explain`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from . import memory
from .errors import UsageError


def add(commands: Any) -> tuple[argparse.ArgumentParser, ...]:
    """Add the commands to a parser's subcommands; returned are those that take the options common to grading."""
    batch = commands.add_parser("batch", help="grade a whole class", allow_abbrev=False)
    batch.add_argument(
        "paths", type=Path, nargs="+", metavar="EXPORT", help="a Gradescope export, a folder of submissions, or submissions"
    )
    batch.add_argument("-o", "--output", type=Path, metavar="OUT", required=True, help="the folder for the results")
    batch.add_argument("-j", "--jobs", type=_workers, metavar="N", default=_cpus(), help="workers; default: one a core")
    batch.add_argument("--roster", type=Path, metavar="FILE", help="the course's roster in CSV, to list who is absent")
    batch.add_argument("--rubric", type=Path, metavar="FILE", help="a rubric other than the built-in one")
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
    return (batch,)


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
    )
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


def _cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
