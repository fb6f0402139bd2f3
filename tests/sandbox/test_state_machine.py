"""Both ends of the wire under any order of operations: the session against a model of it, the worker under any program."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from grader.sandbox.errors import Ending, SessionEnded
from grader.sandbox.inside import wire
from grader.sandbox.inside.worker import Worker
from grader.sandbox.session import Remote
from grader.sandbox.supervisor import Sandbox

_SOURCE = b"""
import os
def keep(box, value):
    box.append(value)
def fail(text):
    raise ValueError(text)
def forge(size):
    os.write(3, bytes(size))
def leave(status):
    os._exit(status)
"""
_NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=5) | st.booleans() | st.none()


class Conversation(RuleBasedStateMachine):
    """A session as its user sees it: boxes of values that live in the sandbox, and how it ended."""

    sandbox: Sandbox  # set by the test

    @initialize()
    def open(self) -> None:
        self.session = self.sandbox.session()
        self.session.load({"m.py": _SOURCE})
        self.module = self.session.module("m")
        self.boxes: list[tuple[Remote, list[Any]]] = []
        self.ended: SessionEnded | None = None

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self.session.close()

    @precondition(lambda self: self.ended is None)
    @rule()
    def put(self) -> None:
        self.boxes.append((self.session.put([]), []))

    @precondition(lambda self: self.ended is None and self.boxes)
    @rule(which=st.integers(0, 99), value=_NUMBERS)
    def keep(self, which: int, value: Any) -> None:
        remote, model = self.boxes[which % len(self.boxes)]
        self.module.attr("keep")(remote, value)
        model.append(value)

    @precondition(lambda self: self.ended is None)
    @rule()
    def fetch(self) -> None:
        assert list(self.session.fetch(*(remote for remote, _ in self.boxes))) == [model for _, model in self.boxes]

    @precondition(lambda self: self.ended is None)
    @rule(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
    def fail(self, text: str) -> None:
        self.session.fetch()  # what is queued before a failure is carried out; what is queued behind it is not
        with pytest.raises(SessionEnded) as caught:
            self.session.fetch(self.module.attr("fail")(text))
        assert (caught.value.ending, caught.value.type_name, caught.value.message) == (Ending.RAISED, "ValueError", text)

    @precondition(lambda self: self.ended is None)
    @rule(name=st.sampled_from(["forge", "leave"]), number=st.integers(1, 64))
    def end(self, name: str, number: int) -> None:
        with pytest.raises(SessionEnded) as caught:
            self.session.fetch(self.module.attr(name)(number))
        assert caught.value.ending is Ending.CRASHED
        self.ended = caught.value

    @precondition(lambda self: self.ended is not None)
    @rule()
    def start_anew(self) -> None:
        self.session.close()
        self.open()

    @invariant()
    def what_has_ended_stays_ended(self) -> None:
        if getattr(self, "ended", None) is not None:
            with pytest.raises(SessionEnded) as caught:
                self.session.fetch()
            assert caught.value is self.ended


def test_a_session_keeps_its_word_in_any_order_of_operations(sandbox: Sandbox) -> None:
    Conversation.sandbox = sandbox
    run_state_machine_as_test(
        Conversation, settings=settings(max_examples=40, stateful_step_count=12, deadline=None, database=None)
    )


_REGISTER = st.integers(0, 4)
_VALUES = st.recursive(
    _NUMBERS | _REGISTER.map(wire.Register),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
_STEPS = st.one_of(
    st.tuples(st.just("put"), _REGISTER, _VALUES),
    st.tuples(st.just("getattr"), _REGISTER, _REGISTER, st.sampled_from(["append", "keys", "real", "absent", "__class__"])),
    st.tuples(st.just("getitem"), _REGISTER, _REGISTER, st.integers(-2, 2) | st.text(max_size=3)),
    st.tuples(st.just("setattr"), _REGISTER, st.text(max_size=3), _VALUES),
    st.tuples(st.just("setitem"), _REGISTER, st.integers(-2, 2) | st.text(max_size=3), _VALUES),
    st.tuples(st.just("call"), _REGISTER, _REGISTER, st.lists(_VALUES, max_size=2), st.just({})),
    st.tuples(st.just("send"), _REGISTER),
    st.tuples(st.sampled_from(["unknown", "send", "put"])),
)


@settings(max_examples=150, deadline=None, database=None)
@given(st.lists(st.lists(_STEPS, max_size=8), min_size=1, max_size=3))
def test_a_worker_answers_any_program_in_the_right_form(programs: list[list[tuple[Any, ...]]]) -> None:
    worker = Worker()
    for program in programs:
        reply = wire.decode(wire.frame(worker.run(program))[wire.HEADER.size :])
        assert set(reply) == {"sent", "failed", "absent"}
        failed = reply["failed"]
        done = program if failed is None else program[: failed["at"]]
        assert len(reply["sent"]) == sum(step[0] == "send" for step in done)
        assert failed is None or (set(failed) == {"at", "type", "kind", "message", "frames"} and 0 <= failed["at"] < len(program))
