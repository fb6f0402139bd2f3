"""What people type: one file a command, with its options, one call into a room below, what it prints, and its exit code.

`staff/` holds the commands that students' copies do not have.
"""
