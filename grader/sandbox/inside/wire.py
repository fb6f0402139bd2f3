"""The wire between grader and sandbox: frames of plain data, decoded without trusting a byte.

A frame is MAGIC, the body's length (u32, little-endian) and the body; a body is one value. Every value starts with a tag:

    N none   T true   F false        i int64         d float64 (its 8 bytes, so NaN and infinities survive)
    s text (u32 length, UTF-8)       b bytes (u32 length)
    l list   t tuple (u32 count, values)             m dict (u32 count; text keys, each once; values)
    a array  g NumPy scalar (dtype code u8, ndim u8, u64 sizes, C-order bytes)
    r register (u32): an object that stays inside, named by the grader     o opaque (text): what the sandbox cannot send

There is no way to name a class, so decoding cannot run code. Decoding raises `WireError` on the first byte that does not fit;
sizes are compared with the bytes at hand before anything is allocated.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

MAGIC: Final = b"QOI1"
HEADER: Final = struct.Struct("<4sI")
MAX_FRAME: Final = 64 * 2**20
MAX_DEPTH: Final = 16
MAX_VALUES: Final = 100_000
MAX_NDIM: Final = 16

DTYPES: Final = tuple(
    np.dtype(name) for name in ("?", "i1", "<i2", "<i4", "<i8", "u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8", "<c8", "<c16")
)
_CODE: Final = {dtype: code for code, dtype in enumerate(DTYPES)}
_U32: Final = struct.Struct("<I")
_I64: Final = struct.Struct("<q")
_F64: Final = struct.Struct("<d")
_SHAPES: Final = tuple(struct.Struct(f"<{ndim}Q") for ndim in range(MAX_NDIM + 1))
_ARRAY, _NUMPY_NUMBER, _LIST, _TUPLE, _DICT = b"agltm"
_CONSTANTS: Final[dict[int, bool | None]] = {ord("N"): None, ord("T"): True, ord("F"): False}
_FIXED: Final = {ord("i"): 8, ord("d"): 8, ord("r"): 4}
_SIZED: Final = frozenset(b"sbo")
_SHORT: Final = "a frame ends before its value does"
_UNKNOWN: Final = "a value starts with an unknown tag"
_LARGE: Final = "an array announces more values than a frame can hold"


class WireError(Exception):
    """A frame that does not follow the format or exceeds a limit."""


@dataclass(frozen=True, slots=True)
class Register:
    """A slot in the sandbox where an object stays; only the grader hands out numbers."""

    number: int


@dataclass(frozen=True, slots=True)
class Raw:
    """A value that is already encoded (see `encoded`); goes into a frame as it is. `values` is how many it is made of."""

    body: bytes
    values: int


@dataclass(frozen=True, slots=True)
class Opaque:
    """Stands for an object of a type that cannot cross; `type_name` is a claim of the sandbox, for messages only."""

    type_name: str


@dataclass(frozen=True, slots=True)
class Size:
    """How much a value is: parts (itself and all within), bytes of texts, entries of arrays (one at least for each)."""

    parts: int
    texts: int = 0
    entries: int = 0


def frame(value: Any) -> bytes:
    """Return `value` as one frame, header included.

    Raises:
        WireError: the encoded value is larger than `MAX_FRAME` bytes, nested deeper than `MAX_DEPTH` or has more than
            `MAX_VALUES` parts.
    """
    writer = _Writer()
    writer.out += bytes(HEADER.size)
    writer.value(value, 0)
    out = writer.out
    size = len(out) - HEADER.size
    if size > MAX_FRAME:
        raise WireError(f"a value of {size} bytes is larger than the limit of {MAX_FRAME}")
    HEADER.pack_into(out, 0, MAGIC, size)
    return bytes(out)


def encoded(value: Any) -> Raw:
    """Freeze `value` as it is now: what happens to it later no longer shows.

    Raises:
        WireError: as `frame`.
    """
    writer = _Writer()
    writer.value(value, 2)  # a Raw stands inside a reply's dict and list
    if len(writer.out) > MAX_FRAME:
        raise WireError(f"a value of {len(writer.out)} bytes is larger than the limit of {MAX_FRAME}")
    return Raw(bytes(writer.out), writer.values)


def body_size(header: bytes) -> int:
    """Return the length in bytes of the body that follows `header` (8 bytes).

    Raises:
        WireError: wrong magic, or a length beyond `MAX_FRAME`.
    """
    magic, size = HEADER.unpack(header)
    if magic != MAGIC:
        raise WireError("a frame does not start with the magic bytes")
    if size > MAX_FRAME:
        raise WireError(f"a frame announces {size} bytes; the limit is {MAX_FRAME}")
    return int(size)


def decode(body: bytes | memoryview) -> Any:
    """Return the one value in `body`; arrays are fresh, writable and of the base class.

    Raises:
        WireError: anything that is not exactly one well-formed value within the limits.
    """
    reader = Reader(body)
    value = reader.value(0)
    reader.end()
    return value


class _Writer:
    """One body in the making. What a subclass overrides is not asked: the base class's own data is sent."""

    def __init__(self) -> None:
        self.out = bytearray()
        self.values = 0

    def value(self, value: Any, depth: int) -> None:
        self.count(1, depth)
        out = self.out
        kind = type(value)  # `isinstance` would believe what `__class__` claims
        if kind is np.ndarray:
            _encode_array(value, out)
        elif value is None:
            out += b"N"
        elif kind is bool:
            out += b"T" if value else b"F"
        elif kind is int and -(2**63) <= value < 2**63:
            out += b"i" + _I64.pack(value)
        elif kind is float:
            out += b"d" + _F64.pack(value)
        elif issubclass(kind, str):
            _sized(b"s", str.encode(value, "utf-8", "replace"), out)
        elif kind is bytes:
            _sized(b"b", value, out)
        elif issubclass(kind, np.generic | np.ndarray):
            _encode_array(value, out)
        elif issubclass(kind, list):
            self.sequence(b"l", tuple(list.__iter__(value)), depth)
        elif issubclass(kind, tuple):
            self.sequence(b"t", tuple(tuple.__iter__(value)), depth)
        elif issubclass(kind, dict) and (items := _text_items(value)) is not None:
            out += b"m" + _U32.pack(len(items))
            for key, item in items:
                _sized(b"", key, out)
                self.value(item, depth + 1)
        elif kind is Register:
            out += b"r" + _U32.pack(value.number)
        elif kind is Raw:
            self.count(value.values - 1, depth)
            out += value.body
        else:
            name = value.type_name if kind is Opaque else kind.__name__
            _sized(b"o", str(name)[:200].encode("utf-8", "replace"), out)

    def count(self, values: int, depth: int) -> None:
        self.values += values
        if depth > MAX_DEPTH or self.values > MAX_VALUES:
            raise WireError(f"a value is nested deeper than {MAX_DEPTH} or has more than {MAX_VALUES} parts")

    def sequence(self, tag: bytes, items: tuple[Any, ...], depth: int) -> None:
        self.out += tag + _U32.pack(len(items))
        for item in items:
            self.value(item, depth + 1)


