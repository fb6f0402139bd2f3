"""Student files are imported from bytes as they would be from disk, and with the kindnesses their authors need."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.sandbox import launch
from grader.sandbox.errors import Ending, SessionEnded
from grader.sandbox.inside import importer, stand_ins
from grader.sandbox.policy import Kind, Level
from grader.sandbox.session import Session
from grader.sandbox.supervisor import Sandbox
from tests.commands.verdict_matrix import HEADS, PACKAGES, imported, installed
from tests.sandbox.asking import ask, ended, load


@pytest.fixture(scope="module", params=list(Kind))
def either(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """The warm fork server the other tests use, then plain processes."""
    if request.param is Kind.FORK:
        yield request.getfixturevalue("sandbox")
    else:
        with Sandbox(Level.STUDENT, kind=Kind.SPAWN) as made:
            yield made


@pytest.fixture
def session(either: Sandbox) -> Iterator[Session]:
    with either.session() as made:
        yield made


ABSENT = """
    import no_such_library
    import no_such_library.sub as sub
    from another_absent.deep import thing, other
    class Net(sub.Module):
        pass
    def f(): return "unharmed"
    def use(): return thing(1)
    def index(): return sub.table[0]
    """


def test_an_absent_module_costs_nothing_until_a_value_of_it_is_needed(session: Session) -> None:
    load(session, ABSENT)
    module = session.module("m")
    assert session.fetch(module.attr("f")()) == ("unharmed",)
    assert set(session.absent) == {"no_such_library", "another_absent"}
    for function, name in (("use", "another_absent"), ("index", "no_such_library")):
        with pytest.raises(SessionEnded) as caught:
            session.fetch(module.attr(function)())
        assert caught.value.kind == "ImportError"
        assert name in caught.value.message


@pytest.mark.parametrize("file", HEADS)
def test_heads_of_files_as_people_leave_them_do_no_harm(either: Sandbox, file: str) -> None:
    assert ask(either, f"import numpy as np\n{HEADS[file]}\ndef f(): return np.linalg.norm([3, 4])") == 5


@pytest.mark.parametrize(
    "guarded",
    [
        "try:\n    import torch\nexcept ImportError:\n    torch = None",
        "try:\n    from turtle import forward as torch\nexcept (AttributeError, ModuleNotFoundError):\n    torch = None",
        "def g():\n    try: return __import__('torch')\n    except Exception: return None\ntorch = g()",
        "import contextlib\ntorch = None\nwith contextlib.suppress(ImportError):\n    import torch",
        "import importlib.util\ntorch = importlib.util.find_spec('torch')",
    ],
)
def test_code_that_is_ready_for_an_import_to_fail_takes_its_own_way_out(session: Session, guarded: str) -> None:
    load(session, f"{guarded}\ndef f(): return torch")
    assert session.fetch(session.module("m").attr("f")()) == (None,)
    assert session.absent == ()


NEEDED = {
    "a number": "return float(torch.tensor(x).norm())",
    "an array": "return np.sqrt(torch.tensor(x))",
    "arithmetic with an array": "x -= 2 * torch.ones(3)\n    return x",
    "a condition": "return 1 if torch.allclose(x, x) else 0",
    "a loop": "return [i for i in torch.arange(3)]",
    "a function it does not decorate": "return float(torch.vmap(g)(x))",
}


@pytest.mark.parametrize("use", NEEDED.values(), ids=NEEDED)
def test_where_a_value_is_needed_one_sentence_names_the_package(session: Session, use: str) -> None:
    load(session, f"import numpy as np\nimport torch\ndef g(x): return x\ndef f(x):\n    {use}")
    with pytest.raises(SessionEnded) as caught:
        session.fetch(session.module("m").attr("f")(np.ones(3)))
    assert (caught.value.kind, caught.value.frames[-1].line) == ("ImportError", 5)
    assert caught.value.message.startswith("'torch' is not there when this is graded, only NumPy is (used as 'torch.")
    assert session.absent == ("torch",)


@pytest.mark.parametrize("answer", ["torch.norm(x)", "[1, {'m': torch.norm(x)}]"])
def test_an_answer_that_holds_such_a_thing_names_the_line_it_came_from(session: Session, answer: str) -> None:
    load(session, f"import torch\ndef g(x):\n    return {answer}\ndef f(x):\n    return g(x)")
    with pytest.raises(SessionEnded) as caught:
        session.fetch(session.module("m").attr("f")(1))
    assert caught.value.message.endswith("(used as 'torch.norm(…)')")
    assert [(frame.file, frame.line) for frame in caught.value.frames] == [("m.py", 3)]


def test_stand_ins_leave_nothing_behind_for_the_next_files(session: Session) -> None:
    load(session, "import numpy.distutils.core, torch\ndef f(): return 1")
    assert session.fetch(session.module("m").attr("f")()) == (1,)
    assert session.absent == ("numpy.distutils", "torch")
    load(session, "import numpy, sys\ndef f(): return 'torch' in sys.modules, hasattr(numpy, 'distutils')")
    assert session.fetch(session.module("m").attr("f")()) == ((False, False),)
    assert not session.absent


def test_a_module_of_the_standard_library_that_does_not_load_here_is_a_stand_in(session: Session) -> None:
    load(session, "import sys\nsys.modules['_curses'] = None\nimport curses, winreg\ndef f(): return curses.COLOR_RED, winreg.x")
    with pytest.raises(SessionEnded, match="ImportError"):
        session.fetch(session.module("m").attr("f")())
    assert session.absent == ("curses", "winreg")


def test_a_compiled_module_that_cannot_be_linked_here_is_a_stand_in() -> None:
    class Loader:
        """As of a module whose shared library is not installed."""

        def create_module(self, spec: ModuleSpec) -> None:
            raise ImportError(f"{spec.name}.so: cannot open shared object file", name=spec.name)

    mounted = importer.MemoryImporter({})
    forgiving = importer._Forgiving(mounted, Loader())
    module = forgiving.create_module(ModuleSpec("_tkinter", None))
    assert type(module) is stand_ins.StandIn
    forgiving.exec_module(module)
    assert list(mounted.absent) == ["_tkinter"]
    mounted.withdraw()


def test_what_is_absent_has_no_subclasses_and_decorates_methods(session: Session) -> None:
    source = """
        import torch
        class Net:
            @torch.jit.ignore
            @staticmethod
            def size(): return 3
        def f(): return issubclass(int, torch.Tensor), isinstance(3, torch.Tensor), Net.size()
        """
    load(session, source)
    assert session.fetch(session.module("m").attr("f")()) == ((False, False, 3),)


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_installed_is_not_imported(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = installed(tmp_path / "site", [*PACKAGES, "colorsys", "typing"])
    monkeypatch.setattr(launch, "numpy_folder", lambda: str(site / "numpy"))
    imports = "".join(f"import {name}\n" for name in PACKAGES)
    source = f"{imports}import numpy.ma, colorsys\ndef f(): return colorsys.rgb_to_hsv(0, 0, 1)[2], numpy.sqrt(4), numpy.__file__"
    with Sandbox(Level.STUDENT, kind=kind) as made:
        assert ask(made, source) == (1, 2, str(site / "numpy/__init__.py"))
    assert imported(site) == []


def test_a_module_that_is_missing_among_the_mounted_is_not_taken_for_absent(session: Session) -> None:
    session.load({"pkg/m.py": b"from pkg.nothing import x"})
    session.module("pkg.m")
    with pytest.raises(SessionEnded) as caught:
        session.fetch()
    assert (caught.value.kind, caught.value.frames[-1].file) == ("ModuleNotFoundError", "pkg/m.py")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("np.float(1) + np.int(1) + np.bool(1)", 3.0),
        ("np.zeros(1, np.float_)[0]", 0.0),
        ("np.product([2, 3])", 6),
        ("np.alltrue([1, 0])", False),
        ("np.NINF", float("-inf")),
        ("np.row_stack([[1], [2]]).tolist()", [[1], [2]]),
        ("np.asfarray([1]).tolist()", [1.0]),
    ],
)
def test_names_that_numpy_dropped_work(either: Sandbox, expression: str, expected: Any) -> None:
    assert ask(either, f"import numpy as np\ndef f(): return {expression}") == expected


SOURCES: dict[str, bytes] = {
    "CRLF": b"def f():\r\n    if True:\r\n        return 'answer'\r\n",
    "CR": b"def f():\r    return 'answer'\r",
    "tabs": b"def f():\n\tif True:\n\t\treturn 'answer'\n",
    "BOM": b"\xef\xbb\xbfdef f():\n    return 'answer'\n",
    "latin-1, declared": b"# -*- coding: latin-1 -*-\nword = '\xe9'\ndef f(): return 'answer' if word == '\\u00e9' else word\n",
    "no newline at the end": b"def f(): return 'answer'",
    "future": b"'''Title.'''\nfrom __future__ import annotations\ndef f(x: nowhere = 1) -> nothing: return 'answer'\n",
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_of_any_habit_is_read(either: Sandbox, name: str) -> None:
    assert ask(either, SOURCES[name]) == "answer"


@pytest.mark.parametrize(
    ("source", "kind", "line"),
    [
        (b"x = 1\nword = '\xe9'\n", "SyntaxError", None),
        (b"def f():\n    return (1\n", "SyntaxError", 2),
        (b"def f():\n\tif 1:\n        return 1\n", "TabError", 3),
        (b"x = 1\0\n", "", None),
        (b"# coding: no-such-codec\n", "SyntaxError", None),
        (b"(" * 5000, "", None),
    ],
    ids=["undecodable", "unclosed", "mixed tabs", "NUL", "unknown codec", "parentheses"],
)
def test_a_source_that_cannot_be_read_is_an_exception_of_its_import(
    sandbox: Sandbox, source: bytes, kind: str, line: int | None
) -> None:
    error = ended(sandbox, source)
    assert (error.ending, error.doing) == (Ending.RAISED, "import m")
    assert kind in ("", error.kind)
    if line is not None:
        assert (error.frames[-1].file, error.frames[-1].line) == ("m.py", line)


def mounted(**files: str) -> dict[str, bytes]:
    """Files by name, "__" for "/"."""
    return {f"{name.replace('__', '/')}.py": textwrap.dedent(text).encode() for name, text in files.items()}


def test_packages_need_no_init_and_imports_work_in_every_way(session: Session) -> None:
    session.load(
        mounted(
            pkg__layers="def layer(): return 'layer'\n_hidden = 1",
            pkg__deep__net="""
                from ..layers import *
                from .. import layers
                from .sibling import name
                import pkg.layers as again
                def f(): return layer(), layers is again, name, "_hidden" in globals(), __name__, __package__
                """,
            pkg__deep__sibling="name = 'sibling'",
        )
    )
    (answer,) = session.fetch(session.module("pkg.deep.net").attr("f")())
    assert answer == ("layer", True, "sibling", False, "pkg.deep.net", "pkg.deep")


def test_an_init_that_is_there_is_run(session: Session) -> None:
    session.load({"pkg/__init__.py": b"word = 'from init'", "pkg/m.py": b"import pkg\ndef f(): return pkg.word"})
    assert session.fetch(session.module("pkg.m").attr("f")()) == ("from init",)


def test_mounted_files_win_over_installed_ones_of_that_name(session: Session) -> None:
    load(session, "import colorsys\ndef f(): return colorsys.word", colorsys="word = 'mounted'")
    assert session.fetch(session.module("m").attr("f")()) == ("mounted",)
