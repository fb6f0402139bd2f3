"""What a conversation with a real sandboxed process is like: the same whichever way the process is made."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from grader.sandbox.errors import Ending, Frame, SessionEnded
from grader.sandbox.policy import Kind, Level
from grader.sandbox.session import Session
from grader.sandbox.supervisor import Sandbox
from tests.sandbox.asking import ask, load


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


def test_nothing_runs_before_it_is_fetched_and_then_all_in_one_exchange(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    exchanges: list[bytes] = []
    exchange = session._child.exchange

    def counted(data: bytes, deadline: float, meanwhile: None) -> memoryview:
        exchanges.append(data)
        return exchange(data, deadline, meanwhile)

    monkeypatch.setattr(session._child, "exchange", counted)
    load(session, "seen = []\ndef f(x):\n    seen.append(x)\n    return x + 1")
    module = session.module("m")
    first = module.attr("f")(1)
    second = module.attr("f")(first)
    assert exchanges == []
    assert session.fetch(second, module.attr("seen")) == (3, [1, 2])
    assert len(exchanges) == 1


def test_values_are_fetched_as_they_are_at_the_end(session: Session) -> None:
    load(session, "def make(): return [1]\ndef grow(x): x.append(2)")
    module = session.module("m")
    made = module.attr("make")()
    module.attr("grow")(made)
    (first,) = session.fetch(made)
    assert first == [1, 2]
    module.attr("grow")(made)
    assert session.fetch(made) == ([1, 2, 2],)
    assert first == [1, 2]


def test_a_remote_stands_for_one_object_wherever_it_is_passed(session: Session) -> None:
    load(session, "def same(a, *, b, c): a += 1; return a is b[0] is c['x']['y'][0]\ndef differ(a, b): return a is not b")
    module = session.module("m")
    array = np.zeros(2)
    put = session.put(array)
    same = module.attr("same")(put, b=[put], c={"x": {"y": (put,)}})
    differ = module.attr("differ")(array, array)
    (told, values, apart) = session.fetch(same, put, differ)
    assert told is True
    assert apart is True
    assert values.tolist() == [1.0, 1.0]
    assert array.tolist() == [0.0, 0.0]


def test_attributes_and_items_can_be_read_and_assigned(session: Session) -> None:
    load(session, "class A: pass\na = A()\nd = {'k': [1, 2]}\ndef f(): return a.x is d['k'], d['new'].x")
    module = session.module("m")
    d = module.attr("d")
    module.attr("a").set_attr("x", d.item("k"))
    d.set_item("new", module.attr("a"))
    d.item("k").set_item(0, 7)
    assert session.fetch(module.attr("f")(), d.item("k").item(-1)) == ((True, [7, 2]), 2)


RAISES = """\
    class OddError(ValueError):
        pass

    def f():
        g()

    def g():
        sorted([1, 2], key=h)

    def h(x):
        raise OddError(f"bad {x}")
    """


def test_an_exception_comes_with_the_lines_of_the_mounted_files_only(session: Session) -> None:
    load(session, RAISES)
    session.module("m").attr("f")()
    with pytest.raises(SessionEnded) as caught:
        session.fetch()
    error = caught.value
    assert (error.ending, error.type_name, error.kind, error.message) == (Ending.RAISED, "OddError", "ValueError", "bad 1")
    assert error.doing == "m.f(…)"
    assert error.frames == (
        Frame("m.py", 5, "f", "g()"),
        Frame("m.py", 8, "g", "sorted([1, 2], key=h)"),
        Frame("m.py", 11, "h", 'raise OddError(f"bad {x}")'),
    )


def test_a_comprehension_is_told_as_part_of_its_function(session: Session) -> None:
    load(session, "def f(x):\n    return [\n        1 / y\n        for y in x\n    ]\n")
    session.module("m").attr("f")([1, 0])
    with pytest.raises(SessionEnded) as caught:
        session.fetch()
    assert caught.value.frames == (Frame("m.py", 3, "f", "1 / y"),)


def test_a_session_goes_on_after_an_exception(session: Session) -> None:
    load(session, "kept = []\ndef ok(): kept.append(1); return kept\ndef bad(): raise KeyError('x')")
    module = session.module("m")
    kept = module.attr("ok")()
    module.attr("bad")()
    module.attr("ok")()  # not reached
    with pytest.raises(SessionEnded, match="raised KeyError"):
        session.fetch()
    assert session.fetch(kept) == ([1],)
    assert session.fetch(module.attr("ok")()) == ([1, 1],)


def test_after_the_end_every_fetch_raises_the_same(session: Session) -> None:
    load(session, "import os\ndef f(): os._exit(3)\ndef g(): return 1")
    module = session.module("m")
    with pytest.raises(SessionEnded) as first:
        session.fetch(module.attr("f")())
    assert first.value.ending is Ending.CRASHED
    for _ in range(2):
        with pytest.raises(SessionEnded) as again:
            session.fetch(module.attr("g")())
        assert again.value is first.value


def test_a_closed_session_says_so(either: Sandbox) -> None:
    with either.session() as session:
        load(session, "def f(): return 1")
        assert session.fetch(session.module("m").attr("f")()) == (1,)
    with pytest.raises(SessionEnded, match="closed"):
        session.fetch(session.module("m"))


def test_no_state_passes_from_one_session_to_the_next(either: Sandbox) -> None:
    source = """
        import builtins, json, sys
        import numpy as np
        def f():
            before = hasattr(builtins, "mark"), hasattr(json, "mark"), "ghost" in sys.modules, float(np.dot([1.0], [2.0]))
            builtins.mark = json.mark = sys.modules["ghost"] = 1
            np.dot = lambda *_: 0.0
            return before
        """
    assert [ask(either, source) for _ in range(3)] == [(False, False, False, 2.0)] * 3


def test_the_random_generators_repeat_themselves_but_not_within_a_session(either: Sandbox, sandbox: Sandbox) -> None:
    source = """
        import random
        import numpy as np
        def f():
            draws = lambda: [random.random(), np.random.rand(), np.random.default_rng().random(), np.random.RandomState().rand()]
            return draws() + draws()
        """
    drawn = ask(either, source)
    assert len(set(map(float, drawn))) == 8
    assert ask(either, source) == drawn
    assert ask(sandbox, source) == drawn


def test_what_is_printed_is_kept_apart_from_the_answers(session: Session) -> None:
    load(
        session,
        "import os, sys\ndef f(): print('out'); print('err', file=sys.stderr); os.write(1, b'raw'); return 1",
    )
    assert session.fetch(session.module("m").attr("f")()) == (1,)
    session.close()
    assert sorted(session.output.replace("raw", "").split()) == ["err", "out"]
    assert "raw" in session.output
