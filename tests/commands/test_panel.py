"""`check(…)` in a notebook: a panel, or the same text where none can be shown, of the files as saved; never a traceback."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fixtures.make_logs import code_of
from grader.report import panel
from tests.commands.conftest import REFERENCE, contents, laid_over, plain, with_answers
from tests.conftest import OPTIM, ROOT

# A stand-in for IPython: keeps what is displayed, and prints it at the end. `test_notebook` has a real kernel.
_IPYTHON = {
    "IPython/__init__.py": "from . import display\ndef get_ipython():\n    return object()\n",
    "IPython/display.py": "import json\ndef display(data, raw=False):\n    assert raw\n    print('DISPLAYED', json.dumps(data))\n",
}
_NO_KERNEL = {"IPython/__init__.py": "def get_ipython():\n    return None\n", "IPython/display.py": "display = None\n"}


def cell(folder: Path, code: str, ipython: dict[str, str] | None = None, **environment: str) -> str:
    """What a cell prints that runs in the homework's folder, where the notebook runs; nothing may go to standard error."""
    extra = folder.parent / "stand-in"
    for name, text in (ipython or {}).items():
        (extra / name).parent.mkdir(parents=True, exist_ok=True)
        (extra / name).write_text(text)
    process = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = ['', {str(extra)!r}]\nfrom grader import check\n{code}"],
        cwd=folder,
        env=plain(**environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


def displayed(printed: str) -> list[dict[str, str]]:
    """What the stand-in was given to display, by kind."""
    assert all(line.startswith("DISPLAYED ") for line in printed.splitlines())
    return [json.loads(line.removeprefix("DISPLAYED ")) for line in printed.splitlines()]


class _Tags(HTMLParser):
    """Every tag and attribute of a page, and its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.open.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(page: str) -> _Tags:
    """A panel's tags: all closed, none that acts, nothing fetched from elsewhere."""
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert set(tags.tags) <= {"div", "span", "b", "table", "tr", "th", "td", "details", "summary", "pre"}
    assert tags.attributes <= {"style", "role", "aria-label", "scope"}
    assert "url(" not in page
    return tags


def test_without_ipython_the_report_is_printed(homework: Path) -> None:
    printed = cell(homework, "sys.modules['IPython'] = None\ncheck('optim.adam', 'solver')")
    assert "  wrong         optim.adam.golden" in printed
    assert "  passed        solver.training" in printed
    assert "Total: 5 of 25 points" in printed
    assert "fc_net" not in printed


def test_with_ipython_but_without_a_kernel_it_is_printed_too(homework: Path) -> None:
    assert "Total: 0 of 10 points" in cell(homework, "check('optim.adam')", _NO_KERNEL)


def test_in_a_notebook_a_panel_is_displayed_with_the_text_beside_it(homework: Path) -> None:
    (shown,) = displayed(cell(laid_over(homework, REFERENCE), "check()", _IPYTHON))
    assert sorted(shown) == ["text/html", "text/plain"]
    panel = parsed(shown["text/html"])
    assert "83 of 83 points here" in panel.text
    assert "Gradescope runs 4 more checks, worth 17 points." in panel.text
    assert panel.text.count("✓") == 14
    assert "Total: 83 of 83 points" in shown["text/plain"]


def test_an_edit_between_two_calls_is_seen_in_the_same_process(homework: Path) -> None:
    change = f"import pathlib; pathlib.Path({OPTIM!r}).write_bytes(pathlib.Path({str(REFERENCE / OPTIM)!r}).read_bytes())"
    code = f"import deeplearning.optim\ncheck('optim.adam')\n{change}\ncheck('optim.adam')"
    before, after = displayed(cell(homework, code, _IPYTHON))
    assert "wrong" in before["text/plain"]
    assert "passed" in after["text/plain"]


def test_the_folder_may_be_another_one_and_the_kernels_settings_do_not_matter(homework: Path) -> None:
    printed = cell(homework, f"check('optim', path={str(REFERENCE)!r})", PYTHONPATH="/nowhere", PYTHONIOENCODING="latin-1")
    assert "Total: 18 of 18 points" in printed


MARKUP = "<script>alert('x')</script><img src=x onerror=alert(1)> &amp; \x1b[31m"


def test_markup_in_what_a_students_code_says_is_shown_and_not_done(homework: Path) -> None:
    raising = f"raise ValueError({MARKUP!r})"
    with_answers(homework, adam=raising)
    (shown,) = displayed(cell(homework, "check('optim.adam')", _IPYTHON))
    panel = parsed(shown["text/html"])
    assert "<script>alert('x')</script><img src=x onerror=alert(1)> &amp;" in panel.text
    assert "\x1b" not in shown["text/html"] + shown["text/plain"]
    assert "deeplearning/optim.py, line" in panel.text
    assert "grader/" not in panel.text


def test_every_text_of_a_report_is_escaped() -> None:
    row = {"id": MARKUP, "title": MARKUP, "outcome": MARKUP, "score": 1.0, "maximum": 2.0, "messages": [MARKUP, f"  {MARKUP}"]}
    row |= {"code": MARKUP, "comparisons": [{"name": MARKUP, "found": [[1.0]], "published": [[2.0]], "worst": [0, 0]}]}
    data = {
        "score": 1.0,
        "maximum": 2.0,
        "seconds": 0.1,
        "items": [row],
        "notes": [MARKUP],
        "elsewhere": {"items": 1, "points": 3.0},
    }
    page = panel.panel(data)
    assert parsed(page).text.count("<img src=x") == 8
    assert page.count(html.escape("<img src=x")) == 9
    assert "<img src=x" in parsed(panel.failure(MARKUP)).text


def test_what_is_published_stands_beside_what_was_found_and_what_was_asked_can_be_copied(homework: Path) -> None:
    with_answers(homework, adam="next_w = w - config['learning_rate'] * dw")
    (shown,) = displayed(cell(homework, "check('optim.adam')", _IPYTHON))
    page = parsed(shown["text/html"])
    assert page.tags.count("table") == 3  # next_w, m and v; t is a number
    assert page.tags.count("tr") == 3 * 2 * 4
    assert "config['m'][3]" in page.text
    (code,) = re.findall(r"<pre[^>]*>(.*?)</pre>", shown["text/html"], re.DOTALL)
    assert html.unescape(code).startswith("import numpy as np\nfrom deeplearning.optim import adam\n")
    assert f"    {html.unescape(code).splitlines()[-1]}" in shown["text/plain"]


def test_nothing_for_staff_is_shown(homework: Path) -> None:
    (homework / OPTIM).write_text("def adam(w, dw, config=None):\n    return w, {'m': dw, 'v': dw, 't': 7}\n", "utf-8")
    (shown,) = displayed(cell(homework, "check()", _IPYTHON))
    for text in (shown["text/html"], shown["text/plain"]):
        assert "staff" not in text
        assert "expected" not in text


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("check(path='no such folder')", "no such folder does not exist; give the homework's folder or a zip of it"),
        ("check('optm')", "no item starts with 'optm'; did you mean 'optim'?"),
        ("check('optim', path='README.md')", "README.md is neither a folder nor a zip file"),
    ],
)
@pytest.mark.parametrize("ipython", [None, _IPYTHON], ids=["text", "panel"])
def test_what_cannot_be_checked_is_told_in_a_sentence(homework: Path, call: str, said: str, ipython: dict[str, str] | None) -> None:
    printed = cell(homework, call, ipython)
    if ipython:
        (shown,) = displayed(printed)
        assert "The check could not be run." in parsed(shown["text/html"]).text
        assert said in parsed(shown["text/html"]).text
        printed = shown["text/plain"]
    assert said in printed
    assert "Traceback" not in printed


