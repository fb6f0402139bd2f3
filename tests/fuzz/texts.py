"""Texts that hurt readers, and JSON made of them: as files of their own and as changes to honest ones."""

from __future__ import annotations

import json
from functools import cache

from hypothesis import strategies as st

from tests.conftest import SAMPLES
from tests.fuzz.bytewise import ONE_IN_THREE, PLACE, RANDOM, mutated

REFERENCE = SAMPLES / "reference"
NASTY = (
    "", " ", "\0", "\x1b[2J\x1b]0;title\x07", "\x9b31m", "\u202eDESSAP\u202c", "\u2066x", "\ufeff", "\u2028", "\r", "\r\n\t",
    "\ud800",
    "\udcff", "e\u0301\u0301\u0301", "\U0010ffff", "<script>alert(1)</script>", "PASSED 100/100", "</pre>", "${x}{0}%s%n", "None",
    "\x85",
    "a" * 300, "\n" * 20, "Ω作业🎓", "..", "CON", "'\"\\", "\x7f", "\ufffe",
)  # fmt: skip
TEXT = st.sampled_from(NASTY) | st.text(max_size=30) | st.text(st.characters(), max_size=12)
_TIMES = st.sampled_from((1,) * 24 + (2, 2, 50, 50, 500, 10_000))
LONG_TEXT = st.builds(lambda text, times: text * times, TEXT, _TIMES)

_SCALARS = (
    "0", "-0", "0.2", "-1", "1e308", "1e309", "-1e999", "5e-324", "NaN", "Infinity", "-Infinity", "null", "true", "false", "nan",
    str(2**63), str(-(2**63) - 1), str(2**64), "9" * 400, "9" * 5_000, "1e99999999999", "0." + "3" * 3_000, "01", "1.", ".5", "+1",
    "0x10", "'x'", '"adam"', '"sgd"', '""', '"\\ud800"', '"\\u0000"', '"\\u202e"', '"\0"', '"\\x"', '"', '"' + "x" * 100_000 + '"',
    "[", "]", "{", "}", ",", ":", "[]", "{}", "[[]]", "[0.2]", '{"a":1,"a":2}', '{"\\ud800":1,"\\ud801":2}', '{1:2}', "{null:1}",
    "[" * 17 + "]" * 17, "[" * 990 + "]" * 990, "[" * 100_000, '{"a":' * 100_000, "[" + "0," * 99_999 + "0]",
    "[" + "[]," * 60_000 + "[]]", "1 2", "/* */1", "[1,]", "\ufeff1",
)  # fmt: skip
SCALAR = st.sampled_from(_SCALARS) | st.integers().map(str) | st.floats().map(json.dumps) | TEXT.map(json.dumps)
_KEY = st.sampled_from(("val_acc", "test_acc", "lr", "num_epochs", "batch_size", "update_rule", "a", "", "\ud800")) | TEXT


def _list(items: list[str]) -> str:
    return "[" + ", ".join(items) + "]"


def _dict(items: list[tuple[str, str]]) -> str:
    """Keys may come twice."""
    return "{" + ", ".join(f"{json.dumps(key)}: {value}" for key, value in items) + "}"


FRAGMENT = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4).map(_list) | st.lists(st.tuples(_KEY, inner), max_size=4).map(_dict),
    max_leaves=8,
)


@cache
def honest_json() -> tuple[bytes, ...]:
    """The reference's JSON logs."""
    return tuple(path.read_bytes() for path in sorted((REFERENCE / "submission_logs").glob("*.json")))


@st.composite
def _edited(draw: st.DrawFn) -> str:
    """An honest file's top level with entries replaced, dropped, doubled or renamed."""
    value = json.loads(draw(st.sampled_from(honest_json())))
    items = list(value.items()) if isinstance(value, dict) else [("", item) for item in value]
    texts = [(str(key), json.dumps(item)) for key, item in items]
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 4)))):
        at = draw(PLACE) % len(texts)
        match draw(st.sampled_from(("replace", "replace", "replace", "drop", "double", "rename"))):
            case "replace":
                texts[at] = (texts[at][0], draw(FRAGMENT))
            case "drop" if len(texts) > 1:
                del texts[at]
            case "double":
                texts.append((texts[at][0], draw(FRAGMENT)))
            case "rename":
                texts[at] = (draw(_KEY), texts[at][1])
    return _dict(texts) if isinstance(value, dict) else _list([text for _, text in texts])


_ENCODINGS = st.sampled_from(("utf-8",) * 6 + ("utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7"))
_ENCODED = st.builds(
    lambda text, encoding: text.encode(encoding, "surrogatepass" if encoding.startswith("utf-") else "replace"),
    _edited() | FRAGMENT,
    _ENCODINGS.map(lambda name: "utf-8" if name == "utf-7" else name),
)


@st.composite
def json_files(draw: st.DrawFn) -> bytes:
    """JSON, nearly JSON, and bytes that only stand where JSON should."""
    match draw(st.sampled_from(("text", "text", "text", "bytes", "bytes", "random"))):
        case "text":
            data = draw(_ENCODED)
        case "bytes":
            data = draw(st.sampled_from(honest_json()).flatmap(lambda honest: mutated(honest, [s.encode() for s in _SCALARS[:40]])))
        case _:
            return draw(RANDOM)
    return draw(mutated(data)) if draw(ONE_IN_THREE) and data else data


@cache
def honest_notebook() -> bytes:
    """The reference's notebook."""
    return (REFERENCE / "q_optimizer_init.ipynb").read_bytes()


_CELL = st.sampled_from(('{"cell_type": "code", "source": ["x"], "outputs": []}', '{"cell_type": "raw"}', "{}", "[]", "null"))
NOTEBOOKS = st.one_of(
    st.builds(honest_notebook).flatmap(mutated),
    st.lists(_CELL | FRAGMENT, max_size=4).map(
        lambda cells: _dict([("cells", _list(cells)), ("nbformat", "4")]).encode(errors="replace")
    ),
    st.sampled_from((b"", b"{}", b"[" * 50_000, b'{"cells": [' + b"{}," * 50_000, b"\xff" * 1_000)),
)
