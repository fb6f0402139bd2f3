"""Opens a student's log files. Runs inside the sandbox: what comes back is plain data or a plain clause saying what is wrong."""

import io
import json

import numpy as np

MAX_ARRAYS = 64
MAX_BYTES = 32 * 2**20


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
                arrays[str(name)] = archive[name]
                size += arrays[str(name)].nbytes
                if size > MAX_BYTES:
                    return {"error": "holds more data than such a log can"}
            return {"arrays": arrays}
    except MemoryError:
        return {"error": "announces arrays larger than such a log can be"}
    except Exception:  # zipfile and numpy raise a dozen kinds on bytes that only look like an archive
        return {"error": "is not a readable .npz file of plain arrays"}


def read_json(data):
    """Return {"value": data} or {"error": clause}."""
    if not data.strip():
        return {"error": "is empty"}
    try:
        return {"value": json.loads(data.decode("utf-8-sig"))}
    except (ValueError, RecursionError, MemoryError):
        return {"error": "is not valid JSON"}
