"""The class page as people see it: `python -m tests.classroom.class_page picture docs/images/class.png` makes the picture in the
handbook, `… times 30 300 1000` says how long such a page takes to make and to open in a browser (see `chromium`)."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from grader.classroom.run import PAGE, views
from grader.homework import HOMEWORK
from tests.classroom import verdicts
from tests.classroom.chromium import browser


def made(out: Path, count: int, *, quiet: bool = False) -> Path:
    """The page of a class of `count`."""
    views(HOMEWORK, out, verdicts.write(out, count, quiet=quiet))
    return out / PAGE


def picture(target: Path) -> None:
    """A class of 120 as a laptop shows it."""
    with tempfile.TemporaryDirectory() as folder, browser() as one:
        one.look(1280, 1450)
        one.open(made(Path(folder), 120))
        target.write_bytes(one.picture())


def times(counts: list[int]) -> None:
    """Print what a page costs: the median of five openings, from the address to the first frame with its scripts run."""
    for count in counts:
        with tempfile.TemporaryDirectory() as folder, browser() as one:
            book = verdicts.write(Path(folder), count)
            started = time.monotonic()
            views(HOMEWORK, Path(folder), book)
            making = time.monotonic() - started
            page = Path(folder) / PAGE
            one.look(1280, 800)
            opening = sorted(one.open(page) for _ in range(5))[2]
            took = "(() => {const start = performance.now(); $0; document.body.offsetHeight; return performance.now() - start})()"
            done = {
                "sorted": "heads[TOTAL].firstChild.click()",
                "searched": "byId('search').value = 'zoe'; byId('search').dispatchEvent(new Event('input'))",
                "a student shown": "showStudent(rows[rows.length - 1], '')",
            }
            rest = ", ".join(f"{what} in {one.run(took.replace('$0', script)):.0f} ms" for what, script in done.items())
            size = page.stat().st_size / 2**20
            print(f"{count:>5} students: {size:.1f} MB, made in {making:.2f} s, opened in {opening:.2f} s, {rest}", flush=True)


def main() -> None:
    """Do what was asked for."""
    match sys.argv[1:]:
        case ["picture", target]:
            picture(Path(target))
        case ["times", *counts]:
            times([int(count) for count in counts] or [30, 300, 1000])
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
