"""The basic work as gradescope-utils' documentation sets it up: a unittest case a question, decorated, run by its JSON runner."""

from __future__ import annotations

import sys
import unittest

from basics import EVERYTHING
from gradescope_utils.autograder_utils.decorators import weight
from gradescope_utils.autograder_utils.json_test_runner import JSONTestRunner


class TestHomework(unittest.TestCase):
    pass


def _case(name: str):  # type: ignore[no-untyped-def]
    @weight(1)
    def test(self):  # type: ignore[no-untyped-def]
        self.assertTrue(EVERYTHING[name]())

    return test


for _name in EVERYTHING:
    setattr(TestHomework, f"test_{_name}", _case(_name))

if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(TestHomework)
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        JSONTestRunner(visibility="visible", stream=file).run(suite)
