"""Array files: headers that promise what does not follow, pickles in their place, and archives of them."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from functools import cache

import numpy as np
from hypothesis import strategies as st

from tests.fuzz.bytewise import EDGE, ONE_IN_THREE, PLACE, RANDOM, RARELY, mutated
from tests.fuzz.texts import REFERENCE, TEXT
from tests.fuzz.zips import Member, bombs, edited, packed


class Payload:
    """Unpickled anywhere, it ends that process."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        return os._exit, (0,)


def _objects() -> bytes:
    out = io.BytesIO()
    np.save(out, np.array([Payload()], dtype=object), allow_pickle=True)
    return out.getvalue()


PICKLES = (pickle.dumps(Payload()), pickle.dumps([0.5] * 6, protocol=0), _objects())
_DTYPES = st.sampled_from((
    "'<f8'", "'<f8'", "'<f8'", "'>f8'", "'<f4'", "'<f2'", "'<f16'", "'<i8'", "'?'", "'<c16'", "'|O'", "'|S4'", "'<U3'", "'|V0'",
    "'|V2147483647'", "'<U1000000000'", "'<M8[s]'", "'<m8[7D]'", "[('a', '<f8'), ('b', '|O')]", "('<f8', (2, 3))", "'q99'", "None",
    "{}",
    "'<f8,<i4'", "[]", "''", "b'<f8'", "0", "__import__('os').abort()", "'<f8'\0", "[('a', '<f8')] * 3",
    "[('', '<f8'), ('', '<f8')]",
    "'" + "x" * 9_000 + "'", "(" * 900 + ")" * 900, "-" * 3_000 + "1",
    "{'names': ['a'], 'formats': ['<f8'], 'offsets': [2147483647]}",
))  # fmt: skip
_EXTENT = st.sampled_from(("0", "1", "6", "200", "-1", "2.0", "True", "None", "'6'", "6L", "10**9")) | EDGE.map(str)
_SHAPES = (
    st.sampled_from(("(6,)", "(6,)", "(200,)", "()", "(0,)", "6", "[6]", "None", "(1,) * 40", str((1,) * 33), str((1,) * 70), "(",
    ")"))
    | st.lists(_EXTENT, max_size=4).map(lambda extents: "(" + "".join(f"{extent}, " for extent in extents) + ")")
)  # fmt: skip
_ORDERS = st.sampled_from(("False", "False", "False", "True", "1", "None", "'C'"))
_VERSIONS = st.sampled_from((b"\1\0", b"\1\0", b"\1\0", b"\2\0", b"\3\0", b"\0\0", b"\xff\xff"))
_DATA = (
    st.sampled_from(
        (
            np.full(6, 0.5).tobytes(),
            np.full(200, 2.3).tobytes(),
            np.full(6, np.nan).tobytes(),
            bytes(48),
            b"",
            bytes(2**20),
            b"\xff" * 1600,
        )
    )
    | RANDOM
)
_LAYOUTS = st.sampled_from((
    "{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}",
    "{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}",
    "{{'descr': {descr}, 'shape': {shape}, 'shape': (6,), 'fortran_order': {order}}}", "{{'descr': {descr}, 'shape': {shape}}}",
    "{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, 'more': 1}}", "[{descr}, {order}, {shape}]", "{descr}",
    "{shape}",
))  # fmt: skip


@st.composite
def npy(draw: st.DrawFn) -> bytes:
    """An .npy file whose header says anything."""
    descr, order, shape = (draw(strategy) for strategy in (_DTYPES, _ORDERS, _SHAPES))
    text = draw(_LAYOUTS).format(descr=descr, order=order, shape=shape)
    header = text.encode("utf-8", "replace").ljust(117) + b"\n"
    version = draw(_VERSIONS)
    announced = draw(EDGE) if draw(RARELY) else len(header)
    size = struct.pack("<H", announced % 2**16) if version < b"\2" else struct.pack("<L", announced % 2**32)
    return b"\x93NUMPY" + version + size + header + draw(_DATA)


@cache
def honest_npz() -> dict[str, bytes]:
    """The reference's archives of arrays, by file name."""
    return {path.name: path.read_bytes() for path in sorted((REFERENCE / "submission_logs").glob("*.npz"))}


@cache
def _honest_members() -> tuple[tuple[Member, ...], ...]:
    return tuple(
        tuple(Member(name.encode(), archive.read(name), zipfile.ZIP_STORED) for name in archive.namelist())
        for archive in (zipfile.ZipFile(io.BytesIO(data)) for data in honest_npz().values())
    )


_KEYS = st.sampled_from(
    (b"train_losses.npy", b"train_accs.npy", b"val_accs.npy", b"train_losses", b".npy", b"../x.npy", b"")
) | TEXT.map(lambda text: text.encode("utf-8", "replace") + b".npy")
_MEMBER_DATA = npy() | st.sampled_from(PICKLES) | st.builds(bombs).flatmap(st.sampled_from) | RANDOM


@st.composite
def _replaced(draw: st.DrawFn) -> list[Member]:
    """An honest archive with one of its arrays, or several, exchanged."""
    members = list(draw(st.sampled_from(_honest_members())))
    for _ in range(draw(st.sampled_from((1, 1, 2)))):
        at = draw(PLACE) % len(members)
        members[at] = Member(draw(_KEYS) if draw(ONE_IN_THREE) else members[at].name, draw(_MEMBER_DATA))
    return members


_FROM_SCRATCH = st.lists(st.builds(Member, _KEYS, _MEMBER_DATA), max_size=4)
_MANY = st.integers(0, 400).map(lambda count: [Member(b"a%d.npy" % at, b"") for at in range(count)])

NPZ = st.one_of(
    st.sampled_from(sorted(honest_npz().values())).flatmap(mutated),
    packed(_replaced()),
    packed(st.sampled_from(_honest_members()).flatmap(lambda members: edited(members, _KEYS))),
    packed(_FROM_SCRATCH | _MANY),
    npy(),
    st.sampled_from(PICKLES).flatmap(mutated),
    st.sampled_from(PICKLES + bombs()),
    RANDOM,
)
