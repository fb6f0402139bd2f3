"""Changes to bytes that know nothing of what they mean: flipped, cut, repeated, overwritten with numbers that lie at an edge."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import strategies as st

EDGES = (
    0, 1, 2, 0x1F, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x10000, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 2**32,
    2**53 + 1, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1,
)  # fmt: skip
EDGE = st.sampled_from(EDGES)
PLACE = st.integers(0, 2**22)  # taken modulo the length
SMALL = st.integers(0, 63)
BYTE = st.integers(0, 255)
ONE_IN_THREE = st.sampled_from((False, False, True))
RARELY = st.sampled_from((False,) * 9 + (True,))
_COUNT = st.sampled_from((1, 1, 1, 2, 2, 3, 5, 8))
_CHANGES = st.sampled_from(
    ("flip", "flip", "byte", "byte", "number", "number", "number", "cut", "remove", "repeat", "insert", "swap", "random", "many")
)
_WIDTH = st.sampled_from((2, 4, 8))
_MARKS = re.compile(rb"PK\x01\x02|PK\x03\x04|PK\x05\x06|PK\x06\x06|PK\x06\x07|\x93NUMPY")
_TIMES = st.sampled_from((2, 3, 100, 5_000))
_YES_OR_NO = st.booleans()
RANDOM = st.binary(max_size=64)


@st.composite
def mutated(draw: st.DrawFn, data: bytes, pieces: Sequence[bytes] = (b"\0", b"\xff\xfe", b"PK\x03\x04", b"\x93NUMPY")) -> bytes:
    """`data` with some changes; half of them fall where an archive's records and an array's header are."""
    out = bytearray(data)
    marks = [match.start() for match in _MARKS.finditer(data)]
    for _ in range(draw(_COUNT)):
        at = draw(PLACE)
        if draw(_YES_OR_NO) and marks:
            at = marks[at % len(marks)] + draw(SMALL)
        at %= len(out) + 1
        match draw(_CHANGES):
            case "flip" if at < len(out):
                out[at] ^= 1 << draw(SMALL) % 8
            case "byte" if at < len(out):
                out[at] = draw(BYTE)
            case "number":
                width = draw(_WIDTH)
                out[at : at + width] = (draw(EDGE) % 256**width).to_bytes(width, "little")
            case "cut":
                del out[at:]
            case "remove":
                del out[at : at + 1 + draw(SMALL)]
            case "repeat":
                out[at:at] = bytes(out[at : at + 1 + draw(SMALL)]) * draw(_TIMES)
            case "insert":
                out[at:at] = pieces[draw(PLACE) % len(pieces)]
            case "swap":
                size, other = 1 + draw(SMALL), draw(PLACE) % (len(out) + 1)
                out[at : at + size], out[other : other + size] = out[other : other + size], out[at : at + size]
            case "random":
                out[at:at] = draw(RANDOM)
            case "many":
                out[at : at + 8] = bytes([draw(BYTE)]) * 8
    return bytes(out)
