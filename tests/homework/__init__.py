"""Tests of the homework's checks."""
