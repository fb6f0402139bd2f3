"""The protocol under attack: student code that writes to its channel itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from grader.sandbox.errors import Ending, SessionEnded
from grader.sandbox.inside import wire
from grader.sandbox.policy import Limits
from grader.sandbox.session import Session
from grader.sandbox.supervisor import Sandbox
from tests.attacks.arena import CORPUS

PRELUDE = (CORPUS / "prelude.py.txt").read_text("utf-8") + "from inside import wire\nimport select\nimport struct\nimport time\n"
CRASHED, TIMED_OUT, RAISED = Ending.CRASHED, Ending.TIMED_OUT, Ending.RAISED
SHORT = Limits(wall=0.5)
OPENING = 'body = b"m" + struct.pack("<I", 3)\nkey = lambda k: struct.pack("<I", len(k)) + k\n'


def forged(value: str, failed: str = 'b"N"', absent: str = 'b"l" + struct.pack("<I", 0)') -> str:
    """Code that sends one reply whose one value is these bytes, and ends."""
    return (
        OPENING
        + f'body += key(b"sent") + b"l" + struct.pack("<I", 1) + ({value})\n'
        + f'body += key(b"failed") + ({failed}) + key(b"absent") + ({absent})\n'
        + "send(wire.HEADER.pack(wire.MAGIC, len(body)) + body)\nos._exit(0)"
    )


@dataclass(frozen=True, slots=True)
class Offence:
    """`code` runs where an answer of one value is due; it must come to one of `endings`, told with `told`."""

    code: str
    endings: tuple[Ending, ...] = (CRASHED,)
    told: str = "did not keep to the protocol"


OFFENCES = {
    "a_score_in_place_of_an_answer": Offence('send(wire.frame({"score": 100})); os._exit(0)'),
    "an_answer_with_a_score_in_it": Offence("reply(sent=[1], score=100)"),
    "an_answer_without_its_value": Offence("reply(sent=[])"),
    "an_answer_with_two_values": Offence("reply(sent=[1, 2])"),
    "an_answer_that_is_a_list": Offence('send(wire.frame(["sent", []]))'),
    "the_same_answer_twice_in_one_go": Offence('send(wire.frame({"sent": [1], "failed": None, "absent": []}) * 2)'),
    "half_a_header_then_the_end": Offence('send(b"QOI"); os._exit(0)', (CRASHED,), "ended by itself"),
    "half_an_answer_then_the_end": Offence("send(wire.frame([0] * 999)[:500]); os._exit(0)", (CRASHED,), "ended by itself"),
    "half_an_answer_then_nothing": Offence("send(wire.frame([0] * 999)[:500]); time.sleep(1e6)", (TIMED_OUT,), "0.5 s"),
    "one_byte_at_a_time": Offence("for b in wire.frame([0] * 9999): send(bytes([b])); time.sleep(0.01)", (TIMED_OUT,), "0.5 s"),
    "nothing": Offence("time.sleep(1e6)", (TIMED_OUT,), "0.5 s"),
    "four_gigabytes_announced": Offence('send(struct.pack("<4sI", wire.MAGIC, 2**32 - 1)); time.sleep(1e6)'),
    "wrong_magic": Offence('send(b"EVIL" + bytes(4)); time.sleep(1e6)'),
    "zeros_for_ever": Offence("while True: send(bytes(2**16))"),
    "answers_for_ever": Offence('while True: send(wire.frame({"sent": [1], "failed": None, "absent": []}) * 99)'),
    "an_announced_answer_that_never_stops": Offence(
        "send(wire.HEADER.pack(wire.MAGIC, wire.MAX_FRAME))\nwhile True: send(bytes(2**20))"
    ),
    "the_channel_closed": Offence("os.close(3); time.sleep(1e6)", (CRASHED,), "closed its connection"),
    "the_channel_closed_then_the_end": Offence("os.close(3); os._exit(0)", (CRASHED,), "ended by itself"),
    "another_pipe_in_its_place": Offence("os.dup2(os.pipe()[1], 3)\nreturn 1", (CRASHED,), "ended by itself"),
    "a_file_in_its_place": Offence('os.dup2(os.open("/dev/null", os.O_RDWR), 3)\nreturn 1', (CRASHED,), "ended by itself"),
    "everything_closed": Offence("os.closerange(0, 64)\nreturn 1", (CRASHED,), ""),
    "blocking_switched_off": Offence(
        "import fcntl\nfcntl.fcntl(3, fcntl.F_SETFL, os.O_NONBLOCK)\nreturn np.zeros(2**22)", (CRASHED,), "ended by itself"
    ),
    "an_empty_frame": Offence("send(wire.HEADER.pack(wire.MAGIC, 0)); os._exit(0)"),
    "an_unknown_tag": Offence(forged('b"Z"')),
    "bytes_left_over": Offence(forged('b"N"', absent='b"l" + struct.pack("<I", 0) + b"N"')),
    "a_list_longer_than_its_frame": Offence(forged('b"l" + struct.pack("<I", 2**32 - 1)')),
    "a_text_longer_than_its_frame": Offence(forged('b"s" + struct.pack("<I", 2**31)')),
    "a_text_that_is_no_text": Offence(forged('b"s" + struct.pack("<I", 2) + b"\\xff\\xfe"')),
    "a_key_twice": Offence(forged('b"m" + struct.pack("<I", 2) + (key(b"m") + b"N") * 2')),
    "nested_too_deep": Offence(forged('(b"l" + struct.pack("<I", 1)) * 500_000 + b"N"')),
    "too_many_parts": Offence(forged('b"l" + struct.pack("<I", 200_000) + b"N" * 200_000')),
    "an_array_of_objects": Offence(forged('b"a" + bytes((99, 1)) + struct.pack("<Q", 1) + bytes(8)')),
    "an_array_larger_than_its_bytes": Offence(forged('b"a" + bytes((11, 2)) + struct.pack("<2Q", 2**31, 2**31)')),
    "an_array_whose_size_overflows": Offence(forged('b"a" + bytes((11, 2)) + struct.pack("<2Q", 2**63, 2)')),
    "an_empty_array_of_endless_shape": Offence(forged('b"a" + bytes((11, 5)) + struct.pack("<5Q", 0, *[2**26] * 4)')),
    "an_array_of_too_many_dimensions": Offence(forged('b"a" + bytes((11, 200)) + struct.pack("<200Q", *[1] * 200) + bytes(8)')),
    "a_scalar_with_dimensions": Offence(forged('b"g" + bytes((11, 1)) + struct.pack("<Q", 1) + bytes(8)')),
    "a_failure_at_no_step": Offence('reply(failed={"at": 10**9, "type": "X", "kind": "X", "message": "", "frames": []})'),
    "a_failure_at_a_step_before_the_first": Offence(
        'reply(failed={"at": -1, "type": "X", "kind": "X", "message": "", "frames": []})'
    ),
    "a_failure_in_numbers": Offence('reply(failed={"at": 0, "type": 1, "kind": 2, "message": 3, "frames": 4})'),
    "a_failure_of_another_form": Offence('reply(failed={"passed": True})'),
    "a_failure_with_frames_of_another_form": Offence(
        'reply(failed={"at": 0, "type": "X", "kind": "Y", "message": "m", "frames": [1, (2,), ("a", "b", 3, 4)]})\nos._exit(0)',
        (RAISED,),
        "X",
    ),
    "a_failure_at_a_truth_value": Offence('reply(failed={"at": True, "type": "X", "kind": "", "message": "", "frames": []})'),
}


@contextmanager
def student(sandbox: Sandbox, body: str, limits: Limits = SHORT) -> Iterator[tuple[Session, Any]]:
    """A session on a module whose function `attack(given)` has this body."""
    lines = "\n".join("    " + line for line in body.splitlines())
    source = f"{PRELUDE}\ndef attack(given=None):\n{lines}\n"
    with sandbox.session(limits) as session:
        session.load({"theirs.py": source.encode()})
        yield session, session.module("theirs")


@pytest.mark.parametrize("offence", OFFENCES.values(), ids=OFFENCES.keys())
def test_whatever_is_written_to_the_channel_ends_the_session_by_name(offence: Offence, sandbox: Sandbox) -> None:
    with student(sandbox, offence.code) as (session, module):
        session.fetch()
        with pytest.raises(SessionEnded) as caught:
            session.fetch(module.attr("attack")())
        assert caught.value.ending in offence.endings
        assert offence.told in caught.value.reason
        if offence.endings != (RAISED,):
            with pytest.raises(SessionEnded, match=re.escape(caught.value.reason)):  # and it stays ended
                session.fetch(module.attr("attack"))


def test_the_session_of_an_honest_module_answers(sandbox: Sandbox) -> None:
    with student(sandbox, "return 7") as (session, module):
        assert session.fetch(module.attr("attack")()) == (7,)


def test_an_answer_given_before_the_question_was_read_is_no_answer(sandbox: Sandbox) -> None:
    """The question is larger than the channel's buffer, so that it cannot be read before the answer is there."""
    body = "reply(sent=[])\nselect.select([3], [], [])\nreply(sent=[1])\ntime.sleep(1e6)"
    with student(sandbox, body, Limits(wall=5)) as (session, module):
        module.attr("attack")()
        session.fetch()
        session.put(np.zeros(2**22))
        with pytest.raises(SessionEnded, match="before the question was read"):
            session.fetch(module)


