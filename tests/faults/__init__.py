"""Faults of the machine and of whoever runs the grader: kills, signals, full disks, odd clocks, short memory, short time."""
