"""Which tests are quick: `./run_tests` runs these, `./run_tests --full` all of them.

What a call shows in this process is quick. What needs whole processes, kills, containers or classes is full; of many cases of one
test that each grade something, some are quick and the others full, so that no such test is left out of the quick run altogether.
"""

from __future__ import annotations

from typing import Final

# The beginning of a test's id, and how many of its cases there are for each that is quick; with 0 none is. The longest one holds.
SHARES: Final = {
    "tests/attacks/": 0,
    "tests/attacks/test_attacks.py::test_an_attack_in_a_class": 15,
    "tests/attacks/test_hostile_values.py": 15,
    "tests/attacks/test_judge.py": 1,
    "tests/classroom/": 0,
    "tests/classroom/test_reading.py": 1,
    "tests/classroom/test_triage.py": 1,
    "tests/classroom/test_views.py": 1,
    "tests/commands/": 0,
    "tests/commands/test_check.py": 5,
    "tests/commands/test_cli.py": 2,
    "tests/commands/test_panel.py": 1,
    "tests/docs/test_transcripts.py": 0,
    "tests/faults/": 0,
    "tests/fuzz/": 0,
    "tests/fuzz/test_answers.py": 1,
    "tests/grading/test_answers.py::test_what_is_converted": 0,
    "tests/grading/test_judge.py::test_each_is": 3,
    "tests/grading/test_one_process.py": 0,
    "tests/grading/test_samples.py": 3,
    "tests/grading/test_second_homework.py": 0,
    "tests/homework/test_behaviour.py": 3,
    "tests/homework/test_behaviour.py::test_a_rule_that_stands_still": 9,
    "tests/homework/test_cells.py": 6,
    "tests/homework/test_cifar10.py": 0,
    "tests/homework/test_contributing.py": 0,
    "tests/homework/test_diagnosis.py": 4,
    "tests/homework/test_golden.py": 3,
    "tests/homework/test_last_look.py": 5,
    "tests/homework/test_many_steps.py": 4,
    "tests/homework/test_misconceptions.py": 15,
    "tests/homework/test_sampling.py": 2,
    "tests/homework/test_terms.py": 4,
    "tests/homework/test_told.py": 4,
    "tests/packaging/": 0,
    "tests/packaging/test_autograder.py": 6,
    "tests/packaging/test_handout.py": 1,
    "tests/replay/": 0,
    "tests/report/test_forged.py": 0,
    "tests/report/test_forged.py::test_no_forged_line": 8,
    "tests/report/test_forged.py::test_what_finds": 1,
    "tests/sandbox/test_breakdowns.py::TestConversations::test_what_a_process_that_got_away": 0,
    "tests/sandbox/test_endings.py": 3,
    "tests/sandbox/test_launch.py::test_bytecode": 0,
    "tests/sandbox/test_secrets.py": 0,
    "tests/test_benchmarks.py::test_a_run_is": 0,
}


def quick_share(test: str) -> int:
    """So many cases of this test there are for one that is quick: 1 where all are, 0 where none is."""
    fitting = [beginning for beginning in SHARES if test.startswith(beginning)]
    return SHARES[max(fitting, key=len)] if fitting else 1