def test_a_question_nobody_reads_does_not_hold_the_grader(sandbox: Sandbox) -> None:
    with student(sandbox, "reply(sent=[])\ntime.sleep(1e6)") as (session, module):
        module.attr("attack")()
        session.fetch()
        session.put(np.zeros(2**22))
        with pytest.raises(SessionEnded) as caught:
            session.fetch(module)
        assert caught.value.ending is TIMED_OUT


def test_answers_out_of_order_say_nothing_about_the_question(sandbox: Sandbox) -> None:
    """A forged answer can only be what the code could have returned: the next question gets the wrong one, and that is its loss."""
    answers: list[Any] = []
    with student(sandbox, "reply(sent=['forged'])\nreturn 1", Limits()) as (session, module):
        with pytest.raises(SessionEnded) as caught:
            _ask_on(session, module.attr("attack"), answers)
        assert caught.value.ending is CRASHED
    assert set(answers) <= {1, "forged"}


def test_registers_and_types_in_an_answer_name_nothing(sandbox: Sandbox) -> None:
    body = "reply(sent=[[wire.Register(0), wire.Opaque('ndarray'), wire.Register(2**32 - 1)]]); time.sleep(1e6)"
    with student(sandbox, body) as (session, module):
        (answer,) = session.fetch(module.attr("attack")())
    assert answer == [wire.Register(0), wire.Opaque("ndarray"), wire.Register(2**32 - 1)]


