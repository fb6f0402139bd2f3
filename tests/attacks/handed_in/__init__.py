"""Attacks by what is handed in rather than by code in it: links, special files, hostile archives, hostile logs."""

from tests.attacks.handed_in import archives, folders, logs  # noqa: F401 - importing registers
from tests.attacks.handed_in.box import BUNDLES, Box, Bundle

__all__ = ["BUNDLES", "Box", "Bundle"]
