"""Source files: the reference's, with tokens, lines, answers, bytes and encodings changed, and files made to hurt a compiler."""

from __future__ import annotations

import re
from functools import cache

from hypothesis import strategies as st

from tests.conftest import FC_NET, OPTIM, SOLVER
from tests.fuzz.bytewise import PLACE, RANDOM, SMALL, mutated
from tests.fuzz.texts import NASTY, REFERENCE

FILES = (OPTIM, FC_NET, SOLVER)
_TOKEN = re.compile(r"[^\S\n]+|\n|\w+|[^\w\s]")
PIECES = (
    "0", "1", "-1", "1e309", "0x", "1_", "9" * 5_000, "None", "True", "w", "config", "self", "np", "np.inf", "np.nan", "nan",
    "...", "()",
    "[]", "{}", "(", ")", "[", "]", ":", ",", ".", "=", "==", "+", "-", "*", "/", "**", "@", "%", "//", "<", ":=", "->", "\\", "'",
    '"""',
    "if", "else", "for", "in", "not", "lambda", "def", "class", "return", "raise", "yield", "await", "async", "del", "global",
    "nonlocal",
    "import", "from", "as", "with", "try", "except", "finally", "pass", "break", "continue", "assert", "exec", "eval", "print",
    "# coding: utf-7\n", "# -*- coding: rot13 -*-\n", "from __future__ import braces\n", "import nowhere\n", "import os\n",
    "from . import *\n",
    "raise SystemExit(0)\n", "raise BaseException\n", "while True: pass\n", "print('PASSED ' * 9999)\n", "import os; os._exit(0)\n",
    "__import__('ctypes').string_at(0)\n", "raise MemoryError\n", "raise RecursionError('x' * 99999)\n", "\t", "    ", "\f", "f'{",
    "f'{x!r:{y}}'",
    "x: int", "match w:\n", "@staticmethod\n", "*", "**kw", "__class__", "__debug__ = 1\n", "np.random.seed(0)\n",
    "w[...] = np.nan\n",
    "sys.setrecursionlimit(10**9)\n", "\u202e", "\ufeff", "\0", "\ud800", "é", "Ω", "\u200b", "\x1b[2J", "\r", "\x0c", "\u037e",
)  # fmt: skip
ANSWERS = (
    "None", "0", "w", "(w,)", "(w, config, 1)", "([], {})", "(np.array(['x']), {})", "(np.array([None]), {})",
    "(np.zeros(0), {1: 2})",
    "(np.zeros((10**6,)), {})", "(np.zeros(10**9), {})", "(w, {'m': ..., 'v': print, 't': '5'})",
    "(w, {'\\ud800': 1, '\\ud801': 2})",
    "(np.float16(1), {})", "(np.longdouble(1), {})", "(np.ma.masked_all(3), {})", "(np.zeros(3, 'M8[s]'), {})",
    "(w.astype(complex), config)",
    "(w.astype(object), config)", "(np.full_like(w, np.nan), config)", "(np.full_like(w, 1e308), config)",
    "(w * np.inf, {'t': 10**400})",
    "(memoryview(b''), dict)", "iter(())", "type('T', (np.ndarray,), {})(3)", "type('T', (), {'__getattr__': None})()",
    "[[[[[[]]]]]] * 9",
    "([0] * 200_000, {})", "(b'x' * 2**20, 'x' * 2**20)", "(a := [], a.append(a))", "(float('nan'), {'W1': None})", "({}, 1.0)",
    "(1.0, {})",
    "('\\x1b[2J\\u202e', {'PASSED': 1})", "NotImplemented", "1 / 0", "exit()", "globals()", "locals()", "lambda: 0", "__builtins__",
    "np.broadcast_to(w, (3,) + w.shape), config", "(-w, config)", "(w.T, config)", "(w[::-1], config)", "(True, config)",
    "(w > 0, config)",
)  # fmt: skip
_FROM_SCRATCH = (
    b"", b"\n", b"\0", b"\xff\xfe\0", b"\xef\xbb\xbfx = 1\n", b"x = 1\0\n", b"(" * 5_000, b"(" * 90 + b")" * 90,
    b"[" * 5_000 + b"]" * 5_000,
    b"-" * 100_000 + b"1", b"x = " + b"1+" * 50_000 + b"1\n", b"x = " + b"9" * 100_000 + b"\n",
    b"x = '" + b"y" * (3 * 2**20) + b"'\n",
    b"# " + b"z" * (10 * 2**20) + b"\n", b"x = 1;" * 100_000, b"if 1:\n" * 200,
    b"".join(b" " * n + b"if 1:\n" for n in range(120)) + b" " * 120 + b"0",
    b"def f(" + b",".join(b"a%d" % n for n in range(5_000)) + b"): pass\n", b"f'" + b"{f\"" * 200, b"lambda: " * 3_000 + b"0\n",
    b"a" + b".a" * 50_000 + b"\n", b"a" + b"()" * 50_000 + b"\n", b"not " * 50_000 + b"0\n", b"x = [0] * 10**12\n",
    b"x = 9**9**9\n",
    b"import deeplearning.optim as deeplearning\n", b"from deeplearning.optim import *\n", b"import sys; sys.modules.clear()\n",
    b"def adam(*a): return adam(*a)\nsgd_momentum = rmsprop = adam\n", b"def __getattr__(name): return __getattr__\n",
    b"\\\n" * 50_000,
    b"#!/bin/sh\nexit 0\n", b"PK\3\4", b"{\\rtf1 hello}", b"<html>" * 99, b"\x80\x04\x95",
    b"class FullyConnectedNet: pass\nclass Solver: pass\n",
)  # fmt: skip
_ENCODINGS = st.sampled_from(("utf-16", "utf-16-le", "utf-32", "latin-1", "cp037", "utf-8-sig", "utf-7", "ascii"))
_COOKIES = st.sampled_from(
    ("utf-7", "utf-16", "latin-1", "rot13", "unicode_escape", "punycode", "idna", "nonsense", "utf-8", "\ud800")
)