def _ask_on(session: Session, attack: Any, answers: list[Any]) -> None:
    """Ask again and again: each time one answer too many is sent, so that sooner or later two arrive together."""
    for _ in range(1000):
        answers += session.fetch(attack())


LOOKALIKES = {
    "a list of lists": ("[[1.0] * 5] * 4", list),
    "a buffer": ("memoryview(np.zeros((4, 5)))", wire.Opaque),
    "bytes": ("np.zeros((4, 5)).tobytes()", bytes),
    "an object with __array__": (
        "type('A', (), {'__array__': lambda self, *a, **k: np.zeros((4, 5)), 'shape': (4, 5)})()",
        wire.Opaque,
    ),
    "an array interface": ("type('A', (), {'__array_interface__': np.zeros((4, 5)).__array_interface__})()", wire.Opaque),
    "an array of objects": ("np.zeros((4, 5), dtype=object)", wire.Opaque),
    "an array of texts": ("np.full((4, 5), '0.5')", wire.Opaque),
    "an array of records": ("np.zeros((4, 5), dtype=[('a', 'f8')])", wire.Opaque),
    "a claimed class": ("type('A', (), {'__class__': property(lambda self: np.ndarray)})()", wire.Opaque),
    "a subclass of float": ("type('F', (float,), {'__eq__': lambda a, b: True, '__hash__': None})(1)", wire.Opaque),
    "a huge integer": ("10 ** 5000", wire.Opaque),
    "the module": ("np", wire.Opaque),
}


@pytest.mark.parametrize(("expression", "kind"), LOOKALIKES.values(), ids=LOOKALIKES.keys())
def test_what_only_looks_like_an_array_does_not_arrive_as_one(expression: str, kind: type, sandbox: Sandbox) -> None:
    with student(sandbox, f"return {expression}") as (session, module):
        (answer,) = session.fetch(module.attr("attack")())
    assert type(answer) is kind


SUBCLASSES = {
    "an array that lies": (
        "np.arange(20.0).reshape(4, 5).view(type('L', (np.ndarray,), {'__array__': None, 'tobytes': None, 'shape': (1,)}))"
    ),
    "a masked array": "np.ma.masked_array(np.arange(20.0).reshape(4, 5), True)",
    "a matrix": "np.arange(20.0).reshape(4, 5).view(np.matrix)",
    "a view with negative strides": "np.arange(20.0)[::-1].reshape(4, 5)[::-1, ::-1]",
    "big-endian numbers": "np.arange(20.0).reshape(4, 5).astype('>f8')",
    "Fortran order": "np.asfortranarray(np.arange(20.0).reshape(4, 5))",
    "a mapped file": "np.frombuffer(np.arange(20.0).tobytes()).reshape(4, 5)",
}


@pytest.mark.parametrize("expression", SUBCLASSES.values(), ids=SUBCLASSES.keys())
def test_an_array_arrives_as_its_own_plain_values(expression: str, sandbox: Sandbox) -> None:
    with student(sandbox, f"return {expression}", Limits()) as (session, module):
        (answer,) = session.fetch(module.attr("attack")())
    assert type(answer) is np.ndarray
    assert answer.dtype == np.float64
    assert np.array_equal(answer, np.arange(20.0).reshape(4, 5))
    assert answer.flags.owndata or answer.flags.writeable
