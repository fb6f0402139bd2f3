"""Hostile submissions and what each of them must come to."""