@cache
def honest() -> dict[str, str]:
    """The reference's source files."""
    return {name: (REFERENCE / name).read_text("utf-8") for name in FILES}


@cache
def _tokens(name: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(honest()[name]))


@cache
def _places(name: str) -> tuple[int, ...]:
    """Where tokens stand that are no white space and no part of a comment or a text, more or less."""
    tokens, found, line = _tokens(name), [], ""
    for at, token in enumerate(tokens):
        line = "" if token == "\n" else line + token
        if not token.isspace() and "#" not in line and '"' not in line:
            found.append(at)
    return tuple(found)


@st.composite
def _retokened(draw: st.DrawFn, name: str) -> str:
    """The file with tokens replaced, dropped, doubled, inserted or exchanged."""
    tokens, places = list(_tokens(name)), _places(name)
    for _ in range(draw(st.sampled_from((1, 1, 1, 1, 2, 4)))):
        at = places[draw(PLACE) % len(places)]
        match draw(st.sampled_from(("replace", "drop", "double", "insert", "exchange"))):
            case "replace":
                tokens[at] = PIECES[draw(PLACE) % len(PIECES)]
            case "drop":
                tokens[at] = ""
            case "double":
                tokens[at] *= 2
            case "insert":
                tokens[at] += PIECES[draw(PLACE) % len(PIECES)]
            case "exchange":
                other = places[draw(PLACE) % len(places)]
                tokens[at], tokens[other] = tokens[other], tokens[at]
    return "".join(tokens)


@st.composite
def _relined(draw: st.DrawFn, name: str) -> str:
    """The file with lines dropped, doubled, exchanged, moved in or out, or with a piece of text put between them."""
    lines = honest()[name].splitlines(keepends=True)
    for _ in range(draw(st.sampled_from((1, 1, 2, 3)))):
        at, other = draw(PLACE) % len(lines), draw(PLACE) % len(lines)
        match draw(st.sampled_from(("drop", "double", "exchange", "in", "out", "insert"))):
            case "drop":
                lines[at] = ""
            case "double":
                lines[at] *= 1 + draw(SMALL)
            case "exchange":
                lines[at], lines[other] = lines[other], lines[at]
            case "in":
                lines[at] = "    " + lines[at]
            case "out":
                lines[at] = lines[at].removeprefix("    ")
            case "insert":
                indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
                lines[at] += indent + PIECES[draw(PLACE) % len(PIECES)].rstrip("\n") + "\n"
    return "".join(lines)


@st.composite
def _answering(draw: st.DrawFn, name: str) -> str:
    """The file with one of its functions returning something else, or one of its assignments taking it."""
    text = honest()[name]
    found = list(re.finditer(r"^( +)(return|[\w.\[\]'\"]+ =)( .+)?$", text, re.M))
    match = found[draw(PLACE) % len(found)]
    answer = ANSWERS[draw(PLACE) % len(ANSWERS)]
    return f"{text[: match.start()]}{match[1]}{match[2]} {answer}{text[match.end() :]}"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@st.composite
def sources(draw: st.DrawFn) -> tuple[str, bytes]:
    """A student file's name and its bytes."""
    name = draw(st.sampled_from(FILES))
    match draw(
        st.sampled_from(("tokens", "tokens", "tokens", "lines", "lines", "answers", "answers", "bytes", "encoding", "scratch"))
    ):
        case "tokens":
            return name, _encoded(draw(_retokened(name)))
        case "lines":
            return name, _encoded(draw(_relined(name)))
        case "answers":
            return name, _encoded(draw(_answering(name)))
        case "bytes":
            return name, draw(mutated(_encoded(honest()[name]), [_encoded(piece) for piece in PIECES + NASTY]))
        case "encoding":
            if draw(st.booleans()):
                return name, honest()[name].encode(draw(_ENCODINGS), "replace")
            return name, _encoded(f"# -*- coding: {draw(_COOKIES)} -*-\nx = 'é+AGE-'\n") + _encoded(honest()[name])
    return name, draw(st.sampled_from(_FROM_SCRATCH) | RANDOM)
