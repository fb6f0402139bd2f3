"""Views of a report: pure functions of it, no grading here."""
