"""Student files are imported from bytes as they would be from disk, and with the kindnesses their authors need."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import pytest

from grader.sandbox.ending import Ending, SessionEnded
from grader.sandbox.policy import Kind, Level
from grader.sandbox.session import Session
from grader.sandbox.supervisor import Sandbox
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


def test_an_absent_module_costs_nothing_until_it_is_used(session: Session) -> None:
    load(session, ABSENT)
    module = session.module("m")
    assert session.fetch(module.attr("f")()) == ("unharmed",)
    assert set(session.absent) == {"no_such_library", "another_absent"}
    for function, name in (("use", "another_absent"), ("index", "no_such_library")):
        with pytest.raises(SessionEnded) as caught:
            session.fetch(module.attr(function)())
        assert caught.value.kind == "ImportError"
        assert name in caught.value.message


def test_an_import_that_is_guarded_takes_its_own_way_out(session: Session) -> None:
    load(
        session,
        "try:\n    import no_such_library\nexcept ImportError:\n    no_such_library = None\ndef f(): return no_such_library",
    )
    assert session.fetch(session.module("m").attr("f")()) == (None,)
    assert session.absent == ()


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
