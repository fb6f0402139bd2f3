"""Array files of staff's that every session is to see: mapped once by the fork server, inherited by its children.

A child needs no right to the file and no path to it, so this works alike with Landlock and in a jail. The pages are those of the
system's cache, mapped to be read only from a file that was opened to be read only: nothing a child does can change them, not even
`mprotect`, and all servers that map the same file share them.
"""

from __future__ import annotations

import mmap
import sys
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODULE = "shared_data"


def offer(files: dict[str, str]) -> None:
    """Put the arrays into a module of their own, under the names given.

    Raises:
        OSError, ValueError: a file cannot be read or is not an .npy of plain numbers.
    """
    if not files:
        return
    module = ModuleType(MODULE)
    for name, path in files.items():
        setattr(module, name, _mapped(path))
    sys.modules[MODULE] = module


def _mapped(path: str) -> NDArray[Any]:
    """The array in the file. Unlike np.load's map it does not remember the path, which is nobody's business in there."""
    with open(path, "rb") as file:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(file)
        if dtype.hasobject:
            raise ValueError("an array of objects cannot be shared")
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.ndarray(shape, dtype, whole, file.tell(), order="F" if fortran else "C")