def _text_items(value: dict[Any, Any]) -> list[tuple[bytes, Any]] | None:
    """The items of a dict under their encoded keys; None when keys are not text, or are the same once encoded."""
    items = [(key.encode("utf-8", "replace"), item) for key, item in dict.items(value) if type(key) is str]
    return items if len({key for key, _ in items}) == dict.__len__(value) else None


def _sized(tag: bytes, data: bytes, out: bytearray) -> None:
    out += tag
    out += _U32.pack(len(data))
    out += data


def _encode_array(value: np.generic | np.ndarray[Any, Any], out: bytearray) -> None:
    array = value if type(value) is np.ndarray else np.asarray(value)
    little = array.dtype
    code = _CODE.get(little)
    if code is None and little.kind in "iufc":
        little = little.newbyteorder("<")
        code = _CODE.get(little)
    if code is None or array.ndim > MAX_NDIM:
        _sized(b"o", f"{type(value).__name__} of {array.dtype.name}"[:200].encode(), out)
        return
    out += b"g" if isinstance(value, np.generic) else b"a"
    out += bytes((code, array.ndim))
    out += _SHAPES[array.ndim].pack(*array.shape)
    out += array.astype(little, copy=False).tobytes()


class Reader:
    """A cursor over one body; every step is checked against what is left, and nothing is made of what is skipped."""

    def __init__(self, body: bytes | memoryview) -> None:
        self.body = body
        self.at = 0
        self.values = 0

    def end(self) -> None:
        """Make sure that all was read.

        Raises:
            WireError: it was not.
        """
        if self.at != len(self.body):
            raise WireError("bytes are left over after the value")

    def peek(self) -> int:
        """The tag of the value that comes next.

        Raises:
            WireError: there is none.
        """
        try:
            return self.body[self.at]
        except IndexError:
            raise WireError(_SHORT) from None

    def begin(self, depth: int) -> int:
        """The tag of the value that is read now.

        Raises:
            WireError: there is none, or it is one too many.
        """
        self.values += 1
        if depth > MAX_DEPTH or self.values > MAX_VALUES:
            raise WireError("a value is nested too deep or has too many parts")
        tag = self.peek()
        self.at += 1
        return tag

    def value(self, depth: int) -> Any:
        """The next value, whatever it is; every step of reading raises `WireError` where the bytes do not fit."""
        tag = self.begin(depth)
        if tag == _ARRAY:
            return self.array(scalar=False)
        if tag == _DICT:
            return self.mapping(depth)
        if tag == _TUPLE:
            return tuple([self.value(depth + 1) for _ in range(self.count())])
        if tag == _LIST:
            return [self.value(depth + 1) for _ in range(self.count())]
        if tag in _CONSTANTS:
            return _CONSTANTS[tag]
        match chr(tag):
            case "i":
                return self.number(_I64)
            case "d":
                return self.number(_F64)
            case "s":
                return self.text()
            case "b":
                return bytes(self.take(self.number(_U32)))
            case "g":
                return self.array(scalar=True)
            case "r":
                return Register(self.number(_U32))
            case "o":
                return Opaque(self.text())
        raise WireError(_UNKNOWN)

    def skip(self, depth: int) -> Size:
        """Pass over the next value; how much it is. Only its structure is looked at, no text and no number in it."""
        tag = self.begin(depth)
        if tag in _CONSTANTS:
            return Size(1)
        if tag in _FIXED:
            self.take(_FIXED[tag])
            return Size(1)
        if tag in _SIZED:
            length = self.number(_U32)
            self.take(length)
            return Size(1, texts=length)
        if tag in (_ARRAY, _NUMPY_NUMBER):
            dtype, _, size = self.header(scalar=tag == _NUMPY_NUMBER)
            self.take(size * dtype.itemsize)
            return Size(1, entries=max(size, 1))  # where no entries are wanted, no empty array is either
        if tag not in (_LIST, _TUPLE, _DICT):
            raise WireError(_UNKNOWN)
        parts, texts, entries = 1, 0, 0
        for _ in range(self.count()):
            if tag == _DICT:
                length = self.number(_U32)
                self.take(length)
                texts += length
            part = self.skip(depth + 1)
            parts, texts, entries = parts + part.parts, texts + part.texts, entries + part.entries
        return Size(parts, texts, entries)

    def take(self, count: int) -> bytes | memoryview:
        end = self.at + count
        if end > len(self.body):
            raise WireError(_SHORT)
        part = self.body[self.at : end]
        self.at = end
        return part

    def number(self, form: struct.Struct) -> Any:
        at = self.at
        self.at = at + form.size
        try:
            return form.unpack_from(self.body, at)[0]
        except struct.error:
            raise WireError(_SHORT) from None

    def length(self) -> int:
        """How many bytes, or values, are announced next."""
        return int(self.number(_U32))

    def text(self) -> str:
        try:
            return str(self.take(self.number(_U32)), "utf-8")
        except UnicodeDecodeError:
            raise WireError("a text is not UTF-8") from None

    def count(self) -> int:
        count: int = self.number(_U32)
        if count > len(self.body) - self.at:  # every item takes at least one byte
            raise WireError("a container announces more items than bytes are left")
        return count

    def mapping(self, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for _ in range(self.count()):
            key = self.text()
            if key in result:
                raise WireError("a dict has the same key twice")
            result[key] = self.value(depth + 1)
        return result

    def header(self, *, scalar: bool) -> tuple[np.dtype[Any], tuple[int, ...], int]:
        """Type, shape and number of entries of an array whose bytes come next."""
        code, ndim = self.take(2)
        if code >= len(DTYPES) or ndim > MAX_NDIM or (scalar and ndim):
            raise WireError("an array has an unknown dtype or too many dimensions")
        dtype = DTYPES[code]
        try:
            shape = _SHAPES[ndim].unpack_from(self.body, self.at)
        except struct.error:
            raise WireError(_SHORT) from None
        self.at += 8 * ndim
        size = 1
        for extent in shape:
            if extent > MAX_FRAME:  # a zero extent makes any other extent free, so those are bounded too before NumPy sees them
                raise WireError(_LARGE)
            size *= extent
        if size * dtype.itemsize > MAX_FRAME:
            raise WireError(_LARGE)
        return dtype, shape, size

    def array(self, *, scalar: bool) -> Any:
        array = self.entries(*self.header(scalar=scalar))
        return array[()] if scalar else array

    def entries(self, dtype: np.dtype[Any], shape: tuple[int, ...], size: int) -> np.ndarray[Any, Any]:
        """The array whose header was read."""
        data = self.take(size * dtype.itemsize)
        array = np.frombuffer(data, dtype, size) if size else np.empty(0, dtype)
        if dtype.kind == "b":  # any byte but 0 and 1 would be a bool that equals neither
            array = array.view(np.uint8).astype(np.bool_)
        try:
            return array.reshape(shape).copy()
        except ValueError:  # extents beside a zero whose product NumPy cannot count
            raise WireError("an array has an impossible shape") from None
