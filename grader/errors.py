"""What can go wrong, told apart by whose fault it is.

A message is built where the problem is found, names the file or option concerned, says what to do, and is fit to be printed
as it stands: the commands print it without a traceback.
"""

from __future__ import annotations


class GraderError(Exception):
    """Base of every error this package raises on purpose."""


class UsageError(GraderError):
    """The command was called with something it cannot use (exit code 2)."""


class SubmissionError(GraderError):
    """The whole submission had to be refused; the message is fit for the student."""


class ConfigurationError(GraderError):
    """Rubric, fixtures or installation are inconsistent: a fault of ours, never of a student (exit code 3)."""