def test_an_older_python_is_told_so_in_a_notebook_too(homework: Path) -> None:
    older = homework.parent / "python"  # stands in for the kernel's own interpreter
    runner = "import runpy; sys.path[0] = ''; sys.version_info = (3, 9); sys.version = '3.9.1 x'; sys.argv = sys.argv[1:]"
    older.write_text(
        f"#!{sys.executable}\nimport sys; sys.argv.pop(1); {runner}; runpy.run_module('grader', run_name='__main__')\n"
    )
    older.chmod(0o755)
    printed = cell(homework, f"sys.executable = {str(older)!r}; sys.version_info = (3, 9)\ncheck('optim')", _IPYTHON)
    assert printed == "grader: this needs Python 3.11 or newer; this is Python 3.9.1\n"


def test_without_the_grader_beside_it_the_notebook_says_so_and_goes_on(homework: Path) -> None:
    script = code_of(homework / "q_optimizer_init.ipynb")
    setup = "print('== cell ".join(script.split("print('== cell ")[:2])
    (homework / "cells.py").write_text(f"{setup}\ncheck('optim.adam')\ncheck()\n", "utf-8")
    (homework / "grader").rename(homework.parent / "put away")
    process = subprocess.run([sys.executable, "cells.py"], cwd=homework, env=plain(), capture_output=True, text=True, check=False)
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.count("There is no grader beside this notebook; nothing is checked here.\n") == 2


def test_nothing_is_written_beside_the_notebook(homework: Path) -> None:
    before = contents(homework)
    cell(homework, "check('optim')", PYTHONDONTWRITEBYTECODE="1")
    assert contents(homework) == before
    assert not [name for name in os.listdir(homework) if name not in os.listdir(ROOT / "student_src") and name != "grader"]
