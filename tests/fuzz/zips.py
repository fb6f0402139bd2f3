"""Zip archives written record by record, so that every field can lie: members, directory, end records, what stands around them."""

from __future__ import annotations

import binascii
import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache

from hypothesis import strategies as st

from tests.fuzz.bytewise import EDGE, PLACE, RANDOM, RARELY, mutated
from tests.fuzz.texts import NASTY, NOTEBOOKS, REFERENCE, TEXT, json_files

LOCAL = struct.Struct("<4s5H3L2H")
LOCAL_FIELDS = ("need", "flags", "method", "time", "date", "crc", "packed", "size", "names", "extras")
CENTRAL = struct.Struct("<4s6H3L5H2L")
CENTRAL_FIELDS = (
    "made", "need", "flags", "method", "time", "date", "crc", "packed", "size", "names", "extras", "comments", "disk", "inner",
    "outer",
    "offset",
)  # fmt: skip
END = struct.Struct("<4s4H2LH")
END_FIELDS = ("disk", "start_disk", "here", "total", "size", "offset", "comments")
END64_FIELDS = ("record", "made", "need", "disk", "start_disk", "here", "total", "size", "offset")
_LONG_FIELDS = {"crc", "packed", "size", "offset", "outer"}
Lies = Mapping[str, int]


@dataclass(frozen=True)
class Member:
    """One entry; `local` and `central` replace fields of its two headers."""

    name: bytes
    data: bytes
    method: int = zipfile.ZIP_DEFLATED
    flags: int = 0
    mode: int = 0o100644
    extra: bytes = b""
    comment: bytes = b""
    local: Lies = field(default_factory=dict)
    central: Lies = field(default_factory=dict)


@lru_cache(maxsize=64)
def _packed(data: bytes, method: int) -> bytes:
    if method == zipfile.ZIP_DEFLATED:
        squeezer = zlib.compressobj(1, zlib.DEFLATED, -15)
        return squeezer.compress(data) + squeezer.flush()
    if method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as made:
            made.writestr("x", data)
            info = made.getinfo("x")
        return out.getvalue()[31 : 31 + info.compress_size]
    return data


def _record(shape: struct.Struct, signature: bytes, fields: Sequence[str], values: Mapping[str, int]) -> bytes:
    return shape.pack(signature, *(values[name] % 2 ** (32 if name in _LONG_FIELDS else 16) for name in fields))


def pack(members: Sequence[Member], *, end: Lies | None = None, end64: Lies | None = None, comment: bytes = b"") -> bytes:
    """The archive; `end` and `end64` replace fields of the end records, of which the long one is left out without `end64`."""
    out, directory = bytearray(), bytearray()
    for member in members:
        body = _packed(member.data, member.method)
        honest = {
            "made": 0x314, "need": 20, "flags": member.flags, "method": member.method, "time": 0, "date": 0x5A21,
            "crc": binascii.crc32(member.data), "packed": len(body), "size": len(member.data), "names": len(member.name),
            "extras": len(member.extra), "comments": len(member.comment), "disk": 0, "inner": 0, "outer": member.mode << 16,
            "offset": len(out),
        }  # fmt: skip
        directory += _record(CENTRAL, b"PK\1\2", CENTRAL_FIELDS, honest | dict(member.central))
        directory += member.name + member.extra + member.comment
        out += _record(LOCAL, b"PK\3\4", LOCAL_FIELDS, honest | dict(member.local)) + member.name + member.extra + body
    start, count = len(out), len(members)
    last = {
        "record": 44, "made": 45, "need": 45, "disk": 0, "start_disk": 0, "here": count, "total": count, "size": len(directory),
        "offset": start, "comments": len(comment),
    }  # fmt: skip
    out += directory
    if end64 is not None:
        long = last | dict(end64)
        values = (long[name] % 2**w for name, w in zip(END64_FIELDS, (64, 16, 16, 32, 32, 64, 64, 64, 64), strict=True))
        place = end64.get("place", len(out))
        out += struct.pack("<4sQ2H2L4Q", b"PK\6\6", *values) + struct.pack("<4sLQL", b"PK\6\7", 0, place % 2**64, 1)
    return bytes(out) + _record(END, b"PK\5\6", END_FIELDS, last | dict(end or {})) + comment


@cache
def honest_members() -> tuple[Member, ...]:
    """The reference, file by file."""
    files = sorted(path for path in REFERENCE.rglob("*") if path.is_file())
    return tuple(Member(path.relative_to(REFERENCE).as_posix().encode(), path.read_bytes()) for path in files)


@cache
def bombs() -> tuple[bytes, ...]:
    """Contents that are small in an archive only, and archives inside archives."""
    zeros = bytes(2**20)
    inner = pack([Member(b"deeplearning/optim.py", zeros * 3)])
    for _ in range(5):
        inner = pack([Member(b"submission.zip", inner), Member(b"deeplearning/optim.py", inner)])
    return zeros, zeros * 5, inner, b"x = 0  #" + b" " * 10 * 2**20


