"""Opens a student's log files. Runs inside the sandbox: what comes back is plain data or a plain clause saying what is wrong."""

import io
import json
import re

import numpy as np

MAX_ARRAYS = 64
MAX_BYTES = 32 * 2**20
# A member as NumPy writes it, in version 1.0 of its format: of a type of numbers, in C order.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(<[fi][48]|<f2)', 'fortran_order': False, 'shape': \((\d{1,9}),\), \} *\n", re.DOTALL
)


def read_npz(data):
    """Return {"arrays": {name: array}} or {"error": clause}; pickled objects are never loaded."""
    if not data:
        return {"error": "is empty (0 bytes)"}
    try:
        archive = np.load(io.BytesIO(data), allow_pickle=False)
        if isinstance(archive, np.ndarray):
            return {"error": "is a single array, not an .npz archive"}
        with archive:
            arrays = {}
            size = 0
            for name in archive.files[:MAX_ARRAYS]:
                arrays[str(name)] = _array(archive, name)
                size += arrays[str(name)].nbytes
                if size > MAX_BYTES:
                    return {"error": "holds more data than such a log can"}
            return {"arrays": arrays}
    except MemoryError:
        return {"error": "announces arrays larger than such a log can be"}
    except Exception:  # zipfile and numpy raise a dozen kinds on bytes that only look like an archive
        return {"error": "is not a readable .npz file of plain arrays"}


def _array(archive, name):
    """`archive[name]`. A row of numbers, as histories are, is read here: NumPy reads its header with a parser for Python."""
    member = f"{name}.npy"
    if member in archive.zip.namelist() and archive.zip.getinfo(member).file_size <= MAX_BYTES:
        data = archive.zip.read(member)
        header = _HEADER.match(data)
        if header and int.from_bytes(data[8:10], "little") == header.end() - 10:
            dtype, count = np.dtype(header[1].decode()), int(header[2])
            if len(data) - header.end() == count * dtype.itemsize:
                return np.frombuffer(data, dtype, count, header.end()).copy()
    return archive[name]


def read_json(data):
    """Return {"value": data} or {"error": clause}."""
    if not data.strip():
        return {"error": "is empty"}
    try:
        return {"value": json.loads(data.decode("utf-8-sig"))}
    except (ValueError, RecursionError, MemoryError):
        return {"error": "is not valid JSON"}
