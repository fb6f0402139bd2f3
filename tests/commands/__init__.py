"""Tests of the student's door: the handout as students get it, and everything they can run in it."""
