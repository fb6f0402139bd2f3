"""A class on a TA's machine."""