CANONICAL = tuple(member.name for member in honest_members())
_NAMES = (
    b"../x", b"/etc/passwd", b"C:\\x", b"a/../../b", b"\\\\host\\x", b"", b"/", b"//", b".", b"./deeplearning/optim.py", b"a\0b",
    b"a\nb",
    b"deeplearning", b"deeplearning/", b"submission_logs", b"submission_logs/", b"deeplearning/optim.py/", b"DEEPLEARNING/OPTIM.PY",
    b"hw/deeplearning/optim.py", b"hw\\deeplearning\\solver.py", b"optim.py", b"__MACOSX/._x", b"a/" * 40 + b"x.py", b"n" * 5_000,
    b"submission_logs/\xff\xfe.npz", b"submission_logs/.json", b"x.ipynb", b"\xe2\x80\xae.ipynb", b"deeplearning/layers.py", b"CON",
    b"deeplearning/optim.py ", b"deeplearning//optim.py", b"submission_logs/a/b.npz",
)  # fmt: skip
NAMES = st.sampled_from(_NAMES + CANONICAL) | TEXT.map(lambda text: text.encode("utf-8", "replace")) | RANDOM
CONTENTS = (
    st.sampled_from((b"", b"x = 1\n", b"\0" * 100)) | RANDOM | st.builds(bombs).flatmap(st.sampled_from) | json_files() | NOTEBOOKS
    | st.sampled_from(NASTY).map(lambda text: text.encode("utf-8", "surrogatepass") * 9)
)  # fmt: skip
_METHODS = st.sampled_from((0, 0, 8, 8, 8, 9, 12, 14, 93, 99))
_MODES = st.sampled_from((0, 0o100644, 0o120777, 0o040755, 0o010644, 0o020644, 0o060644, 0o140644, 0o177777, 0o100000))
_FLAGS = st.sampled_from((0, 1, 8, 0x20, 0x40, 0x800, 0x2000, 0xFFFF))
EXTRAS = st.one_of(
    st.lists(EDGE, max_size=4).map(lambda values: struct.pack(f"<HH{len(values)}Q", 1, 8 * len(values), *values)),
    st.tuples(EDGE, EDGE, RANDOM).map(lambda parts: struct.pack("<HH", parts[0] % 2**16, parts[1] % 2**16) + parts[2]),
    st.builds(lambda crc, name: struct.pack("<HHBL", 0x7075, 5 + len(name), 1, crc % 2**32) + name, EDGE, RANDOM),
)


def lies(fields: Sequence[str]) -> st.SearchStrategy[dict[str, int]]:
    """Some of these fields with numbers at an edge."""
    return st.dictionaries(st.sampled_from(fields), EDGE, min_size=1, max_size=3)


_HEADER_LIES = (lies(LOCAL_FIELDS), lies(CENTRAL_FIELDS))
_END_LIES, _END64_LIES = lies(END_FIELDS), lies((*END64_FIELDS, "place"))
_NO_LIES: st.SearchStrategy[dict[str, int]] = st.just({})
_EXTENDED = st.sampled_from(("size", "packed", "offset"))
_EDITS = st.sampled_from(
    (
        "name",
        "name",
        "data",
        "data",
        "method",
        "flags",
        "mode",
        "local",
        "central",
        "central",
        "extra",
        "wide",
        "drop",
        "double",
        "add",
    )
)


@st.composite
def edited(draw: st.DrawFn, members: Sequence[Member], names: st.SearchStrategy[bytes] = NAMES) -> list[Member]:
    """An archive's members with a few of them changed in one part each."""
    found = list(members)
    for _ in range(draw(st.sampled_from((1, 1, 2, 3, 5)))):
        if not found:
            found.append(Member(b"x", b""))
        at = draw(PLACE) % len(found)
        match draw(_EDITS):
            case "name":
                found[at] = replace(found[at], name=draw(names))
            case "data":
                found[at] = replace(found[at], data=draw(CONTENTS))
            case "method":
                found[at] = replace(found[at], method=draw(_METHODS))
            case "flags":
                found[at] = replace(found[at], flags=draw(_FLAGS))
            case "mode":
                found[at] = replace(found[at], mode=draw(_MODES))
            case "local":
                found[at] = replace(found[at], local=draw(_HEADER_LIES[0]))
            case "central":
                found[at] = replace(found[at], central=draw(_HEADER_LIES[1]))
            case "extra":
                found[at] = replace(found[at], extra=draw(EXTRAS))
            case "wide":  # a field that says "see the extra", and an extra that says anything
                values = [draw(EDGE) for _ in range(3)]
                extra = struct.pack("<HH3Q", 1, 24, *values)
                found[at] = replace(found[at], extra=extra, central={draw(_EXTENDED): 2**32 - 1})
            case "drop":
                del found[at]
            case "double":
                found.append(replace(found[at], data=draw(RANDOM)))
            case "add":
                found.append(Member(draw(names), draw(CONTENTS), draw(_METHODS)))
    return found


_SCRATCH = st.lists(st.builds(Member, NAMES, CONTENTS, _METHODS, _FLAGS, _MODES), max_size=5)


@st.composite
def packed(draw: st.DrawFn, members: st.SearchStrategy[list[Member]]) -> bytes:
    """The members as an archive, whose end records may lie and around which anything may stand."""
    end = draw(_END_LIES) if draw(RARELY) else None
    end64 = draw(_END64_LIES | _NO_LIES) if draw(RARELY) else None
    comment = draw(RANDOM) if draw(RARELY) else b""
    data = pack(draw(members), end=end, end64=end64, comment=comment)
    if draw(RARELY):
        data = draw(RANDOM) + data
    return draw(mutated(data)) if draw(RARELY) else data


def _few(members: Sequence[Member]) -> list[Member]:
    """Enough of the reference to be graded, and small."""
    return [member for member in members if b".npz" not in member.name]


SUBMISSIONS = st.one_of(
    packed(edited(_few(honest_members()))),
    packed(edited(honest_members())),
    packed(_SCRATCH),
    st.just(pack(honest_members())).flatmap(mutated),
    st.just(pack(_few(honest_members()))).flatmap(mutated),
    RANDOM.map(lambda data: b"PK\3\4" + data),
)
