"""Autograder for the homework "q_optimizer_init": sandboxed, fair, explained grading."""

__version__ = "0.1.0"
