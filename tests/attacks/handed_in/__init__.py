"""Attacks by what is handed in rather than by code in it: links, special files, hostile archives, hostile logs."""

from . import archives, folders, logs  # noqa: F401 - importing registers
from .box import BUNDLES, Box, Bundle

__all__ = ["BUNDLES", "Box", "Bundle"]
